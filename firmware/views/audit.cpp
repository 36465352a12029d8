#include "firmware/views/audit.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/manage/kinds.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <optional>

namespace wharf::views {

namespace {

using json = nlohmann::ordered_json;

// COMMAND_CODE_STALE_NONCE with the prefix taken off: stale_nonce.
std::string short_name(std::string name, std::size_t prefix) {
    name.erase(0, prefix);
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

// Names, as the gateway knew them, or the user of the machine.
std::string signers_of(const wharf::v1::AuditEntry& entry) {
    std::string out = entry.local_user().empty() ? "" : entry.local_user() + " on the gateway";
    for (const std::string& name : entry.operators())
        out += (out.empty() ? "" : " and ") + name;
    return out;
}

} // namespace

std::string code_text(wharf::v1::CommandCode code) {
    return short_name(wharf::v1::CommandCode_Name(code), sizeof "COMMAND_CODE_" - 1);
}

std::string step_text(wharf::v1::CommandStep step) {
    return short_name(wharf::v1::CommandStep_Name(step), sizeof "COMMAND_STEP_" - 1);
}

json audit_json(const audit_record& record) {
    const auto& entry = record.entry;
    json out = {{"number", record.number},
                {"at", time_text(entry.at_us())},
                {"clock_synchronised", entry.clock_synchronised()},
                {"command", entry.kind()},
                {"id", to_hex(entry.command_id())},
                {"step", step_text(entry.step())},
                {"code", code_text(entry.code())},
                {"message", entry.message()},
                {"reason", entry.reason()},
                {"by", signers_of(entry)}};
    out["command_sha256"] = to_hex(entry.command());
    out["entry"] = to_hex(record.bytes);
    out["before_sha256"] = to_hex(view_of(record.before));
    out["sha256"] = to_hex(view_of(link_of(record.before, record.number, record.bytes)));
    return out;
}

std::string trail_objection(const json& entries, std::uint64_t number, std::string_view head) {
    if (!entries.is_array()) return "the entries cannot be read";
    std::optional<std::uint64_t> last;
    std::string before;
    for (const json& one : entries) {
        const auto bytes = from_hex(one.value("entry", ""));
        const auto start = from_hex(one.value("before_sha256", ""));
        const auto at = one.value("number", std::uint64_t{0});
        const std::string where = "entry " + std::to_string(at) + " of the audit trail ";
        if (!bytes || !start || start->size() != audit_hash{}.size())
            return where + "cannot be read";
        audit_hash link{};
        std::ranges::copy(*start, link.begin());
        const std::string hash = to_hex(view_of(link_of(link, at, *bytes)));
        wharf::v1::AuditEntry shown;
        if (hash != one.value("sha256", "")) return where + "does not have the hash it says";
        if (!shown.ParseFromString(*bytes) || audit_json({at, link, shown, *bytes}) != one)
            return where + "is not what is shown of it";
        if (last && (at != *last + 1 || *start != before))
            return where + "does not follow the one before";
        if (at == number && hash != to_hex(head))
            return where + "is not the one whose hash the gateway signed";
        last = at;
        before = *from_hex(hash);
    }
    return {};
}

json operators_json(const wharf::v1::OperatorRoster& of) {
    json all = json::array();
    for (const auto& one : of.operators())
        all.push_back({{"name", one.name()},
                       {"role", manage::to_string(one.role())},
                       {"key", to_hex(view_of(sha256(one.public_key())))}});
    return {{"revision", of.revision()},
            {"operators", std::move(all)},
            {"two_person", of.two_person().commands()}};
}

} // namespace wharf::views
