// A message that is prepared in the memory of another one, which the network thread does with every
// message, has nothing of that one left in it.
#include "gateway/ingest/intake.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace wharf;

namespace {

struct one_publish {
    std::string topic;
    std::string payload;
    std::string client_id = "c";
    std::uint8_t qos = 1;
    std::uint16_t packet_id = 1;
    bool flag = false;
    std::string content_type = {};
};

std::string adjusted(std::string_view more, std::string_view stock) {
    return "{" + std::string(more) + R"("inventory_adjusted":{"stock":{)" + std::string(stock) +
           R"(},"delta":{"value":"-2","unit":"EA"},"reason":"damage"}})";
}

std::string as_protobuf(const std::string& id, const std::string& document) {
    wharf::v1::Event event;
    event.set_event_id(id);
    event.mutable_occurred_at()->set_seconds(1'772'445'599);
    auto* body = event.mutable_inventory_adjusted();
    if (!document.empty()) {
        body->set_document(document);
        body->set_line("1");
    }
    body->mutable_stock()->set_location("A-01");
    body->mutable_stock()->set_sku("4711");
    body->mutable_delta()->mutable_value()->set_coefficient(-2);
    body->mutable_delta()->set_unit("EA");
    body->set_reason("damage");
    return event.SerializeAsString();
}

std::string as_batch(std::size_t events) {
    wharf::v1::EventBatch batch;
    for (std::size_t i = 0; i < events; ++i)
        REQUIRE(batch.add_events()->ParseFromString(as_protobuf("b-" + std::to_string(i), "")));
    return batch.SerializeAsString();
}

std::vector<one_publish> publishes() {
    const std::string json = "wharf/1/ber1/scanner-07/stock";
    const std::string flagged = "wharf/1/ber1/gate-01/stock";
    const std::string stock = R"("location":"A-01","sku":"4711")";
    const std::string other = R"("location":"B-22-long-name-of-a-place","sku":"0815","lot":"L-1")";
    return {
        {json, adjusted(R"("event_id":"a-1",)", stock)},
        {json, adjusted(R"("event_id":"an-event-with-a-longer-name-0001",)", other), "client-7", 2,
         17, true, "application/json"},
        {json, adjusted("", stock)}, // nothing that identifies it
        {json, adjusted(R"("occurred_at":"2026-03-02T09:59:59Z",)", other)},
        {flagged, adjusted(R"("event_id":"g-1",)", stock)}, // with a trigger
        {json, "{"},
        {json, adjusted(R"("event_id":"bad","nonsense":1,)", stock)},
        {json, "[" + adjusted(R"("event_id":"l-1",)", stock) + "," + adjusted("", "") + "," +
                   adjusted(R"("event_id":"l-3",)", other) + "]"},
        {json + ".pb", as_protobuf("p-1", "")},
        {json + ".pb", as_protobuf("p-2", "DOC-17")},
        {json + ".pb", "\xff\xff"},
        {json + ".pbs", as_batch(3)},
        {json + ".pbs", as_batch(1), "client-8", 0, 0, true},
        {"nobody/knows/this", "x"},
        {"wharf/1/other-site/scanner-07/stock", adjusted(R"("event_id":"o-1",)", stock)},
    };
}

intake make() {
    intake_options options{.site = "ber1",
                           .profiles = {{.name = "gate",
                                         .devices = {"gate-*"},
                                         .on_double_trigger = double_trigger_policy::flag,
                                         .packet_ids_not_reused = true}}};
    auto made = make_intake(std::move(options));
    INFO((made.ok() ? std::string() : made.failure().message));
    REQUIRE(made.ok());
    return std::move(*made);
}

prepared_message prepare(const intake& in, const one_publish& what, prepared_message spent) {
    publish_view view{.topic = what.topic, .payload = what.payload, .client_id = what.client_id};
    view.content_type = what.content_type;
    view.qos = what.qos;
    view.packet_id = what.packet_id;
    view.dup = view.persistent_session = view.resumed_session = what.flag;
    return in.prepare(view, 1'772'445'600'000'000 + what.packet_id, !what.flag, std::move(spent));
}

void describe(const prepared_event& event, std::ostream& out) {
    out << "event lane " << static_cast<int>(event.in_lane) << " flags " << event.flags << " keys";
    for (const auto& key : event.identity_keys)
        out << " [" << view_of(key.hash) << "|" << key.text << "]";
    out << " content " << view_of(event.content) << " order";
    for (auto key : event.order_keys)
        out << " " << key;
    out << " stored [" << event.stored << "] trigger [" << event.trigger_key << "] "
        << static_cast<int>(event.on_double_trigger) << " " << event.double_trigger_window_us;
}

// All that the journal may look at.
std::string describe(const prepared_message& message) {
    std::ostringstream out;
    out << message.client_id << "|" << message.site << "|" << message.device << "|" << message.topic
        << "|" << message.payload << "|" << message.received_at_us << "|" << +message.qos << "|"
        << message.packet_id << "|" << message.dup << message.persistent_session
        << message.resumed_session << message.packet_ids_not_reused << "|" << message.generation;
    for (const auto& item : message.items) {
        out << "\n" << (item.index ? static_cast<int>(*item.index) : -1) << " ";
        if (const auto* why = std::get_if<prepared_quarantine>(&item.what))
            out << why->reason << ": " << why->detail << " (" << why->events << ")";
        else
            describe(std::get<prepared_event>(item.what), out);
    }
    return out.str();
}

} // namespace

TEST_CASE("a message in the memory of another one is that message alone") {
    const auto in = make();
    const auto all = publishes();
    for (std::size_t before = 0; before < all.size(); ++before) {
        for (std::size_t after = 0; after < all.size(); ++after) {
            auto spent = prepare(in, all[before], {});
            spent.generation = 7;
            CAPTURE(before, after);
            CHECK(describe(prepare(in, all[after], std::move(spent))) ==
                  describe(prepare(in, all[after], {})));
        }
    }
}
