// Latencies in buckets of about 1.5 % of their value, from 1 ns to 2 minutes. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace bench {

class latency_histogram {
  public:
    void add(std::int64_t ns) {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
        ++counts_[std::min(bucket_of(value), counts_.size() - 1)];
        ++total_;
        max_ = std::max(max_, value);
    }

    [[nodiscard]] std::uint64_t count() const { return total_; }
    [[nodiscard]] double max_us() const { return static_cast<double>(max_) / 1000; }

    // The upper end of the bucket that holds this share of all, from 0 to 1.
    [[nodiscard]] double quantile_us(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > wanted || (seen == total_ && total_ > 0))
                return static_cast<double>(i + 1 < counts_.size() ? std::min(upper_end_of(i), max_)
                                                                  : max_) /
                       1000;
        }
        return 0;
    }

  private:
    static constexpr unsigned k_sub_bits = 6;
    static constexpr std::uint64_t k_sub = 1U << k_sub_bits;

    static std::size_t bucket_of(std::uint64_t value) {
        if (value < k_sub) return static_cast<std::size_t>(value);
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - k_sub_bits;
        return static_cast<std::size_t>((shift + 1) * k_sub + ((value >> shift) - k_sub));
    }
    static std::uint64_t upper_end_of(std::size_t bucket) {
        if (bucket < k_sub) return bucket;
        const std::uint64_t shift = bucket / k_sub - 1;
        return ((bucket % k_sub + k_sub + 1) << shift) - 1;
    }

    std::array<std::uint64_t, k_sub*(37 - k_sub_bits + 1)> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace bench
