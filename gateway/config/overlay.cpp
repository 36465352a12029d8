#include "gateway/config/overlay.hpp"

#include "gateway/config/checks.hpp"
#include "gateway/config/keys.hpp"
#include "gateway/config/parse_table.hpp"

#include <algorithm>
#include <set>
#include <sstream>

namespace wharf {

namespace {

using config_detail::findings;

std::string as_toml(const toml::node& node) {
    std::ostringstream out;
    node.visit([&](const auto& one) {
        if constexpr (toml::is_table<decltype(one)>)
            out << toml::toml_formatter(one);
        else
            out << one;
    });
    return out.str();
}

bool is_plain(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
}

bool is_list_of_tables(const toml::node& node) {
    const auto* list = node.as_array();
    return list != nullptr && !list->empty() && list->is_homogeneous(toml::node_type::table);
}

void flatten(const toml::node& node, const std::string& path, flat_config& out) {
    if (const auto* table = node.as_table()) {
        for (const auto& [key, value] : *table) {
            const std::string name =
                is_plain(key.str()) ? std::string(key.str()) : config_detail::quoted(key.str());
            flatten(value, path.empty() ? name : path + "." + name, out);
        }
        return;
    }
    if (is_list_of_tables(node)) {
        const auto& list = *node.as_array();
        for (std::size_t i = 0; i < list.size(); ++i)
            flatten(*list.get(i), path + "[" + std::to_string(i) + "]", out);
        return;
    }
    out[path] = as_toml(node);
}

flat_config flat_of(const toml::table& table) {
    flat_config out;
    flatten(table, "", out);
    return out;
}

// As deep as a document may be.
void merge(toml::table& into, toml::table& from) {
    for (auto&& [key, value] : from) {
        auto* below = into.get(key.str());
        if (below != nullptr && below->is_table() && value.is_table())
            merge(*below->as_table(), *value.as_table());
        else
            into.insert_or_assign(key.str(), std::move(value));
    }
}

std::string text_in(const toml::node& node) {
    const auto* text = node.as_string();
    return text == nullptr ? std::string() : text->get();
}

void collect_texts(const toml::node& node, const std::string& path,
                   std::set<std::pair<std::string, std::string>>& out) {
    if (const auto* table = node.as_table()) {
        for (const auto& [key, value] : *table)
            collect_texts(
                value, path.empty() ? std::string(key.str()) : path + "." + std::string(key.str()),
                out);
    } else if (is_list_of_tables(node)) {
        for (const auto& one : *node.as_array())
            collect_texts(one, path + "[]", out);
    } else {
        out.emplace(path, text_in(node));
    }
}

bool lies_in(std::string_view file, std::string_view folder) {
    while (folder.ends_with('/'))
        folder.remove_suffix(1);
    if (folder.empty() || !file.starts_with(folder)) return false;
    file.remove_prefix(folder.size());
    const bool steps_out = file.find("/../") != file.npos || file.ends_with("/..");
    return file.starts_with('/') && file.size() > 1 && !steps_out;
}

// What an overlay may not say, by its keys.
class boundary {
  public:
    boundary(const toml::table& own, const config& settings)
        : folder_(settings.fleet.overlay_files) {
        collect_texts(own, "", named_);
        named_.emplace("destination[].tls_ca", destination_config{}.tls_ca);
    }

    void check(const toml::node& node, const std::string& path, findings& found) const {
        if (const auto* table = node.as_table()) {
            for (const auto& [key, value] : *table) {
                const std::string name =
                    is_plain(key.str()) ? std::string(key.str()) : config_detail::quoted(key.str());
                check(value, path.empty() ? name : path + "." + name, found);
            }
        } else if (is_list_of_tables(node)) {
            const auto& list = *node.as_array();
            for (std::size_t i = 0; i < list.size(); ++i)
                check(*list.get(i), path + "[" + std::to_string(i) + "]", found);
        } else {
            check_value(node, path, found);
        }
    }

  private:
    void check_value(const toml::node& node, const std::string& path, findings& found) const {
        const key_rule* rule = find_key_rule(path);
        const auto line = node.source().begin.line;
        if (rule == nullptr) return found.error(line, path, "is no key that the fleet may set");
        if (rule->reach == key_reach::own)
            return found.error(line, path,
                               "is set in the gateway's own file alone, not by the fleet");
        if (rule->reach != key_reach::file) return;
        const std::string file = text_in(node);
        if (named_.contains({without_places(path), file}) || lies_in(file, folder_)) return;
        found.error(line, path,
                    "expected a file that the gateway's own file names for it" +
                        (folder_.empty()
                             ? std::string(" (it grants no folder by fleet.overlay_files)")
                             : ", or one in " + folder_) +
                        ", found " + config_detail::shown(node));
    }

    std::string folder_;
    std::set<std::pair<std::string, std::string>> named_;
};

std::string joined(std::vector<std::string> a, std::vector<std::string> b) {
    std::string out;
    for (const auto* lines : {&a, &b})
        for (const std::string& line : *lines)
            out += (out.empty() ? "" : "\n") + line;
    return out;
}

} // namespace

result<effective_config> lay_over(std::string_view own, std::string_view own_name,
                                  std::string_view overlay) {
    WHARF_TRY_ASSIGN(toml::table base, config_detail::read_toml(own, own_name));
    findings of_own{own_name};
    WHARF_TRY_ASSIGN(config settings, config_detail::parse_table(base, of_own));
    if (!overlay.empty()) {
        if (overlay.size() > limits::k_overlay_bytes_max)
            return error{errc::too_large, "expected at most " +
                                              std::to_string(limits::k_overlay_bytes_max) +
                                              " bytes"};
        WHARF_TRY_ASSIGN(toml::table above, config_detail::read_toml(overlay, ""));
        findings of_overlay{""};
        boundary(base, settings).check(above, "", of_overlay);
        merge(base, above);
        findings of_both{""};
        auto both = config_detail::parse_table(base, of_both);
        const std::string words =
            joined(of_overlay.take_errors(),
                   both.ok() ? std::vector<std::string>{} : std::vector{both.failure().message});
        if (!words.empty()) return error{errc::invalid, words};
        settings = std::move(*both);
    }
    std::ostringstream text;
    text << toml::toml_formatter(base) << "\n";
    return effective_config{std::move(settings), text.str()};
}

result<flat_config> flattened(std::string_view text, std::string_view name) {
    WHARF_TRY_ASSIGN(const toml::table document, config_detail::read_toml(text, name));
    return flat_of(document);
}

std::vector<key_change> difference(const flat_config& before, const flat_config& after) {
    std::vector<key_change> out;
    for (const auto& [key, value] : before)
        if (const auto found = after.find(key); found == after.end() || found->second != value)
            out.push_back({key, value, found == after.end() ? "" : found->second});
    for (const auto& [key, value] : after)
        if (!before.contains(key)) out.push_back({key, "", value});
    std::ranges::sort(out, {}, &key_change::key);
    return out;
}

bool can_change_live(const effective_config& from, const effective_config& to) {
    const auto before = flattened(from.text, "");
    const auto after = flattened(to.text, "");
    if (!before.ok() || !after.ok()) return false;
    const bool all = std::ranges::all_of(difference(*before, *after), [](const key_change& one) {
        const key_rule* rule = find_key_rule(one.key);
        return rule != nullptr && rule->live;
    });
    if (!all || from.settings.profiles.size() != to.settings.profiles.size()) return false;
    // Whose silence nobody asked for is not known.
    for (std::size_t i = 0; i < from.settings.profiles.size(); ++i)
        if ((from.settings.profiles[i].silent_after_s == 0) !=
            (to.settings.profiles[i].silent_after_s == 0))
            return false;
    return true;
}

result<std::vector<std::string>> keys_read(std::string_view text) {
    WHARF_TRY_ASSIGN(const toml::table document, config_detail::read_toml(text, ""));
    findings found{""};
    WHARF_TRY_ASSIGN(const config parsed, config_detail::parse_table(document, found));
    static_cast<void>(parsed);
    return std::vector<std::string>(found.keys().begin(), found.keys().end());
}

} // namespace wharf
