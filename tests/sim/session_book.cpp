#include "tests/sim/session_book.hpp"

#include "tests/sim/plan.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {
// Until a DISCONNECT is on record, with a slow disk.
constexpr std::int64_t k_close_s_max = 20;
} // namespace

void session_book::connecting(std::int64_t heard_us) {
    heard_before_us_ = std::max(heard_us, heard_before_us_);
}

void session_book::asked(bool clean_start) {
    clean_start_ = clean_start;
    if (expiry_s_ > 0 && (clean_start || session_ == knowledge::none)) session_ = knowledge::maybe;
}

void session_book::unanswered() {
    left_in_life_ = 0;
    const auto away_us = world_.now_us() - heard_before_us_;
    // The first one that keeps a session, too.
    if (session_ != knowledge::certain || clean_start_ ||
        away_us >= std::int64_t{expiry_s_} * k_second)
        may_be_new_ = true;
}

bool session_book::is_kept(std::int64_t heard_us) const {
    const auto away_us = world_.now_us() - std::max(heard_us, heard_before_us_);
    return is_certain() && away_us < std::int64_t{expiry_s_} * k_second;
}

void session_book::left() {
    left_in_life_ = harbour_.life();
    left_open_us_ = harbour_.open_us();
}

void session_book::answered(bool present, bool kept) {
    if (present && clean_start_) violated("session present", who_ + ": after a clean start");
    if (present && session_ == knowledge::none)
        violated("session present", who_ + ": there was none");
    const auto away_open_us = harbour_.open_us() - left_open_us_;
    if (present && left_in_life_ == harbour_.life() &&
        away_open_us > (std::int64_t{expiry_s_} + k_close_s_max) * k_second)
        violated("session present", who_ + ": its session should have ended " +
                                        std::to_string(away_open_us / k_second) + " s ago");
    left_in_life_ = 0;
    if (!present && is_certain() && !clean_start_) {
        const auto away_us = world_.now_us() - heard_before_us_;
        if (away_us < std::int64_t{expiry_s_} * k_second)
            violated("session present", who_ + ": its session was lost after " +
                                            std::to_string(away_us / k_ms) + " ms");
        world_.fired(fault::session_expired);
    }
    may_be_new_ = false;
    session_ = kept ? knowledge::certain : knowledge::none;
}

} // namespace wharf::sim
