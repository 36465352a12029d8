#include "gateway/journal/event_block.hpp"

#include "tests/support/model_store.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

event_head head_of(sequence number, lane in_lane = lane::inventory) {
    event_head head;
    head.number = number;
    head.in_lane = in_lane;
    head.journal_time_us = 77;
    head.links = {{number, number - 1, lane::count}};
    return head;
}

event_block_builder block_of(const std::vector<sequence>& numbers) {
    event_block_builder block;
    for (sequence n : numbers)
        block.add(head_of(n, n % 5 == 0 ? lane::telemetry : lane::inventory),
                  "body " + std::to_string(n));
    return block;
}

} // namespace

TEST_CASE("events come back from a block as they went in") {
    auto numbers = GENERATE(std::vector<sequence>{9}, std::vector<sequence>{9, 10, 11, 12},
                            std::vector<sequence>{9, 12, 40, 41, 1000});
    auto built = block_of(numbers);
    const std::string value = built.value();
    auto block = event_block::read(built.key(), value);
    REQUIRE(block.ok());
    CHECK(block->first() == numbers.front());
    CHECK(block->last() == numbers.back());
    CHECK(block->journal_time_us() == 77);
    REQUIRE(block->size() == numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        CHECK(block->number(i) == numbers[i]);
        CHECK(block->find(numbers[i]) == i);
        auto event = block->event(i);
        REQUIRE(event.ok());
        CHECK(event->stored == "body " + std::to_string(numbers[i]));
        CHECK(event->head.number == numbers[i]);
        CHECK(event->head.journal_time_us == 77);
        CHECK(event->head.links[0].previous == numbers[i] - 1);
        CHECK(block->lane_of(i) == event->head.in_lane);
    }
    CHECK(block->find(1) == 0);
    CHECK(block->find(numbers.back() + 1) == numbers.size());
    CHECK(block->last_of(lane::shipment) == k_no_sequence);
    CHECK(block->last_of(lane::telemetry) ==
          (numbers.back() == 1000 ? sequence{1000}
                                  : (numbers.size() > 1 ? sequence{10} : k_no_sequence)));
}

TEST_CASE("a bit that flipped anywhere in a block is found, and harms no other event") {
    auto built = block_of({9, 10, 11, 12});
    const std::string value = built.value();
    for (std::size_t at = 0; at < value.size(); ++at) {
        std::string damaged = value;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        auto block = event_block::read(built.key(), damaged);
        std::size_t bad = 0;
        for (std::size_t i = 0; block.ok() && i < block->size(); ++i)
            bad += block->event(i).ok() ? 0 : 1;
        CHECK((!block.ok() || bad == 1));
    }
    for (std::size_t size = 0; size < value.size(); ++size)
        CHECK_FALSE(event_block::read(built.key(), std::string_view(value).substr(0, size)).ok());
    CHECK_FALSE(event_block::read(format::event_key(10), value).ok());
}

TEST_CASE("an event is found in whichever block holds it") {
    test::model_store store;
    auto group = std::move(*store.begin_write());
    for (auto numbers : {std::vector<sequence>{3, 4, 5}, {7}, {20, 30, 40}}) {
        auto built = block_of(numbers);
        REQUIRE(group->put(built.key(), built.value()).ok());
    }
    REQUIRE(group->put("D", "before").ok());
    REQUIRE(group->put("F", "behind").ok());
    event_finder finder(*group);
    for (sequence n = 0; n < 50; ++n) {
        auto found = finder.find(n);
        REQUIRE(found.ok());
        const bool is = n == 3 || n == 4 || n == 5 || n == 7 || n == 20 || n == 30 || n == 40;
        REQUIRE(found->has_value() == is);
        if (is) CHECK((*found)->head.number == n);
        // Also from anew.
        auto again = event_finder(*group).find(n);
        REQUIRE(again->has_value() == is);
    }
}
