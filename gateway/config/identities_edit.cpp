#include "gateway/config/identities_edit.hpp"

#include "gateway/config/identities_file.hpp"
#include "gateway/config/section.hpp"

#include <algorithm>

namespace wharf {

namespace {

using all_identities = std::vector<access::identity>;

// Where a line begins; behind the last one: the end. Lines are counted from 1.
std::size_t line_begin(std::string_view text, std::uint32_t line) {
    std::size_t at = 0;
    for (std::uint32_t now = 1; now < line; ++now) {
        const auto end = text.find('\n', at);
        if (end == std::string_view::npos) return text.size();
        at = end + 1;
    }
    return at;
}

// Columns are counted in characters, of which UTF-8 has one to four bytes.
std::size_t offset_of(std::string_view text, const toml::source_position& at) {
    std::size_t offset = line_begin(text, at.line);
    for (std::uint32_t column = 1; column < at.column && offset < text.size(); ++column) {
        ++offset;
        while (offset < text.size() && (static_cast<unsigned char>(text[offset]) & 0xc0) == 0x80)
            ++offset;
    }
    return offset;
}

error laid_out(std::string_view file_name, std::string_view name) {
    return {errc::unsupported, std::string(file_name) + ": the entry of \"" + std::string(name) +
                                   "\" is written in a way that is for a person to change"};
}

result<all_identities> read(std::string_view text, std::string_view file_name) {
    return parse_identities(text, file_name);
}

access::identity* find(all_identities& all, std::string_view name) {
    const auto found = std::ranges::find(all, name, &access::identity::name);
    return found == all.end() ? nullptr : &*found;
}

error nobody(std::string_view name) {
    return {errc::not_found, "there is no identity \"" + std::string(name) + "\""};
}

// The text says what was meant, and nothing else.
result<std::string> checked(std::string text, const all_identities& meant, std::string_view name,
                            std::string_view file_name) {
    const auto again = read(text, file_name);
    if (!again.ok() || *again != meant) return laid_out(file_name, name);
    return text;
}

// The document and the place of the entry in it. REQUIRES: the text has been read without an error.
struct place {
    toml::table document;
    const toml::table* entry = nullptr;
    std::uint32_t next_line = 0; // of the next entry's header; 0: none
};
place locate(std::string_view text, std::string_view name) {
    place out;
    out.document = toml::parse(text);
    const auto* entries = out.document.get_as<toml::array>("identity");
    if (entries == nullptr) return out;
    for (const auto& item : *entries) {
        const auto* entry = item.as_table();
        if (entry == nullptr) continue;
        if (out.entry != nullptr) {
            out.next_line = entry->source().begin.line;
            break;
        }
        const auto* named = entry->get_as<std::string>("name");
        if (named != nullptr && named->get() == name) out.entry = entry;
    }
    return out;
}

// The value of a key, or a line of its own below the name.
result<std::string> with_value(std::string_view text, std::string_view name, std::string_view key,
                               const std::string& value, std::string_view file_name) {
    const place at = locate(text, name);
    if (at.entry == nullptr) return laid_out(file_name, name);
    std::string out(text);
    if (const auto* present = at.entry->get(key)) {
        const auto begin = offset_of(text, present->source().begin);
        const auto end = offset_of(text, present->source().end);
        if (end < begin) return laid_out(file_name, name);
        out.replace(begin, end - begin, value);
        return out;
    }
    const auto line = at.entry->get("name")->source().end.line;
    const auto behind = line_begin(text, line + 1);
    std::string added = std::string(key) + " = " + value + "\n";
    if (behind == text.size() && !text.ends_with('\n')) added.insert(0, "\n");
    out.insert(behind, added);
    return out;
}

} // namespace

result<std::string> with_identity(std::string_view text, const access::identity& added,
                                  std::string_view file_name) {
    WHARF_TRY_ASSIGN(auto all, read(text, file_name));
    if (find(all, added.name) != nullptr)
        return error{errc::conflict, "there is an identity \"" + added.name + "\" already"};
    if (all.size() >= limits::k_enrolled_max)
        return error{errc::too_large,
                     "there are " + std::to_string(limits::k_enrolled_max) + " identities already"};
    all.push_back(added);
    std::string out(text);
    if (!out.empty() && !out.ends_with('\n')) out += '\n';
    out += identity_text(added);
    // What is wrong with the entry itself is worth its own words.
    WHARF_TRY(read(out, file_name));
    return checked(std::move(out), all, added.name, file_name);
}

result<std::string> without_identity(std::string_view text, std::string_view name,
                                     std::string_view file_name) {
    WHARF_TRY_ASSIGN(auto all, read(text, file_name));
    const auto gone = std::ranges::find(all, name, &access::identity::name);
    if (gone == all.end()) return nobody(name);
    all.erase(gone);
    const place at = locate(text, name);
    if (at.entry == nullptr) return laid_out(file_name, name);
    const auto begin = line_begin(text, at.entry->source().begin.line);
    auto end = at.next_line == 0 ? text.size() : line_begin(text, at.next_line);
    // Comments right above the next entry are about that one.
    while (end > begin && at.next_line != 0) {
        const auto before = text.rfind('\n', end - 2);
        const auto line = before == std::string_view::npos ? 0 : before + 1;
        if (line <= begin || text[line] != '#') break;
        end = line;
    }
    std::string out(text);
    out.erase(begin, end - begin);
    return checked(std::move(out), all, name, file_name);
}

result<std::string> with_password(std::string_view text, std::string_view name,
                                  std::string_view hash, std::string_view file_name) {
    WHARF_TRY_ASSIGN(auto all, read(text, file_name));
    auto* one = find(all, name);
    if (one == nullptr) return nobody(name);
    one->password = hash;
    WHARF_TRY_ASSIGN(
        auto out, with_value(text, name, "password", "\"" + std::string(hash) + "\"", file_name));
    return checked(std::move(out), all, name, file_name);
}

result<std::string> with_enabled(std::string_view text, std::string_view name, bool enabled,
                                 std::string_view file_name) {
    WHARF_TRY_ASSIGN(auto all, read(text, file_name));
    auto* one = find(all, name);
    if (one == nullptr) return nobody(name);
    if (one->enabled == enabled) return std::string(text);
    one->enabled = enabled;
    WHARF_TRY_ASSIGN(auto out,
                     with_value(text, name, "enabled", enabled ? "true" : "false", file_name));
    return checked(std::move(out), all, name, file_name);
}

} // namespace wharf
