#include "gateway/ingest/topics.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

// "codec site device stream", or "-".
std::string matched(const router& routes, std::string_view topic) {
    const auto match = routes.match(topic);
    if (!match) return "-";
    return std::string(to_string(match->codec)) + " " + std::string(match->site) + " " +
           std::string(match->device) + " " + std::string(match->stream);
}

router routes_of(std::vector<route> routes) {
    auto made = make_router(std::move(routes));
    INFO((made.ok() ? std::string() : made.failure().message));
    REQUIRE(made.ok());
    return *made;
}

std::string refused(route bad) {
    const auto made = make_router({{.topic = "a/{device}"}, std::move(bad)});
    return made.ok() ? "made" : made.failure().message;
}

} // namespace

TEST_CASE("the default topics name their codec by their ending") {
    const auto routes = routes_of(default_routes());
    CHECK(matched(routes, "wharf/1/ber1/scanner-07/stock") == "json ber1 scanner-07 stock");
    CHECK(matched(routes, "wharf/1/ber1/scanner-07/stock.pb") == "protobuf ber1 scanner-07 stock");
    CHECK(matched(routes, "wharf/1/ber1/wms/stock.pbs") == "protobuf_batch ber1 wms stock");
    CHECK(matched(routes, "wharf/1/ber1/wms/.pb") == "json ber1 wms .pb");
    for (const auto* topic : {"", "/", "wharf/1/ber1/wms", "wharf/1/ber1/wms/stock/x",
                              "wharf/2/ber1/wms/stock", "wharf/1//wms/stock", "wharf/1/ber1//stock",
                              "wharf/1/ber1/wms/", "/wharf/1/ber1/wms/stock"})
        CHECK(matched(routes, topic) == "-");
}

TEST_CASE("the first route that matches decides") {
    const auto routes = routes_of({
        {.topic = "wharf/1/{site}/wms/{stream}",
         .codec = codec_kind::protobuf,
         .device = "the-wms"},
        {.topic = "wharf/1/{site}/{device}/{stream}"},
    });
    CHECK(matched(routes, "wharf/1/ber1/wms/stock") == "protobuf ber1 the-wms stock");
    CHECK(matched(routes, "wharf/1/ber1/rfid/stock") == "json ber1 rfid stock");
}

TEST_CASE("a placeholder may stand between literal text") {
    const auto routes = routes_of({{.topic = "zebra/dev-{device}-x/data", .stream = "scan"}});
    CHECK(matched(routes, "zebra/dev-7-x/data") == "json  7 scan");
    CHECK(matched(routes, "zebra/dev--x/data") == "-");
    CHECK(matched(routes, "zebra/dev-x/data") == "-");
    CHECK(matched(routes, "zebra/dev-7/data") == "-");
}

TEST_CASE("plus is any level and hash any rest, as in a subscription") {
    const auto routes = routes_of({{.topic = "a/+/{device}/#"}});
    CHECK(matched(routes, "a/x/d/1/2/3") == "json  d ");
    CHECK(matched(routes, "a/x/d/1") == "json  d ");
    CHECK(matched(routes, "a/x/d") == "json  d ");
    CHECK(matched(routes, "a//d") == "json  d ");
    CHECK(matched(routes, "a/d") == "-");
    CHECK(matched(routes, "b/x/d") == "-");
}

TEST_CASE("a route that cannot work says which one it is and why") {
    const auto [bad, why] = GENERATE(table<route, std::string>({
        {{.topic = ""}, "topic \"\": is empty"},
        {{.topic = "a/{gate}"},
         "topic \"a/{gate}\": unknown placeholder {gate}; expected {site}, {device} or {stream}"},
        {{.topic = "a/{device"}, "topic \"a/{device\": '{' without '}'"},
        {{.topic = "a/device}"}, "topic \"a/device}\": '}' without '{'"},
        {{.topic = "a/{device}{site}"},
         "topic \"a/{device}{site}\": a level has at most one placeholder"},
        {{.topic = "{device}/{device}"},
         "topic \"{device}/{device}\": {device} stands there more than once"},
        {{.topic = "a/b"}, "topic \"a/b\": neither {device} nor a fixed device is given"},
        {{.topic = "{device}", .device = "x"},
         "topic \"{device}\": {device} and a fixed device are both given"},
        {{.topic = "{device}", .site = "a\nb"},
         "topic \"{device}\": site: expected text without control characters, got \"a?b\""},
        {{.topic = "{device}/x+"}, "topic \"{device}/x+\": '+' and '#' stand for whole levels"},
        {{.topic = "#/{device}"}, "topic \"#/{device}\": '#' is for the last level"},
        {{.topic = std::string(1025, 'a')},
         "topic \"" + std::string(1025, 'a') + "\": is longer than 1024 bytes"},
    }));
    CHECK(refused(bad) == "route 2: " + why);
}

TEST_CASE("there is at least one route and there are not too many") {
    CHECK(make_router({}).failure().message == "expected at least one route");
    CHECK(make_router(std::vector<route>(65, {.topic = "{device}"})).failure().message ==
          "expected at most 64 routes");
}
