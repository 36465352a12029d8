#include "gateway/config/operator.hpp"

#include "gateway/base/http_url.hpp"
#include "gateway/config/broker_url.hpp"
#include "gateway/config/checks.hpp"

namespace wharf {

namespace {

using config_detail::check_path;
using config_detail::findings;
using config_detail::quoted;
using config_detail::section;

constexpr std::string_view k_url_expected = "ssl://host[:port] or wss://host[:port][/path]";

void read_all(section root, operator_config& to) {
    section in = root.inner("fleet");
    in.required("url", k_url_expected);
    in.required("operator_key", "an absolute path");
    in.required("known_gateways", "an absolute path");
    std::string text;
    if (in.text("url", text, k_url_expected)) {
        const auto parsed = config_detail::parse_broker_url(text);
        if (!parsed || (!parsed->tls && !is_loopback(parsed->host))) {
            in.error("url", "expected " + std::string(k_url_expected) + ", found " + quoted(text));
        } else {
            to.url = parsed->text;
            to.tls = parsed->tls;
        }
    }
    in.text("http_proxy", to.http_proxy, "host:port");
    for (const auto& [key, file] : {std::pair{"ca_file", &to.ca_file},
                                    {"certificate_file", &to.certificate_file},
                                    {"certificate_key_file", &to.certificate_key_file},
                                    {"password_file", &to.password_file},
                                    {"operator_key", &to.operator_key},
                                    {"known_gateways", &to.known_gateways}})
        in.text(key, *file, "an absolute path", check_path);
    in.text("user", to.user, "the user name");
    if (to.certificate_file.empty() != to.certificate_key_file.empty())
        in.error(to.certificate_key_file.empty() ? "certificate_file" : "certificate_key_file",
                 "expected certificate_file and certificate_key_file, or neither");
    in.number("connect_timeout_s", to.connect_timeout_s, 1, 120, "seconds");
    in.finish();
    root.finish();
}

} // namespace

result<operator_config> parse_operator_config(std::string_view text, std::string_view file_name) {
    operator_config out;
    findings found{file_name};
    WHARF_TRY(config_detail::read_document(text, file_name, found,
                                           [&](section root) { read_all(root, out); }));
    return out;
}

} // namespace wharf
