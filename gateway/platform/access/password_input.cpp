#include "gateway/platform/access/password_input.hpp"

#include "gateway/access/secret.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"

#include <csignal>
#include <termios.h>
#include <unistd.h>

namespace wharf::access {

namespace {

// No echo for as long as it lives. Signals wait until then, so that Ctrl-C does not leave a
// terminal behind that shows nothing.
class quiet_terminal {
  public:
    quiet_terminal() {
        sigset_t held;
        sigemptyset(&held);
        for (const int one : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP})
            sigaddset(&held, one);
        good_ = ::sigprocmask(SIG_BLOCK, &held, &signals_) == 0 &&
                ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!good_) return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
        quiet.c_lflag |= ECHONL;
        good_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
    ~quiet_terminal() {
        if (good_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        ::sigprocmask(SIG_SETMASK, &signals_, nullptr);
    }
    quiet_terminal(const quiet_terminal&) = delete;
    quiet_terminal& operator=(const quiet_terminal&) = delete;
    [[nodiscard]] bool good() const { return good_; }

  private:
    termios before_{};
    sigset_t signals_{};
    bool good_ = false;
};

// Byte by byte: what is behind the line is not ours.
result<std::string> read_line() {
    std::string out;
    while (out.size() <= limits::k_password_bytes_max) {
        char c = 0;
        const auto got = ::read(STDIN_FILENO, &c, 1);
        if (got < 0) return system_error("read the password");
        if (got == 0 || c == '\n') break;
        if (c == 3) return error{errc::invalid, "given up"}; // Ctrl-C
        out += c;
    }
    if (out.ends_with('\r')) out.pop_back();
    if (out.empty()) return error{errc::invalid, "no password was given"};
    return out;
}

result<std::string> ask(std::string_view prompt) {
    const std::string text = std::string(prompt) + ": ";
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return system_error("ask");
    return read_line();
}

} // namespace

result<std::string> read_password(std::string_view prompt) {
    if (::isatty(STDIN_FILENO) == 0) return read_line();
    const quiet_terminal quiet;
    if (!quiet.good()) return system_error("the terminal cannot be made not to show a password");
    WHARF_TRY_ASSIGN(auto first, ask(prompt));
    WHARF_TRY_ASSIGN(auto second, ask("Once more"));
    const bool same = first == second;
    wipe(second);
    if (same) return first;
    wipe(first);
    return error{errc::invalid, "the two are not the same"};
}

} // namespace wharf::access
