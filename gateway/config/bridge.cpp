#include "gateway/config/bridge.hpp"

#include "gateway/base/http_url.hpp"
#include "gateway/config/broker_url.hpp"
#include "gateway/config/checks.hpp"

#include <algorithm>
#include <set>

namespace wharf {

namespace {

using config_detail::check_name;
using config_detail::check_path;
using config_detail::choices;
using config_detail::findings;
using config_detail::k_name_expected;
using config_detail::section;

constexpr std::string_view k_url_expected = "tcp://host[:port] or ssl://host[:port]";
constexpr std::uint64_t k_hour_ms = 3'600'000;

bool read_url(std::string_view text, site_broker_config& to, std::string& host) {
    const auto parsed = config_detail::parse_broker_url(text);
    if (!parsed || parsed->websocket) return false;
    to.url = parsed->text;
    to.tls = parsed->tls;
    host = parsed->host;
    return true;
}

void read_address(section& in, site_broker_config& to) {
    std::string text;
    std::string host;
    in.required("url", k_url_expected);
    if (in.text("url", text, k_url_expected) && !read_url(text, to, host))
        in.error("url", "expected " + std::string(k_url_expected) + ", found " +
                            config_detail::quoted(text));
    for (const auto& [key, file] : {std::pair{"password_file", &to.password_file},
                                    {"ca_file", &to.ca_file},
                                    {"certificate_file", &to.certificate_file},
                                    {"key_file", &to.key_file}})
        in.text(key, *file, "an absolute path", check_path);
    in.text("user", to.user, "1 to 256 bytes", [](std::string_view user) {
        const bool good = !user.empty() && user.size() <= limits::k_text_bytes_max;
        return good ? "" : "expected 1 to 256 bytes";
    });
    if (!to.password_file.empty() && to.user.empty())
        in.error("password_file", "expected user beside it");
    if (to.certificate_file.empty() != to.key_file.empty())
        in.error(to.key_file.empty() ? "certificate_file" : "key_file",
                 "expected certificate_file and key_file, or neither");
    if (to.url.empty()) return;
    for (const char* key : {"ca_file", "certificate_file"})
        if (in.has(key) && !to.tls) in.error(key, "expected url to begin with ssl://");
    if (!to.tls && !to.user.empty() && !is_loopback(host))
        in.warning("user", "its password goes over the network in the clear: use ssl://");
}

void read_broker(section& in, const std::string& bridge, site_broker_config& to) {
    read_address(in, to);
    to.client_id = "wharf-" + bridge + "-" + to.name;
    in.text("client_id", to.client_id, "1 to 256 bytes", [](std::string_view id) {
        const bool good = !id.empty() && id.size() <= limits::k_client_id_bytes_max;
        return good ? "" : "expected 1 to 256 bytes: the session goes by it";
    });
    in.required("topics", "a list of topic filters");
    if (in.texts("topics", to.topics, limits::k_topic_filters_max, "topic filters",
                 check_topic_filter) &&
        to.topics.empty())
        in.error("topics", "expected at least one topic filter, found none");
    in.choice("mqtt", to.mqtt5, choices<bool>{{"5", true}, {"3.1.1", false}});
    in.number("keep_alive_s", to.keep_alive_s, 5, limits::k_keep_alive_s_max, "seconds");
    in.number("session_expiry_h", to.session_expiry_h, 1, 24 * 365, "hours");
    if (in.has("session_expiry_h") && !to.mqtt5)
        in.error("session_expiry_h", "expected mqtt = \"5\": in 3.1.1 the broker alone decides");
    in.number("connect_timeout_s", to.connect_timeout_s, 1, 120, "seconds");
    in.number("backoff_min_ms", to.backoff_min_ms, 10, k_hour_ms, "ms");
    in.number("backoff_max_ms", to.backoff_max_ms, 10, k_hour_ms, "ms");
    if (to.backoff_min_ms > to.backoff_max_ms)
        in.error("backoff_min_ms", "expected backoff_min_ms <= backoff_max_ms, found " +
                                       std::to_string(to.backoff_min_ms) + " > " +
                                       std::to_string(to.backoff_max_ms));
    in.boolean("packet_ids_not_reused", to.packet_ids_not_reused);
}

void read_all(section root, bridge_config& to) {
    auto bridge = root.inner("bridge");
    bridge.required("name", k_name_expected);
    bridge.text("name", to.name, k_name_expected, check_name);
    bridge.text("socket", to.socket, "an absolute path", config_detail::check_socket_path);
    bridge.finish();
    std::set<std::string, std::less<>> names;
    std::set<std::string, std::less<>> sessions;
    for (auto& in : root.list("broker", limits::k_brokers_max)) {
        site_broker_config broker;
        in.required("name", k_name_expected);
        in.text("name", broker.name, k_name_expected, check_name);
        if (!broker.name.empty() && !names.insert(broker.name).second)
            in.error("name", "expected a name of its own, found a second " +
                                 config_detail::quoted(broker.name));
        read_broker(in, to.name, broker);
        if (!broker.url.empty() && !sessions.insert(broker.url + " " + broker.client_id).second)
            in.error("client_id", "expected one of its own at this url: two connections of one "
                                  "client id end each other");
        in.finish();
        to.brokers.push_back(std::move(broker));
    }
    if (!root.has("broker")) root.error("broker", "expected at least one [[broker]], found none");
    config_detail::read_log(root.inner("log"), to.log);
    root.finish();
}

} // namespace

std::string check_topic_filter(std::string_view text) {
    if (text.empty() || text.size() > limits::k_topic_bytes_max)
        return "expected a topic filter of 1 to 1024 bytes";
    std::string_view rest = text;
    if (rest.starts_with("$share/")) {
        rest.remove_prefix(7);
        const auto slash = rest.find('/');
        if (slash == 0 || slash == rest.npos || slash + 1 == rest.size() ||
            rest.substr(0, slash).find_first_of("+#") != rest.npos)
            return "expected $share/<group>/<topic filter>";
        rest.remove_prefix(slash + 1);
    }
    for (bool more = true; more;) {
        const auto slash = rest.find('/');
        const auto level = rest.substr(0, slash);
        more = slash != rest.npos;
        if (level.find('+') != level.npos && level != "+")
            return "expected + to stand alone in its level";
        if (level.find('#') != level.npos && (level != "#" || more))
            return "expected # to stand alone in the last level";
        if (more) rest.remove_prefix(slash + 1);
    }
    const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    return plain ? "" : "expected no control characters";
}

result<bridge_config> parse_bridge_config(std::string_view text, std::string_view file_name) {
    bridge_config out;
    findings found{file_name};
    WHARF_TRY(config_detail::read_document(text, file_name, found,
                                           [&](section root) { read_all(root, out); }));
    out.warnings = found.take_warnings();
    return out;
}

} // namespace wharf
