// Keeps one process per name running: this program again, with other words. A child that ends is
// started again, after a pause that grows while it ends soon; one whose parent is gone ends with
// it. The thread that runs it.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/random.hpp"

#include <functional>
#include <string>
#include <vector>

namespace wharf {

struct child_words {
    std::string name;
    std::vector<std::string> arguments; // after the program's name
};

struct children_callbacks {
    std::function<void()> started; // all of them, for the first time
    std::function<void(const std::string& name, const std::string& how)> ended;
};

// Until SIGTERM or SIGINT; then the children get SIGTERM, and after wait_ms SIGKILL. errc::io where
// no process can be started.
status run_children(const std::vector<child_words>& children, std::uint32_t wait_ms,
                    random_port& random, const children_callbacks& callbacks);

} // namespace wharf
