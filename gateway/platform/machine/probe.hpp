// What the machine tells of itself: temperatures, the wear of its flash, the space of a file
// system, how right its clock is. What it does not tell is left out. Any thread; reads a few small
// files, which may take a moment where a sensor is slow.
#pragma once

#include "gateway/observe/snapshot.hpp"

#include <string>

namespace wharf {

// `root` stands before "/sys", for tests. `path`: a file or folder of the file system in question.
[[nodiscard]] observe::machine_snapshot probe_machine(const std::string& path,
                                                      const std::string& root = {});

} // namespace wharf
