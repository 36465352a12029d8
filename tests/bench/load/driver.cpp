#include "tests/bench/load/driver.hpp"

#include <algorithm>
#include <memory>
#include <sys/epoll.h>

namespace bench {

namespace {

constexpr std::int64_t k_second_ns = 1'000'000'000;
constexpr std::int64_t k_last_answers_ns = 10 * k_second_ns;

class driver {
  public:
    explicit driver(const load_options& options) : options_(options) {
        counts_.next_event = options.first_event;
        began_ns_ = now_ns();
        for (unsigned i = 0; i < options.connections; ++i) {
            all_.push_back(std::make_unique<publisher>(options.publisher, i));
            poll_.add(all_.back()->fd(), EPOLLIN, i);
        }
        writes_.resize(options.connections);
    }

    load_report run() {
        start_ns_ = now_ns();
        const std::int64_t measure_from = start_ns_ + to_ns(options_.warm_up_s);
        if (options_.rate == 0)
            for (auto& one : all_)
                top_up(*one);
        run_until(measure_from, 0);
        counts_.measuring = true;
        const double cpu_before = cpu_s();
        const std::int64_t from = now_ns();
        const std::uint64_t until_count = options_.count;
        run_until(until_count > 0 ? from + to_ns(3600) : from + to_ns(options_.seconds),
                  until_count);
        counts_.measuring = options_.rate > 0; // an open loop's last answers count, however late
        report_.seconds = static_cast<double>(now_ns() - from) / k_second_ns;
        report_.acknowledged = counts_.measured;
        report_.cpu_s = cpu_s() - cpu_before;
        finish();
        return report_;
    }

  private:
    static std::int64_t to_ns(double seconds) {
        return static_cast<std::int64_t>(seconds * k_second_ns);
    }

    void run_until(std::int64_t end_ns, std::uint64_t until_count) {
        while (true) {
            std::int64_t now = now_ns();
            if (now >= end_ns || (until_count > 0 && counts_.measured >= until_count)) return;
            std::int64_t wake = end_ns;
            if (options_.rate > 0) wake = std::min(wake, send_scheduled(now));
            step(wake - now_ns());
        }
    }

    // What is due by now; returns when the next one is.
    std::int64_t send_scheduled(std::int64_t now) {
        std::int64_t due = due_of(scheduled_);
        while (due <= now) {
            auto& one = *all_[scheduled_ % all_.size()];
            one.schedule(due);
            if (counts_.measuring) report_.lateness.add(now - due);
            due = due_of(++scheduled_);
            one.send_due(counts_);
            note_write(one, scheduled_ - 1);
        }
        return due;
    }

    [[nodiscard]] std::int64_t due_of(std::uint64_t number) const {
        return start_ns_ +
               static_cast<std::int64_t>(static_cast<double>(number) * k_second_ns / options_.rate);
    }

    void step(std::int64_t timeout_ns) {
        poll_.wait(timeout_ns, [this](std::uint64_t index, std::uint32_t events) {
            publisher& one = *all_[index];
            if ((events & EPOLLOUT) != 0) one.flush();
            if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                one.on_readable(counts_);
                if (report_.first_ack_s == 0 && counts_.acknowledged > 0)
                    report_.first_ack_s = static_cast<double>(now_ns() - began_ns_) / k_second_ns;
            }
            if (!stopping_) top_up(one);
            note_write(one, index);
        });
    }

    void top_up(publisher& one) {
        if (options_.rate > 0)
            one.send_due(counts_);
        else
            one.fill(counts_);
    }

    void note_write(const publisher& one, std::uint64_t number) {
        const std::uint64_t index = number % all_.size();
        if (writes_[index] == one.wants_to_write()) return;
        writes_[index] = one.wants_to_write();
        poll_.change(one.fd(), EPOLLIN | (one.wants_to_write() ? EPOLLOUT : 0U), index);
    }

    // Nothing new is sent; what is on its way is waited for.
    void finish() {
        stopping_ = true;
        const std::int64_t until = now_ns() + k_last_answers_ns;
        while (owed() > 0 && now_ns() < until)
            step(k_second_ns / 100);
        report_.unanswered = owed();
        report_.refused = counts_.refused;
        report_.latency = counts_.latency;
        report_.last_event = counts_.next_event - 1;
        report_.payload_bytes =
            publish_template(options_.publisher.version, options_.publisher.kind, 0)
                .payload_bytes();
    }

    [[nodiscard]] std::uint64_t owed() const { return counts_.sent - counts_.acknowledged; }

    const load_options options_;
    poller poll_;
    std::vector<std::unique_ptr<publisher>> all_;
    std::vector<bool> writes_;
    tally counts_;
    load_report report_;
    std::int64_t began_ns_ = 0;
    std::int64_t start_ns_ = 0;
    std::uint64_t scheduled_ = 0;
    bool stopping_ = false;
};

} // namespace

load_report run_load(const load_options& options) {
    auto run = std::make_unique<driver>(options); // its histograms are large
    return run->run();
}

} // namespace bench
