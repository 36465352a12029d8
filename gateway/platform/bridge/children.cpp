#include "gateway/platform/bridge/children.hpp"

#include "gateway/platform/file.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wharf {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr std::uint32_t k_pause_min_ms = 100;
constexpr std::uint32_t k_pause_max_ms = 10'000;
constexpr auto k_soon = std::chrono::seconds(30);

std::string how_it_ended(int status) {
    if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
    if (WIFSIGNALED(status)) return std::string("signal ") + strsignal(WTERMSIG(status));
    return "status " + std::to_string(status);
}

struct child {
    explicit child(const child_words& of, asio::io_context& on) : words(of), pause(on) {}
    const child_words& words;
    asio::steady_timer pause;
    pid_t process = -1;
    std::chrono::steady_clock::time_point began;
    unsigned ended_soon = 0;
};

class nursery {
  public:
    nursery(const std::vector<child_words>& children, std::uint32_t wait_ms, random_port& random,
            const children_callbacks& callbacks)
        : signals_(io_, SIGTERM, SIGINT), deaths_(io_, SIGCHLD), patience_(io_), wait_ms_(wait_ms),
          random_(random), callbacks_(callbacks) {
        for (const child_words& each : children)
            children_.emplace_back(each, io_);
    }

    status run() {
        watch();
        signals_.async_wait([this](auto failed, int) {
            if (!failed) stop();
        });
        for (child& each : children_)
            if (auto started = start(each); !started.ok()) {
                stop();
                io_.run();
                return started;
            }
        if (callbacks_.started) callbacks_.started();
        io_.run();
        return ok();
    }

  private:
    status start(child& which) {
        std::vector<char*> words = {const_cast<char*>("wharf-bridge")};
        for (const std::string& each : which.words.arguments)
            words.push_back(const_cast<char*>(each.c_str()));
        words.push_back(nullptr);
        const pid_t parent = ::getpid();
        const pid_t made = ::fork();
        if (made < 0) return system_error("start a process");
        if (made == 0) become(words, parent);
        which.process = made;
        which.began = std::chrono::steady_clock::now();
        return ok();
    }

    // In the new process: nothing but system calls.
    [[noreturn]] static void become(std::vector<char*>& words, pid_t parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1); // it was gone before that
        ::execv("/proc/self/exe", words.data());
        ::_exit(71);
    }

    void watch() {
        deaths_.async_wait([this](auto failed, int) {
            if (failed) return;
            watch(); // first: one that ends now is told again
            reap();
        });
    }

    void reap() {
        for (child& each : children_) {
            int status_of_it = 0;
            if (each.process < 0 || ::waitpid(each.process, &status_of_it, WNOHANG) <= 0) continue;
            each.process = -1;
            if (stopping_) continue;
            callbacks_.ended(each.words.name, how_it_ended(status_of_it));
            again_later(each);
        }
        if (stopping_ && std::all_of(children_.begin(), children_.end(),
                                     [](const child& each) { return each.process < 0; }))
            io_.stop();
    }

    void again_later(child& which) {
        const bool soon = std::chrono::steady_clock::now() - which.began < k_soon;
        which.ended_soon = soon ? which.ended_soon + 1 : 0;
        const std::uint32_t most =
            std::min(k_pause_min_ms << std::min(which.ended_soon, 10U), k_pause_max_ms);
        which.pause.expires_after(milliseconds(most / 2 + random_.next() % (most / 2 + 1)));
        which.pause.async_wait([this, &which](auto aborted) {
            if (aborted || stopping_) return;
            if (auto started = start(which); !started.ok()) {
                callbacks_.ended(which.words.name, started.failure().message);
                again_later(which);
            }
        });
    }

    void stop() {
        stopping_ = true;
        for (child& each : children_) {
            each.pause.cancel();
            if (each.process > 0) ::kill(each.process, SIGTERM);
        }
        patience_.expires_after(milliseconds(wait_ms_));
        patience_.async_wait([this](auto aborted) {
            if (aborted) return;
            for (child& each : children_)
                if (each.process > 0) ::kill(each.process, SIGKILL);
        });
        reap();
    }

    asio::io_context io_;
    asio::signal_set signals_;
    asio::signal_set deaths_;
    asio::steady_timer patience_;
    const std::uint32_t wait_ms_;
    random_port& random_;
    const children_callbacks& callbacks_;
    std::list<child> children_;
    bool stopping_ = false;
};

} // namespace

status run_children(const std::vector<child_words>& children, std::uint32_t wait_ms,
                    random_port& random, const children_callbacks& callbacks) {
    return nursery(children, wait_ms, random, callbacks).run();
}

} // namespace wharf
