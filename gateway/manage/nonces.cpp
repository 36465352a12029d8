#include "gateway/manage/nonces.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

namespace wharf::manage {

namespace {
constexpr std::int64_t k_period_us = std::int64_t{limits::k_nonce_s} * 1'000'000;
constexpr std::size_t k_period_bytes = sizeof(std::uint32_t);
} // namespace

std::uint32_t nonces::period(std::int64_t now_us) const {
    return static_cast<std::uint32_t>((now_us - began_us_) / k_period_us);
}

std::string nonces::of(std::uint32_t period) const {
    std::string out;
    put_big(out, period);
    return out.append(view_of(keyed_digest(key_, out)));
}

std::string nonces::current(std::int64_t now_us) const {
    return of(period(now_us));
}

bool nonces::good(std::string_view nonce, std::int64_t now_us, std::uint32_t times) const {
    if (nonce.size() != k_period_bytes + sizeof(digest128)) return false;
    const auto claimed = get_big<std::uint32_t>(nonce.data());
    const std::uint32_t now = period(now_us);
    return claimed <= now && now - claimed < times && of(claimed) == nonce;
}

} // namespace wharf::manage
