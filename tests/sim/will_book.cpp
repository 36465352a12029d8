#include "tests/sim/will_book.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {
// Until a good-bye is on record, with a slow disk.
constexpr std::int64_t k_close_us_max = 20 * k_second;
// Until a connection is missed that fell silent: one and a half times the longest keep-alive.
constexpr std::int64_t k_missed_us = 95 * k_second;
constexpr std::int64_t k_delay_s_max = 30;
} // namespace

std::size_t will_book::draw(const std::string& client, int version, std::uint32_t expiry_s) {
    auto& last = last_of_[client];
    if (last != 0) {
        left_will& before = wills_[last - 1];
        before.followed = true;
        // On another connection its CONNECT may overtake the good-bye.
        if (!before.taken_back) before.left_in_life = 0;
    }
    last = 0;
    if (plan_.local.wills == 0 || !random_.chance(plan_.local.wills)) return 0;
    left_will& made = wills_.emplace_back();
    last = wills_.size();
    made.topic = "wills/" + client;
    made.payload = "will " + std::to_string(last) + " of " + client;
    made.qos = static_cast<std::uint8_t>(random_.below(3));
    made.retain = random_.chance(2000);
    if (version == 5 && random_.chance(4000))
        made.delay_s = static_cast<std::uint32_t>(random_.between(1, k_delay_s_max));
    // Its session's end would not wait for it.
    made.delay_s = std::min(made.delay_s, expiry_s);
    by_payload_[made.payload] = last;
    return last;
}

void will_book::kept(std::size_t which) {
    if (which != 0) wills_[which - 1].kept = true;
}

void will_book::lost(std::size_t which) {
    if (which == 0) return;
    left_will& one = wills_[which - 1];
    one.over = one.lost = true;
    if (one.kept) world_.fired(fault::will_lost);
    one.over_us = world_.now_us();
}

void will_book::left(std::size_t which, harbour& at, bool silent) {
    if (which == 0) return;
    left_will& one = wills_[which - 1];
    one.over = true;
    one.over_us = world_.now_us();
    if (silent) return;
    one.left_in_life = at.life();
    world_.fired(fault::will_taken_back);
    // A gateway that died before it had that on record publishes it.
    world_.after(k_close_us_max, [this, which, &at] {
        left_will& then = wills_[which - 1];
        then.taken_back = then.left_in_life != 0 && at.life() == then.left_in_life;
    });
}

std::size_t will_book::find(const std::string& payload) const {
    const auto found = by_payload_.find(payload);
    return found == by_payload_.end() ? 0 : found->second;
}

// A delayed one is taken back by its device's next connection in time.
bool will_book::must_come(std::size_t which) const {
    const left_will& one = at(which);
    return one.kept && one.lost && (one.delay_s == 0 || !one.followed);
}

bool will_book::must_not_come(std::size_t which, std::uint64_t life) const {
    const left_will& one = at(which);
    // While the journal is full a good-bye may wait behind a message that does.
    if (plan_.machine.store_bytes_max < k_ample_bytes) return false;
    return one.left_in_life != 0 && (one.taken_back || one.left_in_life == life);
}

bool will_book::settled(std::int64_t up_since_us) const {
    return std::ranges::all_of(wills_, [&](const left_will& one) {
        return one.over && world_.now_us() - std::max(one.over_us, up_since_us) >
                               k_missed_us + std::int64_t{one.delay_s} * k_second;
    });
}

} // namespace wharf::sim
