#include "gateway/config/parse_fleet.hpp"

#include "gateway/base/http_url.hpp"
#include "gateway/config/broker_url.hpp"
#include "gateway/config/checks.hpp"

namespace wharf::config_detail {

namespace {

constexpr std::string_view k_url_expected = "ssl://host[:port] or wss://host[:port][/path]";
constexpr std::uint64_t k_day_ms = 86'400'000;

void read_url(section& in, fleet_config& to) {
    in.required("url", k_url_expected);
    bool plain_text = false;
    in.choice("plain_text", plain_text, choices<bool>{{"refused", false}, {"allowed", true}});
    std::string text;
    if (!in.text("url", text, k_url_expected)) return;
    const auto parsed = parse_broker_url(text);
    if (!parsed)
        return in.error("url",
                        "expected " + std::string(k_url_expected) + ", found " + quoted(text));
    if (!parsed->tls && !plain_text && !is_loopback(parsed->host))
        in.error("url", "expected " + std::string(k_url_expected) +
                            ", or plain_text = \"allowed\" where the fleet broker may really be "
                            "talked to without TLS, found " +
                            quoted(text));
    to.url = parsed->text;
    to.tls = parsed->tls;
    if (in.text("http_proxy", to.http_proxy, "host:port",
                [](std::string_view proxy) {
                    const auto read = parse_http_url("http://" + std::string(proxy));
                    const bool good = read.ok() && read->path.empty() && !proxy.ends_with('/');
                    return good ? "" : "expected host:port";
                }) &&
        !parsed->websocket)
        in.error("http_proxy", "expected url to begin with wss://: through a proxy MQTT goes over "
                               "WebSocket");
}

} // namespace

void read_fleet(section in, const gateway_config& gateway, fleet_config& to) {
    to.present = in.present();
    if (to.present) read_url(in, to);
    to.client_id = "wharf-" + gateway.site + "-" + gateway.name;
    in.text("client_id", to.client_id, "1 to 256 bytes", [](std::string_view id) {
        const bool good = !id.empty() && id.size() <= limits::k_client_id_bytes_max;
        return good ? "" : "expected 1 to 256 bytes";
    });
    for (const auto& [key, file] : {std::pair{"key_file", &to.key_file},
                                    {"operators_file", &to.operators_file},
                                    {"ca_file", &to.ca_file},
                                    {"certificate_file", &to.certificate_file},
                                    {"certificate_key_file", &to.certificate_key_file},
                                    {"password_file", &to.password_file},
                                    {"overlay_files", &to.overlay_files}})
        in.text(key, *file, "an absolute path", check_path);
    in.text("user", to.user, "1 to 256 bytes", [](std::string_view user) {
        const bool good = !user.empty() && user.size() <= limits::k_text_bytes_max;
        return good ? "" : "expected 1 to 256 bytes";
    });
    if (!to.password_file.empty() && to.user.empty())
        in.error("password_file", "expected user beside it");
    if (to.certificate_file.empty() != to.certificate_key_file.empty())
        in.error(to.certificate_key_file.empty() ? "certificate_file" : "certificate_key_file",
                 "expected certificate_file and certificate_key_file, or neither");
    in.choice("mqtt", to.protocol,
              choices<fleet_protocol>{{"auto", fleet_protocol::automatic},
                                      {"5", fleet_protocol::mqtt_5},
                                      {"3.1.1", fleet_protocol::mqtt_3_1_1}});
    in.number("keep_alive_s", to.keep_alive_s, 5, limits::k_keep_alive_s_max, "seconds");
    in.number("session_expiry_h", to.session_expiry_h, 1, 24 * 30, "hours");
    in.number("connect_timeout_s", to.connect_timeout_s, 1, 120, "seconds");
    in.number("backoff_min_ms", to.backoff_min_ms, 10, k_day_ms, "ms");
    in.number("backoff_max_ms", to.backoff_max_ms, 10, k_day_ms, "ms");
    if (to.backoff_min_ms > to.backoff_max_ms)
        in.error("backoff_min_ms", "expected at most backoff_max_ms, found " +
                                       std::to_string(to.backoff_min_ms) + " > " +
                                       std::to_string(to.backoff_max_ms));
    in.number("state_every_s", to.state_every_s, 5, 3600, "seconds");
    in.finish();
}

void read_device(section in, device_config& to) {
    in.text("helper", to.helper, "an absolute path", check_path);
    in.finish();
}

} // namespace wharf::config_detail
