#include "gateway/journal/order_table.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {
constexpr std::uint64_t k_table = 64 * 1024; // keys that differ by it share a slot
}

TEST_CASE("each key links to the last event that touched it, with its lane") {
    order_table table;
    auto first = table.link(1, lane::shipment, {10, 20});
    CHECK(first[0].previous == k_no_sequence);
    CHECK(first[1].previous == k_no_sequence);
    auto second = table.link(2, lane::count, {20});
    CHECK(second[0].key_hash == 20);
    CHECK(second[0].previous == 1);
    CHECK(second[0].previous_lane == lane::shipment);
    auto third = table.link(3, lane::count, {10, 20, 30});
    CHECK(third[0].previous == 1);
    CHECK(third[1].previous == 2);
    CHECK(third[1].previous_lane == lane::count);
    CHECK(third[2].previous == k_no_sequence);
}

TEST_CASE("keys that share a slot wait for each other, an event never for itself") {
    order_table table;
    table.link(1, lane::count, {10});
    auto second = table.link(2, lane::count, {10 + k_table});
    CHECK(second[0].previous == 1);
    auto both = table.link(3, lane::count, {10, 10 + k_table});
    CHECK(both[0].previous == 2);
    CHECK(both[1].previous == 2);
}

TEST_CASE("a roll-back takes back every link since the last keep, in the right order") {
    order_table table;
    table.link(1, lane::shipment, {10});
    table.keep();
    table.link(2, lane::count, {10, 20});
    table.link(3, lane::count, {10});
    table.roll_back();
    auto again = table.link(2, lane::count, {10, 20});
    CHECK(again[0].previous == 1);
    CHECK(again[0].previous_lane == lane::shipment);
    CHECK(again[1].previous == k_no_sequence);
}

TEST_CASE("noting heads gives the table that linking gave") {
    order_table linked;
    order_table noted;
    for (sequence n = 1; n < 50; ++n) {
        event_head head;
        head.number = n;
        head.in_lane = static_cast<lane>(n % 4);
        head.links = linked.link(n, head.in_lane, {n % 7, n % 11 + 100});
        noted.note(head);
    }
    for (std::uint64_t key = 0; key < 120; ++key) {
        auto a = linked.link(1000 + key, lane::count, {key});
        auto b = noted.link(1000 + key, lane::count, {key});
        CHECK(a[0].previous == b[0].previous);
        CHECK(a[0].previous_lane == b[0].previous_lane);
    }
}
