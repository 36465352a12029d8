#include "gateway/journal/manage_state.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"

#include <algorithm>

namespace wharf {

namespace {

template <class Message> status each(store& from, char tag, const auto& visit) {
    status readable = ok();
    WHARF_TRY(walk(from, std::string(1, tag), [&](std::string_view key, std::string_view value) {
        if (key.front() != tag) return false;
        Message message;
        readable = format::unseal(key, value, message);
        if (readable.ok()) visit(key, std::move(message));
        return readable.ok();
    }));
    return readable;
}

} // namespace

result<manage_state> read_manage_state(store& from) {
    manage_state out;
    WHARF_TRY(each<wharf::v1::CommandRecord>(
        from, format::k_command, [&](std::string_view key, auto record) {
            out.commands.emplace_back(std::string(key.substr(1)), std::move(record));
        }));
    WHARF_TRY(each<wharf::v1::OperatorRoster>(
        from, format::k_roster, [&](std::string_view, auto record) { out.roster = record; }));
    WHARF_TRY(each<wharf::v1::OutboundRecord>(
        from, format::k_outbound, [&](std::string_view key, auto record) {
            out.outbound.emplace_back(format::trailing_number(key), std::move(record));
        }));
    return out;
}

audit_hash head_of(const wharf::v1::JournalState& state) {
    audit_hash out{};
    if (state.audit_head().size() == out.size())
        std::copy(state.audit_head().begin(), state.audit_head().end(), out.begin());
    return out;
}

audit_hash link_of(const audit_hash& before, std::uint64_t number, std::string_view entry) {
    std::string bytes(view_of(before));
    put_big(bytes, number);
    bytes.append(entry);
    return sha256(bytes);
}

result<std::vector<audit_record>> list_audit(store& from, std::uint64_t after,
                                             std::size_t count_max) {
    std::vector<audit_record> out;
    status readable = ok();
    const auto wrong = [](std::string_view key, std::string_view what) {
        return error{errc::corrupt, format::describe_key(key) + ": " + std::string(what)};
    };
    const auto visit = [&](std::string_view key, std::string_view value) -> status {
        WHARF_TRY_ASSIGN(const auto content, format::unseal(key, value));
        audit_record record;
        record.number = format::trailing_number(key);
        if (content.size() < record.before.size()) return wrong(key, "malformed");
        std::copy_n(content.begin(), record.before.size(), record.before.begin());
        record.bytes = content.substr(record.before.size());
        // One that a later program wrote in another way is a link all the same.
        if (!record.entry.ParseFromString(record.bytes)) record.entry.Clear();
        if (!out.empty() &&
            (out.back().number + 1 != record.number ||
             link_of(out.back().before, out.back().number, out.back().bytes) != record.before))
            return wrong(key, "does not follow the one before it");
        out.push_back(std::move(record));
        return ok();
    };
    WHARF_TRY(walk(from, format::audit_key(after + 1), [&](auto key, auto value) {
        if (key.front() != format::k_audit || out.size() >= count_max) return false;
        readable = visit(key, value);
        return readable.ok();
    }));
    WHARF_TRY(std::move(readable));
    return out;
}

} // namespace wharf
