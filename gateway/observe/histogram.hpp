// A latency histogram with fixed buckets. record_us: any thread, no lock, cannot fail. A snapshot
// taken while others record is of some moment of each bucket, and consistent in itself.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace wharf::observe {

struct histogram_snapshot {
    std::vector<std::uint64_t> bounds_us; // upper bounds, inclusive, rising
    std::vector<std::uint64_t> counts;    // per bucket, the last for everything above
    std::uint64_t sum_us = 0;

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t all = 0;
        for (auto each : counts)
            all += each;
        return all;
    }
};

// From a fast NVMe commit to a stall.
inline constexpr std::array<std::uint64_t, 14> k_commit_bounds_us = {
    100,    250,    500,     1'000,   2'500,     5'000,     10'000,
    25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};

// From a request in the same building to an outage of a day.
inline constexpr std::array<std::uint64_t, 17> k_delivery_bounds_us = {
    5'000,      10'000,      25'000,        50'000,        100'000,       250'000,
    500'000,    1'000'000,   2'500'000,     5'000'000,     10'000'000,    30'000'000,
    60'000'000, 300'000'000, 1'800'000'000, 7'200'000'000, 86'400'000'000};

class latency_histogram {
  public:
    // REQUIRES: 1 to limits::k_histogram_buckets_max bounds, rising.
    explicit latency_histogram(std::span<const std::uint64_t> bounds_us = k_commit_bounds_us)
        : bounds_us_(bounds_us.begin(), bounds_us.end()) {
        WHARF_ASSERT(!bounds_us_.empty() && bounds_us_.size() <= limits::k_histogram_buckets_max);
        for (std::size_t i = 1; i < bounds_us_.size(); ++i)
            WHARF_ASSERT(bounds_us_[i - 1] < bounds_us_[i]);
    }

    // `count` times.
    void record_us(std::uint64_t value_us, std::uint64_t count = 1) noexcept {
        std::size_t bucket = 0;
        while (bucket < bounds_us_.size() && value_us > bounds_us_[bucket])
            ++bucket;
        counts_[bucket].fetch_add(count, std::memory_order_relaxed);
        sum_us_.fetch_add(value_us * count, std::memory_order_relaxed);
    }

    [[nodiscard]] histogram_snapshot snapshot() const {
        histogram_snapshot out;
        out.bounds_us = bounds_us_;
        for (std::size_t i = 0; i <= bounds_us_.size(); ++i)
            out.counts.push_back(counts_[i].load(std::memory_order_relaxed));
        out.sum_us = sum_us_.load(std::memory_order_relaxed);
        return out;
    }

  private:
    std::vector<std::uint64_t> bounds_us_;
    std::array<std::atomic<std::uint64_t>, limits::k_histogram_buckets_max + 1> counts_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

} // namespace wharf::observe
