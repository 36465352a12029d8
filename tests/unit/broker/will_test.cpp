#include "tests/unit/broker/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

using texts = std::vector<std::string>;

namespace {

struct will_rig : broker_rig {
    will_rig() : wms(connected("wms")) { wms.subscribe("gone/#", 1); }

    test_client& device(std::uint32_t delay_s = 0, std::uint32_t expiry_s = 3600,
                        bool clean = false) {
        auto& made = make(5);
        made.connect("device", clean, "\x11" + packets::u32(expiry_s),
                     packets::list(packets::hex("18") + packets::u32(delay_s)) +
                         packets::text("gone/1") + packets::text("device"));
        return made;
    }
    texts heard_wills() {
        settle();
        broker_->on_tick();
        settle();
        return wms.take();
    }
    std::size_t kept() {
        std::size_t count = 0;
        for (const auto& [key, value] : journal.store.read_all())
            if (key.front() == 'W') ++count;
        return count;
    }

    test_client& wms;
};

const texts k_gone{"gone/1 device"};

} // namespace

TEST_CASE("a will is published when the connection is lost, not after a good-bye") {
    will_rig r;
    auto& device = r.device();
    CHECK(r.kept() == 1);
    SECTION("lost") {
        device.drop();
        CHECK(r.heard_wills() == k_gone);
    }
    SECTION("a violation") {
        device.send(packets::hex("00"));
        CHECK(r.heard_wills() == k_gone);
    }
    SECTION("DISCONNECT with the will") {
        device.send(packets::packet(0xe0, packets::hex("04")));
        CHECK(r.heard_wills() == k_gone);
    }
    SECTION("DISCONNECT") {
        device.send(packets::disconnect());
        CHECK(r.heard_wills().empty());
    }
    r.advance(1);
    CHECK(r.kept() == 0);
}

TEST_CASE("a delayed will waits, and a connection in time takes it back") {
    will_rig r;
    r.device(10).drop();
    CHECK(r.heard_wills().empty());
    r.advance(5);
    CHECK(r.heard_wills().empty());
    SECTION("in time") {
        r.device(10);
        r.advance(20);
        CHECK(r.heard_wills().empty());
    }
    SECTION("in time, but with a clean start: the session has ended") {
        r.device(10, 3600, true);
        CHECK(r.heard_wills() == k_gone);
    }
    SECTION("too late") {
        r.advance(6);
        CHECK(r.heard_wills() == k_gone);
        r.device(10);
        CHECK(r.heard_wills().empty());
    }
}

TEST_CASE("the end of the session does not wait for the will's delay") {
    will_rig r;
    SECTION("it never outlives the connection") {
        r.device(10, 0).drop();
        CHECK(r.heard_wills() == k_gone);
    }
    SECTION("it ends before") {
        r.device(100, 30).drop();
        CHECK(r.heard_wills().empty());
        r.advance(31);
        CHECK(r.heard_wills() == k_gone);
    }
}

TEST_CASE("a connection that is taken over: its will is published unless it was delayed") {
    will_rig r;
    const auto delay = GENERATE(0u, 10u);
    r.device(delay);
    r.device(delay);
    CHECK(r.heard_wills() == (delay == 0 ? k_gone : texts{}));
    CHECK(r.kept() == 1);
}

TEST_CASE("wills survive the process and the power") {
    const auto delay = GENERATE(0u, 10u);
    const auto expiry = GENERATE(0u, 3600u);
    const bool cut = GENERATE(false, true);
    will_rig r;
    r.device(delay, expiry);
    auto& before = r.connected("late", 5, false);
    before.subscribe("gone/#", 1);
    before.send(packets::disconnect());
    r.settle();
    r.restart(cut);
    r.broker_->on_tick();
    r.settle();
    r.advance(11);
    auto& late = r.make();
    late.send(packets::connect(5, 0, 60, "late", "\x11" + packets::u32(3600)));
    CHECK(late.take() == k_gone);
    r.advance(1);
    CHECK(r.kept() == 0);
}

TEST_CASE("a will may be retained, and an event") {
    will_rig r;
    auto& device = r.make(5);
    device.send(packets::packet(0x10, packets::connect_body(5, 0x02 | 0x04 | 0x20 | 0x08, 60, "d") +
                                          packets::list() + packets::text("gone/2") +
                                          packets::text("x")));
    r.settle();
    device.drop();
    CHECK(r.heard_wills() == texts{"gone/2 x"});
    auto& later = r.connected("later");
    later.subscribe("gone/+", 1);
    CHECK(later.messages() == texts{"gone/2 x"});
    auto& scanner = r.make(4);
    scanner.send(packets::packet(0x10, packets::connect_body(4, 0x06, 60, "s") +
                                           packets::text("wharf/1/ber1/s/status") +
                                           packets::text("{")));
    r.settle();
    scanner.drop();
    r.settle();
    CHECK(r.journal.state().intake().quarantined() == 1); // it is no event, and is not lost
}
