#include "tests/unit/broker/rig.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::string_view k_topic = "wharf/1/ber1/scanner-7/scans";

std::string event(int number, std::string_view quantity = "1") {
    return R"({"event_id":"e)" + std::to_string(number) +
           R"(","inventory_adjusted":{"stock":{"location":"A-01","sku":"4711"},"delta":{"value":")" +
           std::string(quantity) + R"(","unit":"EA"},"reason":"damage"}})";
}

} // namespace

TEST_CASE("who asks with a Response Topic gets a receipt for each event") {
    broker_rig r;
    auto& device = r.connected("scanner-7");
    device.subscribe("replies/7", 1);
    const auto properties = packets::hex("08") + packets::text("replies/7") + packets::hex("09") +
                            packets::text("corr");
    device.publish(k_topic, "[" + event(1) + "," + event(2) + "]", 1, false, properties);
    r.settle();
    device.hear();
    device.publish(k_topic, "[" + event(1) + "," + event(2, "5") + "," + event(3) + ",{}]", 1,
                   false, properties);
    r.settle();
    nlohmann::json got;
    for (const auto& each : device.hear()) {
        if (each.type != 3) continue;
        CHECK(each.topic == "replies/7");
        CHECK(each.properties.at(0x09) == "corr");
        CHECK(each.properties.at(0x03) == "application/json");
        got = nlohmann::json::parse(each.payload);
    }
    INFO(got.dump());
    CHECK(got["topic"] == k_topic);
    REQUIRE(got["events"].size() == 4);
    CHECK(got["events"][0]["result"] == "duplicate");
    CHECK(got["events"][1]["result"] == "quarantined");
    CHECK(got["events"][1]["reason"] == "conflict");
    CHECK(got["events"][1]["quarantine"] == 1);
    CHECK(got["events"][2]["result"] == "accepted");
    CHECK(got["events"][2]["sequence"] == 3);
    CHECK(got["events"][3]["result"] == "quarantined");
    CHECK(got["events"][3]["detail"] != "");
}

TEST_CASE("who subscribes to the device's receipts gets them, and nobody pays who does not") {
    broker_rig r;
    auto& device = r.connected("scanner-7", 4);
    device.publish(k_topic, event(1));
    r.settle();
    CHECK(device.messages().empty());
    auto& wms = r.connected("wms");
    wms.subscribe("wharf/#", 1); // to everything: that is not to ask for receipts
    device.publish(k_topic, event(1));
    CHECK(wms.take() == std::vector<std::string>{std::string(k_topic) + " " + event(1)});
    CHECK(r.broker_->counters().receipts == 0);
    device.subscribe("wharf/1/ber1/scanner-7/receipts", 1);
    device.publish(k_topic, event(1));
    const auto got = device.take();
    REQUIRE(got.size() == 1);
    CHECK(got[0].find(R"("result":"duplicate")") != std::string::npos);
    r.connected("other", 4).publish("wharf/1/ber1/other/scans", event(9));
    CHECK(device.take().empty());
}

TEST_CASE("a request between clients is no event and has no receipt") {
    broker_rig r;
    auto& device = r.connected("scanner-7");
    device.subscribe("replies/7", 1);
    device.publish("requests", "x", 1, false, packets::hex("08") + packets::text("replies/7"));
    r.settle();
    CHECK(device.messages().empty());
}
