// Each misbehaviour: what the caller sees, and whether the update took effect all the same.
#include "tests/integration/erp/erp_fixture.hpp"
#include "tests/integration/erp/messages.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

using namespace erp_test;
using nlohmann::json;

namespace {

struct rig {
    rig() : db(folder.file("erp.db")), erp(db) {}

    void tell(const json& change) {
        const response got = erp.post("/control", change.dump());
        INFO(got.body);
        REQUIRE(got.status == 200);
    }
    response send(int sequence) {
        return erp.post("/v1/updates", batch({adjusted(sequence, "1")}));
    }
    std::string effects() { return query_db(db, "SELECT count(*) FROM applied"); }

    scratch folder;
    std::string db;
    erp_process erp;
};

long long elapsed_ms(std::chrono::steady_clock::time_point since) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 since)
        .count();
}

} // namespace

TEST_CASE("a fault for the next request strikes once and then the ERP is good again") {
    const auto [change, status, effects] = GENERATE(table<json, int, std::string>({
        {json{{"throttle", {{"next", 1}, {"retry_after_s", 7}}}}, 429, "0"},
        {json{{"error_503", {{"next", 1}}}}, 503, "0"},
        {json{{"error_500_before", {{"next", 1}}}}, 500, "0"},
        {json{{"error_500_after", {{"next", 1}}}}, 500, "1"},
        {json{{"status", {{"next", 1}, {"code", 301}}}}, 301, "0"},
        {json{{"status", {{"next", 1}, {"code", 422}}}}, 422, "0"},
        {json{{"drop_before", {{"next", 1}}}}, 0, "0"},
        {json{{"drop_after", {{"next", 1}}}}, 0, "1"},
        {json{{"garbage", {{"next", 1}, {"form", "noise"}}}}, 200, "1"},
        {json{{"garbage", {{"next", 1}, {"form", "truncated"}}}}, 200, "1"},
        {json{{"missing_items", {{"next", 1}}}}, 200, "1"},
    }));
    INFO(change.dump());
    rig test;
    test.tell(change);
    const response bad = test.send(1);
    CHECK(bad.status == status);
    CHECK(statuses(bad.body) != "applied");
    CHECK(test.effects() == effects);
    if (status == 429) CHECK(bad.head.find("Retry-After: 7\r\n") != std::string::npos);
    if (status == 301) CHECK(bad.head.find("Location: ") != std::string::npos);

    CHECK(statuses(test.send(1).body) == (effects == "1" ? "already_applied" : "applied"));
    CHECK(test.effects() == "1");
    const json stats = json::parse(test.erp.get("/stats").body);
    CHECK(stats.at("fault_" + change.begin().key()) == 1);
}

TEST_CASE("garbage is not readable as an answer") {
    const std::string form = GENERATE("noise", "truncated");
    rig test;
    test.tell({{"garbage", {{"form", form}}}});
    CHECK(statuses(test.send(1).body) == "unreadable");
}

TEST_CASE("missing items leave a readable answer with fewer items than were sent") {
    rig test;
    test.tell({{"missing_items", 1}});
    const json items = {adjusted(1, "1"), adjusted(2, "1"), adjusted(3, "1")};
    const json answer = json::parse(test.erp.post("/v1/updates", batch(items)).body);
    CHECK(answer.value("items", json::array()).size() < 3);
    CHECK(test.effects() == "3");
}

TEST_CASE("items are refused by chance, by event id until cleared, and answered oddly") {
    rig test;
    test.tell({{"refuse_keys", {"a-1"}}});
    CHECK(statuses(test.send(1).body) == "refused");
    const json no = json::parse(test.send(1).body).at("items").at(0);
    CHECK(no.at("code") == "test_refusal");
    CHECK(statuses(test.send(2).body) == "applied");
    test.tell({{"clear", true}});
    CHECK(statuses(test.send(1).body) == "applied");

    test.tell({{"refuse_item", {{"next", 1}}}, {"in_progress", {{"next", 1}}}});
    const json items = {adjusted(3, "1"), adjusted(4, "1"), adjusted(5, "1")};
    CHECK(statuses(test.erp.post("/v1/updates", batch(items)).body) ==
          "refused,in_progress,applied");
    test.tell({{"item_answer", {{"status", "forbidden"}, {"next", 1}}}});
    CHECK(statuses(test.send(3).body) == "forbidden");
    CHECK(test.effects() == "3");
    // A key that was applied is never refused afterwards.
    test.tell({{"refuse_item", 1}});
    CHECK(statuses(test.send(5).body) == "already_applied");
}

TEST_CASE("a batch above max_batch_items gets 413 and nothing of it is applied") {
    rig test;
    test.tell({{"max_batch_items", 1}});
    const json two = {adjusted(1, "1"), adjusted(2, "1")};
    CHECK(test.erp.post("/v1/updates", batch(two)).status == 413);
    CHECK(test.effects() == "0");
    CHECK(statuses(test.send(1).body) == "applied");
}

TEST_CASE("forgotten keys are not held and their updates take effect again") {
    rig test;
    CHECK(statuses(test.send(1).body) == "applied");
    test.tell({{"forget_keys", true}});
    CHECK(statuses(test.erp.post("/v1/updates/query", question({1})).body) == "not_held");
    CHECK(statuses(test.send(1).body) == "applied");
    CHECK(test.effects() == "2");
}

TEST_CASE("a delayed request takes effect although its sender has gone") {
    rig test;
    test.tell({{"delay_ms", {{"min", 150}, {"max", 150}, {"next", 1}}}});
    {
        const std::string body = batch({adjusted(1, "1")});
        http_client hasty(test.erp.port());
        std::thread sender([&] {
            hasty.request("POST", "/v1/updates", body, "Content-Type: application/json\r\n");
        });
        while (json::parse(test.erp.get("/stats").body).value("fault_delay_ms", 0) == 0) {
        }
        CHECK(statuses(test.erp.post("/v1/updates/query", question({1})).body) == "not_held");
        hasty.hang_up();
        sender.join();
    }
    while (test.effects() == "0")
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(statuses(test.send(1).body) == "already_applied");
}

TEST_CASE("delays hold the answer back, before or after the effect") {
    const std::string which = GENERATE("delay_ms", "delay_after_ms");
    rig test;
    test.tell({{which, {{"min", 80}, {"next", 1}}}});
    const auto start = std::chrono::steady_clock::now();
    CHECK(statuses(test.send(1).body) == "applied");
    CHECK(elapsed_ms(start) >= 80);
}

TEST_CASE("a slow answer arrives byte by byte and whole") {
    rig test;
    test.tell({{"slow_loris", {{"next", 1}, {"byte_ms", 1}}}});
    const response slow = test.send(1);
    CHECK(statuses(slow.body) == "applied");
    CHECK(slow.pieces > 20);
}

TEST_CASE("an ERP that vanishes refuses connections, drops those it had and comes back") {
    rig test;
    http_client kept(test.erp.port());
    CHECK(kept.request("GET", "/healthz").status == 200);
    const auto start = std::chrono::steady_clock::now();
    test.tell({{"vanish_ms", 300}});
    CHECK(kept.request("GET", "/healthz").status == 0);
    CHECK_FALSE(http_client(test.erp.port()).connected());
    while (!http_client(test.erp.port()).connected()) {
        REQUIRE(elapsed_ms(start) < 5000);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(elapsed_ms(start) >= 300);
    CHECK(statuses(test.send(1).body) == "applied");
}

TEST_CASE("the query stays honest unless it is told to misbehave too") {
    rig test;
    test.tell({{"error_503", 1}});
    CHECK(test.erp.post("/v1/updates/query", question({1})).status == 200);
    test.tell({{"query_too", true}});
    CHECK(test.erp.post("/v1/updates/query", question({1})).status == 503);
}

TEST_CASE("the same seed draws the same faults") {
    std::string runs[2];
    for (std::string& run : runs) {
        rig test;
        test.tell({{"seed", 42}, {"error_503", 0.5}});
        for (int sequence = 1; sequence <= 20; ++sequence) {
            run += test.send(sequence).status == 503 ? 'x' : '.';
        }
    }
    CHECK(runs[0] == runs[1]);
    CHECK(runs[0].find('x') != std::string::npos);
    CHECK(runs[0].find('.') != std::string::npos);
}

TEST_CASE("a change of behaviour that is wrong in part changes nothing and names the part") {
    rig test;
    const response got =
        test.erp.post("/control", json{{"drop_before", 1}, {"throttle", {{"nxt", 1}}}}.dump());
    CHECK(got.status == 400);
    CHECK(json::parse(got.body).at("error") == "throttle.nxt: no such setting");
    CHECK(statuses(test.send(1).body) == "applied");
    CHECK(json::parse(test.erp.get("/control").body).at("drop_before").at("probability") == 0);
}
