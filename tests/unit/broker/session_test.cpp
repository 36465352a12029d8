#include "tests/unit/broker/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

using texts = std::vector<std::string>;

namespace {

bool is_present(const heard& connack) {
    return connack.body.at(0) == 1;
}

heard resume(broker_rig& r, test_client*& out, unsigned version = 5) {
    out = &r.make(version);
    // What waited for the session is left to be heard.
    out->send(packets::connect(version, 0, 60, "away",
                               version == 5 ? "\x11" + packets::u32(3600) : std::string()));
    r.settle();
    return {};
}

} // namespace

TEST_CASE("a session keeps its subscriptions and its messages while its client is away") {
    broker_rig r;
    const auto version = GENERATE(4u, 5u);
    auto& away = r.connected("away", version, false);
    away.subscribe("a/+", 2);
    away.subscribe("b", 1);
    away.send(packets::packet(0xa2, packets::u16(77) +
                                        (version == 5 ? packets::list() : std::string()) +
                                        packets::text("b")));
    r.settle();
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    scanner.publish("a/1", "one", 1).publish("a/2", "two", 2).publish("a/3", "none", 0);
    scanner.publish("b", "unsubscribed", 1);
    r.settle();
    const auto how = GENERATE(0, 1, 2);
    if (how > 0) r.restart(how == 2);
    test_client* back = nullptr;
    resume(r, back, version);
    auto all = back->hear();
    REQUIRE(all.size() == 3);
    CHECK(is_present(all[0]));
    CHECK(all[1].topic + all[1].payload == "a/1one");
    CHECK(all[2].topic + all[2].payload == "a/2two");
    // It is not known after a restart whether they were sent before.
    CHECK(all[1].dup() == (how > 0));
}

TEST_CASE(
    "what was sent and not acknowledged is sent again with DUP under its identifier, in order") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 2);
    auto& scanner = r.connected("scanner");
    for (int i = 0; i < 4; ++i)
        scanner.publish("a", std::to_string(i), 1 + static_cast<unsigned>(i) % 2);
    r.settle();
    const auto first = away.hear();
    REQUIRE(first.size() == 4);
    away.send(packets::packet(0x40, packets::u16(first[2].packet_id)));
    r.settle();
    const auto how = GENERATE(0, 1, 2);
    if (how == 0)
        away.drop();
    else
        r.restart(how == 2);
    test_client* back = nullptr;
    resume(r, back);
    const auto again = back->hear();
    // The acknowledgement was to ride in a later commit: after a restart it may be forgotten.
    REQUIRE(again.size() >= 4);
    std::map<unsigned, std::string> seen;
    unsigned last = 0;
    for (std::size_t i = 1; i < again.size(); ++i) {
        CHECK(again[i].dup());
        CHECK(again[i].packet_id > last);
        last = again[i].packet_id;
        seen[last] = again[i].payload;
    }
    for (const auto& each : {first[0], first[1], first[3]})
        CHECK(seen.at(each.packet_id) == each.payload);
}

TEST_CASE("QoS 2: after the PUBREC is durable the message is not sent again, its PUBREL is") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 2);
    r.connected("scanner").publish("a", "once", 2);
    r.settle();
    const auto first = away.hear();
    REQUIRE(first.size() == 1);
    away.send(packets::packet(0x50, packets::u16(first[0].packet_id)));
    SECTION("no PUBREL before that is durable") {
        CHECK(away.hear().empty());
        r.commit();
        const auto answer = away.hear();
        REQUIRE(answer.size() == 1);
        CHECK(answer[0].type == 6);
        CHECK(answer[0].packet_id == first[0].packet_id);
    }
    SECTION("a power cut before the commit: the message comes again") {
        r.restart();
        test_client* back = nullptr;
        resume(r, back);
        const auto again = back->hear();
        REQUIRE(again.size() == 2);
        CHECK(again[1].payload == "once");
        CHECK(again[1].dup());
        CHECK(again[1].packet_id == first[0].packet_id);
    }
    SECTION("after it: only the PUBREL") {
        r.commit();
        if (GENERATE(false, true))
            r.restart();
        else
            away.drop();
        test_client* back = nullptr;
        resume(r, back);
        auto again = back->hear();
        REQUIRE(again.size() == 2);
        CHECK(again[1].type == 6);
        CHECK(again[1].packet_id == first[0].packet_id);
        back->send(packets::packet(0x70, packets::u16(first[0].packet_id)));
        r.advance(1);
        r.restart();
        resume(r, back);
        CHECK(back->hear().size() == 1);
    }
    SECTION("the connection is lost before the commit: the PUBREL waits for the next one") {
        away.drop();
        test_client* back = nullptr;
        resume(r, back);
        const auto again = back->hear();
        REQUIRE(again.size() == 2);
        CHECK(again[1].type == 6);
    }
}

TEST_CASE("identifiers are not given twice while they are in use") {
    broker::broker_options options;
    options.queue_messages_max = limits::k_queue_messages_max;
    options.inflight_max = 4;
    broker_rig r(options);
    auto& wms = r.connected("wms", 4, true);
    wms.subscribe("a", 1);
    auto& scanner = r.connected("scanner");
    // The first stays open while the others go round.
    scanner.publish("a", "open");
    r.settle();
    const auto open = wms.hear().at(0).packet_id;
    std::size_t got = 0;
    std::size_t refused = 0;
    for (int i = 0; i < 70'000; ++i) {
        scanner.publish("a", "x", 1);
        if (i % 100 != 0) continue;
        r.settle();
        for (const auto& each : wms.hear()) {
            REQUIRE(each.packet_id != open);
            wms.send(packets::packet(0x40, packets::u16(each.packet_id)));
            ++got;
        }
    }
    refused = r.broker_->counters().dropped_queue;
    CHECK(refused > 0); // rather than that
    CHECK(got > 1000);
}

TEST_CASE("a clean start ends the session: its subscriptions and messages are gone for good") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 1);
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    scanner.publish("a", "old");
    r.settle();
    auto& fresh = r.make();
    CHECK_FALSE(is_present(fresh.connect("away", true, "\x11" + packets::u32(3600))));
    scanner.publish("a", "new");
    r.settle();
    CHECK(fresh.hear().empty());
    CHECK(r.broker_->queued_bytes() == 0);
    fresh.drop();
    r.settle();
    r.restart();
    test_client* back = nullptr;
    resume(r, back);
    const auto all = back->hear();
    REQUIRE(all.size() == 1);
    CHECK(is_present(all[0])); // of the fresh one, which has neither
}

TEST_CASE("a session's time is over: it is gone with its queue") {
    broker_rig r;
    auto& away = r.connected("away", 5, false, 30);
    away.subscribe("a", 1);
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    scanner.publish("a", "x");
    r.settle();
    CHECK(r.broker_->subscriptions_count() == 1);
    r.advance(100);
    r.advance(100);
    CHECK(r.broker_->subscriptions_count() == 0);
    CHECK(r.broker_->queued_bytes() == 0);
    std::size_t left = 0;
    for (const auto& [key, value] : r.journal.store.read_all())
        if (key.front() == 'U' || key.front() == 'V') ++left;
    CHECK(left == 0);
}

TEST_CASE("a second connection takes the session over, with what was not acknowledged") {
    broker_rig r;
    auto& first = r.connected("away", 5, false);
    first.subscribe("a", 1);
    auto& scanner = r.connected("scanner");
    scanner.publish("a", "x");
    r.settle();
    CHECK(first.messages() == texts{"a x"});
    test_client* second = nullptr;
    resume(r, second);
    CHECK(first.closed());
    const auto goodbye = first.hear();
    REQUIRE(goodbye.size() == 1);
    CHECK(to_hex(goodbye[0].body.substr(0, 1)) == "8e");
    const auto all = second->hear();
    REQUIRE(all.size() == 2);
    CHECK(is_present(all[0]));
    CHECK(all[1].dup());
    scanner.publish("a", "y");
    r.settle();
    CHECK(second->messages() == texts{"a y"});
}

TEST_CASE("what is handed to the journal while a session is taken over by a clean one is not its") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 1);
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    auto& fresh = r.make();
    fresh.send(packets::connect(5, 2, 60, "away", "\x11" + packets::u32(3600)));
    scanner.publish("a", "between"); // routed to the old session, committed after its end
    r.settle();
    CHECK(fresh.messages().empty());
    for (const auto& [key, value] : r.journal.store.read_all())
        CHECK(key.front() != 'V');
}

TEST_CASE("a message whose publisher was replaced while it waited reaches nobody") {
    broker_rig r;
    auto& wms = r.connected("wms", 5, false);
    wms.subscribe("a", 1);
    auto& first = r.connected("scanner", 5, false);
    auto& second = r.make();
    second.send(packets::connect(5, 0, 60, "scanner"));
    (void)second;
    // It was still read from the first connection, behind the second's CONNECT.
    ingest_request late{first.machine().id() << broker::client::k_token_bits | 1, {}};
    r.settle();
    wms.hear();
    CHECK(first.closed());
    CHECK(wms.messages().empty());
    second.publish("a", "taken");
    CHECK(wms.take() == texts{"a taken"});
    CHECK(r.broker_->queued_bytes() == 0);
}

TEST_CASE("a session that does not outlive its connection leaves nothing in the journal") {
    broker_rig r;
    auto& brief = r.connected("brief", 5, true, 0);
    brief.subscribe("a", 1);
    r.connected("scanner", 5, true, 0).publish("a", "x");
    r.settle();
    CHECK(brief.messages() == texts{"a x"});
    for (const auto& [key, value] : r.journal.store.read_all())
        CHECK(std::string("USVW").find(key.front()) == std::string::npos);
}

TEST_CASE("shared subscriptions, and those beyond a bound, are refused one by one") {
    broker_rig r;
    auto& wms = r.connected("wms");
    CHECK(wms.subscribe("$share/g/a", 1) == "9e");
    CHECK(wms.subscribe(std::string(limits::k_topic_bytes_max + 1, 'a'), 1) == "8f");
    std::string deep;
    for (std::size_t i = 0; i < limits::k_topic_levels_max; ++i)
        deep += "+/";
    CHECK(wms.subscribe(deep, 1) == "8f");
    for (std::size_t i = 0; i < limits::k_subscriptions_per_session_max; ++i)
        REQUIRE(wms.subscribe("a/" + std::to_string(i), 0) == "00");
    CHECK(wms.subscribe("one/more", 0) == "97");
    CHECK(wms.subscribe("a/1", 2) == "02"); // takes the place of one that is there
    auto& old = r.connected("old", 4);
    CHECK(old.subscribe("$share/g/a", 1) == "80");
}

namespace {

test_client& come_back(broker_rig& r, std::function<bool(std::string_view)> allows) {
    test_client& out = r.make(5);
    out.allows = std::move(allows);
    out.send(packets::connect(5, 0, 60, "away", "\x11" + packets::u32(3600)));
    r.settle();
    return out;
}

bool below_a(std::string_view filter) {
    return filter.starts_with("a/");
}

} // namespace

TEST_CASE("a session that comes back with fewer rights keeps what is within them, and no more") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a/+", 1);
    away.subscribe("b/#", 2);
    away.subscribe("b/1", 0);
    away.drop();
    r.settle();
    auto* scanner = &r.connected("scanner");
    scanner->publish("a/1", "one").publish("b/1", "two", 2).publish("b/2", "three");
    r.settle();
    const auto how = GENERATE(0, 1, 2);
    if (how > 0) r.restart(how == 2);

    auto* back = &come_back(r, below_a);
    CHECK(back->take() == texts{"a/1 one"});
    CHECK(r.broker_->counters().dropped_not_allowed == 2);
    CHECK(r.broker_->subscriptions_count() == 1);
    CHECK(r.broker_->queued_bytes() == 0);
    CHECK(r.log.size() == 2);
    scanner = &r.connected("scanner");
    scanner->publish("b/1", "four").publish("a/2", "five");
    r.settle();
    CHECK(back->take() == texts{"a/2 five"});

    // It is gone for good: rights that come again do not bring it back.
    back->drop();
    r.advance(1); // what is not urgent is handed over
    r.settle();
    r.restart(how == 2);
    scanner = &r.connected("scanner");
    scanner->publish("b/1", "six").publish("a/3", "seven");
    r.settle();
    back = &come_back(r, [](std::string_view) { return true; });
    CHECK(back->take() == texts{"a/3 seven"});
}

TEST_CASE("a message on its way to the journal does not reach who has lost the right to it") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    const auto qos = GENERATE(0u, 1u, 2u);
    away.subscribe("b", 2);
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    // Read in the same turn as the CONNECT that takes the right away: routed before it.
    scanner.publish("b", "one", qos);
    CHECK(come_back(r, below_a).take().empty());
    CHECK(r.broker_->counters().dropped_not_allowed == (qos > 0 ? 1 : 0));
    CHECK(r.broker_->queued_bytes() == 0);
}

TEST_CASE("an exchange of QoS 2 that lost its right ends without the message") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("b", 2);
    auto& scanner = r.connected("scanner");
    scanner.publish("b", "one", 2);
    r.settle();
    REQUIRE(away.messages() == texts{"b one"}); // and it says nothing
    away.drop();
    r.settle();
    auto& back = come_back(r, below_a);
    const auto all = back.hear();
    REQUIRE(all.size() == 2);
    CHECK(all[0].type == 2);
    CHECK(all[1].type == 6); // its PUBREL: the identifier can be used again
    back.send(packets::packet(0x70, packets::u16(all[1].packet_id)));
    r.settle();
    CHECK(r.broker_->queued_bytes() == 0);
}
