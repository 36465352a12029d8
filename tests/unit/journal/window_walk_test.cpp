// The window against a plain map that follows the rules directly, over random groups, refusals,
// aborts, restarts and changes of its bounds, with few fingerprint bits, small runs and small
// tables so that false hits, merges and growth abound.
#include "tests/support/seeds.hpp"
#include "tests/unit/journal/window_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

using namespace wharf;
using namespace wharf::test;
using kind = identity_match::kind;

namespace {

struct remembered {
    std::string content;
    sequence number;
    std::uint64_t ordinal;
};

class walker {
  public:
    explicit walker(unsigned seed) : random_(seed), tuning_(draw_tuning()), f_(tuning_) {
        count_max_most_ = between(20, below(3) == 0 ? 6'000 : 400);
        f_.bounds = draw_bounds();
        f_.reopen();
    }

    void step() {
        f_.now_us += static_cast<std::int64_t>(below(8));
        const std::uint64_t burst = below(20) == 0 ? count_max_most_ / 3 + 2 : 6;
        for (std::uint64_t i = below(burst); i > 0; --i)
            add_one();
        switch (below(12)) {
        case 0:
            try_to_finish();
            f_.take_back();
            forget_group();
            break;
        case 1: // before it came to its end
            f_.take_back();
            forget_group();
            break;
        case 2: // the group is lost with the process
            f_.reopen();
            forget_group();
            break;
        case 3:
            f_.store.refuse_put_after(below(5));
            commit();
            break;
        case 4:
            f_.store.refuse_commits(1);
            commit();
            break;
        case 5:
            commit();
            if (below(3) == 0) f_.bounds = draw_bounds();
            f_.reopen();
            break;
        default:
            commit();
        }
    }

    // Everything that was ever accepted is known exactly where its ordinal is in the window.
    void check_all() {
        for (const auto& [key, one] : all_) {
            judge(key, one.content, f_.find({key}, one.content));
            const std::string other = one.content + "!";
            judge(key, other, f_.find({key}, other));
        }
        std::uint64_t stored = 0;
        REQUIRE(f_.group->scan({}, [&](auto, auto value) { return (stored += value.size(), true); })
                    .ok());
        REQUIRE(f_.window.stored_bytes() == stored);
    }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    std::uint64_t between(std::uint64_t least, std::uint64_t most) {
        return least + below(most - least + 1);
    }

    identity_tuning draw_tuning() {
        identity_tuning out;
        out.fingerprint_bits = static_cast<unsigned>(between(3, 9));
        out.run_max = static_cast<std::size_t>(between(4, 120));
        out.small_run = static_cast<std::size_t>(between(1, out.run_max));
        out.small_runs_max = static_cast<std::size_t>(between(2, 20));
        out.table_min = static_cast<std::size_t>(between(1, 400));
        out.table_slack = static_cast<std::size_t>(between(1, 400));
        return out;
    }
    identity_bounds draw_bounds() {
        identity_bounds out;
        out.age_us_max = static_cast<std::int64_t>(below(2) == 0 ? 400 : 4'000);
        out.count_max = between(10, count_max_most_);
        out.bytes_max = below(3) == 0 ? between(2'000, 200'000) : 0;
        return out;
    }

    void judge(const std::string& key, const std::string& content, const identity_match& match) {
        const auto found = all_.find(key);
        const bool known = found != all_.end() && found->second.ordinal >= f_.committed.oldest;
        const kind expected = !known                             ? kind::unknown
                              : found->second.content == content ? kind::same
                                                                 : kind::conflict;
        if (match.what == expected && (!known || match.original == found->second.number)) return;
        FAIL("key " << key << ": " << static_cast<int>(match.what) << " of " << match.original
                    << ", expected " << static_cast<int>(expected)
                    << (known ? " of ordinal " + std::to_string(found->second.ordinal) : ""));
    }

    void add_one() {
        const std::string key = "k" + std::to_string(below(count_max_most_ * 8));
        const std::string content = "c" + std::to_string(below(2));
        const auto match = f_.find({key}, content);
        judge(key, content, match);
        if (match.what != kind::unknown) return;
        const auto before = all_.find(key);
        undo_.emplace_back(key,
                           before == all_.end() ? std::nullopt : std::optional(before->second));
        all_[key] = {content, ++number_, f_.window.state().next};
        f_.remember({key}, content, number_);
    }

    bool try_to_finish() {
        const auto finished = f_.try_to_finish();
        if (!finished.ok() && finished.failure().code != errc::no_space)
            FAIL(finished.failure().message);
        return finished.ok();
    }

    void commit() {
        if (try_to_finish() && f_.group->commit().outcome == commit_outcome::durable) {
            const identity_state before = f_.committed;
            f_.kept();
            undo_.clear();
            at_us_.resize(static_cast<std::size_t>(f_.committed.next), f_.now_us);
            check_bounds(before);
            return;
        }
        f_.take_back();
        forget_group();
    }

    void forget_group() {
        for (; !undo_.empty(); undo_.pop_back()) {
            if (undo_.back().second)
                all_[undo_.back().first] = *undo_.back().second;
            else
                all_.erase(undo_.back().first);
        }
    }

    // Nothing went that the bounds do not allow to go, and the window is not on its way to be
    // larger than they say: a group's own identities are the last to go.
    void check_bounds(const identity_state& before) {
        const identity_state& now = f_.committed;
        for (std::uint64_t gone = before.oldest; gone < now.oldest; ++gone) {
            const bool aged =
                at_us_[static_cast<std::size_t>(gone)] < f_.now_us - f_.bounds.age_us_max;
            const bool crowded = now.next - 1 - gone >= f_.bounds.count_max;
            if (!aged && !crowded && f_.bounds.bytes_max == 0) FAIL("gone too early: " << gone);
        }
        REQUIRE(now.count() <= std::max({f_.bounds.count_max + tuning_.run_max, before.count(),
                                         now.next - before.next}));
    }

    std::mt19937_64 random_;
    identity_tuning tuning_;
    window_fixture f_;
    std::uint64_t count_max_most_ = 0;
    std::map<std::string, remembered> all_; // the latest of each key, in the window or not
    std::vector<std::pair<std::string, std::optional<remembered>>> undo_; // of the open group
    std::vector<std::int64_t> at_us_; // of each ordinal that was committed
    sequence number_ = 0;
};

} // namespace

TEST_CASE("the window agrees with a plain map over random groups, refusals, aborts and restarts") {
    for (const unsigned seed : seeds(16)) {
        walker walk(seed);
        for (int step = 0; step < 400; ++step) {
            INFO("WHARF_SEED=" << seed << ", step " << step);
            walk.step();
            if (step % 50 == 49) walk.check_all();
        }
    }
}

namespace {

// Runs and tables as small as they can be.
constexpr identity_tuning k_small{16, 64, 16, 8, 64, 64};

} // namespace

TEST_CASE("what expires in a group that comes to nothing is known as before, also where the table "
          "grew in it") {
    window_fixture f(k_small);
    for (sequence n = 1; n <= 60; ++n)
        f.add("k" + std::to_string(n), "x", n);
    const std::size_t bytes = f.window.memory_bytes();
    f.now_us = 5'000;
    for (sequence n = 61; n <= 1'500; ++n)
        f.remember({"k" + std::to_string(n)}, "x", n);
    f.roll_back();
    REQUIRE(f.window.memory_bytes() > bytes);
    for (sequence n = 1; n <= 60; ++n)
        REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
    f.commit();
    REQUIRE(f.window.state().oldest > 0);
}

TEST_CASE("large groups after a time of small ones do not make the window larger than its bounds") {
    window_fixture f({16, 64, 1, 8}); // none is merged
    const bool by_bytes = GENERATE(false, true);
    if (by_bytes)
        f.bounds.bytes_max = 16'000;
    else
        f.bounds.count_max = 200;
    f.reopen();
    sequence number = 0;
    const auto commit_group = [&](int size, const std::string& prefix) {
        for (int i = 0; i < size; ++i) {
            ++number;
            f.remember({prefix + std::to_string(number)}, "x", number);
        }
        f.commit();
    };
    for (int group = 0; group < 250; ++group)
        commit_group(1, "k");
    REQUIRE(f.window.stored_bytes() > 15'000 * by_bytes);
    const std::string large(200, 'k');
    for (int group = 0; group < 60; ++group) {
        // Beyond the bound: what this group added, and what is left of the oldest run.
        if (by_bytes) {
            commit_group(16, large);
            REQUIRE(f.window.stored_bytes() <= 16'000 + 2 * 16 * 300);
        } else {
            commit_group(64, "k");
            REQUIRE(f.window.state().count() <= 200 + 64);
        }
    }
}

TEST_CASE("a window that was allowed to be larger has room until it is down to its bounds") {
    window_fixture f(k_small);
    sequence number = 0;
    for (int group = 0; group < 50; ++group) {
        for (int i = 0; i < 100; ++i) {
            ++number;
            f.remember({"k" + std::to_string(number)}, "x", number);
        }
        f.commit();
    }
    f.bounds.count_max = 100;
    f.reopen();
    CHECK_FALSE(f.window.crowded());
    for (sequence n = 1; n <= number; ++n)
        REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
    for (int group = 0; group < 40; ++group) {
        f.commit();
        REQUIRE_FALSE(f.window.crowded());
    }
    CHECK(f.window.state().count() <= 100 + 64);
    CHECK(f.find({"k" + std::to_string(number)}, "x").what == kind::same);
    const std::size_t bytes = f.window.memory_bytes();
    f.reopen();
    CHECK(f.window.memory_bytes() < bytes);
}

TEST_CASE(
    "small runs are merged behind those that cannot be, also where groups that change nothing "
    "come between") {
    window_fixture f({16, 8, 4, 8});
    sequence number = 0;
    const auto commit_group = [&](int size) {
        for (int i = 0; i < size; ++i) {
            ++number;
            f.remember({"k" + std::to_string(number)}, "x", number);
        }
        f.commit();
    };
    for (int group = 0; group < 20; ++group)
        commit_group(10); // a full run and a small one that fits to none beside it
    for (int group = 0; group < 200; ++group) {
        commit_group(1);
        // As the journal does when nobody asks for anything.
        auto changed = f.window.maintain(*f.group, f.now_us);
        REQUIRE(changed.ok());
        if (*changed) {
            REQUIRE(f.window.write(*f.group, f.now_us).ok());
            REQUIRE(f.group->commit().outcome == commit_outcome::durable);
            f.kept();
        } else {
            f.take_back();
        }
    }
    CHECK(f.records() <= 20 * 2 + 200 / 8 + 8);
    for (sequence n = 1; n <= number; ++n)
        REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
}

TEST_CASE("a damaged run is found when the table grows, not taken into it") {
    window_fixture f(k_small);
    for (sequence n = 1; n <= 40; ++n)
        f.add("k" + std::to_string(n), "x", n);
    f.group.reset();
    const auto all = f.store.read_all();
    std::string damaged = all.begin()->second;
    damaged[20] = static_cast<char>(damaged[20] ^ 4); // in its digests
    f.store.plant(all.begin()->first, damaged);
    f.begin();
    for (sequence n = 41; n <= 1'500; ++n)
        f.remember({"k" + std::to_string(n)}, "x", n);
    CHECK(f.try_to_finish().failure().code == errc::corrupt);
}

TEST_CASE("a run that ends behind what the state knows of is damage") {
    window_fixture f;
    for (sequence n = 1; n <= 3; ++n)
        f.remember({"k" + std::to_string(n)}, "x", n);
    f.commit();
    f.group.reset();
    --f.committed.next;
    auto reader = std::move(*f.store.begin_read());
    CHECK(f.window.open(*reader, f.committed, f.bounds).failure().code == errc::corrupt);
}
