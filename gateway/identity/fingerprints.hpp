// Where in the duplicate window an identity may be: for each identity 24 bits of its ordinal and a
// fingerprint of 16 bits, in memory, twelve to a cache line. A hit says "look there", never "it is
// there"; no hit says "it is not in the window".
//
// A cuckoo table: an entry is in one of two lines. Expiry writes nothing: an entry whose ordinal is
// no longer live counts as free, and now and then an insert clears one line of such entries, so
// that all are gone before 24 bits come round again. The journal thread only.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/ports/digest.hpp"
#include "gateway/ports/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wharf {

// Ordinals that may be told apart at one time.
inline constexpr std::uint64_t k_fingerprint_ordinals = std::uint64_t{1} << 24;

class fingerprint_table {
  public:
    // entries_max: what it will hold without being crowded. fingerprint_bits: fewer than 16 for
    // tests that want false hits.
    explicit fingerprint_table(std::size_t entries_max, unsigned fingerprint_bits = 16);

    // Ordinals in [oldest, next) are live. REQUIRES: next - oldest < k_fingerprint_ordinals; what
    // is inserted is live.
    void set_live(std::uint64_t oldest, std::uint64_t next) {
        WHARF_ASSERT(next - oldest < k_fingerprint_ordinals);
        oldest_ = oldest;
        next_ = next;
    }
    void insert(const digest128& hash, std::uint64_t ordinal);
    // Takes back an insert: the group that it belonged to came to nothing.
    void erase(const digest128& hash, std::uint64_t ordinal);
    // Brings the lines of a later find() or insert() near.
    void prefetch(const digest128& hash) const;

    // Calls visit(ordinal) for each live entry that may be this hash, until it says false.
    template <class Visitor> void find(const digest128& hash, Visitor&& visit) const {
        const place at = place_of(hash);
        if (!find_in(lines_[at.line], at.mark, visit)) return;
        const std::size_t second = other_line(at.line, at.mark);
        if (second != at.line && !find_in(lines_[second], at.mark, visit)) return;
        for (const homeless& one : homeless_)
            if (one.mark == at.mark && is_live(one.ordinal) && !visit(full(one.ordinal))) return;
    }

    // An insert found no place: the table has to be made again, larger.
    [[nodiscard]] bool overfull() const { return !homeless_.empty(); }
    [[nodiscard]] std::size_t entries_max() const { return entries_max_; }
    [[nodiscard]] std::size_t bytes() const { return lines_.size() * sizeof(line); }

  private:
    static constexpr std::size_t k_slots = 12;
    struct alignas(64) line {
        std::uint16_t marks[k_slots]; // 0: free
        std::uint8_t ordinals[k_slots][3];
    };
    static_assert(sizeof(line) == 64);
    struct place {
        std::size_t line;
        std::uint16_t mark;
    };
    struct homeless {
        std::uint16_t mark;
        std::uint32_t ordinal;
    };

    [[nodiscard]] place place_of(const digest128& hash) const;
    // Its own inverse: other_line(other_line(l, m), m) == l.
    [[nodiscard]] std::size_t other_line(std::size_t from, std::uint16_t mark) const;

    static std::uint32_t ordinal_in(const line& in, std::size_t slot) {
        const auto* bytes = in.ordinals[slot];
        return bytes[0] | (std::uint32_t{bytes[1]} << 8) | (std::uint32_t{bytes[2]} << 16);
    }
    static void put(line& in, std::size_t slot, std::uint16_t mark, std::uint32_t ordinal);
    // How far back from the newest ordinal.
    [[nodiscard]] std::uint64_t age(std::uint32_t ordinal) const {
        return (next_ - 1 - ordinal) & (k_fingerprint_ordinals - 1);
    }
    [[nodiscard]] bool is_live(std::uint32_t ordinal) const {
        return age(ordinal) < next_ - oldest_;
    }
    [[nodiscard]] std::uint64_t full(std::uint32_t ordinal) const {
        return next_ - 1 - age(ordinal);
    }

    template <class Visitor>
    bool find_in(const line& in, std::uint16_t mark, Visitor& visit) const {
        unsigned hits = 0;
        for (std::size_t slot = 0; slot < k_slots; ++slot)
            hits |= static_cast<unsigned>(in.marks[slot] == mark) << slot;
        for (; hits != 0; hits &= hits - 1) {
            const auto slot = static_cast<std::size_t>(__builtin_ctz(hits));
            const auto ordinal = ordinal_in(in, slot);
            if (is_live(ordinal) && !visit(full(ordinal))) return false;
        }
        return true;
    }
    // Slots whose entry is none or no longer live, a bit for each.
    [[nodiscard]] unsigned free_slots(const line& in) const;
    bool put_in(line& in, std::uint16_t mark, std::uint32_t ordinal);
    void sweep_one();

    std::size_t entries_max_;
    std::uint32_t marks_max_;
    std::vector<line, large_page_allocator<line>> lines_;
    std::vector<homeless> homeless_;
    std::uint64_t oldest_ = 0;
    std::uint64_t next_ = 0;
    std::size_t sweep_every_ = 1; // inserts
    std::size_t sweep_in_ = 1;
    std::size_t sweep_at_ = 0;
    std::size_t victim_ = 0;
};

} // namespace wharf
