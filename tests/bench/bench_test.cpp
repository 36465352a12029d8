// What the figures stand on: a histogram that tells the truth, events that the gateway takes and
// never takes for the same, an ERP whose answers it understands.
#include "gateway/ingest/intake.hpp"
#include "gateway/ingest/mqtt/packet.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "tests/bench/erp/http.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/wire.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

using namespace wharf;

TEST_CASE("a quantile is at most one bucket above the true one") {
    std::mt19937_64 random(7);
    std::vector<std::int64_t> all;
    auto histogram = std::make_unique<bench::latency_histogram>();
    for (int i = 0; i < 20'000; ++i) {
        const auto value = static_cast<std::int64_t>(random() >> (random() % 36 + 28));
        all.push_back(value);
        histogram->add(value);
    }
    std::sort(all.begin(), all.end());
    for (double share : {0.0, 0.5, 0.9, 0.99, 0.999}) {
        const auto exact = static_cast<double>(
            all[static_cast<std::size_t>(share * static_cast<double>(all.size()))]);
        const double found = histogram->quantile_us(share) * 1000;
        CHECK(found >= exact);
        CHECK(found <= exact * 1.016 + 1);
    }
    CHECK(histogram->quantile_us(1) == static_cast<double>(all.back()) / 1000);
    CHECK(histogram->max_us() == static_cast<double>(all.back()) / 1000);
}

TEST_CASE("a histogram without values says 0, and takes what is off its scale") {
    auto histogram = std::make_unique<bench::latency_histogram>();
    CHECK(histogram->quantile_us(0.99) == 0);
    histogram->add(-5);
    histogram->add(std::int64_t{1} << 50);
    CHECK(histogram->count() == 2);
    CHECK(histogram->max_us() > 1e9);
    CHECK(histogram->quantile_us(1) > 1e9);
}

TEST_CASE("the generator's packets are PUBLISHes of events that the gateway takes") {
    auto made = make_intake({.site = "ber1"});
    REQUIRE(made.ok());
    for (const int version : {4, 5}) {
        for (const auto kind : {bench::payload_kind::protobuf, bench::payload_kind::json}) {
            const bench::publish_template packet(version, kind, 17);
            std::set<std::string> bodies;
            for (const std::uint64_t event : {1ULL, 2ULL, 10'001ULL, 0xfedcba9876543210ULL}) {
                std::string bytes(packet.size(), '\0');
                packet.write(bytes.data(), 513, event);
                const auto whole = bench::first_packet(bytes);
                REQUIRE(whole.size == bytes.size());
                CHECK(bench::packet_id_of_publish(whole.body) == 513);
                mqtt::publish_packet parsed;
                REQUIRE(mqtt::parse_publish(whole.flags, whole.body,
                                            static_cast<std::uint8_t>(version), parsed)
                            .ok());
                CHECK(parsed.qos == 1);
                CHECK(parsed.packet_id == 513);
                CHECK(parsed.payload.size() == packet.payload_bytes());
                publish_view view;
                view.topic = parsed.topic;
                view.payload = parsed.payload;
                view.client_id = "c";
                const auto message = made->prepare(view, 1'772'445'600'000'000, true);
                REQUIRE(message.items.size() == 1);
                const auto* accepted = std::get_if<prepared_event>(&message.items[0].what);
                REQUIRE(accepted != nullptr);
                CHECK(accepted->identity_keys.size() == 1);
                bodies.emplace(parsed.payload);
            }
            CHECK(bodies.size() == 4);
        }
    }
}

TEST_CASE("a packet is whole or it is not") {
    const std::string ack = bench::puback_packet(258);
    CHECK(bench::first_packet(ack).type == bench::k_puback);
    CHECK(bench::first_packet(ack).body == std::string_view("\x01\x02", 2));
    CHECK(bench::first_packet(std::string_view(ack).substr(0, 3)).size == 0);
    CHECK(bench::first_packet("").size == 0);
}

TEST_CASE("the connector understands the bench's ERP, in both formats") {
    for (const auto format : {http_format::protobuf, http_format::json}) {
        http_connector_options options;
        options.url = "http://127.0.0.1:1";
        options.format = format;
        options.gateway = "WH7";
        auto connector = http_connector::create(options);
        REQUIRE(connector.ok());
        std::vector<batch_item> items;
        std::vector<raw_record> records(3);
        for (std::size_t i = 0; i < records.size(); ++i)
            items.push_back({i + 1, 0});
        const auto request = connector->render(1, items, std::move(records), false).value();
        const bool json = format == http_format::json;

        std::string bytes = "POST /v1/updates HTTP/1.1\r\nHost: x\r\ncontent-length: " +
                            std::to_string(request.body.size()) + "\r\nContent-Type: " +
                            (json ? "application/json" : "application/x-protobuf") + "\r\n\r\n";
        CHECK(bench::first_message(bytes).size == 0); // its body is missing
        bytes += request.body;
        const auto whole = bench::first_message(bytes);
        REQUIRE(whole.size == bytes.size());
        CHECK(whole.json == json);
        std::vector<std::string_view> keys;
        (json ? bench::keys_of_json : bench::keys_of_protobuf)(whole.body, keys);
        REQUIRE(keys.size() == 3);

        std::string reply;
        bench::append_answer(reply, keys, json);
        const auto answer = bench::first_message(reply);
        REQUIRE(answer.size == reply.size());
        const auto understood =
            connector->parse({200, json ? "application/json" : "application/x-protobuf", "",
                              std::string(answer.body)},
                             items, false, 0);
        REQUIRE(understood.items.size() == 3);
        for (const auto& each : understood.items)
            CHECK(each.status == v1::ITEM_STATUS_APPLIED);
    }
}
