#include "firmware/views/bundle.hpp"

#include "firmware/views/dead.hpp"
#include "firmware/views/quarantine.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/config/without_secrets.hpp"
#include "gateway/journal/inspect.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace wharf::views {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_envelope_bytes = 8 * 1024; // of the report, and what names what was left
constexpr std::size_t k_dead_max = 20;
constexpr std::size_t k_quarantined_max = 20;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Parts as long as they fit.
class bounded {
  public:
    void add(const std::string& name, json part) {
        const std::size_t bytes = dumped(part).size() + name.size() + 4;
        if (bytes > room_) {
            left_out_.push_back({{"part", name}, {"bytes", bytes}});
            return;
        }
        room_ -= bytes;
        all_[name] = std::move(part);
    }
    // The newest lines that fit.
    void add_log(const std::vector<std::string>& lines) {
        auto from = lines.end();
        std::size_t bytes = 16;
        while (from != lines.begin()) {
            const std::size_t more = dumped(*(from - 1)).size() + 1;
            if (bytes + more > room_) break;
            bytes += more;
            --from;
        }
        room_ -= std::min(room_, bytes);
        all_["log"] = std::vector<std::string>(from, lines.end());
        if (from != lines.begin())
            left_out_.push_back({{"part", "log"}, {"lines", from - lines.begin()}});
    }
    [[nodiscard]] std::string text() {
        all_["left_out"] = std::move(left_out_);
        return dumped(all_);
    }

  private:
    json all_ = json::object();
    json left_out_ = json::array();
    std::size_t room_ = limits::k_report_bytes_max - k_envelope_bytes;
};

result<json> journal_facts(store& journal) {
    WHARF_TRY_ASSIGN(const auto header, read_header(journal));
    WHARF_TRY_ASSIGN(const auto state, read_state(journal));
    WHARF_TRY_ASSIGN(const auto usage, journal.usage());
    std::string epoch;
    put_big(epoch, std::uint32_t{header.epoch()});
    json paused = json::array();
    for (const auto& each : state.destinations())
        if (each.paused() || each.paused_lanes_size() > 0) paused.push_back(each.name());
    return json{{"gateway", header.gateway()},
                {"format_version", header.format_version()},
                {"epoch", to_hex(epoch)},
                {"takeovers", header.takeovers_size()},
                {"created_at", time_text(header.created_at_us())},
                {"oldest_event", state.oldest_sequence()},
                {"last_event", state.last_sequence()},
                {"journal_time_s", state.journal_time_us() / 1'000'000},
                {"quarantined_until", state.next_quarantine() - 1},
                {"quarantine_left", state.quarantine_discarded()},
                {"quarantine_released", state.quarantine_released()},
                {"identities", state.next_identity() - state.oldest_identity()},
                {"identities_evicted_early", state.identities_evicted_early()},
                {"fenced", state.fence().words()},
                {"paused", std::move(paused)},
                {"bytes_used", usage.bytes_used},
                {"bytes_max", usage.bytes_max}};
}

json configuration_of(const std::string& text) {
    auto shown = without_secrets(text, "configuration");
    if (shown.ok()) return *shown;
    return json{{"cannot_be_shown", shown.failure().message}};
}

} // namespace

result<std::string> bundle_json(store& journal, const bundle_parts& parts) {
    bounded out;
    out.add("version", parts.software);
    out.add("status", json::parse(parts.status, nullptr, false));
    out.add("books", json::parse(parts.books, nullptr, false));
    WHARF_TRY_ASSIGN(json facts, journal_facts(journal));
    out.add("journal", std::move(facts));
    out.add("audit", {{"number", parts.audit_number}, {"head", parts.audit_head}});
    out.add("configuration", configuration_of(parts.configuration));
    WHARF_TRY_ASSIGN(const auto quarantined, list_quarantine(journal, 0, k_quarantined_max));
    json apart = json::array();
    for (const auto& entry : quarantined)
        apart.push_back(quarantine_json(entry, false));
    out.add("quarantine", std::move(apart));
    WHARF_TRY_ASSIGN(json dead, dead_list_json(journal, {0, k_dead_max, {}, false}));
    for (json& one : dead)
        one.erase("stored"); // whose business the content is
    out.add("dead", std::move(dead));
    out.add("metrics", parts.metrics);
    out.add_log(parts.log);
    return out.text();
}

} // namespace wharf::views
