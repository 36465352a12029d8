#include "gateway/observe/metrics.hpp"

#include <catch2/catch.hpp>

#include <regex>
#include <set>
#include <sstream>
#include <string>

using namespace wharf;
using namespace wharf::observe;
using Catch::Matchers::Contains;

namespace {

gateway_snapshot busy() {
    gateway_snapshot now;
    now.gateway = "WH7";
    now.site = "quo\"te\\back\nline";
    now.intake = {10, 0, 1, 2, 7};
    auto& erp = now.destinations.emplace_back();
    erp.books.name = "erp";
    erp.books.applied = 7;
    erp.lanes[0].pending = 3;
    erp.state = circuit::open;
    now.duplicates_by_rule = {{"native_id", 2}};
    auto& bridge = now.bridges.emplace_back();
    bridge.bridge = "wms";
    bridge.broker = "site";
    bridge.duplicate = 4;
    latency_histogram commits;
    commits.record_us(100);
    commits.record_us(101);
    commits.record_us(99'000'000);
    now.journal.commit_latency = commits.snapshot();
    return now;
}

} // namespace

TEST_CASE("every sample has HELP and TYPE before it and its line is well formed") {
    std::istringstream lines(render_metrics(busy()));
    std::set<std::string> families;
    std::string line;
    std::regex sample("(wharf_[a-z0-9_]+)(\\{[a-z]+=\"([^\"\\\\]|\\\\.)*\"(,[a-z]+=\"([^\"\\\\]|"
                      "\\\\.)*\")*\\})? (\\+Inf|-?[0-9.e+-]+)");
    std::regex type("# TYPE (wharf_[a-z0-9_]+) (counter|gauge|histogram)");
    int samples = 0;
    while (std::getline(lines, line)) {
        INFO(line);
        std::smatch parts;
        if (std::regex_match(line, parts, type)) {
            CHECK(families.insert(parts[1]).second);
        } else if (line.front() != '#') {
            REQUIRE(std::regex_match(line, parts, sample));
            auto name = std::regex_replace(parts[1].str(), std::regex("_(bucket|sum|count)$"), "");
            CHECK((families.contains(name) || families.contains(parts[1])));
            ++samples;
        }
    }
    CHECK(samples > 60);
}

TEST_CASE("a bridge's figures go by its name and its broker's, and are not there without one") {
    auto now = busy();
    CHECK_THAT(render_metrics(now),
               Contains("wharf_bridge_events_total{bridge=\"wms\",broker=\"site\",outcome="
                        "\"duplicate\"} 4\n"));
    now.bridges.clear();
    CHECK_THAT(render_metrics(now), !Contains("wharf_bridge_"));
}

TEST_CASE("label values are escaped") {
    CHECK(escaped_label("a\"b\\c\nd") == "a\\\"b\\\\c\\nd");
    CHECK_THAT(render_metrics(busy()), Contains("site=\"quo\\\"te\\\\back\\nline\""));
}

TEST_CASE("the books are exported in the words of their equations") {
    auto text = render_metrics(busy());
    CHECK_THAT(text, Contains("wharf_events_received_total 10\n"));
    CHECK_THAT(text, Contains("wharf_events_intake_total{outcome=\"duplicate\"} 2\n"));
    CHECK_THAT(text,
               Contains("wharf_events_by_outcome{destination=\"erp\",outcome=\"applied\"} 7\n"));
    CHECK_THAT(text, Contains("wharf_books_balance 1\n"));
    CHECK_THAT(text, Contains("wharf_lane_pending{destination=\"erp\",lane=\"shipment\"} 3\n"));
    CHECK_THAT(text, Contains("wharf_destination_circuit{destination=\"erp\",state=\"open\"} 1\n"));
    CHECK_THAT(text, Contains("wharf_journal_buffer_left_seconds +Inf\n"));
}

TEST_CASE("histogram buckets are inclusive, cumulative and end in all") {
    auto text = render_metrics(busy());
    CHECK_THAT(text, Contains("wharf_journal_commit_seconds_bucket{le=\"1e-04\"} 1\n") ||
                         Contains("wharf_journal_commit_seconds_bucket{le=\"0.0001\"} 1\n"));
    CHECK_THAT(text, Contains("wharf_journal_commit_seconds_bucket{le=\"30\"} 2\n"));
    CHECK_THAT(text, Contains("wharf_journal_commit_seconds_bucket{le=\"+Inf\"} 3\n"));
    CHECK_THAT(text, Contains("wharf_journal_commit_seconds_count 3\n"));
    CHECK_THAT(text, Contains("wharf_journal_commit_seconds_sum 99.000201\n"));
}
