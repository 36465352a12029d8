#include "tests/sim/world.hpp"

#include "gateway/base/hash.hpp"

#include <algorithm>
#include <cstdio>

namespace wharf::sim {

void world::at(std::int64_t when_us, task what) {
    planned_.push_back({std::max(when_us, now_us_), next_number_++, std::move(what)});
    std::push_heap(planned_.begin(), planned_.end(), later);
}

bool world::step() {
    if (planned_.empty()) return false;
    std::pop_heap(planned_.begin(), planned_.end(), later);
    const planned next = std::move(planned_.back());
    planned_.pop_back();
    now_us_ = next.at_us;
    ++steps_;
    next.what();
    return true;
}

void world::note(std::string_view what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    for (std::uint64_t word : {hash64(what), static_cast<std::uint64_t>(now_us_), a, b, c}) {
        hash_ = (hash_ ^ word) * 0x100000001b3ULL;
        hash_ ^= hash_ >> 29;
    }
    if (print_)
        std::printf("%14.6f %.*s %llu %llu %llu\n", static_cast<double>(now_us_) / 1e6,
                    static_cast<int>(what.size()), what.data(), static_cast<unsigned long long>(a),
                    static_cast<unsigned long long>(b), static_cast<unsigned long long>(c));
}

} // namespace wharf::sim
