// In virtual time: a lane with traffic, an ERP that is slow or away for a while.
#include "gateway/observe/slo.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace wharf;
using namespace wharf::observe;

namespace {

constexpr std::int64_t k_second_us = 1'000'000;
constexpr std::int64_t k_minute_us = 60 * k_second_us;
constexpr std::int64_t k_hour_us = 60 * k_minute_us;

// Of so many updates a second, so many are in time.
struct traffic {
    explicit traffic(double objective = 0.99, std::int64_t within_us = 5 * k_second_us)
        : ledger({within_us, objective}) {}

    void run(std::int64_t for_us, std::uint64_t per_s, std::uint64_t in_time_per_s) {
        const auto end = now_us + for_us;
        for (; now_us < end; now_us += k_second_us) {
            ledger.due(now_us, per_s);
            ledger.settled(now_us, k_second_us, in_time_per_s);
            level = ledger.judge(now_us).level;
            if (level != last) changes.push_back(last = level);
        }
    }
    const target_state& state() { return ledger.judge(now_us); }

    target_ledger ledger;
    std::int64_t now_us = 0;
    burn level = burn::none;
    burn last = burn::none;
    std::vector<burn> changes;
};

} // namespace

TEST_CASE("a lane whose updates are there in time burns nothing") {
    traffic lane;
    lane.run(7 * k_hour_us, 10, 10);
    CHECK(lane.changes.empty());
    CHECK(lane.state().late == 0);
    CHECK(lane.state().due > 7 * 3600 * 10 - 400);
    for (const auto& window : lane.state().windows) {
        CHECK(window.burn_rate == 0);
        CHECK(window.due == static_cast<std::uint64_t>(window.length_s) * 10);
    }
}

TEST_CASE("what the objective allows burns at a rate of one and is no alarm") {
    traffic lane;
    lane.run(7 * k_hour_us, 100, 99);
    CHECK(lane.changes.empty());
    for (const auto& window : lane.state().windows)
        CHECK(window.burn_rate == Approx(1));
}

TEST_CASE("an outage raises the fast alarm within minutes, and it ends soon after") {
    traffic lane;
    lane.run(2 * k_hour_us, 10, 10);
    const auto began = lane.now_us;
    while (lane.level != burn::fast) {
        REQUIRE(lane.now_us < began + 15 * k_minute_us);
        lane.run(k_second_us, 10, 0);
    }
    // 14.4 % of an hour are 8.64 minutes of nothing at all, and a bucket to be judged.
    CHECK(lane.now_us - began < 10 * k_minute_us);
    lane.run(5 * k_minute_us, 10, 0);
    const auto mended = lane.now_us;
    while (lane.level == burn::fast) {
        REQUIRE(lane.now_us < mended + 10 * k_minute_us);
        lane.run(k_second_us, 10, 10);
    }
    CHECK(lane.now_us - mended < 6 * k_minute_us);
    while (lane.level != burn::none) {
        REQUIRE(lane.now_us < mended + k_hour_us);
        lane.run(k_second_us, 10, 10);
    }
    CHECK(lane.now_us - mended < 35 * k_minute_us);
}

TEST_CASE("a slow leak is a slow alarm, which escalates when it gets worse and eases again") {
    traffic lane;
    lane.run(6 * k_hour_us, 100, 92); // eight times what is allowed
    CHECK(lane.changes == std::vector{burn::slow});
    lane.run(k_hour_us, 100, 70);
    CHECK(lane.changes == std::vector{burn::slow, burn::fast});
    lane.run(k_hour_us, 100, 93);
    CHECK(lane.changes == std::vector{burn::slow, burn::fast, burn::slow});
    lane.run(k_hour_us, 100, 100);
    CHECK(lane.changes == std::vector{burn::slow, burn::fast, burn::slow, burn::none});
}

TEST_CASE("what still waits when its time is over is late, though it never comes") {
    traffic lane;
    lane.ledger.due(k_second_us, 4);
    lane.now_us = 19 * k_second_us;
    CHECK(lane.state().due == 0); // the bucket is not over for all that may be in it
    lane.now_us = 20 * k_second_us;
    CHECK(lane.state().due == 4);
    CHECK(lane.state().late == 4);
    CHECK(lane.state().level == burn::fast);
}

TEST_CASE("an update that comes at the last moment is in time, a moment later it is late") {
    traffic lane;
    lane.ledger.due(0, 2);
    lane.ledger.settled(0, 5 * k_second_us, 1);
    lane.ledger.settled(0, 5 * k_second_us + 1, 1);
    lane.now_us = k_minute_us;
    CHECK(lane.state().due == 2);
    CHECK(lane.state().late == 1);
}

TEST_CASE("one or two late updates in a quiet lane are no alarm, three are") {
    for (const std::uint64_t late : {2, 3}) {
        traffic lane;
        lane.ledger.due(k_second_us, late);
        lane.now_us = k_minute_us;
        CHECK(lane.state().late == late);
        CHECK((lane.state().level == burn::none) == (late < limits::k_target_late_least));
    }
}

TEST_CASE("what was committed before the start or long ago changes nothing") {
    traffic lane;
    lane.ledger.due(-k_hour_us, 5);
    lane.ledger.settled(-k_hour_us, k_second_us, 5);
    lane.run(k_hour_us, 1, 1);
    const auto before = lane.state().due;
    lane.ledger.due(k_minute_us, 100); // judged long since
    lane.ledger.settled(k_minute_us, k_second_us, 100);
    lane.run(k_minute_us, 1, 1);
    CHECK(lane.state().due == before + 60);
    CHECK(lane.state().late == 0);
}

TEST_CASE("a machine that slept has windows without what was before") {
    traffic lane;
    lane.run(k_hour_us, 10, 0);
    CHECK(lane.level == burn::fast);
    lane.now_us += 7 * k_hour_us;
    CHECK(lane.state().level == burn::none);
    CHECK(lane.state().windows[k_6h].due == 0);
    lane.run(k_hour_us, 10, 10);
    CHECK(lane.level == burn::none);
}

TEST_CASE("the longest time that may be asked for fits beside the longest window") {
    traffic lane(0.95, std::int64_t{limits::k_target_within_ms_max} * 1000);
    lane.run(8 * k_hour_us, 1, 1);
    CHECK(lane.state().windows[k_6h].due == 6 * 3600);
    CHECK(lane.state().windows[k_6h].late == 0);
}
