// The table of fingerprints against a plain list of digests, with so few marks and lines that false
// hits, evictions and crowded tables abound.
#include "gateway/identity/fingerprints.hpp"

#include "tests/support/seeds.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

using namespace wharf;
using namespace wharf::test;

namespace {

class walker {
  public:
    explicit walker(unsigned seed)
        : random_(seed), bits_(static_cast<unsigned>(between(2, 16))),
          entries_max_(static_cast<std::size_t>(between(10, 3'000))), table_(entries_max_, bits_) {
        // Some begin just before 24 bits come round.
        oldest_ = below(2) == 0 ? 0 : below(4) * k_fingerprint_ordinals - below(5'000);
        if (oldest_ > std::uint64_t{1} << 60) oldest_ = 0;
        table_.set_live(oldest_, oldest_);
        for (std::uint64_t i = between(1, 200); i > 0; --i)
            repeated_.push_back(draw());
    }

    // A group: kept, and then the oldest may go, or taken back.
    void step() {
        const std::uint64_t size = below(10) == 0 ? entries_max_ / 4 + 1 : 8;
        const std::size_t before = live_.size();
        for (std::uint64_t i = below(size); i > 0; --i) {
            live_.push_back(below(2) == 0 ? draw() : repeated_[below(repeated_.size())]);
            table_.set_live(oldest_, next());
            table_.insert(live_.back(), next() - 1);
        }
        if (below(4) == 0) {
            for (std::size_t at = before; at < live_.size(); ++at)
                table_.erase(live_[at], oldest_ + at);
            live_.resize(before);
            table_.set_live(oldest_, next());
            return;
        }
        std::size_t gone = static_cast<std::size_t>(below(2) == 0 ? 0 : below(size));
        if (live_.size() > entries_max_) gone = std::max(gone, live_.size() - entries_max_);
        gone = std::min(gone, live_.size());
        live_.erase(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(gone));
        oldest_ += gone;
        table_.set_live(oldest_, next());
    }

    // One that is live is found once, and what else is found is live and has the same mark.
    void check_some(std::size_t count) {
        for (; count > 0 && !live_.empty(); --count) {
            const auto at = static_cast<std::size_t>(below(live_.size()));
            check(live_[at], oldest_ + at);
        }
    }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) {
        return least + below(most - least + 1);
    }
    [[nodiscard]] std::uint64_t next() const { return oldest_ + live_.size(); }

    digest128 draw() {
        digest128 out;
        for (std::size_t half : {0, 8}) {
            const std::uint64_t word = random_();
            std::memcpy(out.data() + half, &word, sizeof word);
        }
        return out;
    }
    [[nodiscard]] std::uint64_t mark_of(const digest128& hash) const {
        std::uint64_t high = 0;
        for (std::size_t i = 16; i > 8; --i)
            high = high << 8 | static_cast<unsigned char>(hash[i - 1]);
        return ((high >> 32) * ((1U << bits_) - 1)) >> 32;
    }

    void check(const digest128& hash, std::uint64_t ordinal) const {
        std::vector<std::uint64_t> found;
        table_.find(hash, [&](std::uint64_t one) {
            found.push_back(one);
            return true;
        });
        if (std::count(found.begin(), found.end(), ordinal) != 1) FAIL("not once: " << ordinal);
        std::sort(found.begin(), found.end());
        if (std::adjacent_find(found.begin(), found.end()) != found.end())
            FAIL("one ordinal twice");
        for (const std::uint64_t one : found) {
            if (one < oldest_ || one >= next()) FAIL(one << " is not live");
            if (mark_of(live_[static_cast<std::size_t>(one - oldest_)]) != mark_of(hash))
                FAIL(one << " was left behind by something else");
        }
    }

    std::mt19937_64 random_;
    unsigned bits_;
    std::size_t entries_max_;
    fingerprint_table table_;
    std::uint64_t oldest_ = 0;
    std::deque<digest128> live_; // by ordinal, from oldest_ on
    std::vector<digest128> repeated_;
};

} // namespace

TEST_CASE("the table finds each live identity once, over groups that come and groups that fail") {
    for (const unsigned seed : seeds(24)) {
        walker walk(seed);
        for (int step = 0; step < 400; ++step) {
            INFO("WHARF_SEED=" << seed << ", step " << step);
            walk.step();
            walk.check_some(8);
        }
        INFO("WHARF_SEED=" << seed << ", at the end");
        walk.check_some(500);
    }
    SUCCEED();
}

TEST_CASE("24 bits of an ordinal come round and what is old stays forgotten") {
    fingerprint_table table(6'000, 4); // fifteen marks: what lingers would be hit
    std::mt19937_64 random(1);
    std::vector<digest128> hashes(4096);
    for (digest128& hash : hashes)
        for (char& byte : hash)
            byte = static_cast<char>(random());
    const std::uint64_t window = 2'000;
    std::uint64_t next = 0;
    for (; next < k_fingerprint_ordinals + 50'000; ++next) {
        const std::uint64_t oldest = next + 1 > window ? next + 1 - window : 0;
        table.set_live(oldest, next + 1);
        table.insert(hashes[next % 4096], next);
        if (next % 100'003 != 0 && next < k_fingerprint_ordinals) continue;
        // Each digest comes back after 4096 ordinals, twice the window: it is live once.
        std::size_t found = 0;
        table.find(hashes[next % 4096], [&](std::uint64_t ordinal) {
            if (ordinal < oldest || ordinal > next) FAIL(ordinal << " is not live at " << next);
            if (ordinal == next) ++found;
            return true;
        });
        if (found != 1) FAIL(next << " is found " << found << " times");
    }
    CHECK_FALSE(table.overfull());
}

TEST_CASE("what is out of the window is swept before 24 bits come round, in tables of every size") {
    const std::size_t entries_max = GENERATE(10, 6'000, 1'000'000, 15'000'000 + 128 * 1024);
    fingerprint_table table(entries_max);
    const digest128 swept{}; // in the first line: the one that a pass has just left behind
    digest128 far{};
    far.fill('\xff'); // in the last: it takes no free place in the first
    table.set_live(0, 1);
    table.insert(swept, 0);
    const auto hits = [&] {
        std::size_t count = 0;
        table.find(swept, [&](std::uint64_t) { return ++count > 0; });
        return count;
    };
    REQUIRE(hits() == 1);
    // The fewest inserts in which it may come to that: the window was full when it left it.
    const std::uint64_t inserts = std::min<std::uint64_t>(k_fingerprint_ordinals - entries_max,
                                                          std::uint64_t{2} * entries_max + 2'048);
    for (std::uint64_t ordinal = 1; ordinal <= inserts; ++ordinal) {
        table.set_live(ordinal, ordinal + 1);
        table.insert(far, ordinal);
    }
    table.set_live(k_fingerprint_ordinals, k_fingerprint_ordinals + 1);
    CHECK(hits() == 0);
}
