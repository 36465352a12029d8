// Order and priority: gateway/journal's links, lane windows.
#include "gateway/base/limits.hpp"
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {
lane_windows started(const journal_model& journal) {
    lane_windows lanes;
    lanes.start(journal.delivery(), {});
    return lanes;
}
void feed(lane_windows& lanes, const journal_model& journal, std::size_t scan_max = 4096) {
    for (auto wants = lanes.wanted(); !wants.pages.empty() || !wants.heads.empty();
         wants = lanes.wanted()) {
        for (const auto& page : wants.pages)
            lanes.on_heads(page.in_lane,
                           journal.heads(page.in_lane, page.after, page.heads_max, scan_max));
        for (auto number : wants.heads)
            lanes.on_head(number, &journal.head(number));
    }
}
} // namespace

TEST_CASE("an update is ready when nothing pending before it shares a key, across lanes") {
    journal_model journal;
    journal.append(lane::count, {7}, 0);        // 1
    journal.append(lane::shipment, {7, 8}, 0);  // 2 waits for 1
    journal.append(lane::inventory, {9}, 0);    // 3 is free
    journal.append(lane::telemetry, {8, 9}, 0); // 4 waits for 2 and 3
    auto lanes = started(journal);
    feed(lanes, journal);
    CHECK(lanes.is_ready(1));
    CHECK_FALSE(lanes.is_ready(2));
    CHECK(lanes.is_ready(3));
    CHECK_FALSE(lanes.is_ready(4));
    lanes.take(3);
    lanes.finish(lane::inventory, 3);
    CHECK_FALSE(lanes.is_ready(4));
    lanes.take(1);
    lanes.finish(lane::count, 1);
    CHECK(lanes.is_ready(2));
    lanes.take(2);
    CHECK_FALSE(lanes.is_ready(4));
    lanes.finish(lane::shipment, 2);
    CHECK(lanes.is_ready(4));
}

TEST_CASE("what stands in the way of a higher lane inherits its priority, with all before it") {
    journal_model journal;
    journal.append(lane::telemetry, {1}, 0);    // 1
    journal.append(lane::count, {1, 2}, 0);     // 2 after 1
    journal.append(lane::inventory, {2, 3}, 0); // 3 after 2
    journal.append(lane::shipment, {3}, 0);     // 4 after 3
    journal.append(lane::telemetry, {9}, 0);    // 5 is nobody's business
    auto lanes = started(journal);
    feed(lanes, journal);
    CHECK(lanes.ready(lane::shipment) == std::set<sequence>{1});
    CHECK(lanes.ready(lane::telemetry) == std::set<sequence>{5});
    lanes.take(1);
    lanes.finish(lane::telemetry, 1);
    CHECK(lanes.ready(lane::shipment) == std::set<sequence>{2});
}

TEST_CASE("a shipment pulls what it waits for out of a backlog far larger than the window") {
    journal_model journal;
    for (int i = 0; i < 10'000; ++i)
        journal.append(lane::count, {1000U + i}, 0);
    journal.append(lane::count, {7}, 0); // 10'001, behind the window
    const auto shipment = journal.append(lane::shipment, {7}, 0);
    auto lanes = started(journal);
    feed(lanes, journal, 20'000);
    CHECK(lanes.pending_in_window(lane::count) == limits::k_lane_window_max);
    CHECK(lanes.ready(lane::shipment) == std::set<sequence>{10'001});
    lanes.take(10'001);
    lanes.finish(lane::count, 10'001);
    CHECK(lanes.is_ready(shipment.number));
    std::vector<delivery_op> ops;
    lanes.collect_ops(ops);
    CHECK(std::ranges::any_of(ops, [](const delivery_op& op) {
        const auto* mark = std::get_if<set_mark>(&op);
        return mark != nullptr && mark->number == 10'001;
    }));
    // The window reaches it and passes: nothing is offered twice, the mark is taken away.
    lanes.take(shipment.number);
    lanes.finish(lane::shipment, shipment.number);
    std::set<sequence> seen;
    while (!lanes.ready(lane::count).empty()) {
        const auto number = *lanes.ready(lane::count).begin();
        CHECK(seen.insert(number).second);
        lanes.take(number);
        lanes.finish(lane::count, number);
        feed(lanes, journal, 20'000);
    }
    CHECK(seen.size() == 10'000);
    CHECK(lanes.outside_windows() == 0);
    ops.clear();
    lanes.collect_ops(ops);
    bool cleared = false;
    for (const auto& op : ops)
        if (const auto* mark = std::get_if<clear_mark>(&op))
            cleared = cleared || mark->number == 10'001;
    CHECK(cleared);
    CHECK(lanes.low_water(lane::count) == journal.last());
}

TEST_CASE("a lane without events has a low-water mark that follows the journal's end") {
    journal_model journal;
    for (int i = 0; i < 100; ++i)
        journal.append(lane::inventory, {1000U + i}, 0);
    auto lanes = started(journal);
    feed(lanes, journal, 10);
    CHECK(lanes.low_water(lane::telemetry) == 100);
    CHECK(lanes.low_water(lane::inventory) == 0);
    const auto next = journal.append(lane::inventory, {1}, 0);
    lanes.on_appended({next});
    CHECK(lanes.low_water(lane::telemetry) == 101);
    CHECK(lanes.wanted().pages.empty());
}

TEST_CASE("announcements that were dropped are read from the journal, none twice") {
    journal_model journal;
    auto lanes = started(journal);
    feed(lanes, journal);
    const auto first = journal.append(lane::inventory, {1}, 0);
    lanes.on_appended({first});
    journal.append(lane::inventory, {2}, 0);
    const auto third = journal.append(lane::inventory, {3}, 0);
    lanes.on_appended({third}); // the second was not announced
    CHECK_FALSE(lanes.at_tail(lane::inventory));
    feed(lanes, journal);
    CHECK(lanes.ready(lane::inventory) == std::set<sequence>{1, 2, 3});
    journal.append(lane::inventory, {4}, 0);
    lanes.on_more(4);
    feed(lanes, journal);
    CHECK(lanes.ready(lane::inventory).size() == 4);
    const auto fifth = journal.append(lane::inventory, {5}, 0);
    lanes.on_appended({journal.head(3), journal.head(4), fifth}); // late, and in part known
    CHECK(lanes.ready(lane::inventory).size() == 5);
}

TEST_CASE("the low-water mark stops before what is pending, what is done above it is marked") {
    journal_model journal;
    for (std::uint64_t key = 1; key <= 4; ++key)
        journal.append(lane::inventory, {key}, 0);
    auto lanes = started(journal);
    feed(lanes, journal);
    for (sequence number : {2, 4}) {
        lanes.take(number);
        lanes.finish(lane::inventory, number);
    }
    std::vector<delivery_op> ops;
    lanes.collect_ops(ops);
    CHECK(lanes.low_water(lane::inventory) == 0);
    lanes.take(1);
    lanes.finish(lane::inventory, 1);
    CHECK(lanes.low_water(lane::inventory) == 2);
    lanes.take(3);
    lanes.put_back(3);
    CHECK(lanes.is_ready(3));
}
