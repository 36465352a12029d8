// What breaks the protocol ends the connection, with words.
#include "gateway/base/limits.hpp"
#include "tests/unit/bridge/pair.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::bridge;
using wharf::bridge::test::recording_guest;
using wharf::bridge::test::recording_host;
using wharf::v1::BridgeFrame;

namespace {

std::string bytes_of(const BridgeFrame& frame) {
    std::string out;
    append_frame(out, frame);
    return out;
}

BridgeFrame hello(std::uint32_t version = k_version, std::string broker = "site") {
    BridgeFrame frame;
    frame.mutable_hello()->set_version(version);
    frame.mutable_hello()->set_bridge("wms");
    frame.mutable_hello()->set_broker(std::move(broker));
    return frame;
}

BridgeFrame session() {
    BridgeFrame frame;
    frame.mutable_session();
    return frame;
}

BridgeFrame message(std::uint32_t qos = 1, std::size_t bytes = 1) {
    BridgeFrame frame;
    frame.mutable_message()->set_qos(qos);
    frame.mutable_message()->set_payload(std::string(bytes, 'x'));
    return frame;
}

// What a host says of these, byte for byte or all at once.
std::string said_by_host(const std::vector<BridgeFrame>& frames, bool opened = true) {
    std::string said;
    for (const bool at_once : {true, false}) {
        recording_host sink;
        host there({"WH7", 16, 2}, sink, true, 0);
        for (const auto& frame : frames) {
            const auto bytes = bytes_of(frame);
            if (at_once) there.on_bytes(bytes);
            for (std::size_t i = 0; !at_once && i < bytes.size(); ++i)
                there.on_bytes(std::string_view(bytes).substr(i, 1));
            if (opened) there.on_opened(false);
        }
        const auto words = sink.closed.value_or("nothing");
        CHECK((at_once || words == said));
        said = words;
        CHECK(there.wants_bytes() != sink.closed.has_value());
    }
    return said;
}

std::string said_by_guest(const std::vector<BridgeFrame>& frames) {
    recording_guest sink;
    guest here({"wms", "site", false}, sink);
    here.on_broker_session(true);
    here.on_connected();
    for (const auto& frame : frames)
        here.on_bytes(bytes_of(frame));
    return sink.closed.value_or("nothing");
}

BridgeFrame welcome(std::uint32_t version = k_version, std::uint32_t window = 2) {
    BridgeFrame frame;
    frame.mutable_welcome()->set_version(version);
    frame.mutable_welcome()->set_window(window);
    frame.mutable_welcome()->set_payload_bytes_max(16);
    return frame;
}

} // namespace

TEST_CASE("a host wants hello, session and messages in that order") {
    CHECK(said_by_host({hello(), session(), message()}) == "nothing");
    CHECK(said_by_host({session()}) == "expected hello first");
    CHECK(said_by_host({message()}) == "a message before its session was opened");
    CHECK(said_by_host({hello(), message()}) == "a message before its session was opened");
    CHECK(said_by_host({hello(), session(), message()}, false) ==
          "a message before its session was opened");
    CHECK(said_by_host({hello(), session(), session()}, false) ==
          "a session while another is being opened");
    CHECK(said_by_host({hello(), hello()}) == "a second hello");
    BridgeFrame health;
    health.mutable_health();
    CHECK(said_by_host({health}) == "expected hello first");
    CHECK(said_by_host({hello(), welcome()}) == "a frame that only wharfd sends");
}

TEST_CASE("a host wants a version that it speaks and names that are names") {
    CHECK(said_by_host({hello(2)}) ==
          "expected version 1 of the protocol, found 2: wharf-bridge and wharfd are from different "
          "releases");
    for (const std::string broker : {"", "a/b", "a b", "a\n", "0123456789012345678901234567890123"})
        CHECK(said_by_host({hello(1, broker)}).starts_with("expected the names of a bridge"));
}

TEST_CASE("a host takes no more messages than its window, and none that is not one") {
    CHECK(said_by_host({hello(), session(), message(), message()}) == "nothing");
    CHECK(said_by_host({hello(), session(), message(), message(), message()}) ==
          "more than 2 messages without an answer");
    CHECK(said_by_host({hello(), session(), message(3)}) == "a message with QoS 3 and packet id 0");
    CHECK(said_by_host({hello(), session(), message(1, 17)}) ==
          "a payload of 17 bytes: at most 16 are expected");
}

TEST_CASE("what is no frame ends the connection") {
    recording_host sink;
    host there({"WH7", 16, 2}, sink, true, 0);
    SECTION("too long") {
        there.on_bytes(std::string("\xff\xff\xff\x7f", 4));
        CHECK(sink.closed->starts_with("a frame of 2147483647 bytes"));
    }
    SECTION("not protobuf") {
        there.on_bytes(std::string("\x02\x00\x00\x00\xff\xff", 6));
        CHECK(sink.closed == "a frame that is not a wharf.v1.BridgeFrame");
    }
    SECTION("empty") {
        there.on_bytes(std::string("\x00\x00\x00\x00", 4));
        CHECK(sink.closed == "a frame that is not a wharf.v1.BridgeFrame");
    }
}

TEST_CASE("a connection that does not say who it is ends after its time") {
    recording_host sink;
    host there({"WH7", 16, 2}, sink, true, 1000);
    there.on_tick(1000 + limits::k_bridge_hello_timeout_ms - 1);
    CHECK_FALSE(sink.closed);
    there.on_tick(1000 + limits::k_bridge_hello_timeout_ms);
    CHECK(sink.closed == "no hello in 10 s");

    recording_host second;
    host greeted({"WH7", 16, 2}, second, true, 0);
    greeted.on_bytes(bytes_of(hello()));
    greeted.on_tick(1'000'000);
    CHECK_FALSE(second.closed);
}

TEST_CASE("a guest wants welcome first and no answers to nothing") {
    BridgeFrame answer;
    answer.mutable_answer()->set_token(7);
    BridgeFrame opened;
    opened.mutable_opened();
    BridgeFrame refused;
    refused.mutable_opened()->set_refused(true);
    CHECK(said_by_guest({welcome(), opened}) == "nothing");
    CHECK(said_by_guest({answer}) == "expected welcome first");
    CHECK(said_by_guest({welcome(), opened, answer}) == "an answer to nothing that was asked");
    CHECK(said_by_guest({welcome(), opened, opened}) == "a frame that was not asked for");
    CHECK(said_by_guest({welcome(), welcome()}) == "a second welcome");
    CHECK(said_by_guest({welcome(2)}) ==
          "wharfd speaks version 2 of the protocol, and this is version 1");
    CHECK(said_by_guest({welcome(1, 0)}) == "a window of no message");
    CHECK(said_by_guest({welcome(), refused}).starts_with("wharfd keeps too many MQTT sessions"));
    CHECK(said_by_guest({welcome(), hello()}) == "a frame that was not asked for");
}
