// What goes wrong at the edges: identifiers that a client may still hold, connections that are gone
// before their answer, what is held while the journal has no room, and bounds.
#include "tests/unit/broker/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

using texts = std::vector<std::string>;

namespace {

std::size_t kept(broker_rig& r, char kind) {
    std::size_t count = 0;
    for (const auto& [key, value] : r.journal.store.read_all())
        if (key.front() == kind) ++count;
    return count;
}

test_client& back(broker_rig& r, std::string_view more = {}) {
    auto& made = r.make();
    made.send(packets::connect(5, 0, 60, "away", "\x11" + packets::u32(3600) + std::string(more)));
    r.settle();
    return made;
}

std::string with_will(std::uint32_t delay_s) {
    return packets::list(packets::hex("18") + packets::u32(delay_s)) + packets::text("gone/1") +
           packets::text("device");
}

} // namespace

TEST_CASE("a QoS 2 message that was sent does not expire: its client may hold the identifier") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 2);
    r.connected("scanner").publish("a", "x", 2, false, packets::hex("02") + packets::u32(5));
    r.settle();
    REQUIRE(away.hear().size() == 1);
    away.drop();
    r.advance(6);
    const auto all = back(r).hear();
    REQUIRE(all.size() == 2);
    CHECK(all[1].payload == "x");
    CHECK(all[1].dup());
    CHECK(all[1].properties.at(0x02) == packets::u32(0));
}

TEST_CASE("a QoS 2 message that was sent and is too large by now gives its identifier free") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 2);
    r.connected("scanner").publish("a", std::string(100, 'x'), 2);
    r.settle();
    const auto first = away.hear();
    REQUIRE(first.size() == 1);
    away.drop();
    r.settle();
    auto& small = back(r, packets::hex("27") + packets::u32(64));
    r.settle();
    const auto all = small.hear();
    REQUIRE(all.size() == 2);
    CHECK(all[1].type == 6);
    CHECK(all[1].packet_id == first[0].packet_id);
    small.send(packets::packet(0x70, packets::u16(first[0].packet_id)));
    r.advance(1);
    CHECK(kept(r, 'V') == 0);
}

TEST_CASE("a connection that is gone before its session was opened leaves no will, no connection") {
    broker_rig r;
    const bool clean = GENERATE(false, true);
    auto& first = r.make();
    first.send(packets::packet(0x10, packets::connect_body(5, clean ? 0x0e : 0x0c, 60, "device",
                                                           "\x11" + packets::u32(30)) +
                                         with_will(0)));
    const bool another = GENERATE(false, true);
    if (another)
        r.make().send(packets::connect(5, clean ? 2 : 0, 60, "device", "\x11" + packets::u32(30)));
    first.drop();
    r.settle();
    r.advance(1);
    CHECK(kept(r, 'W') == 0);
    CHECK(kept(r, 'S') == 1);
    if (another) return;
    r.advance(100);
    r.advance(100);
    CHECK(kept(r, 'S') == 0); // it expires as any other
}

TEST_CASE("two wills of one session after a power cut: each is published once") {
    broker_rig r;
    auto& wms = r.connected("wms", 5, false);
    wms.subscribe("gone/#", 1);
    for (int i = 0; i < 2; ++i) {
        auto& device = r.make();
        device.send(packets::packet(
            0x10, packets::connect_body(5, 0x0c, 60, "device", "\x11" + packets::u32(3600)) +
                      with_will(100)));
        r.commit(); // the erasure of the first will waits for a later commit
    }
    REQUIRE(kept(r, 'W') == 2);
    r.restart();
    r.broker_->on_tick();
    r.settle();
    r.advance(200);
    r.advance(1);
    CHECK(kept(r, 'W') == 0);
}

TEST_CASE("a will that is published after a restart is its client's own for No Local") {
    broker_rig r;
    auto& device = r.make();
    device.send(packets::packet(0x10, packets::connect_body(5, 0x06, 60, "device") + with_will(0)));
    r.settle();
    REQUIRE(kept(r, 'W') == 1);
    r.restart();
    auto& again = r.connected("device");
    auto& other = r.connected("other");
    again.subscribe("gone/#", 1 | 4);
    other.subscribe("gone/#", 1 | 4);
    r.advance(1);
    CHECK(other.take().size() == 1);
    CHECK(again.take().empty());
}

TEST_CASE("a session resumed without outliving its connection ends with it, taken over or not") {
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 1);
    away.drop();
    r.settle();
    auto& brief = r.make();
    brief.connect("away", false); // expiry 0
    const auto answer = r.make().connect("away", false, "\x11" + packets::u32(3600));
    CHECK(answer.body.at(0) == 0);
    CHECK(brief.closed());
    CHECK(r.broker_->subscriptions_count() == 0);
}

TEST_CASE("an UNSUBSCRIBE does not overtake the SUBSCRIBE that waits for space") {
    CHECK(takes_space(local_request{1, true, {put_subscription{1, 1, {}}}}));
    CHECK(takes_space(local_request{1, true, {erase_subscription{1, 1}}}));
    CHECK_FALSE(takes_space(local_request{1, true, {erase_queued{1, 1}}}));
    broker_rig r;
    auto& away = r.connected("away", 5, false);
    away.machine().session().hold_publishes(true);
    away.send(packets::packet(0x82, packets::u16(1) + packets::list() + packets::text("a") + "\1"));
    CHECK(r.requests.empty());
    away.send(packets::pingreq());
    away.machine().session().hold_publishes(false);
    CHECK(r.requests.size() == 1);
}

TEST_CASE("retained messages wait for room in the queue") {
    broker::broker_options options;
    options.queue_messages_max = 10;
    broker_rig r(options);
    auto& scanner = r.connected("scanner");
    for (int i = 0; i < 30; ++i)
        scanner.publish("s/" + std::to_string(10 + i), "x", 1, true);
    r.settle();
    auto& wms = r.connected("wms");
    wms.subscribe("s/+", 1);
    CHECK(wms.take().size() == 30);
}

TEST_CASE(
    "a retained message that no queue has room for is passed over, and those behind it come") {
    broker::broker_options options;
    options.queues_bytes_max = 2048;
    broker_rig r(options);
    auto& device = r.connected("device");
    device.publish("a/1", std::string(4000, 'x'), 1, true);
    device.publish("a/2", "small", 1, true);
    r.settle();
    SECTION("a session that outlives its connection") {
        auto& wms = r.connected("wms");
        wms.subscribe("a/#", 1);
        CHECK(wms.take() == texts{"a/2 small"});
    }
    SECTION("one that does not") {
        auto& wms = r.connected("wms", 5, true, 0);
        wms.subscribe("a/#", 1);
        CHECK(wms.take() == texts{"a/2 small"});
    }
    CHECK(r.broker_->counters().dropped_queue == 1);
}

TEST_CASE("those who are away do not take the room of who is here") {
    broker::broker_options options;
    options.queues_bytes_max = 256 * 1024;
    broker_rig r(options);
    auto& away = r.connected("away", 5, false);
    away.subscribe("a", 1);
    away.drop();
    r.settle();
    auto& scanner = r.connected("scanner");
    for (int i = 0; i < 100; ++i)
        scanner.publish("a", std::string(4000, 'x'));
    r.settle();
    REQUIRE(r.broker_->counters().dropped_queue > 0);
    auto& here = r.connected("here");
    here.subscribe("b", 1);
    std::size_t got = 0;
    for (int i = 0; i < 20; ++i) {
        scanner.publish("b", "y");
        got += here.take().size();
    }
    CHECK(got == 20);
}

TEST_CASE("retained messages may always be taken away, however small their room has become") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    scanner.publish("a", std::string(5000, 'x'), 1, true);
    r.settle();
    broker::retained_messages small({10, 100});
    CHECK(small.begin("a", 50) == std::nullopt);
    const auto bytes = kept(r, 'G');
    CHECK(bytes == 1);
    small.restore(1, std::make_shared<broker::message>("a", std::string(5000, 'x'), 1, true));
    CHECK(small.begin("a", 0) == 1);
    small.set("a", nullptr);
    CHECK(small.count() == 0);
}

TEST_CASE("of two retained messages of a topic in the journal the newer one stands") {
    broker::retained_messages all({10, 10'000});
    CHECK(all.restore(3, std::make_shared<broker::message>("a", "old", 1, true)) == 0);
    CHECK(all.restore(7, std::make_shared<broker::message>("a", "new", 1, true)) == 3);
    std::string after;
    bool from_begin = true;
    std::size_t budget = 10;
    const auto* found = all.next("#", after, from_begin, 0, budget);
    REQUIRE(found != nullptr);
    CHECK((*found)->payload() == "new");
}

TEST_CASE("a look through the retained messages stops where its budget ends, and goes on there") {
    broker::retained_messages all({1000, 1'000'000});
    for (std::uint64_t i = 0; i < 500; ++i)
        all.restore(i + 1, std::make_shared<broker::message>("s/" + std::to_string(1000 + i), "x",
                                                             1, true));
    std::string after;
    bool from_begin = true;
    std::size_t turns = 0;
    const broker::message_ptr* found = nullptr;
    while (found == nullptr && turns < 100) {
        std::size_t budget = 50;
        found = all.next("+/1499", after, from_begin, 0, budget);
        ++turns;
    }
    REQUIRE(found != nullptr);
    CHECK((*found)->topic() == "s/1499");
    CHECK(turns == 10);
}

TEST_CASE("an UNSUBSCRIBE right behind its SUBSCRIBE: no retained message follows") {
    broker_rig r;
    r.connected("scanner").publish("a", "x", 1, true);
    r.settle();
    auto& wms = r.connected("wms", 5, false);
    wms.send(packets::packet(0x82, packets::u16(1) + packets::list() + packets::text("a") + "\1") +
             packets::packet(0xa2, packets::u16(2) + packets::list() + packets::text("a")));
    r.settle();
    CHECK(wms.messages().empty());
}

TEST_CASE("subscribing again and again to what is retained keeps one walk") {
    broker_rig r;
    auto& scanner = r.connected("scanner");
    for (int i = 0; i < 200; ++i)
        scanner.publish("s/" + std::to_string(i), "x", 1, true);
    r.settle();
    auto& wms = r.connected("wms");
    for (int i = 0; i < 20; ++i)
        wms.send(packets::packet(0x82, packets::u16(static_cast<unsigned>(i) + 1) +
                                           packets::list() + packets::text("s/+") + "\1"));
    r.settle();
    CHECK(wms.take().size() < 1000);
}

TEST_CASE("wills have a bound for all of them together") {
    broker::broker_options options;
    options.queues_bytes_max = 4000;
    broker_rig r(options);
    std::size_t refused = 0;
    for (int i = 0; i < 30; ++i) {
        auto& device = r.make();
        device.send(packets::packet(
            0x10, packets::connect_body(5, 0x0e, 60, "d" + std::to_string(i)) + packets::list() +
                      packets::text("gone/1") + packets::text(std::string(100, 'x'))));
        r.settle();
        const auto all = device.hear();
        REQUIRE_FALSE(all.empty());
        if (to_hex(all[0].body.substr(1, 1)) == "97") ++refused;
    }
    CHECK(refused > 15);
    CHECK(refused < 30);
}

TEST_CASE("a connection that is refused for its will leaves the one that is there alone") {
    broker::broker_options options;
    options.queues_bytes_max = 4096;
    broker_rig r(options);
    auto& first = r.connected("device");
    auto& second = r.make();
    const auto answer = second.connect("device", false, "\x11" + packets::u32(3600),
                                       packets::list() + packets::text("gone/1") +
                                           packets::text(std::string(2000, 'x')));
    CHECK(to_hex(answer.body.substr(1, 1)) == "97");
    CHECK_FALSE(first.closed());
    first.subscribe("a/#", 1);
    r.connected("other").publish("a/1", "one");
    CHECK(first.take() == texts{"a/1 one"});
}

TEST_CASE("a session whose connection gave way to one that is refused ends in its time") {
    broker_rig r;
    const auto connect = [&](const std::string& owner) -> test_client& {
        auto& made = r.make();
        made.owner_ = owner;
        made.send(packets::packet(
            0x10, packets::connect_body(5, 0, 60, "device", "\x11" + packets::u32(3600))));
        return made;
    };
    // Both before the journal has said anything.
    auto& first = connect("x");
    auto& second = connect("y");
    // One of them, both or none may be gone by then.
    if (GENERATE(false, true)) first.drop();
    if (GENERATE(false, true)) second.drop();
    r.settle();
    CHECK(first.closed());
    CHECK(second.closed());
    CHECK(r.journal.under_test().sessions() == 1);
    r.advance(3700);
    r.advance(61);
    CHECK(r.journal.under_test().sessions() == 0);
}
