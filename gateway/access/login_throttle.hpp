// How long a login waits after failures of the same address or of the same user name: guessing
// becomes slow, and nobody is locked out by somebody else's guesses. The network thread; times are
// milliseconds of any clock that never goes back.
#pragma once

#include "gateway/access/recent_table.hpp"
#include "gateway/base/limits.hpp"

#include <cstdint>
#include <string_view>

namespace wharf::access {

class login_throttle {
  public:
    login_throttle() : subjects_(limits::k_watched_max) {}

    // 0 for who has not failed lately; at most limits::k_login_delay_ms_max.
    [[nodiscard]] std::uint32_t delay_ms(std::string_view subject, std::int64_t now_ms);
    void failed(std::string_view subject, std::int64_t now_ms);
    void forget(std::string_view subject) { subjects_.erase(subject); }
    [[nodiscard]] std::size_t size() const { return subjects_.size(); }

  private:
    struct record {
        std::uint32_t failures = 0;
        std::int64_t since_ms = 0; // when the last one was counted or forgotten
    };
    static void age(record& of, std::int64_t now_ms);

    recent_table<record> subjects_;
};

} // namespace wharf::access
