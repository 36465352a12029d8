#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::publish;
using wire::pubrel;

namespace {

// A connection that resumes a session in which these identifiers are durable.
void resume(exchange& e, unsigned level, std::vector<std::uint16_t> ids) {
    e.sink.accept_at_once = false;
    e.send(wire::connect(level, 0));
    e.machine.on_opened(true, ids);
    e.drain();
}

} // namespace

TEST_CASE("QoS 2: PUBREC waits for the commit and PUBCOMP for the durable release") {
    for (const unsigned level : {4u, 5u}) {
        exchange e;
        e.connected(level);
        CHECK(e.send(publish(level, 2, 7)).empty());
        CHECK(to_hex(e.publish_done(0)) == "50020007");
        CHECK(e.send(pubrel(7)).empty());
        REQUIRE(e.sink.releases.size() == 1);
        CHECK(e.sink.releases[0].second == 7);
        CHECK(to_hex(e.release_done(0)) == "70020007");
        // The identifier is free: the next PUBLISH with it is a new message.
        e.send(publish(level, 2, 7));
        CHECK(e.sink.published.size() == 2);
    }
}

TEST_CASE("a QoS 2 PUBLISH repeated before its commit is published once and answered twice") {
    exchange e;
    e.connected(4);
    e.send(publish(4, 2, 7) + publish(4, 2, 7, "x", true));
    CHECK(e.sink.published.size() == 1);
    CHECK(e.sink.repeats == std::vector<std::uint16_t>{7});
    CHECK(to_hex(e.publish_done(0)) == "5002000750020007");
}

TEST_CASE("the repetition of a refused QoS 2 PUBLISH gets the same refusal") {
    exchange e;
    e.connected(5);
    e.send(publish(5, 2, 7) + publish(5, 2, 7, "x", true));
    CHECK(to_hex(e.publish_done(0, reason::quota_exceeded)) == "50030007975003000797");
}

TEST_CASE("a QoS 2 PUBLISH repeated after a reconnection is answered, not published") {
    for (const unsigned level : {4u, 5u}) {
        exchange e;
        resume(e, level, {7, 9});
        CHECK(to_hex(e.send(publish(level, 2, 7, "x", true))) == "50020007");
        CHECK(e.sink.published.empty());
        CHECK(e.send(pubrel(7)).empty());
        CHECK(to_hex(e.release_done(0)) == "70020007");
        CHECK(e.send(pubrel(9)).empty());
        CHECK(to_hex(e.release_done(1)) == "70020009");
        e.send(publish(level, 2, 9));
        CHECK(e.sink.published.size() == 1);
    }
}

TEST_CASE("identifiers of a session that is not present are forgotten") {
    exchange e;
    e.sink.accept_at_once = false;
    e.send(wire::connect(4, 0));
    const std::uint16_t ids[] = {7};
    e.machine.on_opened(false, ids);
    e.drain();
    e.send(publish(4, 2, 7));
    CHECK(e.sink.published.size() == 1);
}

TEST_CASE("a PUBREL for an unknown identifier is answered, with a reason in MQTT 5") {
    exchange old;
    old.connected(4);
    CHECK(to_hex(old.send(pubrel(5))) == "70020005");
    exchange e;
    e.connected(5);
    CHECK(to_hex(e.send(pubrel(5))) == "7003000592");
    CHECK(e.sink.releases.empty());
}

TEST_CASE("a PUBCOMP does not overtake the answers before it") {
    exchange e;
    resume(e, 5, {7});
    e.send(publish(5, 1, 1) + pubrel(7) + pubrel(8));
    CHECK(e.release_done(0).empty());
    CHECK(to_hex(e.publish_done(0)) == "40020001"
                                       "70020007"
                                       "7003000892");
}

TEST_CASE("a PUBREL repeated before its release is released once and answered twice") {
    exchange e;
    resume(e, 4, {7});
    e.send(pubrel(7) + pubrel(7));
    CHECK(e.sink.releases.size() == 1);
    CHECK(to_hex(e.release_done(0)) == "7002000770020007");
}

TEST_CASE("a PUBREL before the PUBREC is a violation, for its identifier would stay known") {
    exchange old;
    old.connected(4);
    CHECK(old.send(publish(4, 2, 7) + pubrel(7)).empty());
    CHECK(old.machine.closed());
    exchange e;
    e.connected(5);
    CHECK(to_hex(e.send(publish(5, 2, 7) + pubrel(7))).substr(4, 2) == "82");
    CHECK(e.machine.closed());
}

TEST_CASE("a PUBLISH with an identifier that is being released is neither new nor old") {
    exchange e;
    resume(e, 5, {7});
    e.send(pubrel(7));
    CHECK(e.send(publish(5, 2, 7)).empty());
    CHECK(e.sink.published.empty());
    CHECK(to_hex(e.release_done(0)) == "700200075003000791");
    exchange old;
    resume(old, 4, {7});
    old.send(pubrel(7) + publish(4, 2, 7));
    CHECK(old.machine.closed());
    CHECK(old.sink.published.empty());
}

TEST_CASE("all 65535 identifiers may be open at once in 3.1.1") {
    exchange e;
    e.sink.publish_at_once = true;
    e.connected(4);
    for (unsigned id = 1; id <= 65535; ++id)
        e.send(publish(4, 2, id));
    CHECK(e.sink.published.size() == 65535);
    CHECK(to_hex(e.send(publish(4, 2, 65535, "x", true))) == "5002ffff");
    CHECK(e.sink.published.size() == 65535);
    for (unsigned id = 1; id <= 65535; ++id)
        e.send(pubrel(id));
    CHECK(e.sink.releases.size() == 65535);
    e.send(publish(4, 2, 1));
    CHECK(e.sink.published.size() == 65536);
}
