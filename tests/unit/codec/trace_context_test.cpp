#include "gateway/codec/trace_context.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/flat_message.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

const std::string k_trace(32, 'a');
const std::string k_span(16, 'b');
const std::string k_parent = "00-" + k_trace + "-" + k_span + "-01";

wharf::v1::Event event(std::string parent, std::string state = {}) {
    wharf::v1::Event out;
    out.set_event_id("e-1");
    out.set_device_sequence(7);
    out.mutable_occurred_at()->set_seconds(1);
    out.set_traceparent(std::move(parent));
    out.set_user("u");
    out.add_references()->set_type("order");
    out.set_tracestate(std::move(state));
    out.mutable_reserved()->set_document("D");
    return out;
}

} // namespace

TEST_CASE("a traceparent has the W3C form") {
    CHECK(is_traceparent(k_parent));
    CHECK_FALSE(is_traceparent(""));
    CHECK_FALSE(is_traceparent("00-" + std::string(32, 'A') + "-" + k_span + "-01"));
    CHECK_FALSE(is_traceparent("00-" + std::string(32, '0') + "-" + k_span + "-01"));
    CHECK_FALSE(is_traceparent("00-" + k_trace + "-" + std::string(16, '0') + "-01"));
    CHECK_FALSE(is_traceparent("00-" + k_trace + "-" + k_span + "-0x"));
    CHECK_FALSE(is_traceparent("00-" + k_trace + "-" + k_span));
    CHECK_FALSE(is_traceparent("00_" + k_trace + "-" + k_span + "-01"));
    CHECK_FALSE(is_traceparent("00-" + k_trace + "-" + k_span + "-01-x"));
}

TEST_CASE("of a later version that is read which it has in common with the first") {
    CHECK(is_traceparent("01-" + k_trace + "-" + k_span + "-01"));
    CHECK(is_traceparent("cc-" + k_trace + "-" + k_span + "-01-what-the-future-will-be"));
    CHECK_FALSE(is_traceparent("cc-" + k_trace + "-" + k_span + "-01.what"));
    CHECK_FALSE(is_traceparent("ff-" + k_trace + "-" + k_span + "-01"));
    CHECK_FALSE(is_traceparent("cc-" + k_trace + "-" + k_span + "-01-" + std::string(256, 'x')));
    const std::string later = "cc-" + k_trace + "-" + k_span + "-03-x";
    const auto read = read_traceparent(later);
    REQUIRE(read);
    CHECK(read->trace_id == k_trace);
    CHECK(read->span_id == k_span);
    CHECK(read->sampled);
    CHECK_FALSE(read_traceparent("00-" + k_trace + "-" + k_span + "-02")->sampled);
}

TEST_CASE("a tracestate is a list of at most 32 members and 512 bytes, each key once") {
    CHECK(is_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    CHECK(is_tracestate(" a=1 ,\tb@c/d*e_f-g=2,,"));
    CHECK_FALSE(is_tracestate(""));
    CHECK_FALSE(is_tracestate(","));
    CHECK_FALSE(is_tracestate("a"));
    CHECK_FALSE(is_tracestate("=1"));
    CHECK_FALSE(is_tracestate("a="));
    CHECK_FALSE(is_tracestate("A=1"));
    CHECK_FALSE(is_tracestate("a=1=2"));
    CHECK_FALSE(is_tracestate("a=1,a=2"));
    CHECK_FALSE(is_tracestate("a=\xc3\xa4"));
    CHECK_FALSE(is_tracestate("a=x\ny"));
    std::string many;
    for (int i = 0; i < 32; ++i)
        many += (i == 0 ? "k" : ",k") + std::to_string(i) + "=1";
    CHECK(is_tracestate(many));
    CHECK_FALSE(is_tracestate(many + ",more=1"));
    CHECK(is_tracestate("a=" + std::string(253, 'x') + ",b=" + std::string(254, 'x')));
    CHECK_FALSE(is_tracestate("a=" + std::string(254, 'x') + ",b=" + std::string(254, 'x')));
}

TEST_CASE("a traceparent is made in the form that is read") {
    const auto made = make_traceparent(k_trace, 0x0123456789abcdef, true);
    CHECK(made == "00-" + k_trace + "-0123456789abcdef-01");
    CHECK(is_traceparent(made));
    CHECK(is_traceparent(make_traceparent(k_trace, 0, false))); // no span is all zero
}

TEST_CASE("an event's trace is found in its bytes without reading the rest") {
    const auto bytes = event(k_parent, "a=1").SerializeAsString();
    CHECK(trace_of(bytes).parent == k_parent);
    CHECK(trace_of(bytes).state == "a=1");
    const auto none = event("").SerializeAsString();
    CHECK(trace_of(none).parent.empty());
    CHECK(trace_of(none).state.empty());
    CHECK(trace_of("").parent.empty());
    for (std::size_t size = 0; size < bytes.size(); ++size) // cut anywhere it says less
        CHECK((trace_of(bytes.substr(0, size)).parent.empty() ||
               trace_of(bytes.substr(0, size)).parent == k_parent));
}

TEST_CASE("what is malformed goes and is told, in messages and in views of them alike") {
    struct row {
        std::string parent, state;
        trace_texts carried;
        std::string parent_after, state_after;
        bool ignored;
    };
    const std::string other = "00-" + std::string(32, 'c') + "-" + k_span + "-00";
    const std::vector<row> rows = {
        {"", "", {}, "", "", false},
        {k_parent, "a=1", {}, k_parent, "a=1", false},
        {k_parent, "a", {}, k_parent, "", true},
        {"not one", "", {}, "", "", true},
        {"not one", "a=1", {}, "", "", true},
        {"", "a=1", {}, "", "", true},
        {"", "", {other, "b=2"}, other, "b=2", false},
        {"", "", {other, "b"}, other, "", true},
        {"", "", {"garbage", "b=2"}, "", "", true},
        {"", "", {"", "b=2"}, "", "", true},
        {"not one", "a=1", {other, ""}, other, "", true},
        // An event's own trace stands, and what carried it says nothing.
        {k_parent, "", {other, "b=2"}, k_parent, "", false},
        {k_parent, "a=1", {"garbage", "b"}, k_parent, "a=1", false},
    };
    flat_message plain(*wharf::v1::Event::descriptor());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(i);
        const auto& [parent, state, carried, parent_after, state_after, ignored] = rows[i];
        auto one = event(parent, state);
        const auto bytes = one.SerializeAsString();
        CHECK(settle_trace(one, carried) == ignored);
        CHECK(one.traceparent() == parent_after);
        CHECK(one.tracestate() == state_after);
        REQUIRE(plain.read(bytes));
        flat::event_view view(plain, 0);
        CHECK(settle_trace(view, carried) == ignored);
        CHECK(view.traceparent() == parent_after);
        CHECK(view.tracestate() == state_after);
    }
}
