#include "gateway/config/without_secrets.hpp"

#include "gateway/config/section.hpp"

#include <toml++/toml.h>

#include <sstream>

namespace wharf {

namespace {

constexpr std::string_view k_left_out = "left out";

bool is_secret(std::string_view key) {
    if (key.ends_with("_file") || key.ends_with("_files")) return false;
    for (const std::string_view part : {"password", "secret", "token"})
        if (key.find(part) != key.npos) return true;
    return false;
}

// "mqtts://ann:pw@host" becomes "mqtts://left out@host".
void clean_url(std::string& text) {
    const auto scheme = text.find("://");
    if (scheme == text.npos) return;
    const auto begin = scheme + 3;
    const auto at = text.substr(0, text.find_first_of("/?#", begin)).rfind('@');
    if (at != text.npos && at > begin) text.replace(begin, at - begin, k_left_out);
}

void clean(toml::node& node, std::string_view key) {
    if (auto* table = node.as_table()) {
        for (auto&& [name, value] : *table)
            clean(value, name);
    } else if (auto* list = node.as_array()) {
        for (auto& each : *list)
            clean(each, key);
    } else if (auto* text = node.as_string()) {
        if (is_secret(key))
            **text = k_left_out;
        else
            clean_url(**text);
    }
}

} // namespace

result<std::string> without_secrets(std::string_view text, std::string_view file_name) {
    if (config_detail::too_deep(text))
        return error{errc::invalid, std::string(file_name) + ": nested too deeply"};
    try {
        toml::table document = toml::parse(text, file_name);
        clean(document, {});
        std::ostringstream out;
        out << document << "\n";
        return out.str();
    } catch (const toml::parse_error& failed) {
        // Its words may quote what stands there.
        return error{errc::invalid, std::string(file_name) + ": line " +
                                        std::to_string(failed.source().begin.line) +
                                        ": is no TOML"};
    }
}

} // namespace wharf
