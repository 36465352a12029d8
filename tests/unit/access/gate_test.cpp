#include "gateway/access/connection_gate.hpp"
#include "gateway/access/memory_guard.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>
#include <string>

using namespace wharf;
using namespace wharf::access;

namespace {
gate_limits small() {
    gate_limits out;
    out.connections_max = 10;
    out.half_open_max = 4;
    out.half_open_per_address_max = 3;
    out.per_address_max = 5;
    out.per_identity_max = 2;
    out.patience_us = 0;
    return out;
}
} // namespace

TEST_CASE("above the number of connections the newcomer is turned away") {
    connection_gate gate(small());
    for (std::uint64_t id = 1; id <= 10; ++id) {
        CHECK(gate.arrive(id, "host" + std::to_string(id), true, 0).verdict == arrival::welcome);
        gate.answered(id);
    }
    CHECK(gate.arrive(11, "host11", true, 0).verdict == arrival::too_many);
    gate.leave(3);
    CHECK(gate.arrive(11, "host11", true, 0).verdict == arrival::welcome);
}

TEST_CASE("an address has its own bounds, where it is limited") {
    connection_gate gate(small());
    for (std::uint64_t id = 1; id <= 3; ++id)
        CHECK(gate.arrive(id, "one", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(4, "one", true, 0).verdict == arrival::too_many_of_address); // half open
    gate.answered(1);
    gate.answered(2);
    gate.answered(3);
    CHECK(gate.arrive(4, "one", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(5, "one", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(6, "one", true, 0).verdict == arrival::too_many_of_address);
    CHECK(gate.arrive(6, "other", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(7, "one", false, 0).verdict == arrival::welcome);
}

TEST_CASE("a TLS handshake that waits for the gateway makes no room, but counts for its address") {
    connection_gate gate(small());
    for (std::uint64_t id = 1; id <= 6; ++id) {
        CHECK_FALSE(gate.arrive(id, "h" + std::to_string(id), true, 0).make_room);
        gate.serve(id);
    }
    CHECK(gate.half_open() == 0);
    CHECK(gate.arrive(7, "h1", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(8, "h1", true, 0).verdict == arrival::welcome);
    CHECK(gate.arrive(9, "h1", true, 0).verdict == arrival::too_many_of_address);
    // Done: the next word is theirs, in the order of their handshakes.
    CHECK_FALSE(gate.await(3, 0));
    CHECK_FALSE(gate.await(1, 0));
    CHECK(gate.half_open() == 4);
    CHECK(gate.await(2, 0) == 7);
    gate.leave(7);
    CHECK(gate.await(4, 0) == 8);
    gate.leave(8);
    CHECK(gate.await(5, 0) == 3);
    gate.leave(3);
    gate.answered(1);
    CHECK(gate.arrive(9, "h1", true, 0).verdict == arrival::welcome);
    CHECK_FALSE(gate.await(77, 0)); // it has gone
    gate.serve(77);
    gate.leave(6); // in the middle of its handshake
    CHECK(gate.open() == 5);
}

TEST_CASE("a site that comes back all at once is no flood until it has been silent") {
    auto limits = small();
    limits.connections_max = 100;
    limits.patience_us = 1000;
    connection_gate gate(limits);
    for (std::uint64_t id = 1; id <= 20; ++id)
        CHECK_FALSE(gate.arrive(id, "h" + std::to_string(id), true, 10 * id).make_room);
    CHECK(gate.too_silent(1000).empty());
    CHECK(gate.too_silent(1025) == std::vector<std::uint64_t>{1, 2});
    CHECK(gate.too_silent(5000).size() == 16); // no more than are too many
    gate.answered(1);
    CHECK(gate.arrive(21, "h21", true, 1025).make_room == 2);
    gate.leave(2);
    CHECK_FALSE(gate.arrive(22, "h22", true, 1025).make_room);
    for (std::uint64_t id = 3; id <= 20; ++id)
        gate.answered(id);
    CHECK(gate.too_silent(5000).empty());
}

TEST_CASE("among too many that have not signed in the oldest makes room") {
    connection_gate gate(small());
    for (std::uint64_t id = 1; id <= 4; ++id)
        CHECK_FALSE(gate.arrive(id, "h" + std::to_string(id), false, 0).make_room);
    gate.answered(1); // its CONNECT has come: no longer among them
    CHECK_FALSE(gate.arrive(5, "h5", false, 0).make_room);
    const auto answer = gate.arrive(6, "h6", false, 0);
    CHECK(answer.verdict == arrival::welcome);
    CHECK(answer.make_room == 2);
    gate.leave(2);
    CHECK(gate.half_open() == 4);
}

TEST_CASE("an identity has so many connections, or as many as its own entry says") {
    connection_gate gate(small());
    for (std::uint64_t id = 1; id <= 4; ++id)
        (void)gate.arrive(id, "h" + std::to_string(id), false, 0);
    CHECK(gate.sign_in(1, "wms", 0));
    CHECK(gate.sign_in(2, "wms", 0));
    CHECK_FALSE(gate.sign_in(3, "wms", 0));
    CHECK(gate.sign_in(3, "wms", 3));
    CHECK(gate.sign_in(4, "", 0)); // nobody by name
    gate.leave(1);
    gate.leave(2);
    (void)gate.arrive(5, "h", false, 0);
    CHECK(gate.sign_in(5, "wms", 0));
}

TEST_CASE("an address that comes too often is turned away until its rate allows it") {
    auto limits = small();
    limits.attempts = {2, 3};
    connection_gate gate(limits);
    std::uint64_t id = 0;
    auto knock = [&](std::int64_t now_us) {
        const auto verdict = gate.arrive(++id, "one", true, now_us).verdict;
        gate.leave(id);
        return verdict;
    };
    CHECK(knock(0) == arrival::welcome);
    CHECK(knock(0) == arrival::welcome);
    CHECK(knock(0) == arrival::welcome);
    CHECK(knock(0) == arrival::too_often);
    CHECK(knock(499'999) == arrival::too_often);
    CHECK(knock(500'000) == arrival::welcome);
    CHECK(knock(500'000) == arrival::too_often);
    CHECK(knock(100'000'000) == arrival::welcome);
    CHECK(gate.open() == 0);
}

TEST_CASE("counts are exact, whatever comes and goes") {
    auto limits = small();
    limits.connections_max = 50;
    limits.half_open_max = 1000;
    connection_gate gate(limits);
    std::mt19937 random(7);
    std::set<std::uint64_t> open;
    for (std::uint64_t id = 1; id < 20'000; ++id) {
        const auto address = "h" + std::to_string(random() % 12);
        if (gate.arrive(id, address, true, 0).verdict == arrival::welcome) {
            open.insert(id);
            if (random() % 2 == 0) (void)gate.sign_in(id, "u" + std::to_string(random() % 5), 0);
        }
        while (open.size() > random() % 60) {
            auto who = std::next(open.begin(), static_cast<long>(random() % open.size()));
            gate.leave(*who);
            gate.leave(*who); // a second time is nothing
            open.erase(who);
        }
        REQUIRE(gate.open() == open.size());
    }
    for (auto id : open)
        gate.leave(id);
    CHECK(gate.open() == 0);
    CHECK(gate.half_open() == 0);
    // And nothing of the counts is left behind.
    for (std::uint64_t id = 1; id <= 3; ++id)
        CHECK(gate.arrive(id, "h1", true, 0).verdict == arrival::welcome);
}

TEST_CASE("a million addresses do not make the gate grow") {
    auto limits = small();
    limits.attempts = {1, 1};
    connection_gate gate(limits);
    recent_table<int> table(limits::k_watched_max);
    for (std::uint64_t id = 1; id <= 1'000'000; ++id) {
        (void)gate.arrive(id, std::to_string(id), true, 0);
        gate.leave(id);
        table.get(std::to_string(id), 0);
    }
    CHECK(gate.open() == 0);
    CHECK(table.size() <= 2 * limits::k_watched_max);
}

TEST_CASE("what is used stays in a table of what was seen lately") {
    recent_table<int> table(4);
    table.get("kept", 7);
    for (int i = 0; i < 100; ++i) {
        table.get(std::to_string(i), i);
        REQUIRE(table.find("kept") != nullptr);
        CHECK(*table.find("kept") == 7);
        CHECK(table.size() <= 8);
    }
    CHECK(table.find("0") == nullptr);
    table.erase("kept");
    CHECK(table.find("kept") == nullptr);
}

TEST_CASE("where connections hold too much the largest go, and no more of them than need be") {
    std::vector<held_memory> held = {{1, 10}, {2, 500}, {3, 20}, {4, 300}, {5, 0}};
    CHECK(over_memory(held, 830).empty());
    CHECK(over_memory(held, 829) == std::vector<std::uint64_t>{2});
    CHECK(over_memory(held, 330) == std::vector<std::uint64_t>{2});
    CHECK(over_memory(held, 329) == std::vector<std::uint64_t>{2, 4});
    CHECK(over_memory(held, 0) == std::vector<std::uint64_t>{2, 4, 3, 1});
}
