#include "gateway/config/checks.hpp"

#include <algorithm>

namespace wharf::config_detail {

namespace {

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines)
        out += (out.empty() ? "" : "\n") + line;
    return out;
}

} // namespace

std::string check_name(std::string_view text) {
    auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    bool good = !text.empty() && text.size() <= limits::k_name_bytes_max &&
                std::all_of(text.begin(), text.end(), fits);
    return good ? std::string{} : "expected " + std::string(k_name_expected);
}

std::string check_path(std::string_view text) {
    bool good = text.size() > 1 && text.size() <= limits::k_path_bytes_max && text.front() == '/' &&
                text.find('\0') == std::string_view::npos;
    return good ? std::string{} : "expected an absolute path";
}

// A Unix socket's address has room for 107 bytes (unix(7)).
std::string check_socket_path(std::string_view text) {
    if (text.size() > 107) return "expected an absolute path of at most 107 bytes";
    return check_path(text);
}

void read_log(section in, log_config& to) {
    in.choice("format", to.format,
              choices<log_format>{{"human", log_format::human}, {"json", log_format::json}});
    in.choice("level", to.level,
              choices<log_level>{{"trace", log_level::trace},
                                 {"debug", log_level::debug},
                                 {"info", log_level::info},
                                 {"warn", log_level::warn},
                                 {"error", log_level::error}});
    in.finish();
}

result<toml::table> read_toml(std::string_view text, std::string_view file_name) {
    const std::string in = file_name.empty() ? std::string() : std::string(file_name) + ": ";
    if (text.size() > limits::k_config_bytes_max)
        return error{errc::too_large, in + "expected at most " +
                                          std::to_string(limits::k_config_bytes_max) + " bytes"};
    if (too_deep(text)) return error{errc::invalid, in + "brackets are nested too deep"};
    try {
        return toml::parse(text, file_name);
    } catch (const toml::parse_error& failed) {
        findings found{file_name.empty() ? "line" : file_name};
        found.error(failed.source().begin.line, "",
                    "not TOML: " + std::string(failed.description()));
        return error{errc::invalid, joined(found.take_errors())};
    }
}

status read_table(const toml::table& document, findings& found,
                  const std::function<void(section root)>& read) {
    read(section{&document, "", 1, found});
    if (found.has_errors()) return error{errc::invalid, joined(found.take_errors())};
    return ok();
}

status read_document(std::string_view text, std::string_view file_name, findings& found,
                     const std::function<void(section root)>& read) {
    WHARF_TRY_ASSIGN(const toml::table document, read_toml(text, file_name));
    return read_table(document, found, read);
}

} // namespace wharf::config_detail
