#include "tests/bench/devices/fleet.hpp"

#include <algorithm>
#include <cstdio>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace bench {

namespace {
constexpr std::int64_t k_second_ns = 1'000'000'000;
constexpr std::int64_t k_look_ns = k_second_ns / 100;
constexpr std::int64_t k_attempt_ns = 60 * k_second_ns;
constexpr unsigned k_calm = 64; // connections that are begun at a time before there is a storm
constexpr std::uint64_t k_commands = ~std::uint64_t{0};
} // namespace

fleet::fleet(const fleet_options& options) : options_(options), under_way_max_(k_calm) {
    tally_.next_event = options.first_event;
    for (unsigned i = 0; i < options.devices; ++i)
        all_.push_back(std::make_unique<device>(options_.device, tally_, options.first_number + i));
    watched_.resize(all_.size());
    set_nonblocking(STDIN_FILENO);
    poll_.add(STDIN_FILENO, EPOLLIN, k_commands);
}

void fleet::run() {
    counting_ = "connected";
    begin_count();
    schedule_ns_ = reported_ns_ = now_ns();
    while (!ended_) {
        const auto now = now_ns();
        bring_up(now);
        const auto next = options_.rate > 0 ? publish_due(now) : now + k_look_ns;
        poll_.wait(std::min(next, looked_ns_ + k_look_ns) - now_ns(),
                   [this](std::uint64_t data, std::uint32_t) {
                       if (data == k_commands) return read_commands();
                       const auto index = static_cast<unsigned>(data);
                       if (watched_[index].generation != data >> 32) return; // of an older socket
                       const bool was_up = all_[index]->at() == device::state::up;
                       const auto at = now_ns();
                       all_[index]->on_ready(at);
                       settled(index, was_up, at);
                   });
    }
}

// The socket has done something: is the device up, or lost, and what is waited for?
void fleet::settled(unsigned index, bool was_up, std::int64_t now_ns) {
    watch(index);
    if (was_up || all_[index]->at() != device::state::up) return;
    if (counting_ == nullptr) return;
    back_.add(now_ns - since_ns_);
    if (++ups_ >= all_.size() && tally_.up == all_.size())
        say_counted(std::exchange(counting_, nullptr));
}

void fleet::watch(unsigned index) {
    watched& seen = watched_[index];
    const device& one = *all_[index];
    if (one.at() == device::state::away) {
        seen.fd = -1;
        return;
    }
    const std::uint64_t data = std::uint64_t{seen.generation} << 32 | index;
    const bool writes = one.wants_to_write();
    if (seen.fd != one.fd())
        poll_.add(one.fd(), EPOLLIN | (writes ? EPOLLOUT : 0U), data);
    else if (seen.writes != writes)
        poll_.change(one.fd(), EPOLLIN | (writes ? EPOLLOUT : 0U), data);
    seen.fd = one.fd();
    seen.writes = writes;
}

void fleet::begin(unsigned index, std::int64_t now_ns) {
    ++watched_[index].generation;
    watched_[index].fd = -1;
    all_[index]->begin(now_ns);
    watch(index);
}

// Those that are away and may try again, and those whose attempt takes for ever.
void fleet::bring_up(std::int64_t now_ns) {
    if (now_ns - looked_ns_ < k_look_ns) return;
    looked_ns_ = now_ns;
    if (tally_.up == all_.size()) return;
    unsigned under_way = 0;
    for (const auto& one : all_)
        under_way += one->at() != device::state::away && one->at() != device::state::up ? 1 : 0;
    for (unsigned i = 0; i < all_.size(); ++i) {
        device& one = *all_[i];
        if (one.at() == device::state::up) continue;
        if (one.at() != device::state::away) {
            if (now_ns - one.began_ns() < k_attempt_ns) continue;
            one.lose(now_ns);
            watch(i);
            --under_way;
            continue;
        }
        if (one.again_ns() > now_ns || under_way >= under_way_max_) continue;
        begin(i, now_ns);
        ++under_way;
    }
}

// What is due by now, over those that are up in turn; returns when the next one is.
std::int64_t fleet::publish_due(std::int64_t now_ns) {
    const auto due_of = [this](std::uint64_t number) {
        return schedule_ns_ +
               static_cast<std::int64_t>(static_cast<double>(number) * k_second_ns / options_.rate);
    };
    auto due = due_of(scheduled_);
    for (; due <= now_ns; due = due_of(++scheduled_)) {
        unsigned tried = 0;
        do
            turn_ = (turn_ + 1) % static_cast<unsigned>(all_.size());
        while (all_[turn_]->at() != device::state::up && ++tried < all_.size());
        if (tried == all_.size()) {
            ++skipped_;
            continue;
        }
        lateness_.add(now_ns - due);
        all_[turn_]->publish(due);
        watch(turn_);
    }
    return due;
}

// --- commands ------------------------------------------------------------------------------------

void fleet::read_commands() {
    char bytes[256];
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got == 0) ended_ = true;
    if (got <= 0) return;
    input_.append(bytes, static_cast<std::size_t>(got));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
        const std::string line = input_.substr(0, end);
        input_.erase(0, end + 1);
        command(line);
    }
}

void fleet::command(const std::string& line) {
    if (line == "latency") return say_latency();
    if (counting_ != nullptr) die(line + ": not while devices are still to come");
    under_way_max_ = static_cast<unsigned>(all_.size());
    if (line == "storm with tickets") return storm(true);
    if (line == "storm without tickets") return storm(false);
    if (line != "restart") die("no such command: " + line);
    // The broker goes and comes: they find out by themselves.
    counting_ = "back";
    begin_count();
    std::printf("{\"watching\": true}\n");
    std::fflush(stdout);
}

void fleet::storm(bool with_tickets) {
    options_.device.with_tickets = with_tickets;
    counting_ = "back";
    begin_count();
    for (unsigned i = 0; i < all_.size(); ++i) {
        all_[i]->cut();
        watch(i);
    }
    for (unsigned i = 0; i < all_.size(); ++i)
        begin(i, now_ns());
}

void fleet::begin_count() {
    ups_ = 0;
    tally_.handshakes = tally_.resumed = tally_.failed = tally_.lost = tally_.session_present = 0;
    back_ = {};
    since_ns_ = now_ns();
    cpu_since_s_ = cpu_s();
}

void fleet::say_counted(const char* what) {
    const double seconds = static_cast<double>(now_ns() - since_ns_) / k_second_ns;
    std::printf("{\"what\": \"%s\", \"devices\": %zu, \"seconds\": %.3f, \"half_s\": %.3f, "
                "\"p99_s\": %.3f, \"handshakes\": %llu, \"resumed\": %llu, \"failed\": %llu, "
                "\"lost\": %llu, \"session_present\": %llu, \"cpu_s\": %.3f}\n",
                what, all_.size(), seconds, back_.quantile_us(0.5) / 1e6,
                back_.quantile_us(0.99) / 1e6, static_cast<unsigned long long>(tally_.handshakes),
                static_cast<unsigned long long>(tally_.resumed),
                static_cast<unsigned long long>(tally_.failed),
                static_cast<unsigned long long>(tally_.lost),
                static_cast<unsigned long long>(tally_.session_present), cpu_s() - cpu_since_s_);
    std::fflush(stdout);
}

// Since it was last asked for.
void fleet::say_latency() {
    const auto now = now_ns();
    const auto& of = tally_.latency;
    std::size_t unanswered = 0;
    for (const auto& one : all_)
        unanswered += one->unanswered();
    std::printf("{\"what\": \"latency\", \"acks\": %llu, \"seconds\": %.3f, \"p50_us\": %.1f, "
                "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"late_p99_us\": %.1f, "
                "\"late_max_us\": %.1f, \"refused\": %llu, \"lost\": %llu, \"skipped\": %llu, "
                "\"unanswered\": %zu, \"cpu_s\": %.3f}\n",
                static_cast<unsigned long long>(of.count()),
                static_cast<double>(now - reported_ns_) / k_second_ns, of.quantile_us(0.5),
                of.quantile_us(0.99), of.quantile_us(0.999), of.max_us(),
                lateness_.quantile_us(0.99), lateness_.max_us(),
                static_cast<unsigned long long>(tally_.refused),
                static_cast<unsigned long long>(tally_.lost),
                static_cast<unsigned long long>(std::exchange(skipped_, 0)), unanswered,
                cpu_s() - cpu_reported_s_);
    std::fflush(stdout);
    tally_.latency = {};
    lateness_ = {};
    reported_ns_ = now;
    cpu_reported_s_ = cpu_s();
}

} // namespace bench
