#include "tests/unit/broker/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

using texts = std::vector<std::string>;

TEST_CASE("a retained message is there for who subscribes later, the last one of its topic") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    const auto qos = GENERATE(0u, 1u, 2u);
    scanner.publish("state/1", "old", qos, true);
    scanner.publish("state/1", "new", qos, true);
    scanner.publish("state/2", "two", qos, true);
    r.settle();
    const auto how = GENERATE(0, 1, 2);
    if (how > 0) r.restart(how == 2);
    auto& wms = r.connected("wms", 5, GENERATE(false, true));
    wms.subscribe("state/+", 2, 5);
    r.settle();
    const auto all = wms.hear();
    REQUIRE(all.size() == 2);
    CHECK(all[0].payload == "new");
    CHECK(all[1].payload == "two");
    for (const auto& each : all) {
        CHECK(each.retain());
        CHECK(each.qos() == qos);
        CHECK(each.identifiers == std::vector<std::uint32_t>{5});
    }
}

TEST_CASE("a new subscription does not miss what is about to be retained") {
    broker_rig r;
    const unsigned version = GENERATE(4u, 5u);
    auto& scanner = r.connected("scanner", version);
    auto& panel = r.connected("panel", version); // 3.1.1: it ends with its connection
    scanner.publish("state", "old", 1, true);
    r.settle();
    scanner.publish("state", "new", 1, true);
    CHECK(panel.subscribe("state", 1) == "01");
    CHECK(panel.take() == texts{"state new"});
}

TEST_CASE("an empty payload takes the retained message away, for good") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    auto& wms = r.connected("wms");
    wms.subscribe("a", 1);
    scanner.publish("a", "x", 1, true);
    r.settle();
    scanner.publish("a", "", 1, true);
    CHECK(wms.take() == texts{"a x", "a "});
    CHECK(r.broker_->retained_count() == 0);
    if (GENERATE(false, true)) r.restart();
    auto& late = r.connected("late");
    late.subscribe("#", 1);
    CHECK(late.messages().empty());
}

TEST_CASE("RETAIN is kept on what is passed on only where the subscription asks for it") {
    broker_rig r;
    auto& plain = r.connected("plain");
    plain.subscribe("a", 1);
    auto& asks = r.connected("asks");
    asks.subscribe("a", 0x09);
    auto& old = r.connected("old", 4);
    old.subscribe("a", 1);
    r.connected("scanner").publish("a", "x", 1, true);
    r.settle();
    CHECK_FALSE(plain.hear().at(0).retain());
    CHECK(asks.hear().at(0).retain());
    CHECK_FALSE(old.hear().at(0).retain());
}

TEST_CASE("Retain Handling: always, only with a new subscription, never") {
    broker_rig r;
    r.connected("scanner").publish("a", "x", 0, true);
    r.settle();
    auto& wms = r.connected("wms");
    wms.subscribe("a", 0x20);
    CHECK(wms.messages().empty());
    wms.subscribe("a", 0x10); // it is not new
    CHECK(wms.messages().empty());
    wms.subscribe("a", 0x00);
    CHECK(wms.messages() == texts{"a x"});
    auto& other = r.connected("other");
    other.subscribe("a", 0x10);
    CHECK(other.messages() == texts{"a x"});
}

TEST_CASE("a retained message expires") {
    broker_rig r;
    r.connected("scanner").publish("a", "x", 1, true, packets::hex("02") + packets::u32(30));
    r.settle();
    r.advance(10);
    auto& early = r.connected("early");
    early.subscribe("a", 0);
    const auto got = early.hear();
    REQUIRE(got.size() == 1);
    CHECK(got[0].properties.at(0x02) == packets::u32(20));
    r.advance(25);
    CHECK(r.broker_->retained_count() == 0);
    auto& late = r.connected("late");
    late.subscribe("a", 0);
    CHECK(late.messages().empty());
    r.advance(1);
    for (const auto& [key, value] : r.journal.store.read_all())
        CHECK(key.front() != 'G');
}

TEST_CASE("many retained messages come in pieces, as the client takes them, each once") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    for (int i = 0; i < 500; ++i)
        scanner.publish("s/" + std::to_string(1000 + i), std::to_string(i), 1, true);
    r.settle();
    auto& wms = r.connected("wms", 5, GENERATE(false, true));
    wms.send(
        packets::packet(0x82, packets::u16(1) + packets::list() + packets::text("s/#") + "\1"));
    r.commit();
    CHECK(r.broker_->queued_bytes() < 500 * 100);
    // One that is published meanwhile is newer than the retained one that is still to come.
    scanner.publish("s/1499", "newer", 1, true);
    r.settle();
    const auto got = wms.take();
    CHECK(std::ranges::count(got, "s/1499 499") == 0);
    CHECK(std::ranges::count(got, "s/1499 newer") == 2);
    CHECK(got.size() == 501);
}

TEST_CASE("there are bounds for what is retained; a topic that has its place may change") {
    broker::broker_options options;
    options.retained.messages_max = 2;
    options.retained.bytes_max = 1000;
    broker_rig r(options);
    auto& scanner = r.connected("scanner");
    for (const auto* topic : {"a", "b", "c"})
        scanner.publish(topic, "x", 1, true);
    r.settle();
    CHECK(r.broker_->retained_count() == 2);
    CHECK(r.broker_->counters().retained_refused == 1);
    scanner.publish("a", std::string(2000, 'x'), 1, true);
    scanner.publish("b", "y", 1, true);
    scanner.publish("a", "", 1, true);
    r.settle();
    scanner.publish("c", "z", 1, true);
    r.settle();
    r.restart();
    auto& wms = r.connected("wms");
    wms.subscribe("#", 0);
    CHECK(wms.messages() == texts{"b y", "c z"});
}

TEST_CASE("wildcards do not show what begins with $") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    scanner.publish("$aside", "x", 1, true);
    r.settle();
    auto& wms = r.connected("wms");
    wms.subscribe("#", 0);
    wms.subscribe("+", 0);
    CHECK(wms.messages().empty());
    wms.subscribe("$aside", 0);
    CHECK(wms.messages() == texts{"$aside x"});
}
