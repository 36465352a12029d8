// The ERP contract as bytes.
#include "gateway/codec/trace_context.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "sync/connectors/http/http_date.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;

namespace {

http_connector connector(http_format format = http_format::json, std::string token = {},
                         bool answers_by_status = false) {
    http_connector_options options;
    options.answers_by_status = answers_by_status;
    options.url = "http://127.0.0.1:8069/erp/";
    options.format = format;
    options.token = std::move(token);
    options.gateway = "WH7";
    options.names.first = 0x3f2a9c1b;
    auto made = http_connector::create(options);
    REQUIRE(made.ok());
    return std::move(made).value();
}

raw_record record(sequence number, const std::string& traceparent = {},
                  const std::string& tracestate = {}) {
    raw_record out;
    out.head.number = number;
    out.event.set_site("ber1");
    out.event.set_device("scanner-07");
    out.event.set_stream("stock");
    out.event.set_received_at_us(1'772'445'600'123'456);
    wharf::v1::Event event;
    event.set_traceparent(traceparent);
    event.set_tracestate(tracestate);
    event.set_source("scanner-07");
    event.set_event_id("a-1");
    auto& adjusted = *event.mutable_inventory_adjusted();
    adjusted.mutable_stock()->set_sku("4711");
    adjusted.mutable_delta()->mutable_value()->set_coefficient(-2);
    adjusted.mutable_delta()->set_unit("EA");
    out.event.set_event(event.SerializeAsString());
    return out;
}

std::string header(const http_request& request, std::string_view name) {
    for (const auto& [key, value] : request.headers)
        if (key == name) return value;
    return {};
}

http_response answer(int status, std::string body = {}) {
    return {status, "", "", std::move(body)};
}

} // namespace

TEST_CASE("a batch is rendered as the contract shows it") {
    const auto request =
        connector().render(42, {{1234, 0}, {1235, 0}}, {record(1234), record(1235)}, false).value();
    CHECK(request.target == "/erp/v1/updates");
    CHECK(header(request, "Content-Type") == "application/json");
    CHECK(header(request, "Idempotency-Key") == "WH7-3f2a9c1b-b00000000000000000042");
    CHECK(header(request, "Authorization").empty());
    CHECK(request.body.starts_with(
        R"({"batch_id":"WH7-3f2a9c1b-b00000000000000000042","gateway":"WH7","mapping_revision":1,)"
        R"("items":[{"idempotency_key":"WH7-3f2a9c1b-00000000000000001234-0",)"
        R"("id":{"gateway":"WH7","epoch":1059757083,"sequence":"1234"},"site":"ber1",)"
        R"("device":"scanner-07","stream":"stock","received_at":"2026-03-02T10:00:00.123456Z")"));
    CHECK(request.body.find("in_order") == std::string::npos);
}

TEST_CASE("a batch of one carries its item's key and trace") {
    const auto one = record(7, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const auto request =
        connector(http_format::protobuf, "s3cret").render(1, {{7, 2}}, {one}, true).value();
    CHECK(header(request, "Idempotency-Key") == "WH7-3f2a9c1b-00000000000000000007-2");
    CHECK(header(request, "traceparent").starts_with("00-4bf9"));
    CHECK(header(request, "Authorization") == "Bearer s3cret");
    CHECK(header(request, "Content-Type") == "application/x-protobuf");
    wharf::v1::UpdateBatch body;
    REQUIRE(body.ParseFromString(request.body));
    CHECK(body.in_order());
    CHECK(body.items(0).id().revision() == 2);
}

TEST_CASE("a request is a span of its own in the trace of its items") {
    const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const auto traced = [](sequence number, const std::string& id, const std::string& flags,
                           const std::string& state = {}) {
        auto out = record(number, "00-" + id + "-00f067aa0ba902b7-" + flags, state);
        out.head.flags = k_flag_traced;
        return out;
    };
    const auto rendered = [&](std::vector<raw_record> records) {
        std::vector<batch_item> items;
        for (const auto& each : records)
            items.push_back({each.head.number, 0});
        return connector().render(9, items, std::move(records), false).value();
    };
    SECTION("the items are all of one trace, or of none") {
        const auto request =
            rendered({record(1), traced(2, trace, "00", "a=1"), traced(3, trace, "01", "a=1")});
        const auto said = header(request, "traceparent");
        const auto parent = read_traceparent(said);
        REQUIRE(parent);
        CHECK(parent->trace_id == trace);
        CHECK(parent->span_id != "00f067aa0ba902b7");
        CHECK(parent->sampled);
        CHECK(header(request, "tracestate") == "a=1");
        CHECK(request.body.find("00-" + trace + "-00f067aa0ba902b7-01") != std::string::npos);
    }
    SECTION("they are of several: the request has a trace of its own") {
        const std::string other(32, 'd');
        const auto request = rendered({traced(1, trace, "00", "a=1"), traced(2, other, "00")});
        const auto said = header(request, "traceparent");
        const auto parent = read_traceparent(said);
        REQUIRE(parent);
        CHECK(parent->trace_id != trace);
        CHECK(parent->trace_id != other);
        CHECK_FALSE(parent->sampled);
        CHECK(header(request, "tracestate").empty());
        CHECK(header(rendered({traced(1, trace, "00"), traced(2, other, "00")}), "traceparent") ==
              header(request, "traceparent"));
    }
    SECTION("none has one, or none that is good") {
        CHECK(header(rendered({record(1), record(2)}), "traceparent").empty());
        auto bad = record(1, "not one");
        bad.head.flags = k_flag_traced;
        CHECK(header(rendered({bad}), "traceparent").empty());
    }
    SECTION("each attempt is another span of the same trace; without a trace there is none") {
        auto request = rendered({traced(1, trace, "01")});
        const auto body = request.body;
        http_connector::begin_span(request, 0x0123456789abcdef);
        CHECK(header(request, "traceparent") == "00-" + trace + "-0123456789abcdef-01");
        CHECK(request.body == body);
        auto plain = rendered({record(1)});
        http_connector::begin_span(plain, 1);
        CHECK(header(plain, "traceparent").empty());
    }
}

// Types of fields by number; an event and its bytes are the same on the wire.
std::string shape_of(const google::protobuf::Descriptor& type) {
    std::string out;
    for (int i = 0; i < type.field_count(); ++i) {
        const auto& field = *type.field(i);
        const auto* child = field.message_type();
        out += field.name() + " " + std::to_string(field.number()) + " " + field.type_name() +
               (field.is_repeated() ? " repeated " : " ");
        if (child != nullptr && child->name().ends_with("Update"))
            out += shape_of(*child);
        else if (child != nullptr && child->name() != "Event")
            out += child->full_name();
        out += "\n";
    }
    return out;
}

TEST_CASE("a raw message is the message itself but for the event") {
    using namespace wharf::v1;
    auto with_bytes = [](std::string shape) {
        const std::string_view message = " message \n";
        for (auto at = shape.find(message); at != std::string::npos; at = shape.find(message))
            shape.replace(at, message.size(), " bytes \n");
        return shape;
    };
    CHECK(with_bytes(shape_of(*StoredEvent::descriptor())) ==
          shape_of(*RawStoredEvent::descriptor()));
    CHECK(with_bytes(shape_of(*Update::descriptor())) == shape_of(*RawUpdate::descriptor()));
    CHECK(with_bytes(shape_of(*UpdateBatch::descriptor())) ==
          shape_of(*RawUpdateBatch::descriptor()));
}

TEST_CASE("an event handed on unread has the bytes of one that was read") {
    const auto raw = connector(http_format::protobuf)
                         .render(1, {{7, 0}, {8, 0}}, {record(7), record(8)}, false)
                         .value();
    wharf::v1::UpdateBatch read;
    REQUIRE(read.ParseFromString(raw.body));
    CHECK(read.items(1).event().inventory_adjusted().stock().sku() == "4711");
    CHECK(read.SerializeAsString() == raw.body);
}

TEST_CASE("what is no event is not rendered") {
    auto bad = record(7);
    bad.event.set_event("\xff\xff");
    for (auto format : {http_format::json, http_format::protobuf}) {
        const auto none = connector(format).render(1, {{7, 0}}, {bad}, false);
        REQUIRE_FALSE(none.ok());
        CHECK(none.failure().message == "event 7: not an Event");
    }
}

TEST_CASE("equal events are rendered as equal bytes") {
    for (auto format : {http_format::json, http_format::protobuf}) {
        const auto first = connector(format).render(1, {{7, 0}}, {record(7)}, false).value();
        const auto second = connector(format).render(1, {{7, 0}}, {record(7)}, false).value();
        CHECK(first.body == second.body);
    }
}

TEST_CASE("an answer is read per item, by key and in any order") {
    const auto erp = connector();
    const auto got = erp.parse(answer(200, R"({"items":[
            {"idempotency_key":"WH7-3f2a9c1b-00000000000000000002-0","status":"refused",
             "code":"insufficient_stock","message":"A-01 holds 1","hint":"new field"},
            {"idempotency_key":"WH7-3f2a9c1b-00000000000000000001-0","status":"applied"}]})"),
                               {{1, 0}, {2, 0}, {3, 0}}, false, 0);
    REQUIRE(got.items.size() == 3);
    CHECK(got.items[0].status == wharf::v1::ITEM_STATUS_APPLIED);
    CHECK(got.items[1].status == wharf::v1::ITEM_STATUS_REFUSED);
    CHECK(got.items[1].code == "insufficient_stock");
    CHECK(got.items[2].status == wharf::v1::ITEM_STATUS_UNSPECIFIED); // missing
}

TEST_CASE("what cannot be read or contradicts itself says nothing") {
    const auto erp = connector();
    for (const auto* body : {"<html>", "{", "[]", R"({"items":[{"status":17}]})", "null"}) {
        const auto got = erp.parse(answer(200, body), {{1, 0}}, false, 0);
        REQUIRE(got.items.size() == 1);
        CHECK(got.items[0].status == wharf::v1::ITEM_STATUS_UNSPECIFIED);
    }
    const auto twice = erp.parse(answer(200, R"({"items":[
            {"idempotency_key":"WH7-3f2a9c1b-00000000000000000001-0","status":"applied"},
            {"idempotency_key":"WH7-3f2a9c1b-00000000000000000001-0","status":"refused"}]})"),
                                 {{1, 0}}, false, 0);
    CHECK(twice.items[0].status == wharf::v1::ITEM_STATUS_UNSPECIFIED);
}

TEST_CASE("an empty answer says nothing, as the protobuf one without items does") {
    for (auto format : {http_format::json, http_format::protobuf})
        CHECK(connector(format).parse(answer(200), {{1, 0}}, false, 0).items.at(0).status ==
              wharf::v1::ITEM_STATUS_UNSPECIFIED);
}

TEST_CASE("where the configuration says so, one item is answered by the status, several never") {
    const auto erp = connector(http_format::json, {}, true);
    for (int status : {200, 201, 204})
        CHECK(erp.parse(answer(status), {{1, 0}}, false, 0).items.at(0).status ==
              wharf::v1::ITEM_STATUS_APPLIED);
    CHECK(erp.parse(answer(202), {{1, 0}}, false, 0).items.at(0).status ==
          wharf::v1::ITEM_STATUS_UNSPECIFIED);
    CHECK(erp.parse(answer(200), {{1, 0}}, true, 0).items.at(0).status ==
          wharf::v1::ITEM_STATUS_UNSPECIFIED);
    CHECK(erp.parse(answer(200), {{1, 0}, {2, 0}}, false, 0).items.at(0).status ==
          wharf::v1::ITEM_STATUS_UNSPECIFIED);
}

TEST_CASE("a refusal of the whole request keeps the ERP's words") {
    const auto erp = connector();
    const auto got =
        erp.parse(answer(422, R"({"items":[{"idempotency_key":"WH7-3f2a9c1b-00000000000000000001-0",
                        "status":"refused","code":"closed","message":"month closed"}]})"),
                  {{1, 0}}, false, 0);
    CHECK(got.code == "closed");
    CHECK(got.words == "month closed");
    CHECK(erp.parse(answer(503, "gone\nfishing"), {{1, 0}}, false, 0).words ==
          "HTTP 503: gone fishing");
}

TEST_CASE("Retry-After is seconds or a date") {
    CHECK(parse_retry_after_us("120", 0) == 120'000'000);
    CHECK(parse_retry_after_us("99999999999999999999", 0).value() > 3'600'000'000);
    constexpr std::int64_t then_us = 784'111'777'000'000; // Sun, 06 Nov 1994 08:49:37 GMT
    CHECK(parse_retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", then_us - 5) == 5);
    CHECK(parse_retry_after_us("Sun, 06 Nov 1994 08:49:37 GMT", then_us + 5) == 0);
    CHECK_FALSE(parse_retry_after_us("soon", 0));
    CHECK_FALSE(parse_retry_after_us("-1", 0));
    CHECK_FALSE(parse_retry_after_us("", 0));
}

TEST_CASE("a question carries keys alone") {
    const auto request = connector().render_ask({{1, 0}});
    CHECK(request.target == "/erp/v1/updates/query");
    CHECK(request.body ==
          R"({"items":[{"idempotency_key":"WH7-3f2a9c1b-00000000000000000001-0"}]})");
}

TEST_CASE("addresses that cannot be used say what to write") {
    const auto made = [](const std::string& url, const std::string& token = {}) {
        http_connector_options options;
        options.url = url;
        options.token = token;
        return http_connector::create(options);
    };
    CHECK(made("http://erp.example:8069").ok());
    CHECK(made("http://[::1]:8069/a", "t").ok());
    CHECK(made("http://localhost", "t").ok());
    CHECK(made("http://127.9.9.9", "t").ok());
    CHECK(made("https://erp.example", "t").ok());
    for (const auto* url : {"http://erp.example", "http://127.0.0.1.example", "http://127.1"}) {
        INFO(url);
        CHECK_FALSE(made(url, "t").ok());
    }
    for (const auto* url : {"", "erp", "ftp://erp", "http://", "http://erp:0", "http://erp:70000",
                            "http://erp/a?b", "http://a b", "http://[::1", "http://user@erp"}) {
        INFO(url);
        CHECK_FALSE(made(url).ok());
    }
    CHECK_FALSE(made("http://localhost", "a\r\nb").ok());
}

namespace {

http_connector taken_over(http_format format = http_format::json) {
    http_connector_options options;
    options.url = "http://127.0.0.1:8069";
    options.format = format;
    options.gateway = "WH7";
    options.names = {0x3f2a9c1b, {{1, 0x0000cafe, 100}, {4, 0x5b1fa0c3, 200}}};
    auto made = http_connector::create(options);
    REQUIRE(made.ok());
    return std::move(made).value();
}

std::string key_sent(const http_connector& by, sequence number) {
    return header(by.render(1, {{number, 0}}, {record(number)}, false).value(), "Idempotency-Key");
}

} // namespace

TEST_CASE("an event keeps the name that it was given before a takeover") {
    const auto by = taken_over();
    CHECK(key_sent(by, 100) == "WH7-3f2a9c1b-00000000000000000100-0");
    CHECK(key_sent(by, 101) == "WH7-0000cafe-00000000000000000101-0");
    CHECK(key_sent(by, 200) == "WH7-0000cafe-00000000000000000200-0");
    CHECK(key_sent(by, 201) == "WH7-5b1fa0c3-00000000000000000201-0");
}

TEST_CASE("what was sealed before a takeover has the same bytes after it") {
    http_connector_options options;
    options.url = "http://127.0.0.1:8069";
    options.gateway = "WH7";
    options.names = {0x3f2a9c1b, {{1, 0x0000cafe, 100}}};
    const auto before = http_connector::create(options).value();
    const std::vector<batch_item> items = {{99, 0}, {150, 0}};
    auto render = [&](const http_connector& by) {
        return by.render(9, items, {record(99), record(150)}, true).value();
    };
    CHECK(render(before).body == render(taken_over()).body);
    CHECK(header(render(taken_over()), "Idempotency-Key") == "WH7-0000cafe-b00000000000000000009");
}

TEST_CASE("every request says which takeover speaks") {
    const auto by = taken_over();
    for (const auto& request :
         {by.render(1, {{7, 0}}, {record(7)}, false).value(), by.render_ask({{7, 0}})}) {
        CHECK(header(request, "Wharf-Gateway") == "WH7");
        CHECK(header(request, "Wharf-Takeover") == "4");
        CHECK(header(request, "Wharf-Epoch") == "5b1fa0c3");
    }
    CHECK(header(connector().render_ask({{7, 0}}), "Wharf-Takeover") == "0");
}

TEST_CASE("a fence is told from another 409 by its code") {
    const auto words = "takeover 5 of WH7 holds";
    const auto json = connector().parse(
        answer(409, R"({"code": "fenced", "message": "takeover 5 of WH7 holds"})"),
        {{1, 0}, {2, 0}}, false, 0);
    CHECK(json.code == "fenced");
    CHECK(json.words == words);
    CHECK(classify_request(json) == request_verdict::fenced);
    wharf::v1::BatchAnswer said;
    said.set_code("fenced");
    said.set_message(words);
    const auto protobuf = taken_over(http_format::protobuf)
                              .parse(answer(409, said.SerializeAsString()), {{1, 0}}, true, 0);
    CHECK(classify_request(protobuf) == request_verdict::fenced);
    CHECK(protobuf.words == words);
    for (const char* other : {"", "{}", R"({"code": "busy"})", "fenced"})
        CHECK(classify_request(connector().parse(answer(409, other), {{1, 0}}, false, 0)) ==
              request_verdict::retry);
}
