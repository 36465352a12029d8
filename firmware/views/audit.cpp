#include "firmware/views/audit.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/manage/kinds.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

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
                {"operators", entry.operators()}};
    if (!entry.local_user().empty()) out["local_user"] = entry.local_user();
    out["command_sha256"] = to_hex(entry.command());
    out["before_sha256"] = to_hex(view_of(record.before));
    out["sha256"] = to_hex(view_of(link_of(record.before, record.number, record.bytes)));
    return out;
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
