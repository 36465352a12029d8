// Support bundles: what is in one, that it stays within its bound, that no secret is in it.
#include "firmware/views/bundle.hpp"
#include "gateway/base/limits.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace wharf;
using namespace wharf::test;
using Catch::Matchers::Contains;

namespace {

using json = nlohmann::json;

views::bundle_parts usual() {
    views::bundle_parts parts;
    parts.software = "1.2.3";
    parts.status = R"({"gateway":"dock-1"})";
    parts.books = R"({"intake":{"received":3}})";
    parts.metrics = "wharf_up 1\n";
    parts.configuration = "# a secret in a comment: hunter2\n[fleet]\npassword = \"hunter2\"\n";
    parts.audit_number = 7;
    parts.audit_head = "00ff";
    parts.log = {"one", "two"};
    return parts;
}

std::string made(rig& on, const views::bundle_parts& parts) {
    auto out = views::bundle_json(on.store, parts);
    if (!out.ok()) FAIL(out.failure().message);
    CHECK(out->size() <= limits::k_report_bytes_max - 1024);
    return *out;
}

} // namespace

TEST_CASE("a bundle holds what is asked for first, and no secret") {
    rig on;
    on.connect();
    on.ingest_one({{"a"}, "x"});
    on.ingest(make_unreadable("not for everybody"));
    const auto text = made(on, usual());
    CHECK_THAT(text, !Contains("hunter2") && !Contains("not for everybody"));
    const auto bundle = json::parse(text);
    CHECK(bundle["version"] == "1.2.3");
    CHECK(bundle["status"]["gateway"] == "dock-1");
    CHECK(bundle["books"]["intake"]["received"] == 3);
    CHECK(bundle["journal"]["last_event"] == 1);
    CHECK(bundle["audit"]["number"] == 7);
    CHECK(bundle["quarantine"][0]["reason"] == "unreadable");
    CHECK(bundle["metrics"] == "wharf_up 1\n");
    CHECK(bundle["log"] == json::array({"one", "two"}));
    CHECK(bundle["left_out"].empty());
}

TEST_CASE("what does not fit is named, and of the log the newest lines stay") {
    rig on;
    auto parts = usual();
    parts.log.clear();
    for (int i = 0; i < 500; ++i)
        parts.log.push_back(std::to_string(i) + std::string(1000, 'x'));
    auto bundle = json::parse(made(on, parts));
    const auto lines = bundle["log"].size();
    CHECK(lines > 100);
    CHECK(lines < 500);
    CHECK(bundle["log"].back().get<std::string>().substr(0, 3) == "499");
    REQUIRE(bundle["left_out"].size() == 1);
    CHECK(bundle["left_out"][0]["lines"] == 500 - lines);
    parts.metrics = std::string(limits::k_report_bytes_max, '"');
    bundle = json::parse(made(on, parts));
    CHECK_FALSE(bundle.contains("metrics"));
    CHECK(bundle["left_out"][0]["part"] == "metrics");
    CHECK(bundle["log"].size() == lines);
}

TEST_CASE("a configuration that cannot be read is not shown") {
    rig on;
    auto parts = usual();
    parts.configuration = "password = hunter2";
    const auto text = made(on, parts);
    CHECK_THAT(text, !Contains("hunter2") && Contains("cannot_be_shown"));
}
