#include "firmware/ctl/known_gateways.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/manage/succession.hpp"
#include "gateway/platform/private_file.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace wharf::ctl {

namespace {
constexpr std::size_t k_file_bytes_max = 64 * 1024 * 1024;
constexpr std::uint32_t k_mode = 0600;
// No name of a gateway, which has its site before it.
constexpr std::string_view k_retired = "retired";

bool is_hash(const std::string& digits) {
    const auto bytes = from_hex(digits);
    return bytes && bytes->size() == key_fingerprint{}.size();
}

// The last word of a line, which is taken off.
std::string cut_last(std::string& line) {
    const auto space = line.rfind(' ');
    if (space == std::string::npos) return {};
    std::string out = line.substr(space + 1);
    line.resize(space);
    return out;
}

} // namespace

result<known_gateways> known_gateways::read(const std::string& path, bool accept_changed) {
    known_gateways out;
    out.path_ = path;
    out.accept_changed_ = accept_changed;
    auto text =
        read_private_file(path, {0644, k_file_bytes_max, "says which gateways are believed"});
    if (!text.ok() && text.failure().code == errc::not_found) return out;
    if (!text.ok()) return std::move(text).failure();
    std::istringstream lines(*text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        entry one;
        std::string name = line;
        // A site's name may hold spaces; the rest is what stands behind the last ones.
        std::string last = cut_last(name);
        if (const auto colon = last.find(':'); colon != std::string::npos) {
            one.audit_head = last.substr(colon + 1);
            const auto [end, failed] =
                std::from_chars(last.data(), last.data() + colon, one.audit_number);
            last = failed == std::errc{} && end == last.data() + colon && is_hash(one.audit_head)
                       ? cut_last(name)
                       : std::string();
        }
        if (!is_hash(last) || name.empty())
            return error{errc::invalid, path + ":" + std::to_string(number) +
                                            ": expected site/gateway, its key's fingerprint and "
                                            "number:hash of its audit trail"};
        if (name == k_retired) {
            out.retired_.insert(std::move(last));
            continue;
        }
        one.key = std::move(last);
        out.known_[name] = std::move(one);
    }
    return out;
}

known_gateways::standing known_gateways::look_at(const std::string& name,
                                                 const key_fingerprint& key, const links& from) {
    const std::string digits = to_hex(view_of(key));
    const auto [at, fresh] = known_.emplace(name, entry{digits, 0, {}, true});
    if (at->second.key == digits) return standing::known;
    key_fingerprint before{};
    const auto bytes = from_hex(at->second.key); // it was looked at when it was read
    std::ranges::copy(*bytes, before.begin());
    if (manage::leads(from, before, key)) {
        if (at->second.succeeds.empty()) at->second.succeeds = at->second.key;
        at->second.key = digits; // its trail goes on
        at->second.changed = true;
        return standing::succeeded;
    }
    if (!accept_changed_) return standing::other;
    at->second = {digits, 0, {}, true};
    return standing::known;
}

bool known_gateways::retire(const std::string& name, const key_fingerprint& key) {
    std::string digits = to_hex(view_of(key));
    if (retired_.contains(digits)) return true;
    // Nobody's word but its own; and one that was never seen has a first and a last word at once.
    // Another one under its name stays a matter for a person, too.
    const auto [found, fresh] = known_.emplace(name, entry{digits, 0, {}, true});
    if (found->second.key != digits) return false;
    retired_.insert(std::move(digits));
    retired_changed_ = true;
    return true;
}

bool known_gateways::is_retired(const key_fingerprint& key) const {
    return retired_.contains(to_hex(view_of(key)));
}

std::vector<std::string> known_gateways::names() const {
    std::vector<std::string> out;
    for (const auto& [name, one] : known_)
        if (!retired_.contains(one.key)) out.push_back(name);
    return out;
}

std::string known_gateways::trail_objection(const std::string& name, std::uint64_t number,
                                            std::string_view head) {
    entry& it = known_[name];
    const std::string digits = to_hex(head);
    if (number == it.audit_number && (number == 0 || digits == it.audit_head)) return {};
    if (number <= it.audit_number && !accept_changed_)
        return "its audit trail is not the one it had, which was at entry " +
               std::to_string(it.audit_number) +
               ": if its journal was replaced, say so with --accept-changed-keys";
    it.audit_number = number;
    it.audit_head = digits;
    it.changed = true;
    return {};
}

std::string known_gateways::text() const {
    std::string out;
    for (const auto& [name, one] : known_) {
        out.append(name).append(" ").append(one.key);
        if (one.audit_number > 0)
            out.append(" ")
                .append(std::to_string(one.audit_number))
                .append(":")
                .append(one.audit_head);
        out.append("\n");
    }
    for (const std::string& one : retired_)
        out.append(k_retired).append(" ").append(one).append("\n");
    return out;
}

status known_gateways::write() const {
    if (!retired_changed_ &&
        std::ranges::none_of(known_, [](const auto& one) { return one.second.changed; }))
        return ok();
    return with_folder_locked(path_, [this]() -> status {
        WHARF_TRY_ASSIGN(auto there, read(path_, accept_changed_));
        there.retired_.insert(retired_.begin(), retired_.end());
        for (const auto& [name, mine] : known_) {
            if (!mine.changed) continue;
            const auto [at, fresh] = there.known_.emplace(name, mine);
            const entry& theirs = at->second;
            // Who saw another key for it first, or more of the same one's trail, stays.
            const bool newer = theirs.key == mine.key
                                   ? mine.audit_number > theirs.audit_number
                                   : !mine.succeeds.empty() && theirs.key == mine.succeeds;
            if (!fresh && (newer || accept_changed_)) at->second = mine;
        }
        return replace_private_file(path_, there.text(), k_mode);
    });
}

} // namespace wharf::ctl
