#include "gateway/base/limits.hpp"
#include "tests/unit/bridge/pair.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::bridge;
using wharf::bridge::test::pair;

TEST_CASE(
    "a message goes out once its session is open, and is answered only when the host says so") {
    pair two;
    CHECK(two.at_host.who == "wms/site");
    CHECK(two.at_guest.gateway == "WH7");
    CHECK(two.at_guest.rooms == std::vector<bool>{true});
    CHECK(two.at_host.sessions.empty());

    two.here.on_broker_session(true);
    const auto token = two.submit("a");
    CHECK(two.at_host.sessions == std::vector<bool>{true});
    CHECK(two.at_host.messages.empty());
    two.there->on_opened(false);
    two.run();
    REQUIRE(two.at_host.messages.size() == 1);
    CHECK(two.at_host.messages[0].token() == token);
    CHECK(two.at_guest.answers.empty());
    CHECK(two.here.waiting() == 1);
    two.answer(0);
    REQUIRE(two.at_guest.answers.size() == 1);
    CHECK(two.at_guest.answers[0].token() == token);
    CHECK(two.at_guest.answers[0].accepted() == 1);
    CHECK(two.here.waiting() == 0);
}

TEST_CASE("what was not answered is sent again over the next connection, and says so") {
    pair two;
    two.open();
    two.submit("a");
    two.submit("b");
    two.submit("c");
    two.answer(1);
    two.cut();
    two.submit("d");
    two.at_host.messages.clear();
    two.connect();
    CHECK(two.at_host.messages.empty());
    // It is the broker's session of before: what wharfd remembers of its packet ids holds.
    CHECK(two.at_host.sessions == std::vector<bool>{true, false});
    two.there->on_opened(false);
    two.run();
    CHECK(two.payloads() == "a! c! d ");
}

TEST_CASE("a session that began anew is told until wharfd has it") {
    pair two;
    two.here.on_broker_session(true);
    two.run();
    two.cut(); // before opened
    two.connect();
    CHECK(two.at_host.sessions == std::vector<bool>{true, true});
    two.there->on_opened(false);
    two.run();
    // The broker took us again and kept the session.
    two.here.on_broker_session(false);
    two.run();
    CHECK(two.at_host.sessions == std::vector<bool>{true, true, false});
    // While that one is being opened it begins anew once more.
    two.here.on_broker_session(true);
    two.submit("a");
    two.there->on_opened(false);
    two.run();
    CHECK(two.at_host.sessions.back());
    CHECK(two.at_host.messages.empty());
    two.there->on_opened(false);
    two.run();
    CHECK(two.payloads() == "a ");
}

TEST_CASE("no more messages are on their way than the host's window") {
    pair two;
    two.open();
    for (const char* payload : {"a", "b", "c", "d", "e", "f"})
        two.submit(payload);
    CHECK(two.payloads() == "a b c d ");
    two.answer(2);
    CHECK(two.payloads() == "a b c d e ");
    CHECK(two.there->unanswered() == 4);
    CHECK_FALSE(two.at_host.closed);
}

TEST_CASE("without room a message waits where it is and nothing more is read") {
    pair two(false);
    CHECK(two.at_guest.rooms == std::vector<bool>{false});
    two.open();
    two.submit("a");
    CHECK(two.at_host.messages.empty());
    CHECK_FALSE(two.there->wants_bytes());
    two.submit("b");
    CHECK_FALSE(two.here.output().empty());
    two.there->on_room(true);
    two.run();
    CHECK(two.at_guest.rooms == std::vector<bool>{false, true});
    CHECK(two.payloads() == "a b ");
    two.there->on_room(false);
    two.there->on_room(false);
    two.run();
    CHECK(two.at_guest.rooms == std::vector<bool>{false, true, false});
    two.answer(0); // answers go out all the same
    CHECK(two.at_guest.answers.size() == 1);
}

TEST_CASE("of a message that is too large the beginning is handed over, with its size") {
    pair two;
    two.open();
    two.submit(std::string(1024, 'x'));
    two.submit(std::string(1025, 'y'));
    REQUIRE(two.at_host.messages.size() == 2);
    CHECK(two.at_host.messages[0].cut_from_bytes() == 0);
    CHECK(two.at_host.messages[1].cut_from_bytes() == 1026);
    CHECK(two.at_host.messages[1].payload() == std::string(limits::k_bridge_cut_bytes_max, 'y'));
    v1::BridgeMessage chatty;
    chatty.set_topic("t");
    for (int i = 0; i < 100; ++i) {
        chatty.add_properties()->set_name("n");
        chatty.mutable_properties(i)->set_value(std::string(1000, 'z'));
    }
    two.here.submit(chatty);
    two.run();
    CHECK(two.at_host.messages[2].cut_from_bytes() > 100'000);
    CHECK(two.at_host.messages[2].properties().empty());
    CHECK(two.here.too_large() == 2);
    two.cut();
    two.at_host.messages.clear();
    two.connect();
    two.there->on_opened(false);
    two.run();
    CHECK(two.at_host.messages.size() == 3);
    CHECK(two.here.too_large() == 2); // counted once
}

TEST_CASE("the bridge's health arrives, with or without a broker") {
    pair two;
    v1::BridgeHealth health;
    health.set_last_error("connection refused");
    two.here.tell_health(health);
    two.run();
    REQUIRE(two.at_host.last_health);
    CHECK(two.at_host.last_health->last_error() == "connection refused");
}

TEST_CASE("good-bye is said with a reason, either way") {
    pair two;
    two.here.say_goodbye("stopping");
    two.run();
    CHECK(two.at_host.closed == std::string());
    two.cut();
    two.connect();
    two.there->end("another connection of the same name took over");
    two.run();
    CHECK(two.at_guest.closed == "wharfd: another connection of the same name took over");
}
