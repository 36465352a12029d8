#include "gateway/journal/format.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace wharf;

TEST_CASE("keys sort as their numbers do") {
    CHECK(format::event_key(1) < format::event_key(2));
    CHECK(format::event_key(255) < format::event_key(256));
    CHECK(format::event_key(0xffffffff) < format::event_key(0x100000000));
    CHECK(format::quarantine_key(9) < format::quarantine_key(10));
    CHECK(format::mark_key(0, lane::shipment, 9) < format::mark_key(0, lane::inventory, 1));
    CHECK(format::mark_key(0, lane::telemetry, 9) < format::mark_key(1, lane::shipment, 1));
    CHECK(format::parked_under_key(0, 1, 9) < format::parked_under_key(0, 2, 1));
    CHECK(format::trailing_number(format::event_key(77)) == 77);
}

TEST_CASE("the first bytes of a key say what it is for") {
    CHECK(format::event_key(1) == std::string("E\0\0\0\0\0\0\0\1", 9));
    CHECK(format::qos2_key("c", 258) == std::string("Pc\0\1\2", 5));
    CHECK(format::low_water_key(3, lane::count) == std::string("D\3l\2", 4));
    CHECK(format::kind_of(format::batch_key(0, 1)) == "sealed batch");
    CHECK(format::kind_of("") == "?");
    CHECK(format::kind_of("D") == "?");
    CHECK(format::kind_of("Dxq") == "?");
}

TEST_CASE("keys are described for people, broken ones too") {
    CHECK(format::describe_key(format::event_key(12)) == "events from 12");
    CHECK(format::describe_key(format::parked_key(0, 12)) == "parked 0/12");
    CHECK(format::describe_key(format::mark_key(1, lane::count, 5)) == "mark 1/count/5");
    CHECK(format::describe_key(format::low_water_key(0, lane::shipment)) == "low water 0/shipment");
    CHECK(format::describe_key(format::qos2_key("gun 7", 513)) == "packet id gun 7/513");
    CHECK(format::describe_key(format::qos2_key("", 0)) == "packet id /0");
    for (std::string key : {"", "E", "D", "D\x01", "P", "Pa", "R", "Dxm", "Z"})
        CHECK_FALSE(format::describe_key(key).empty());
}

TEST_CASE("an event's head comes back as it went in") {
    event_head head;
    head.number = 9;
    head.in_lane = lane::telemetry;
    head.flags = k_flag_double_trigger | k_flag_clock_unsynchronised;
    head.links = {
        {std::numeric_limits<std::uint64_t>::max(), (std::uint64_t{1} << 62) - 1, lane::telemetry},
        {0, k_no_sequence, lane::shipment}};
    std::string content;
    format::encode_event(head, "body", content);
    auto back = format::decode_event(9, content);
    REQUIRE(back.ok());
    CHECK(back->stored == "body");
    CHECK(back->head.body_bytes == 4);
    CHECK(back->head.flags == head.flags);
    CHECK(back->head.in_lane == head.in_lane);
    REQUIRE(back->head.links.size() == 2);
    CHECK(back->head.links[0].key_hash == head.links[0].key_hash);
    CHECK(back->head.links[0].previous == head.links[0].previous);
    CHECK(back->head.links[0].previous_lane == lane::telemetry);

    for (std::size_t size = 0; size < content.size() - 4; ++size)
        CHECK_FALSE(format::decode_event(9, std::string_view(content).substr(0, size)).ok());
    content[0] = 4;
    CHECK(format::decode_event(9, content).failure().code == errc::corrupt);
}

TEST_CASE("a value read under another key fails its check") {
    wharf::v1::JournalHeader header;
    header.set_gateway("WH7");
    std::string value = format::seal(format::header_key(), header);
    CHECK(format::unseal(format::header_key(), value, header).ok());
    CHECK_FALSE(format::unseal(format::state_key(), value, header).ok());
    CHECK_FALSE(format::unseal(format::header_key(), value.substr(0, 3), header).ok());
    CHECK_FALSE(format::unseal(format::header_key(), "", header).ok());
}
