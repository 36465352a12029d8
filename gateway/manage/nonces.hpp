// Nonces: what a command has to carry to show that it was made for this run of this gateway. One is
// given out for limits::k_nonce_s and is good for limits::k_nonces_good such times; nothing of an
// earlier run is. Nothing is kept: a nonce is its period's number and a keyed digest of it under a
// key of this run. Times are of a clock that never goes back.
#pragma once

#include "gateway/ports/digest.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::manage {

class nonces {
  public:
    // `key`: drawn at random for this run.
    nonces(const digest_key& key, std::int64_t now_us) : key_(key), began_us_(now_us) {}

    [[nodiscard]] std::string current(std::int64_t now_us) const;
    // `times`: for how many of limits::k_nonce_s it is good.
    [[nodiscard]] bool good(std::string_view nonce, std::int64_t now_us, std::uint32_t times) const;

  private:
    [[nodiscard]] std::uint32_t period(std::int64_t now_us) const;
    [[nodiscard]] std::string of(std::uint32_t period) const;

    digest_key key_;
    std::int64_t began_us_;
};

} // namespace wharf::manage
