#include "gateway/platform/crash_words.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace wharf {

namespace {

// Made beforehand: the handler may only write.
std::array<char, 1024> line;
std::size_t line_bytes = 0;

void append(std::string_view text) noexcept {
    const std::size_t bytes = std::min(text.size(), line.size() - line_bytes);
    std::memcpy(line.data() + line_bytes, text.data(), bytes);
    line_bytes += bytes;
}

extern "C" void say_and_die(int signal_number) {
    const auto written = ::write(STDERR_FILENO, line.data(), line_bytes);
    static_cast<void>(written);
    // The handler was for once (SA_RESETHAND): this time the signal does what it does.
    ::raise(signal_number);
}

} // namespace

void install_crash_words(std::string_view journal) noexcept {
    line_bytes = 0;
    append("wharf: memory fault. If the disk or a copy damaged the journal in ");
    append(journal.substr(0, 512));
    append(", its file is what faulted: keep a copy and run wharfctl journal verify. Nothing was "
           "acknowledged that is not on disk.\n");
    struct sigaction action {};
    action.sa_handler = say_and_die;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigemptyset(&action.sa_mask);
    for (const int one : {SIGSEGV, SIGBUS, SIGFPE})
        ::sigaction(one, &action, nullptr);
}

} // namespace wharf
