#include "gateway/observe/health.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace wharf;
using namespace wharf::observe;
using Catch::Matchers::Contains;

namespace {

gateway_snapshot well() {
    gateway_snapshot now;
    now.listener.listening = true;
    now.destinations.emplace_back().books.name = "erp";
    return now;
}

} // namespace

TEST_CASE("a gateway that works is ok, without reasons") {
    auto health = judge(well());
    CHECK(health.state == health_state::ok);
    CHECK(health.reasons.empty());
    CHECK(health.http_status() == 200);
}

TEST_CASE("an ERP that is away degrades but keeps the gateway alive") {
    auto now = well();
    now.destinations[0].state = circuit::open;
    now.destinations[0].last_error = "connection refused";
    auto health = judge(now);
    CHECK(health.state == health_state::degraded);
    CHECK(health.http_status() == 200);
    CHECK(health.reasons.at(0) == "destination erp does not answer: connection refused");
}

TEST_CASE("what keeps events from being taken fails, each with its reason") {
    auto check = [](auto change, std::string_view reason) {
        auto now = well();
        change(now);
        auto health = judge(now);
        CHECK(health.state == health_state::failing);
        CHECK(health.http_status() == 503);
        CHECK_THAT(health.reasons.at(0), Contains(std::string(reason)));
    };
    check([](auto& now) { now.listener.listening = false; }, "takes no connections");
    check([](auto& now) { now.journal.full = true; }, "journal is full");
    check([](auto& now) { now.journal.oldest_request_s = 11; }, "commit has been under way");
    check([](auto& now) { now.stopping = true; }, "shutting down");
}

TEST_CASE("a bridge that is away, or whose broker is, degrades") {
    auto reasons = [](bool attached, bool connected, std::optional<double> since_s) {
        auto now = well();
        bridge_snapshot bridge;
        bridge.bridge = "wms";
        bridge.broker = "site";
        bridge.attached = attached;
        bridge.connected = connected;
        bridge.since_s = since_s;
        bridge.last_error = "connect: refused";
        now.bridges.push_back(bridge);
        auto health = judge(now);
        CHECK(health.http_status() == 200);
        return health.reasons;
    };
    using list = std::vector<std::string>;
    CHECK(reasons(true, true, 7).empty());
    CHECK(reasons(true, false, 7) ==
          list{"bridge wms/site is not connected to its broker: connect: refused"});
    CHECK(reasons(false, false, 7) == list{"bridge wms/site has been away for 7 seconds"});
    CHECK(reasons(false, false, {}) == list{"bridge wms/site has not come (bridge.expected)"});
}

TEST_CASE("what a person should look at degrades") {
    auto check = [](auto change, std::string_view reason) {
        auto now = well();
        change(now);
        auto health = judge(now);
        CHECK(health.state == health_state::degraded);
        CHECK_THAT(health.reasons.at(0), Contains(std::string(reason)));
    };
    check([](auto& now) { now.destinations[0].state = circuit::stopped; }, "wharfctl resume erp");
    check(
        [](auto& now) {
            now.destinations[0].books.dead = now.intake.accepted = now.intake.received = 1;
        },
        "has 1 dead letter (");
    check([](auto& now) { now.destinations[0].lanes[0].oldest_waiting_s = 7300; },
          "lane shipment has been waiting for 2 hours");
    check([](auto& now) { now.intake.received = 1; }, "books do not balance");
    check([](auto& now) { now.journal.hours_left = 3; }, "full in 3 hours");
    check([](auto& now) { now.quarantine_open = 2; }, "2 messages in quarantine");
    check([](auto& now) { now.journal.identities_evicted_early = 1; }, "identity.entries_max");
    check([](auto& now) { now.clock_synchronised = false; }, "clock");
}

TEST_CASE("health and status are JSON, also where numbers are infinite or text is not UTF-8") {
    auto now = well();
    now.destinations[0].last_error = "bad \xff byte";
    auto status = nlohmann::json::parse(status_json(now));
    CHECK(status["journal"]["hours_left"].is_null());
    CHECK(status["destinations"][0]["circuit"] == "closed");
    CHECK(status["destinations"][0]["lanes"]["shipment"]["pending"] == 0);
    CHECK(nlohmann::json::parse(health_json(judge(now)))["status"] == "ok");
}
