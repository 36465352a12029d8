// Words for the one death that cannot be an error value: a journal file so damaged that reading the
// map faults. Call once at the start, before threads; the handler writes one line and lets the
// signal end the process as it would have.
#pragma once

#include <string_view>

namespace wharf {

// For SIGSEGV, SIGBUS and SIGFPE. journal: the folder that the line names; cut at 512 bytes.
void install_crash_words(std::string_view journal) noexcept;

} // namespace wharf
