#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::publish;
using wire::pubrel;

namespace {

session_limits receive_maximum(std::uint16_t count) {
    session_limits limits;
    limits.receive_maximum = count;
    return limits;
}

std::string publishes(unsigned level, unsigned qos, unsigned first, unsigned last) {
    std::string out;
    for (unsigned id = first; id <= last; ++id)
        out += publish(level, qos, id);
    return out;
}

} // namespace

TEST_CASE("MQTT 5: more than the receive maximum in flight ends the connection") {
    exchange e(receive_maximum(2));
    e.connected(5);
    CHECK(e.send(publish(5, 1, 1) + publish(5, 2, 2)).empty());
    CHECK(e.machine.opened());
    CHECK(to_hex(e.send(publish(5, 1, 3))).substr(4, 2) == "93");
    CHECK(e.machine.closed());
    CHECK(e.sink.published.size() == 2);
}

TEST_CASE("MQTT 5: a QoS 2 message is in flight until its PUBCOMP, a QoS 1 one until its PUBACK") {
    exchange e(receive_maximum(2));
    e.connected(5);
    e.send(publish(5, 2, 1) + publish(5, 1, 2));
    e.publish_done(0);
    e.publish_done(1);
    e.send(publish(5, 1, 3));
    e.publish_done(2);
    CHECK(e.machine.opened());
    e.send(pubrel(1));
    e.release_done(0);
    e.send(publish(5, 1, 4) + publish(5, 1, 5));
    CHECK(e.machine.opened());
    e.send(publish(5, 1, 6));
    CHECK(e.machine.closed());
}

TEST_CASE("MQTT 5: a refused QoS 2 message is no longer in flight") {
    exchange e(receive_maximum(1));
    e.connected(5);
    e.send(publish(5, 2, 1));
    e.publish_done(0, reason::quota_exceeded);
    e.send(publish(5, 2, 2));
    CHECK(e.machine.opened());
}

TEST_CASE("MQTT 5: what an earlier connection left open does not count until it is sent again") {
    exchange e(receive_maximum(1));
    e.sink.accept_at_once = false;
    e.send(wire::connect(5, 0));
    const std::uint16_t ids[] = {1, 2};
    e.machine.on_opened(true, ids);
    e.drain();
    e.send(pubrel(1));
    e.release_done(0);
    e.send(publish(5, 1, 3));
    CHECK(e.machine.opened());
    e.publish_done(0);
    CHECK(to_hex(e.send(publish(5, 2, 2, "x", true))) == "50020002");
    e.send(publish(5, 1, 4));
    CHECK(e.machine.closed());
}

TEST_CASE("3.1.1: reading stops at the receive maximum and goes on with each acknowledgement") {
    exchange e(receive_maximum(2));
    e.connected(4);
    CHECK(e.send(publishes(4, 1, 1, 5) + wire::pingreq()).empty());
    CHECK(e.sink.published.size() == 2);
    CHECK_FALSE(e.machine.wants_bytes());
    CHECK(e.machine.buffered_bytes() > 0);
    CHECK(to_hex(e.publish_done(0)) == "40020001");
    CHECK(e.sink.published.size() == 3);
    CHECK(e.publish_done(2).empty());
    CHECK(to_hex(e.publish_done(1)) == "4002000240020003");
    CHECK(e.sink.published.size() == 5);
    CHECK(to_hex(e.publish_done(3)) == "40020004d000");
    CHECK(to_hex(e.publish_done(4)) == "40020005");
    CHECK(e.machine.wants_bytes());
    CHECK(e.machine.buffered_bytes() == 0);
}

TEST_CASE("a completion alone makes the session go on, before anything is drained") {
    exchange e(receive_maximum(1));
    e.connected(4);
    e.machine.on_bytes(publish(4, 2, 1) + publish(4, 1, 2) + wire::pingreq(), 0);
    e.machine.on_published(e.sink.published.at(0).token, reason::success);
    REQUIRE(e.sink.published.size() == 2);
    e.machine.on_published(e.sink.published.at(1).token, reason::success);
    CHECK(to_hex(e.machine.output()) == "5002000140020002d000");
    e.machine.on_bytes(pubrel(1) + wire::pingreq(), 0);
    CHECK_FALSE(e.machine.wants_bytes());
    e.machine.on_released(e.sink.releases.at(0).first);
    CHECK(to_hex(e.machine.output()) == "5002000140020002d00070020001d000");
}

TEST_CASE("a read that was under way when reading stopped is kept") {
    exchange e(receive_maximum(1));
    e.connected(4);
    e.send(publish(4, 1, 1));
    CHECK_FALSE(e.machine.wants_bytes());
    const auto second = publish(4, 1, 2);
    e.send(second.substr(0, 3));
    e.send(second.substr(3));
    CHECK(e.sink.published.size() == 1);
    e.publish_done(0);
    CHECK(e.sink.published.size() == 2);
}

TEST_CASE("input handed in against wants_bytes is bounded") {
    session_limits limits = receive_maximum(1);
    limits.packet_bytes_max = 1024;
    exchange e(limits);
    e.connected(4);
    e.send(publish(4, 1, 1));
    const std::string chunk(256 * 1024, '\0');
    for (int i = 0; i < 10; ++i)
        e.send(chunk);
    CHECK(e.machine.closed());
    CHECK(e.machine.buffered_bytes() == 0);
}

TEST_CASE("unacknowledged bytes of every QoS stop the reading") {
    session_limits limits;
    limits.unacknowledged_bytes_max = 1000;
    for (const unsigned level : {4u, 5u}) {
        exchange e(limits);
        e.connected(level);
        const std::string payload(600, 'p');
        e.send(publish(level, 0, 0, payload) + publish(level, 1, 1, payload) +
               publish(level, 0, 0, payload));
        CHECK(e.sink.published.size() == 2);
        CHECK_FALSE(e.machine.wants_bytes());
        // A completion frees the bytes even where its acknowledgement still has to wait.
        CHECK(e.publish_done(1).empty());
        CHECK(e.sink.published.size() == 3);
        CHECK_FALSE(e.machine.wants_bytes());
        CHECK(to_hex(e.publish_done(0)) == "40020001");
        CHECK(e.machine.wants_bytes());
        e.publish_done(2);
        CHECK(e.machine.unacknowledged_bytes() == 0);
    }
}

TEST_CASE("messages of QoS 0 are counted as well as their bytes") {
    for (const unsigned level : {4u, 5u}) {
        exchange e(receive_maximum(4));
        e.connected(level);
        e.send(publishes(level, 0, 1, 20));
        CHECK(e.sink.published.size() == (level == 5 ? 8u : 4u));
        CHECK_FALSE(e.machine.wants_bytes());
        for (std::size_t i = 0; i < 20; ++i)
            e.publish_done(i);
        CHECK(e.machine.owed_count() == 0);
        CHECK(e.machine.buffered_bytes() == 0);
    }
}

TEST_CASE("a client that does not read its answers is not read either") {
    session_limits limits;
    limits.output_bytes_max = 64;
    exchange e(limits);
    e.connected(4);
    std::string pings;
    for (int i = 0; i < 100; ++i)
        pings += wire::pingreq();
    e.machine.on_bytes(pings, 0);
    CHECK(e.machine.output().size() == 64);
    CHECK_FALSE(e.machine.wants_bytes());
    std::size_t answered = 0;
    for (int i = 0; i < 10; ++i) {
        answered += e.machine.output().size();
        CHECK(e.machine.output().size() <= 64);
        e.machine.output().clear();
        e.machine.on_drained();
    }
    CHECK(answered == 200);
    CHECK(e.machine.wants_bytes());
}

TEST_CASE("bytes after a drain that nobody reported are still read in order") {
    session_limits limits;
    limits.output_bytes_max = 4;
    exchange e(limits);
    e.connected(4);
    e.machine.on_bytes(wire::pingreq() + wire::pingreq() + wire::pingreq(), 0);
    e.machine.output().clear();
    e.machine.on_bytes(publish(4, 1, 1), 0);
    CHECK(to_hex(e.machine.output()) == "d000");
    CHECK(e.sink.published.size() == 1);
}

TEST_CASE("a packet past the maximum is refused by its header alone") {
    session_limits limits;
    limits.packet_bytes_max = 1024;
    exchange e(limits);
    e.connected(5);
    CHECK(e.send(hex("30")).empty());
    CHECK(to_hex(e.send(hex("fe07"))).substr(4, 2) == "95"); // 3 + 1022 bytes
    CHECK(e.machine.closed());
    exchange fits(limits);
    fits.connected(4);
    fits.send(publish(4, 0, 0, std::string(1024 - 3 - 5, 'p')));
    CHECK(fits.sink.published.size() == 1);
    fits.send(publish(4, 0, 0, std::string(1024 - 3 - 4, 'p')));
    CHECK(fits.sink.closes.size() == 1);
    exchange first(limits);
    CHECK(first.send(hex("10ff7f")).empty());
    CHECK(first.machine.closed());
}

TEST_CASE("a topic past the maximum is refused") {
    exchange e;
    e.connected(5);
    const std::string longest(limits::k_topic_bytes_max, 't');
    e.send(publish(5, 0, 0, "x", false, longest));
    CHECK(e.sink.published.size() == 1);
    CHECK(to_hex(e.send(publish(5, 0, 0, "x", false, longest + "t"))).substr(4, 2) == "90");
    CHECK(e.machine.closed());
}

TEST_CASE("the client's Maximum Packet Size shortens a SUBACK or ends the connection") {
    exchange e;
    e.connected(5, 0, hex("2700000020"));
    const auto filter = wire::text("a") + hex("00");
    const std::vector<reason> refused(40, reason::quota_exceeded);
    e.send(wire::packet(0x82, wire::u16(1) + hex("00") + filter));
    e.machine.on_subscribed(1, std::span(refused).first(1), "words that are too many for it");
    CHECK(to_hex(e.drain()) == "900400010097");
    std::string filters;
    for (int i = 0; i < 40; ++i)
        filters += filter;
    e.send(wire::packet(0x82, wire::u16(2) + hex("00") + filters));
    e.machine.on_subscribed(2, refused);
    CHECK(e.machine.closed()); // it would wait for ever
}

TEST_CASE("while publishes are held pings are answered, and a PUBLISH waits for the release") {
    exchange e;
    e.connected(4);
    e.machine.hold_publishes(true);
    CHECK(to_hex(e.send(wire::pingreq())) == "d000");
    CHECK(e.machine.wants_bytes());
    CHECK(e.send(publish(4, 1, 7) + wire::pingreq()).empty());
    CHECK(e.sink.published.empty());
    CHECK_FALSE(e.machine.wants_bytes());
    // The client is not to blame for what we do not read.
    e.machine.on_tick(1'000'000'000);
    CHECK_FALSE(e.machine.closed());
    e.machine.hold_publishes(false);
    CHECK(e.sink.published.size() == 1);
    CHECK(e.machine.wants_bytes());
}
