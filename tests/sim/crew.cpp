#include "tests/sim/crew.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace wharf::sim {

namespace {

// For one seed, in processor time: it never waits for anything, and the machine may be busy.
constexpr unsigned k_patience_s = 120;

void write_all(int to, const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const auto written = ::write(to, bytes.data() + done, bytes.size() - done);
        if (written <= 0) std::_Exit(3); // nobody listens any more
        done += static_cast<std::size_t>(written);
    }
}

std::string framed(const std::string& body) {
    std::string out;
    put_little(out, static_cast<std::uint32_t>(body.size()));
    return out + body;
}

std::string encode(std::uint64_t seed, const outcome* what) {
    std::string out;
    put_little(out, seed);
    out.push_back(what != nullptr ? 1 : 0);
    if (what == nullptr) return framed(out);
    out.push_back(what->good ? 1 : 0);
    for (std::uint64_t number : {what->hash, what->events, what->steps})
        put_little(out, number);
    for (std::uint32_t count : what->faults)
        put_little(out, count);
    put_short_string(out, what->checker);
    put_short_string(out, what->words);
    return framed(out);
}

// One child and what it said so far.
class worker {
  public:
    worker(std::uint64_t from, std::uint64_t end, std::uint64_t stride)
        : next_(from), end_(end), stride_(stride) {
        if (from < end) start();
    }
    ~worker() { stop(); }
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    [[nodiscard]] int fd() const { return from_child_; }
    [[nodiscard]] bool running() const { return from_child_ >= 0; }

    // False where the caller wants no more.
    bool read_some(const on_outcome& tell) {
        char buffer[65536];
        const auto got = ::read(from_child_, buffer, sizeof buffer);
        if (got > 0) {
            input_.append(buffer, static_cast<std::size_t>(got));
            return take(tell);
        }
        return ended(tell);
    }

    void stop() {
        if (child_ <= 0) return;
        ::kill(child_, SIGKILL);
        reap();
    }

  private:
    void start() {
        int ends[2];
        int words[2];
        WHARF_ASSERT(::pipe(ends) == 0 && ::pipe(words) == 0);
        std::fflush(nullptr);
        child_ = ::fork();
        WHARF_ASSERT(child_ >= 0);
        if (child_ == 0) {
            ::close(ends[0]);
            ::close(words[0]);
            ::dup2(words[1], 2);
            work(ends[1]);
        }
        ::close(ends[1]);
        ::close(words[1]);
        from_child_ = ends[0];
        words_ = words[0];
        at_.reset();
        input_.clear();
    }

    [[noreturn]] void work(int to) const {
        for (auto seed = next_; seed < end_; seed += stride_) {
            write_all(to, encode(seed, nullptr));
            itimerval patience{};
            patience.it_value.tv_sec = k_patience_s;
            WHARF_ASSERT(::setitimer(ITIMER_PROF, &patience, nullptr) == 0);
            const auto result = simulate(seed);
            write_all(to, encode(seed, &result));
        }
        std::_Exit(0);
    }

    bool take(const on_outcome& tell) {
        while (input_.size() >= 4) {
            const auto size = get_little<std::uint32_t>(input_.data());
            if (input_.size() < 4 + size) return true;
            const std::string body = input_.substr(4, size);
            input_.erase(0, 4 + size);
            byte_reader in(body);
            at_ = in.little<std::uint64_t>();
            if (in.little<std::uint8_t>() == 0) continue;
            outcome out;
            out.good = in.little<std::uint8_t>() == 1;
            out.hash = in.little<std::uint64_t>();
            out.events = in.little<std::uint64_t>();
            out.steps = in.little<std::uint64_t>();
            for (auto& count : out.faults)
                count = in.little<std::uint32_t>();
            out.checker = in.short_string();
            out.words = in.short_string();
            WHARF_ASSERT(in.done());
            const auto seed = *at_;
            at_.reset();
            next_ = seed + stride_;
            if (!tell(seed, out)) return false;
        }
        return true;
    }

    // The child is gone: in good order, or in the middle of a seed.
    bool ended(const on_outcome& tell) {
        std::string words;
        char buffer[4096];
        for (ssize_t got = 0; (got = ::read(words_, buffer, sizeof buffer)) > 0;)
            words.append(buffer, static_cast<std::size_t>(got));
        const int status = reap();
        if (!at_) return true;
        outcome out;
        out.good = false;
        out.checker = "assertion";
        while (!words.empty() && words.back() == '\n')
            words.pop_back();
        out.words = words.substr(words.rfind('\n') == words.npos ? 0 : words.rfind('\n') + 1);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) {
            out.checker = "hang";
            out.words = "not done after " + std::to_string(k_patience_s) + " s of processor time";
        } else if (out.words.empty()) {
            out.words = "the process ended with status " + std::to_string(status);
        }
        next_ = *at_ + stride_;
        const auto seed = *at_;
        if (next_ < end_) start();
        at_.reset();
        return tell(seed, out);
    }

    int reap() {
        int status = 0;
        ::waitpid(child_, &status, 0);
        ::close(from_child_);
        ::close(words_);
        child_ = -1;
        from_child_ = words_ = -1;
        return status;
    }

    std::uint64_t next_;
    const std::uint64_t end_;
    const std::uint64_t stride_;
    pid_t child_ = -1;
    int from_child_ = -1;
    int words_ = -1;
    std::string input_;
    std::optional<std::uint64_t> at_; // the seed that it is at
};

} // namespace

void run_seeds(seed_range seeds, unsigned jobs, const on_outcome& tell) {
    std::vector<std::unique_ptr<worker>> crew;
    for (unsigned i = 0; i < jobs; ++i)
        crew.push_back(std::make_unique<worker>(seeds.from + i, seeds.from + seeds.count, jobs));
    while (true) {
        std::vector<pollfd> waiting;
        std::vector<worker*> whose;
        for (auto& one : crew) {
            if (!one->running()) continue;
            waiting.push_back({one->fd(), POLLIN, 0});
            whose.push_back(one.get());
        }
        if (waiting.empty()) return;
        if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
        for (std::size_t i = 0; i < waiting.size(); ++i)
            if (waiting[i].revents != 0 && !whose[i]->read_some(tell)) return;
    }
}

} // namespace wharf::sim
