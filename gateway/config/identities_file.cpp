#include "gateway/config/identities_file.hpp"

#include "gateway/access/password_hash.hpp"
#include "gateway/access/topic_filter.hpp"
#include "gateway/config/parse_access.hpp"
#include "gateway/config/section.hpp"

#include <map>
#include <set>

namespace wharf {

namespace {

using config_detail::choices;
using config_detail::findings;
using config_detail::section;

constexpr std::string_view k_name_expected = "the user name, in quotation marks";

std::string check_certificate(std::string_view text) {
    const bool good = !text.empty() && text.size() <= limits::k_text_bytes_max &&
                      text.find('\0') == std::string_view::npos;
    return good ? "" : "expected a name of 1 to 256 bytes, as it stands in the certificate";
}

std::string check_client(std::string_view text) {
    if (text.empty() || text.size() > limits::k_client_id_bytes_max)
        return "expected 1 to " + std::to_string(limits::k_client_id_bytes_max) + " bytes";
    auto filled = access::fill(text, {"user", "", "site"});
    if (!filled.ok())
        return "expected a client identifier, in which {user} and {site} stand for "
               "those names and * for any text";
    return {};
}

void read_list(section& in, std::string_view key, std::optional<std::vector<std::string>>& to) {
    std::vector<std::string> found;
    if (in.texts(key, found, limits::k_rights_max, "topic filters with {user}, {client} and {site}",
                 config_detail::check_right))
        to = std::move(found);
}

template <class T>
void read_bound(section& in, std::string_view key, std::uint64_t max, std::optional<T>& to) {
    T found{};
    if (in.number(key, found, 1, max)) to = found;
}

access::identity read_identity(section& in) {
    access::identity out;
    in.required("name", k_name_expected);
    in.text("name", out.name, k_name_expected, access::check_identity_name);
    // What stands there may be a password in plain text.
    in.secret("password", out.password, access::check_password_hash);
    in.texts("certificates", out.certificates, limits::k_certificate_names_max,
             "names as they stand in client certificates", check_certificate);
    in.choice(
        "needs", out.proof,
        choices<access::needs>{{"either", access::needs::either}, {"both", access::needs::both}});
    if (out.proof == access::needs::both && (!in.has("password") || out.certificates.empty()))
        in.error("needs", "\"both\" is a password and a certificate: one of them is missing");
    in.boolean("enabled", out.enabled);
    read_list(in, "publish", out.publish);
    read_list(in, "subscribe", out.subscribe);
    in.texts("clients", out.clients, limits::k_rights_max, "client identifiers", check_client);
    read_bound(in, "connections", limits::k_connections_max, out.connections);
    read_bound(in, "messages_per_s", limits::k_rate_max, out.messages_per_s);
    read_bound(in, "bytes_per_s", limits::k_rate_max, out.bytes_per_s);
    in.finish();
    return out;
}

std::vector<access::identity> read_all(section root) {
    std::vector<access::identity> out;
    std::set<std::string, std::less<>> names;
    std::map<std::string, std::string, std::less<>> certificates;
    for (auto& in : root.list("identity", limits::k_enrolled_max)) {
        auto one = read_identity(in);
        if (!one.name.empty() && !names.insert(one.name).second)
            in.error("name", "expected a name of its own, found a second " +
                                 config_detail::quoted(one.name));
        for (const auto& name : one.certificates)
            if (auto [at, fresh] = certificates.emplace(name, one.name); !fresh)
                in.error("certificates", config_detail::quoted(name) + " stands for " +
                                             config_detail::quoted(at->second) + " already");
        out.push_back(std::move(one));
    }
    root.finish();
    return out;
}

std::string quoted_toml(std::string_view text) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append(1, '\\').append(1, c);
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += k_digits[byte >> 4];
            out += k_digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string list_toml(const std::vector<std::string>& all) {
    std::string out = "[";
    for (const auto& one : all)
        out += (out.size() == 1 ? "" : ", ") + quoted_toml(one);
    return out + "]";
}

} // namespace

result<std::vector<access::identity>> parse_identities(std::string_view text,
                                                       std::string_view file_name) {
    if (text.size() > limits::k_enrolment_bytes_max)
        return error{errc::too_large, std::string(file_name) + ": expected at most " +
                                          std::to_string(limits::k_enrolment_bytes_max) + " bytes"};
    if (config_detail::too_deep(text))
        return error{errc::invalid, std::string(file_name) + ": brackets are nested too deep"};
    std::vector<access::identity> out;
    findings found{file_name};
    try {
        const toml::table document = toml::parse(text, file_name);
        out = read_all(section{&document, "", 1, found});
    } catch (const toml::parse_error& failed) {
        found.error(failed.source().begin.line, "",
                    "not TOML: " + std::string(failed.description()));
    }
    if (!found.has_errors()) return out;
    std::string words;
    for (const auto& line : found.take_errors())
        words += (words.empty() ? "" : "\n") + line;
    return error{errc::invalid, std::move(words)};
}

std::string identity_text(const access::identity& one) {
    std::string out = "\n[[identity]]\nname = " + quoted_toml(one.name) + "\n";
    auto line = [&out](std::string_view key, const std::string& value) {
        out.append(key).append(" = ").append(value).append("\n");
    };
    if (!one.password.empty()) line("password", quoted_toml(one.password));
    if (!one.certificates.empty()) line("certificates", list_toml(one.certificates));
    if (one.proof == access::needs::both) line("needs", "\"both\"");
    if (!one.enabled) line("enabled", "false");
    if (one.publish) line("publish", list_toml(*one.publish));
    if (one.subscribe) line("subscribe", list_toml(*one.subscribe));
    if (!one.clients.empty()) line("clients", list_toml(one.clients));
    if (one.connections) line("connections", std::to_string(*one.connections));
    if (one.messages_per_s) line("messages_per_s", std::to_string(*one.messages_per_s));
    if (one.bytes_per_s) line("bytes_per_s", std::to_string(*one.bytes_per_s));
    return out;
}

} // namespace wharf
