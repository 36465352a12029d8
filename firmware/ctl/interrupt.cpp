#include "firmware/ctl/interrupt.hpp"

#include <csignal>

namespace wharf::ctl {

namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void note(int which) {
    g_interrupted = 1;
    std::signal(which, SIG_DFL);
}

} // namespace

void note_interrupts() {
    g_interrupted = 0;
    std::signal(SIGINT, note);
    std::signal(SIGTERM, note);
}

bool interrupted() noexcept {
    return g_interrupted != 0;
}

} // namespace wharf::ctl
