// What an operator holds back: single lanes, and requests beyond a rate.
#include "gateway/base/limits.hpp"
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_second_us = 1'000'000;

delivery_options at_once(std::size_t items = 100) {
    delivery_options options;
    for (auto& lane_options : options.lanes) {
        lane_options.batch_max_delay_us = 0;
        lane_options.batch_items_max = items;
    }
    return options;
}

std::size_t sent_of(const std::vector<request>& sent, const std::vector<sequence>& in) {
    std::size_t out = 0;
    for (const auto& one : sent)
        for (const auto number : one.numbers())
            out += static_cast<std::size_t>(std::ranges::count(in, number));
    return out;
}

void pause(rig& r, lane which, bool paused) {
    r.machine->pause_lane(which, paused, r.now());
    r.settle();
}

void limit(rig& r, std::uint32_t requests_per_s, std::int64_t for_us) {
    r.machine->limit_rate(requests_per_s, for_us, r.now());
    r.settle();
}

} // namespace

TEST_CASE("a paused lane sends nothing, the others go on, and resumed it goes on") {
    rig r(at_once());
    pause(r, lane::count, true);
    std::vector<sequence> counts;
    for (std::uint64_t i = 0; i < 20; ++i) {
        counts.push_back(r.append(lane::count, {100 + i}).number);
        r.append(lane::inventory, {200 + i});
    }
    const auto sent = r.run(applied, 60 * k_second_us);
    CHECK(sent_of(sent, counts) == 0);
    CHECK(r.journal.books().applied == 20);
    CHECK(r.journal.books().pending == 20);
    CHECK(r.machine->snapshot().paused_lanes[index_of(lane::count)]);
    CHECK_FALSE(r.machine->snapshot().paused);
    pause(r, lane::count, false);
    CHECK(sent_of(r.run(applied, 60 * k_second_us), counts) == 20);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("an update of a paused lane is not sent either where a higher lane waits for it") {
    rig r(at_once());
    pause(r, lane::count, true);
    const auto count = r.append(lane::count, {1});
    const auto shipment = r.append(lane::shipment, {1});
    r.append(lane::shipment, {2});
    CHECK(sent_of(r.run(applied, 60 * k_second_us), {count.number, shipment.number}) == 0);
    CHECK(r.journal.books().applied == 1);
    pause(r, lane::count, false);
    const auto sent = r.run(applied, 60 * k_second_us);
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].numbers() == std::vector{count.number});
    CHECK(sent[1].numbers() == std::vector{shipment.number});
}

TEST_CASE("what is sealed waits with its lane, gets its answer, and other batches have its place") {
    auto options = at_once(1);
    options.in_flight_max = 1;
    rig r(options);
    const auto first = r.append(lane::count, {1});
    REQUIRE(r.until_request());
    pause(r, lane::count, true);
    r.answer([](const request&) { return http(503); });
    r.append(lane::inventory, {2});
    const auto sent = r.run(applied, 3'600 * k_second_us);
    CHECK(sent_of(sent, {first.number}) == 0);
    CHECK(r.journal.books().applied == 1);
    // Over a restart too, where the lane is paused from the start.
    r.options.paused_lanes[index_of(lane::count)] = true;
    r.restart();
    CHECK(sent_of(r.run(applied, 3'600 * k_second_us), {first.number}) == 0);
    r.machine->resume(r.now());
    r.settle();
    CHECK(sent_of(r.run(applied, 3'600 * k_second_us), {first.number}) == 1);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("a batch that waits for its lane does not keep another from being the probe") {
    rig r(at_once(1));
    for (std::uint64_t i = 0; i < 8; ++i)
        r.append(lane::count, {10 + i});
    r.run([](const request&) { return http(503); }, 3'600 * k_second_us);
    pause(r, lane::count, true);
    r.append(lane::inventory, {1});
    r.run(applied, 3'600 * k_second_us);
    CHECK(r.journal.books().applied == 1);
    pause(r, lane::count, false);
    r.run(applied, 3'600 * k_second_us);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("no more requests a second are sent than the operator allows, and then as before") {
    const auto rate = GENERATE(1U, 5U, 100U);
    auto options = at_once(1);
    rig r(options);
    limit(r, rate, 10 * k_second_us);
    for (std::uint64_t i = 0; i < 2000; ++i)
        r.append(lane::inventory, {i + 1});
    const auto start = r.now_us;
    std::vector<std::int64_t> times;
    while (r.now_us < start + 9 * k_second_us) {
        const auto sent = r.run(
            [&](const request& one) {
                times.push_back(r.now_us);
                return applied(one);
            },
            100'000);
    }
    CHECK(times.size() >= 8 * rate);
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto within = std::ranges::count_if(times, [&](std::int64_t at) {
            return at >= times[i] && at < times[i] + k_second_us - 10'000;
        });
        if (within > rate) FAIL(within << " within a second");
    }
    CHECK(r.machine->snapshot().requests_per_s_max == rate);
    r.advance(2 * k_second_us);
    r.run(applied, 60 * k_second_us);
    CHECK(r.journal.books().pending == 0);
    CHECK(r.machine->snapshot().requests_per_s_max == 0);
}

TEST_CASE("a bound on requests ends when it is taken back") {
    rig r(at_once(1));
    limit(r, 1, 3'600 * k_second_us);
    for (std::uint64_t i = 0; i < 100; ++i)
        r.append(lane::inventory, {i + 1});
    r.run(applied, 5 * k_second_us);
    CHECK(r.journal.books().applied < 10);
    limit(r, 0, 0);
    r.run(applied, 5 * k_second_us);
    CHECK(r.journal.books().pending == 0);
}
