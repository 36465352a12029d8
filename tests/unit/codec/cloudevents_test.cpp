#include "gateway/codec/cloudevents.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/base64.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

using namespace wharf;
using json = nlohmann::json;

namespace {

constexpr std::string_view k_one = "application/cloudevents+json";
constexpr std::string_view k_batch = "application/cloudevents-batch+json";

json adjusted() {
    return {{"inventory_adjusted",
             {{"stock", {{"location", "A-01"}, {"sku", "4711"}}},
              {"delta", {{"value", "-2"}, {"unit", "EA"}}},
              {"reason", "damage"}}}};
}

json envelope(json data = adjusted()) {
    return {{"specversion", "1.0"},
            {"id", "a-1"},
            {"source", "wms"},
            {"type", "com.example.adjusted"},
            {"data", std::move(data)}};
}

result<decoded_events> read(const json& event, std::string_view type = k_one) {
    return decode_cloudevents({event.dump(), type, {}});
}

wharf::v1::Event only(const result<decoded_events>& events) {
    if (!events.ok()) FAIL(events.failure().message);
    REQUIRE(events->size() == 1);
    if (!events->front().ok()) FAIL(events->front().failure().message);
    return *events->front();
}

std::string failure(const result<decoded_events>& events) {
    if (!events.ok()) return "as a whole: " + events.failure().message;
    REQUIRE(events->size() == 1);
    return events->front().ok() ? "decoded" : events->front().failure().message;
}

std::string with(std::string_view attribute, json value) {
    auto event = envelope();
    event[std::string(attribute)] = std::move(value);
    return failure(read(event));
}

std::string without(std::string_view attribute) {
    auto event = envelope();
    event.erase(std::string(attribute));
    return failure(read(event));
}

} // namespace

TEST_CASE("id, source and time name an event that does not name itself") {
    auto event = envelope();
    event["time"] = "2026-03-02T11:00:00+01:00";
    const auto read_event = only(read(event));
    CHECK(read_event.event_id() == "a-1");
    CHECK(read_event.source() == "wms");
    CHECK(read_event.occurred_at().seconds() == 1772445600);
    CHECK(read_event.inventory_adjusted().reason() == "damage");
}

TEST_CASE("an event that names itself otherwise is not overridden") {
    auto data = adjusted();
    data["event_id"] = "b-7";
    CHECK(failure(read(envelope(data))) == "id \"a-1\" and data.event_id \"b-7\" contradict each "
                                           "other: expected the same, or no event_id");
    data["event_id"] = "a-1";
    data["source"] = "scanner-07";
    CHECK(failure(read(envelope(data))) ==
          "source \"wms\" and data.source \"scanner-07\" "
          "contradict each other: expected the same, or no source");
    data["source"] = "wms";
    CHECK(only(read(envelope(data))).event_id() == "a-1");
}

TEST_CASE("the event's own time stands beside another of its CloudEvent") {
    auto event = envelope();
    event["time"] = "2026-03-02T10:00:00Z";
    event["data"]["occurred_at"] = "2026-03-02T09:59:58Z";
    CHECK(only(read(event)).occurred_at().seconds() == 1772445598);
}

TEST_CASE("what has to be there is asked for by its name") {
    CHECK(without("specversion") == "specversion: missing; expected \"1.0\"");
    for (const std::string name : {"id", "source", "type"}) {
        CHECK(without(name) == name + ": missing; expected a string");
        CHECK(with(name, nullptr) == name + ": missing; expected a string");
        CHECK(with(name, "") == name + ": expected at least one byte, got none");
    }
    CHECK(without("data") == "data: missing; expected the event");
    CHECK(with("data", nullptr) == "data: missing; expected the event");
}

TEST_CASE("an attribute of the wrong kind is refused by its name") {
    for (const std::string name : {"specversion", "id", "source", "type", "subject", "time",
                                   "dataschema", "datacontenttype", "data_base64"}) {
        CHECK(with(name, 7) == name + ": expected a string, got a number");
        CHECK(with(name, json::object()) == name + ": expected a string, got an object");
        CHECK(with(name, json::array({json::array({1, "x", nullptr})})) ==
              name + ": expected a string, got an array");
        CHECK(with(name, true) == name + ": expected a string, got true");
    }
    CHECK(with("specversion", "0.3") == "specversion: expected \"1.0\", got \"0.3\"");
    CHECK(with("time", "yesterday").starts_with("time: "));
    CHECK(with("subject", "") == "subject: expected at least one byte, got none");
    CHECK(with("data", "text") == "data: expected the event as an object, got a string");
    CHECK(with("data", 7) == "data: expected the event as an object, got a number");
    CHECK(with("data", json::array()) == "data: expected the event as an object, got an array");
    CHECK(with("weight", 1.5) == "weight: expected a string, a whole number, true or false, got a "
                                 "number with a fraction");
    CHECK(with("weight", json::object()) ==
          "weight: expected a string, a whole number, true or false, got an object");
    CHECK(with("dataContentType", "x") ==
          "attribute \"dataContentType\": expected a name of lower-case letters and digits");
}

TEST_CASE("extensions are taken and nobody reads them, but for the trace and the correlation") {
    auto event = envelope();
    event["partitionkey"] = "x";
    event["sampledrate"] = 30;
    event["flag"] = false;
    event["correlationid"] = "run-7";
    event["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const auto read_event = only(read(event));
    CHECK(read_event.correlation_id() == "run-7");
    CHECK(read_event.traceparent() == event["traceparent"]);
    CHECK(read_event.tracestate().empty());
    event["tracestate"] = "rojo=00f067aa0ba902b7";
    CHECK(only(read(event)).tracestate() == event["tracestate"]);
    // As it came: what is malformed is for intake to leave out and to count (trace_test.cpp).
    event["traceparent"] = "not one";
    CHECK(only(read(event)).traceparent() == "not one");
    event.erase("traceparent");
    CHECK(only(read(event)).tracestate().empty());
}

TEST_CASE("a type of ours has to be the kind of the data") {
    CHECK(with("type", "wharf.v1.inventory_adjusted") == "decoded");
    CHECK(with("type", "wharf.v1.picked") ==
          "type: it is \"wharf.v1.picked\", but data holds inventory_adjusted; expected "
          "\"wharf.v1.inventory_adjusted\", or a type of your own");
}

TEST_CASE("what is wrong below data is said with its path, as strictly as anywhere") {
    auto data = adjusted();
    data["inventory_adjusted"]["delta"]["value"] = -2;
    CHECK(failure(read(envelope(data))) ==
          "data.inventory_adjusted.delta.value: expected a decimal as a string such as \"12.50\", "
          "got -2");
    data = adjusted();
    data["colour"] = {{"deep", json::array({1})}};
    CHECK(failure(read(envelope(data))).starts_with("data.colour: unknown field"));
    const std::string twice = R"({"specversion":"1.0","id":"a","source":"s","type":"t",)"
                              R"("data":{"event_id":"a","event_id":"a"}})";
    CHECK(failure(decode_cloudevents({twice, k_one, {}})) == "data.event_id: given twice");
}

TEST_CASE("an attribute that stands twice is refused, data too") {
    const std::string head = R"({"specversion":"1.0","id":"a","source":"s","type":"t",)";
    CHECK(failure(decode_cloudevents({head + R"("id":"b","data":{}})", k_one, {}})) ==
          "id: given twice");
    CHECK(failure(decode_cloudevents({head + R"("data":{},"data":{}})", k_one, {}})) ==
          "data: given twice");
    CHECK(failure(decode_cloudevents({head + R"("data":{},"data_base64":"e30="})", k_one, {}})) ==
          "data: there is already data_base64; expected only one of the two");
}

TEST_CASE("data_base64 holds the event as JSON or as protobuf") {
    auto event = envelope();
    event.erase("data");
    std::string text;
    append_base64(adjusted().dump(), text);
    event["data_base64"] = text;
    CHECK(only(read(event)).inventory_adjusted().reason() == "damage");

    wharf::v1::Event inner;
    inner.mutable_picked()->set_task("t-1");
    text.clear();
    append_base64(inner.SerializeAsString(), text);
    event["data_base64"] = text;
    event["datacontenttype"] = "Application/Protobuf; messageType=wharf.v1.Event";
    CHECK(only(read(event)).picked().task() == "t-1");
    event["data_base64"] = "====";
    CHECK(failure(read(event)) == "data_base64: expected base64 (RFC 4648)");
    event["data_base64"] = "AAAA";
    CHECK(failure(read(event)).starts_with("data_base64: not a wharf.v1.Event"));
    event["data_base64"] = "";
    CHECK(failure(read(event)) == "data_base64: expected the event, got nothing");
    event.erase("data_base64");
    event["data"] = adjusted();
    CHECK(failure(read(event)) ==
          "data: expected data_base64, because datacontenttype says protobuf");
    event["datacontenttype"] = "text/xml";
    CHECK(failure(read(event)) == "datacontenttype: expected application/json or "
                                  "application/protobuf, got \"text/xml\"");
}

TEST_CASE("names that an event could not have are refused under their own names") {
    CHECK(with("id", std::string(limits::k_native_id_bytes_max + 1, 'x')) ==
          "id: expected at most 128 bytes, got 129");
    CHECK(with("source", std::string(limits::k_identifier_bytes_max + 1, 'x')) ==
          "source: expected at most 64 bytes, got 65");
    CHECK(with("id", "a\nb") == "id: expected text without control characters");
    CHECK(with("subject", std::string(limits::k_cloudevent_attribute_bytes_max + 1, 'x')) ==
          "subject: expected at most 1024 bytes, got 1025");
    auto event = envelope();
    for (std::size_t i = 0; i <= limits::k_cloudevent_attributes_max; ++i)
        event["x" + std::to_string(i)] = "y";
    CHECK(failure(read(event)) == "expected at most 64 attributes");
}

TEST_CASE("in a batch each CloudEvent stands for itself") {
    auto bad = envelope();
    bad["id"] = 7;
    const auto events = read(
        json::array({envelope(), bad, 5, json::array({json::array({1})}), envelope()}), k_batch);
    REQUIRE(events.ok());
    REQUIRE(events->size() == 5);
    CHECK((*events)[0].ok());
    CHECK((*events)[1].failure().message == "id: expected a string, got a number");
    CHECK((*events)[2].failure().message == "expected a CloudEvent as an object, got a number");
    CHECK((*events)[3].failure().message == "expected a CloudEvent as an object, got an array");
    CHECK((*events)[4].ok());
    CHECK(failure(read(json::array(), k_batch)) ==
          "as a whole: expected at least one CloudEvent, got none");
    auto many = json::array();
    for (std::size_t i = 0; i <= limits::k_events_per_message_max; ++i)
        many.push_back(envelope());
    CHECK(failure(read(many, k_batch)) == "as a whole: expected at most 256 events in a message");
}

TEST_CASE("the content type says whether it is one or a batch; without one the payload does") {
    CHECK(failure(read(json::array({envelope()}), k_one)) ==
          "as a whole: expected a CloudEvent as an object, got an array");
    CHECK(failure(read(envelope(), k_batch)) ==
          "as a whole: expected an array of CloudEvents, got an object");
    CHECK(failure(read(envelope(), "Application/CloudEvents+JSON; charset=utf-8")) == "decoded");
    CHECK(failure(read(envelope(), "")) == "decoded");
    CHECK(failure(read(json::array({envelope()}), "")) == "decoded");
    CHECK(failure(read(json(7), "")) ==
          "as a whole: expected a CloudEvent, or an array of them, got a number");
    CHECK(failure(read(envelope(), "application/cloudevents+avro"))
              .starts_with("as a whole: content type: expected application/cloudevents+json or"));
    CHECK(failure(decode_cloudevents({"{", k_one, {}}))
              .starts_with("as a whole: not valid JSON at byte "));
    CHECK(failure(decode_cloudevents({"", k_one, {}})) == "as a whole: the payload is empty");
}

TEST_CASE("binary mode: attributes are user properties and the payload is the data") {
    const std::string payload = adjusted().dump();
    std::vector<message_property> properties = {{"specversion", "1.0"},
                                                {"id", "a-1"},
                                                {"source", "wms"},
                                                {"type", "com.example.adjusted"},
                                                {"time", "2026-03-02T10:00:00Z"},
                                                {"correlation-id", "not an attribute"}};
    const auto event = only(decode_cloudevents({payload, "application/json", properties}));
    CHECK(event.event_id() == "a-1");
    CHECK(event.source() == "wms");
    CHECK(event.has_occurred_at());
    CHECK(failure(decode_cloudevents({payload, "", properties})) == "decoded");
    CHECK(failure(decode_cloudevents({payload, "text/plain", properties}))
              .starts_with("datacontenttype: expected"));
    CHECK(failure(decode_cloudevents({"{\"x\":1}", "", properties}))
              .starts_with("data: x: unknown field"));
    properties.push_back({"id", "a-2"});
    CHECK(failure(decode_cloudevents({payload, "", properties})) == "id: given twice");
    properties.erase(properties.begin() + 1);
    properties.pop_back();
    CHECK(failure(decode_cloudevents({payload, "", properties})) ==
          "id: missing; expected a string");
}

// The specification's own schema, where the vectors are there.
TEST_CASE("every attribute that the specification's schema defines is read as it says") {
    const std::filesystem::path path = WHARF_CLOUDEVENTS_SCHEMA;
    if (!std::filesystem::exists(path)) {
        WARN("skipped: " << path << " is not there");
        return;
    }
    std::ifstream file(path);
    const auto schema = json::parse(file);
    for (const auto& name : schema.at("required"))
        CHECK(without(name.get<std::string>()) != "decoded");
    for (const auto& [name, property] : schema.at("properties").items()) {
        const auto reference = property.at("$ref").get<std::string>();
        const auto& rule = schema.at("definitions").at(reference.substr(reference.rfind('/') + 1));
        const bool nullable = rule.at("type").is_array();
        INFO(name);
        if (name == "data" || name == "data_base64") continue;
        CHECK((with(name, nullptr) == "decoded") == nullable);
        CHECK(with(name, 7) == name + ": expected a string, got a number");
        if (rule.contains("minLength")) CHECK(with(name, "") != "decoded");
        if (name == "datacontenttype") continue; // what the data is: an event
        for (const auto& example : property.value("examples", json::array()))
            CHECK(with(name, example) == "decoded");
    }
}
