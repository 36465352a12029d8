#include "gateway/identity/fingerprints.hpp"

#include "gateway/base/bytes.hpp"

#include <algorithm>
#include <utility>

namespace wharf {

namespace {

constexpr std::size_t k_lines_min = 64;
// Twelve slots in two lines hold up to 0.98. Beyond 0.9 a good part of the inserts has to make room
// elsewhere, each time in a line that is far away.
constexpr double k_load_max = 0.86;
constexpr int k_kicks_max = 512;
constexpr std::size_t k_sweep_every_max = 16;

std::size_t lines_for(std::size_t entries_max, std::size_t slots) {
    const auto lines = static_cast<std::size_t>(static_cast<double>(entries_max) / k_load_max /
                                                static_cast<double>(slots));
    return std::max(lines + 1, k_lines_min);
}

// Spreads the upper 32 bits of a hash evenly over 0 .. below - 1, without a division.
std::size_t scaled(std::uint64_t hash, std::size_t below) {
    return static_cast<std::size_t>(((hash >> 32) * below) >> 32);
}

} // namespace

fingerprint_table::fingerprint_table(std::size_t entries_max, unsigned fingerprint_bits)
    : entries_max_(entries_max), marks_max_((1U << fingerprint_bits) - 1),
      lines_(lines_for(entries_max, k_slots)) {
    WHARF_ASSERT(fingerprint_bits >= 1 && fingerprint_bits <= 16);
    // Every line is swept before an ordinal's 24 bits come round.
    sweep_every_ = static_cast<std::size_t>((k_fingerprint_ordinals - entries_max) / lines_.size());
    WHARF_ASSERT(sweep_every_ >= 1);
    sweep_every_ = std::min(sweep_every_, k_sweep_every_max);
}

fingerprint_table::place fingerprint_table::place_of(const digest128& hash) const {
    const auto low = get_little<std::uint64_t>(hash.data());
    const auto high = get_little<std::uint64_t>(hash.data() + 8);
    return {scaled(low, lines_.size()), static_cast<std::uint16_t>(1 + scaled(high, marks_max_))};
}

std::size_t fingerprint_table::other_line(std::size_t from, std::uint16_t mark) const {
    const std::size_t sum = scaled(mark * std::uint64_t{0x9e3779b97f4a7c15}, lines_.size());
    return sum >= from ? sum - from : sum + lines_.size() - from;
}

void fingerprint_table::prefetch(const digest128& hash) const {
    const place at = place_of(hash);
    __builtin_prefetch(&lines_[at.line]);
    __builtin_prefetch(&lines_[other_line(at.line, at.mark)]);
}

void fingerprint_table::put(line& in, std::size_t slot, std::uint16_t mark, std::uint32_t ordinal) {
    in.marks[slot] = mark;
    in.ordinals[slot][0] = static_cast<std::uint8_t>(ordinal);
    in.ordinals[slot][1] = static_cast<std::uint8_t>(ordinal >> 8);
    in.ordinals[slot][2] = static_cast<std::uint8_t>(ordinal >> 16);
}

// Without branches: what is free lies anywhere.
unsigned fingerprint_table::free_slots(const line& in) const {
    unsigned free = 0;
    const auto live = static_cast<std::uint32_t>(next_ - oldest_);
    const auto newest = static_cast<std::uint32_t>(next_ - 1);
    for (std::size_t slot = 0; slot < k_slots; ++slot) {
        const std::uint32_t aged = (newest - ordinal_in(in, slot)) & (k_fingerprint_ordinals - 1);
        free |= static_cast<unsigned>((in.marks[slot] == 0) | (aged >= live)) << slot;
    }
    return free;
}

bool fingerprint_table::put_in(line& in, std::uint16_t mark, std::uint32_t ordinal) {
    const unsigned free = free_slots(in);
    if (free == 0) return false;
    put(in, static_cast<std::size_t>(__builtin_ctz(free)), mark, ordinal);
    return true;
}

void fingerprint_table::sweep_one() {
    line& in = lines_[sweep_at_];
    for (std::size_t slot = 0; slot < k_slots; ++slot)
        if (!is_live(ordinal_in(in, slot))) in.marks[slot] = 0;
    if (++sweep_at_ == lines_.size()) sweep_at_ = 0;
}

void fingerprint_table::insert(const digest128& hash, std::uint64_t ordinal) {
    WHARF_ASSERT(ordinal >= oldest_ && ordinal < next_);
    if (--sweep_in_ == 0) {
        sweep_in_ = sweep_every_;
        sweep_one();
    }
    const place at = place_of(hash);
    std::size_t where = at.line;
    std::uint16_t mark = at.mark;
    auto low = static_cast<std::uint32_t>(ordinal & (k_fingerprint_ordinals - 1));
    if (put_in(lines_[where], mark, low)) return;
    where = other_line(where, mark);
    if (put_in(lines_[where], mark, low)) return;
    for (int kick = 0; kick < k_kicks_max; ++kick) {
        victim_ = (victim_ + 1) % k_slots;
        line& in = lines_[where];
        const std::uint16_t evicted_mark = in.marks[victim_];
        const std::uint32_t evicted = ordinal_in(in, victim_);
        put(in, victim_, mark, low);
        mark = evicted_mark;
        low = evicted;
        where = other_line(where, mark);
        if (put_in(lines_[where], mark, low)) return;
    }
    homeless_.push_back({mark, low});
}

void fingerprint_table::erase(const digest128& hash, std::uint64_t ordinal) {
    const place at = place_of(hash);
    const auto low = static_cast<std::uint32_t>(ordinal & (k_fingerprint_ordinals - 1));
    for (const std::size_t where : {at.line, other_line(at.line, at.mark)}) {
        line& in = lines_[where];
        for (std::size_t slot = 0; slot < k_slots; ++slot)
            if (in.marks[slot] == at.mark && ordinal_in(in, slot) == low) in.marks[slot] = 0;
    }
    std::erase_if(homeless_,
                  [&](const homeless& one) { return one.mark == at.mark && one.ordinal == low; });
}

} // namespace wharf
