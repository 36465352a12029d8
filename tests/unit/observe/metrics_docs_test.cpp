// docs/metrics.md, the alert rules and the dashboard are held against what the gateway writes.
#include "gateway/observe/metrics.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

using namespace wharf;
using namespace wharf::observe;

namespace {

std::string read(const std::string& name) {
    std::ifstream in(std::string(WHARF_DOCS) + "/" + name);
    REQUIRE(in);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// Everything that may be there is.
gateway_snapshot everything() {
    gateway_snapshot now;
    now.log_lines_by_level = {{"info", 1}};
    now.duplicates_by_rule = {{"native_id", 1}};
    now.journal.last_commit_age_s = 1;
    now.journal.device_bytes_written = 1;
    now.listener.tls.emplace();
    now.listener.certificate_left_s = 1;
    auto& erp = now.destinations.emplace_back();
    erp.books.name = "erp";
    erp.last_success_age_s = 1;
    erp.certificate_left_s = 1;
    for (auto& lane : erp.lanes)
        lane.aim = service_target{1, 0.99};
    now.bridges.emplace_back();
    now.silence.profiles = {{"rfid", 1, 1}};
    now.machine.temperatures = {{"thermal_zone0", "cpu", 40}};
    now.machine.flash = {{"mmcblk0", 10, 1}};
    now.machine.disk.emplace();
    now.machine.clock.emplace();
    return now;
}

struct family {
    std::string type;
    std::set<std::string> labels;
    bool operator==(const family&) const = default;
};
using families = std::map<std::string, family>;

std::set<std::string> names(const std::string& text, const std::regex& what) {
    std::set<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at)
        out.insert((*at)[1]);
    return out;
}

families written() {
    const std::regex type("# TYPE (\\w+) (\\w+)");
    const std::regex label("(\\w+)=\"");
    families out;
    std::string current;
    std::istringstream lines(render_metrics(everything()));
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        if (std::regex_match(line, parts, type)) {
            current = parts[1];
            out[current].type = parts[2];
        } else if (line.front() != '#') {
            REQUIRE(line.starts_with(current));
            for (const auto& each : names(line, label))
                if (each != "le") out[current].labels.insert(each);
        }
    }
    return out;
}

families documented() {
    const std::regex row("\\| `(wharf_\\w+)` \\| (\\w+) \\| ([^|]*) \\| [^|]+ \\|");
    families out;
    std::istringstream lines(read("metrics.md"));
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        if (!std::regex_match(line, parts, row)) continue;
        INFO(line);
        CHECK(out.emplace(parts[1], family{parts[2], names(parts[3], std::regex("`(\\w+)`"))})
                  .second);
    }
    return out;
}

} // namespace

TEST_CASE(
    "every metric is in the table of docs/metrics.md, with its type and labels, and no other") {
    const auto real = written();
    const auto said = documented();
    for (const auto& [name, what] : real) {
        INFO(name);
        REQUIRE(said.contains(name));
        CHECK(said.at(name).type == what.type);
        CHECK(said.at(name).labels == what.labels);
    }
    for (const auto& [name, what] : said) {
        INFO(name);
        CHECK(real.contains(name));
    }
    CHECK(real.size() > 90);
}

TEST_CASE("every code of an alarm is in the table of docs/metrics.md, and no other") {
    std::set<std::string> real;
    for (std::size_t code = 0; code < k_alarm_code_count; ++code)
        CHECK(real.emplace(to_string(static_cast<alarm_code>(code))).second);
    const auto page = read("metrics.md");
    const auto table = page.substr(page.find("\n## Alarms\n"));
    CHECK(names(table, std::regex("\n\\| `(\\w+)` \\|")) == real);
}

TEST_CASE("the alert rules and the dashboard name metrics and alarms that there are") {
    const auto real = written();
    std::set<std::string> codes;
    for (std::size_t code = 0; code < k_alarm_code_count; ++code)
        codes.emplace(to_string(static_cast<alarm_code>(code)));
    for (const auto* file : {"alerts/wharf.rules.yml", "dashboards/wharf.json"}) {
        const auto text = read(file);
        const auto used = names(text, std::regex("\\b(wharf_\\w+)\\b"));
        CHECK(used.size() > 10);
        for (const auto& each : used) {
            INFO(file << ": " << each);
            const auto family = std::regex_replace(each, std::regex("_(bucket|sum|count)$"), "");
            const bool part_of_histogram =
                real.contains(family) && real.at(family).type == "histogram";
            CHECK((real.contains(each) || part_of_histogram));
        }
        for (const auto& some : names(text, std::regex("code[!=]~?\\\\?\"([\\w|]+)"))) {
            INFO(file << ": " << some);
            for (const auto& each : names(some, std::regex("(\\w+)")))
                CHECK(codes.contains(each));
        }
    }
}
