#include "gateway/platform/tls/turns.hpp"

#include "gateway/base/assert.hpp"

namespace wharf::tls {

void turns::remove(houses::iterator at) {
    const house& of = at->second;
    if (!of.waiting.empty()) order_.erase({of.places, *of.waiting.begin()});
}

void turns::put(houses::iterator at) {
    const house& of = at->second;
    if (!of.waiting.empty())
        order_.emplace(place{of.places, *of.waiting.begin()}, at);
    else if (of.places == 0)
        houses_.erase(at);
}

void turns::wait(const std::string& address, std::uint64_t number) {
    const auto at = houses_.try_emplace(address).first;
    remove(at);
    const bool is_new = at->second.waiting.insert(number).second;
    WHARF_ASSERT(is_new);
    put(at);
}

void turns::give_up(const std::string& address, std::uint64_t number) {
    const auto at = houses_.find(address);
    WHARF_ASSERT(at != houses_.end());
    remove(at);
    const bool waited = at->second.waiting.erase(number) == 1;
    WHARF_ASSERT(waited);
    put(at);
}

std::uint64_t turns::next() {
    WHARF_ASSERT(!order_.empty());
    const auto at = order_.begin()->second;
    remove(at);
    const auto first = at->second.waiting.begin();
    const std::uint64_t number = *first;
    at->second.waiting.erase(first);
    ++at->second.places;
    ++places_;
    put(at);
    return number;
}

void turns::leave(const std::string& address) {
    const auto at = houses_.find(address);
    WHARF_ASSERT(at != houses_.end() && at->second.places > 0);
    remove(at);
    --at->second.places;
    --places_;
    put(at);
}

} // namespace wharf::tls
