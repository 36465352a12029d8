#include "gateway/platform/device/helper.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wharf {

namespace {

using clock = std::chrono::steady_clock;
constexpr int k_look_ms = 100; // for a word to break it off
constexpr std::uint32_t k_others_write = S_IWGRP | S_IWOTH;

// Who may write it says what root's rights are used for.
status is_roots(const std::string& path) {
    struct ::stat found {};
    if (::stat(path.c_str(), &found) != 0) return system_error("look at " + path);
    if (!S_ISREG(found.st_mode) || (found.st_mode & S_IXUSR) == 0)
        return error{errc::invalid, path + ": expected an executable file"};
    if (found.st_uid != 0 || (found.st_mode & k_others_write) != 0)
        return error{errc::invalid,
                     path + ": expected a file of root's that nobody else may write"};
    return ok();
}

class spawn_actions {
  public:
    spawn_actions() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&how);
    }
    ~spawn_actions() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&how);
    }
    spawn_actions(const spawn_actions&) = delete;
    spawn_actions& operator=(const spawn_actions&) = delete;
    ::posix_spawn_file_actions_t files{};
    ::posix_spawnattr_t how{};
};

result<pid_t> spawn(const helper_call& what, int output) {
    spawn_actions with;
    ::sigset_t none;
    ::sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    // A group of its own, so that what it starts ends with it.
    int failed = ::posix_spawnattr_setflags(
        &with.how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (failed == 0) failed = ::posix_spawnattr_setpgroup(&with.how, 0);
    if (failed == 0) failed = ::posix_spawnattr_setsigmask(&with.how, &none);
    if (failed == 0) failed = ::posix_spawnattr_setsigdefault(&with.how, &all);
    if (failed == 0)
        failed =
            ::posix_spawn_file_actions_addopen(&with.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = ::posix_spawn_file_actions_adddup2(&with.files, output, STDOUT_FILENO);
    if (failed == 0)
        failed = ::posix_spawn_file_actions_addopen(&with.files, STDERR_FILENO, "/dev/null",
                                                    O_WRONLY, 0);
    // Not every library of ours marks its sockets.
    if (failed == 0)
        failed = ::posix_spawn_file_actions_addclosefrom_np(&with.files, STDERR_FILENO + 1);
    std::string path = what.path;
    std::vector<std::string> texts = what.arguments;
    std::vector<char*> words = {path.data()};
    for (std::string& one : texts)
        words.push_back(one.data());
    words.push_back(nullptr);
    std::string search = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string language = "LC_ALL=C";
    std::array<char*, 3> environment = {search.data(), language.data(), nullptr};
    pid_t process = -1;
    if (failed == 0)
        failed = ::posix_spawn(&process, path.c_str(), &with.files, &with.how, words.data(),
                               environment.data());
    if (failed != 0) return error{errc::io, what.path + ": " + std::strerror(failed)};
    return process;
}

// Hands on whole lines; keeps the rest.
class lines_of {
  public:
    explicit lines_of(const std::function<void(std::string_view)>& said) : said_(said) {}
    // False: too much.
    bool take(std::string_view bytes) {
        total_ += bytes.size();
        rest_.append(bytes);
        for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n')) {
            if (end > limits::k_device_line_bytes_max) return false;
            hand_on(std::string_view(rest_).substr(0, end));
            rest_.erase(0, end + 1);
        }
        return rest_.size() <= limits::k_device_line_bytes_max &&
               total_ <= limits::k_device_output_bytes_max;
    }
    void finish() { hand_on(rest_); }

  private:
    void hand_on(std::string_view line) const {
        if (!line.empty()) said_(line);
    }
    const std::function<void(std::string_view)>& said_;
    std::string rest_;
    std::size_t total_ = 0;
};

// Why it has to be ended; empty: it closed its output by itself.
std::string read_all(const helper_call& what, int from, clock::time_point by, lines_of& lines) {
    std::array<char, 4096> bytes{};
    while (true) {
        if (what.stop != nullptr && *what.stop) return "was broken off";
        if (clock::now() >= by)
            return "did not end within " + std::to_string(what.seconds_max) + " s";
        ::pollfd wait{from, POLLIN, 0};
        const int ready = ::poll(&wait, 1, k_look_ms);
        if (ready < 0 && errno != EINTR) return std::string("cannot be read: ") + strerror(errno);
        if (ready <= 0) continue;
        const auto got = ::read(from, bytes.data(), bytes.size());
        if (got < 0 && errno != EINTR) return std::string("cannot be read: ") + strerror(errno);
        if (got == 0) return {};
        if (got > 0 && !lines.take({bytes.data(), static_cast<std::size_t>(got)}))
            return "says too much at once";
    }
}

// Nothing: not in time.
std::optional<int> wait_for(const helper_call& what, pid_t process, clock::time_point by) {
    int how = 0;
    while (true) {
        const pid_t ended = ::waitpid(process, &how, WNOHANG);
        if (ended == process) return how;
        if (ended < 0 && errno != EINTR) return std::nullopt;
        if (clock::now() >= by || (what.stop != nullptr && *what.stop)) return std::nullopt;
        ::poll(nullptr, 0, k_look_ms / 10);
    }
}

} // namespace

result<int> run_helper(const helper_call& what,
                       const std::function<void(std::string_view line)>& said) {
    WHARF_TRY(is_roots(what.path));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("make a pipe");
    const fd_guard reading(ends[0]);
    fd_guard writing(ends[1]);
    WHARF_TRY_ASSIGN(const pid_t process, spawn(what, writing.get()));
    writing = fd_guard(-1);
    const auto by = clock::now() + std::chrono::seconds(what.seconds_max);
    lines_of lines(said);
    std::string wrong = read_all(what, reading.get(), by, lines);
    std::optional<int> how;
    if (wrong.empty()) {
        lines.finish();
        how = wait_for(what, process, by);
        if (!how) wrong = "did not end";
    }
    if (!how) {
        ::kill(-process, SIGKILL);
        int ignored = 0;
        while (::waitpid(process, &ignored, 0) < 0 && errno == EINTR) {
        }
        return error{errc::io, what.path + " " + wrong};
    }
    if (!WIFEXITED(*how)) return error{errc::io, what.path + " was killed"};
    return WEXITSTATUS(*how);
}

} // namespace wharf
