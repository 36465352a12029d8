// A crash in every step of commits, checkpoints, the direct path, recovery and the making of a
// ring. A step that fails leaves the device and the store below in each state that a power cut may
// leave.
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

// What the n-th durable step (a write to the device or a commit below) leaves when it fails.
struct crash {
    std::size_t device_step; // counted from 0 over the writes to the device
    std::size_t commit_step; // ... over the commits below; one of both is far away
    int leaves;              // 0 nothing, 1 everything, 2 and more: parts
};

constexpr std::size_t k_never = 1'000'000;

model_log_device::leaver leaver_of(int leaves) {
    if (leaves == 0) return leave_nothing();
    if (leaves == 1) return leave_all();
    if (leaves == 2) return leave_blocks(0x5555'5555'5555'5555U, 4096);
    return [](const std::string& before, const std::string& wanted) { // half, and of a new device
        return before.size() == wanted.size()
                   ? wanted.substr(0, wanted.size() / 2) + before.substr(wanted.size() / 2)
                   : wanted.substr(0, wanted.size() / 2);
    };
}

class story {
  public:
    explicit story(const crash& with, ring_options options = small_ring()) : at(options) {
        at.device.fail_after(with.device_step, leaver_of(with.leaves));
        if (with.commit_step < k_never) {
            left_ = with.commit_step;
            leaves_ = with.leaves;
            at.below.before_commit([this] {
                if (left_-- == 0) at.below.fail_commit(leaves_ != 0, leaves_ == 1);
            });
        }
    }

    // False: the process is dead.
    bool opens() {
        auto opened = at.try_open();
        if (!opened.ok()) REQUIRE(opened.failure().code == errc::io);
        return opened.ok();
    }
    bool commits(const changes& all) {
        auto writer = at.store().begin_write();
        REQUIRE(writer.ok());
        for (const auto& [key, value] : all)
            REQUIRE((value ? (*writer)->put(key, *value) : (*writer)->erase(key)).ok());
        commit_result done = (*writer)->commit();
        REQUIRE(done.outcome != commit_outcome::no_space);
        if (done.outcome == commit_outcome::durable) {
            merge_into(at.expected, all);
            REQUIRE(at.read_all() == at.expected);
            return true;
        }
        REQUIRE_FALSE(at.store().begin_write().ok());
        REQUIRE_FALSE(at.store().tick(0).ok());
        maybe_ = at.expected;
        merge_into(maybe_, all);
        return false;
    }
    bool checkpoints() { return at.store().checkpoint().ok(); }
    bool closes() { return at.store().close().ok(); }

    // The power goes. Whatever was acknowledged is there, the last group whole or not at all.
    void recovers(bool power) {
        at.below.before_commit(nullptr);
        at.device.fail_after(k_never, leave_nothing());
        if (maybe_.empty()) maybe_ = at.expected;
        if (power)
            at.power_cut();
        else
            at.restart();
        plain_map found = at.read_all();
        CHECK((found == at.expected || found == maybe_));
        at.expected = found;
        // What was seen once stays: the next power cut takes nothing back.
        at.power_cut();
        CHECK(at.read_all() == found);
        at.put("Z", "goes on");
        at.power_cut();
        CHECK(at.read_all() == at.expected);
    }

    ring_rig at;

  private:
    std::size_t left_ = 0;
    int leaves_ = 0;
    plain_map maybe_;
};

// Runs the story with a crash at each of its steps; says how many there were.
template <class Tell> std::size_t crash_everywhere(const Tell& tell) {
    std::size_t crashes = 0;
    for (bool on_device : {true, false})
        for (std::size_t step = 0;; ++step) {
            bool reached = false;
            for (int leaves = 0; leaves < 4; ++leaves)
                for (bool power : {true, false}) {
                    INFO((on_device ? "device step " : "commit ") << step << " leaves " << leaves);
                    story one({on_device ? step : k_never, on_device ? k_never : step, leaves});
                    if (tell(one)) continue;
                    reached = true;
                    ++crashes;
                    one.recovers(power);
                }
            if (!reached) break;
        }
    return crashes;
}

} // namespace

TEST_CASE("a crash while a ring is made") {
    CHECK(crash_everywhere([](story& one) {
              return one.opens() && one.commits({{"a", "1"}});
          }) >= 8 * 4);
}

TEST_CASE("a crash in commits, checkpoints and the direct path") {
    CHECK(crash_everywhere([](story& one) {
              return one.opens() && one.commits({{"a", "1"}, {"b", "1"}}) &&
                     one.commits({{"a", text(9000)}}) && one.checkpoints() &&
                     one.commits({{"a", "3"}, {"b", std::nullopt}}) &&
                     one.commits({{"c", text(20'000)}, {"a", std::nullopt}}) &&
                     one.commits({{"d", "5"}}) && one.checkpoints() && one.commits({{"e", "6"}}) &&
                     one.closes();
          }) >= 8 * 12);
}

TEST_CASE("a crash in recovery, with and without something to replay") {
    CHECK(crash_everywhere([](story& one) {
              if (!one.opens() || !one.commits({{"a", "1"}})) return false;
              one.at.end();
              one.at.below.power_cut();
              if (!one.opens() || !one.commits({{"b", "2"}})) return false;
              one.at.end();
              if (!one.opens() || !one.commits({{"c", "3"}}) || !one.closes()) return false;
              one.at.end();
              return one.opens() && one.commits({{"d", "4"}});
          }) >= 8 * 10);
}

TEST_CASE("a crash while the ring gets another size, is turned off and on") {
    CHECK(crash_everywhere([](story& one) {
              if (!one.opens() || !one.commits({{"a", "1"}})) return false;
              one.at.options.ring_bytes = 128 * 1024;
              if (!one.opens() || !one.commits({{"b", "2"}})) return false;
              one.at.options.ring_bytes = 0;
              if (!one.opens() || !one.commits({{"c", "3"}})) return false;
              one.at.options.ring_bytes = 64 * 1024;
              return one.opens() && one.commits({{"d", "4"}});
          }) >= 8 * 12);
}

TEST_CASE("a crash anywhere over the laps of a ring that fills up") {
    CHECK(crash_everywhere([](story& one) {
              if (!one.opens()) return false;
              for (int i = 0; i < 30; ++i)
                  if (!one.commits({{"k" + std::to_string(i % 4), text(i % 3 == 0 ? 5000 : 10)}}))
                      return false;
              return true;
          }) >= 8 * 30);
}
