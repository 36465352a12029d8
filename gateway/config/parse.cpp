#include "gateway/config/parse.hpp"

#include "gateway/base/topic_filter.hpp"
#include "gateway/config/checks.hpp"
#include "gateway/config/parse_access.hpp"
#include "gateway/config/parse_fleet.hpp"
#include "gateway/config/parse_table.hpp"
#include "gateway/config/section.hpp"
#include "gateway/config/tls.hpp"
#include "gateway/config/topic.hpp"

#include <algorithm>
#include <set>

namespace wharf {

namespace {

using config_detail::check_address;
using config_detail::check_name;
using config_detail::check_path;
using config_detail::check_socket_path;
using config_detail::choices;
using config_detail::findings;
using config_detail::k_name_expected;
using config_detail::read_log;
using config_detail::section;

constexpr std::uint64_t k_hour_ms = 3'600'000;

// By field name of wharf.v1.Event's body.
constexpr std::string_view k_kinds[] = {"inventory_adjusted",
                                        "inventory_counted",
                                        "stock_moved",
                                        "stock_status_changed",
                                        "reserved",
                                        "released",
                                        "received",
                                        "picked",
                                        "packed",
                                        "shipped",
                                        "milestone",
                                        "returned",
                                        "disposition"};

// They tell of what was seen; stock and shipments are not changed by them.
constexpr std::array<std::string_view, 3> k_kinds_to_shed = {"inventory_counted", "milestone",
                                                             "disposition"};

std::string check_site(std::string_view text) {
    bool good = !text.empty() && text.size() <= limits::k_identifier_bytes_max;
    for (char c : text)
        good = good && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '/' && c != '+' &&
               c != '#';
    return good ? std::string{}
                : "expected the site's name as it stands in topics: 1 to 64 bytes without /, +, #";
}

void read_gateway(section in, gateway_config& to) {
    in.required("name", k_name_expected);
    in.required("site", "the site's name as it stands in topics");
    in.text("name", to.name, k_name_expected, check_name);
    in.text("site", to.site, "the site's name as it stands in topics", check_site);
    in.texts("tags", to.tags, limits::k_tags_max, "names of 1 to 32 letters, digits, - or _",
             check_name);
    in.finish();
}

void read_listener(section in, listener_config& to) {
    in.text("address", to.address, "an IPv4 or IPv6 address", check_address);
    in.number("port", to.port, 0, 65'535);
    in.number("max_packet_bytes", to.max_packet_bytes, limits::k_packet_bytes_min,
              limits::k_packet_bytes_max, "bytes");
    in.number("receive_maximum", to.receive_maximum, 1, 65'535);
    in.number("max_connections", to.max_connections, 1, limits::k_connections_max);
    in.number("keep_alive_max_s", to.keep_alive_max_s, 5, limits::k_keep_alive_s_max, "seconds");
    in.number("session_expiry_max_s", to.session_expiry_max_s, 0, limits::k_session_expiry_s_max,
              "seconds");
    config_detail::read_listener_tls(in, to);
    in.finish();
}

std::string check_filter(std::string_view text) {
    std::string_view rest = text;
    bool good = !text.empty() && text.size() <= limits::k_topic_bytes_max;
    while (good) {
        const topic_split level = split_topic(rest);
        const bool wild = level.level.find_first_of("+#") != std::string_view::npos;
        good = !wild || level.level == "+" || (level.level == "#" && level.ended);
        if (level.ended) break;
        rest = level.rest;
    }
    return good ? "" : "expected an MQTT topic filter of 1 to 1024 bytes";
}

void read_broker(section in, broker_config& to) {
    in.texts("local_topics", to.local_topics, limits::k_local_filters_max, "MQTT topic filters",
             check_filter);
    in.number("queue_messages_max", to.queue_messages_max, 1, limits::k_queue_messages_max);
    in.number("queues_max_kb", to.queues_max_kb, 0, limits::k_queues_bytes_max / 1024, "KiB");
    in.number("inflight_max", to.inflight_max, 1, limits::k_inflight_max);
    in.number("retained_max", to.retained_max, 0, limits::k_retained_max);
    in.number("retained_max_kb", to.retained_max_kb, 0, limits::k_retained_bytes_max / 1024, "KiB");
    in.finish();
}

// What stands in queues and is retained is in the journal too, and not what ingest waits for.
void bound_broker(section& root, std::uint64_t journal_bytes, broker_config& to) {
    const auto kb = static_cast<std::uint32_t>(journal_bytes / 1024);
    if (to.queues_max_kb == 0)
        to.queues_max_kb = std::min<std::uint32_t>(limits::k_queues_bytes_default / 1024, kb / 32);
    if (to.retained_max_kb == 0)
        to.retained_max_kb =
            std::min<std::uint32_t>(limits::k_retained_bytes_default / 1024, kb / 64);
    if (std::uint64_t{to.queues_max_kb} + to.retained_max_kb > kb / 8)
        root.error("broker", "expected queues_max_kb and retained_max_kb to be together at most an "
                             "eighth of journal.size_max_mb, here " +
                                 std::to_string(kb / 8) + ", found " +
                                 std::to_string(to.queues_max_kb + to.retained_max_kb));
}

void read_journal(section in, journal_config& to) {
    in.required("path", "the journal's folder, an absolute path");
    in.text("path", to.path, "an absolute path", check_path);
    in.number("size_max_mb", to.size_max_mb, limits::k_journal_mb_min, limits::k_journal_mb_max,
              "MiB");
    in.number("retention_hours", to.retention_hours, 0, 24 * 365 * 10, "hours");
    in.number("retention_fill_percent", to.retention_fill_percent, 10, 90, "percent");
    if (in.number("ring_mb", to.ring_mb, 0, limits::k_ring_mb_max, "MiB") && to.ring_mb != 0 &&
        to.ring_mb < limits::k_ring_mb_min)
        in.error("ring_mb", "expected 0 (none) or at least " +
                                std::to_string(limits::k_ring_mb_min) + " MiB, found " +
                                std::to_string(to.ring_mb));
    if (in.number("ring_block_bytes", to.ring_block_bytes, 512, 4096, "bytes") &&
        to.ring_block_bytes != 512 && to.ring_block_bytes != 4096)
        in.error("ring_block_bytes",
                 "expected 512 or 4096, found " + std::to_string(to.ring_block_bytes));
    in.number("checkpoint_s", to.checkpoint_s, 1, limits::k_checkpoint_s_max, "seconds");
    in.finish();
}

void read_identity(section in, identity_config& to) {
    in.number("window_hours", to.window_hours, 1, 24 * 365 * 10, "hours");
    in.number("entries_max", to.entries_max, 1000, limits::k_identities_max);
    in.finish();
}

// Names must differ; says so at the second of two.
void note_twin(section& in, std::set<std::string, std::less<>>& seen, const std::string& name) {
    if (!name.empty() && !seen.insert(name).second)
        in.error("name",
                 "expected a name of its own, found a second " + config_detail::quoted(name));
}

void read_profiles(section& root, std::vector<profile_config>& to) {
    std::set<std::string, std::less<>> seen;
    for (auto& in : root.list("profile", limits::k_profiles_max)) {
        profile_config profile;
        in.required("name", k_name_expected);
        in.text("name", profile.name, k_name_expected, check_name);
        note_twin(in, seen, profile.name);
        in.texts("devices", profile.devices, limits::k_profile_devices_max,
                 "device names, in which * stands for any text", [](std::string_view text) {
                     bool good = !text.empty() && text.size() <= limits::k_identifier_bytes_max &&
                                 text.find('/') == std::string_view::npos;
                     return good ? "" : "expected a device name of 1 to 64 bytes without /";
                 });
        in.choice("double_trigger", profile.double_trigger,
                  choices<double_trigger_choice>{{"keep", double_trigger_choice::keep},
                                                 {"flag", double_trigger_choice::flag},
                                                 {"drop", double_trigger_choice::drop}});
        in.number("double_trigger_window_ms", profile.double_trigger_window_ms, 1, 60'000, "ms");
        in.boolean("packet_ids_not_reused", profile.packet_ids_not_reused);
        in.number("silent_after_s", profile.silent_after_s, 0, limits::k_silent_after_s_max, "s");
        in.finish();
        to.push_back(std::move(profile));
    }
}

void read_routes(section& root, const std::vector<profile_config>& profiles,
                 std::vector<route_config>& to) {
    std::set<std::string, std::less<>> seen;
    for (auto& in : root.list("route", limits::k_routes_max)) {
        route_config route;
        in.required("topic", "a topic, for example \"wharf/1/{site}/{device}/{stream}\"");
        in.required("codec", "\"json\" or \"protobuf\" or \"protobuf_batch\" or \"cloudevents\"");
        in.text("topic", route.topic, "a topic", config_detail::check_topic_pattern);
        if (!route.topic.empty() && !seen.insert(route.topic).second)
            in.error("topic", "expected each topic once, found a second " +
                                  config_detail::quoted(route.topic));
        in.choice("codec", route.codec,
                  choices<route_codec>{{"json", route_codec::json},
                                       {"protobuf", route_codec::protobuf},
                                       {"protobuf_batch", route_codec::protobuf_batch},
                                       {"cloudevents", route_codec::cloudevents}});
        if (in.text("profile", route.profile, "the name of a profile") &&
            std::none_of(profiles.begin(), profiles.end(),
                         [&](const auto& profile) { return profile.name == route.profile; }))
            in.error("profile", "expected the name of a [[profile]], found " +
                                    config_detail::quoted(route.profile));
        in.finish();
        to.push_back(std::move(route));
    }
}

void read_lanes(section& root, config& to) {
    to.lanes = {lane_config{true, 250, false}, lane_config{true, 1'000, false},
                lane_config{false, 5'000, false}, lane_config{false, 30'000, false}};
    auto lanes = root.inner("lane");
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto in = lanes.inner(k_lane_names[i]);
        in.boolean("dead_blocks", to.lanes[i].dead_blocks);
        in.number("latency_target_ms", to.lanes[i].latency_target_ms, 1, k_hour_ms, "ms");
        in.boolean("sheddable", to.lanes[i].sheddable);
        if (to.lanes[i].sheddable && !may_be_shed(static_cast<lane>(i)))
            in.error("sheddable", "expected false: shipments and inventory are never shed");
        in.finish();
    }
    lanes.finish();

    auto overrides = root.inner("lanes");
    auto kinds = overrides.inner("kinds");
    choices<lane> names;
    for (std::size_t i = 0; i < k_lane_count; ++i)
        names.emplace_back(k_lane_names[i], static_cast<lane>(i));
    for (auto kind : k_kinds) {
        lane picked{};
        if (!kinds.choice(kind, picked, names)) continue;
        to.kind_lanes.emplace(kind, picked);
        if (to.lanes[index_of(picked)].sheddable &&
            std::ranges::find(k_kinds_to_shed, kind) == k_kinds_to_shed.end())
            kinds.error(kind, "expected a lane that is not sheddable: what changes stock or ships "
                              "is never shed");
    }
    kinds.finish();
    overrides.finish();
}

// Below the least objective more than every update would have to be late before the fast window
// tells: gateway/observe/slo.hpp.
void read_targets(section targets, std::array<target_config, k_lane_count>& to) {
    to = {target_config{5'000, 0.99}, target_config{30'000, 0.99}, {}, {}};
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto in = targets.inner(k_lane_names[i]);
        in.number("within_ms", to[i].within_ms, 0, limits::k_target_within_ms_max, "ms");
        in.fraction("objective", to[i].objective, 0.95, 0.9999);
        in.finish();
    }
    targets.finish();
}

void read_timing(section& in, destination_config& to) {
    in.number("request_timeout_ms", to.request_timeout_ms, 100, 600'000, "ms");
    in.number("connect_timeout_ms", to.connect_timeout_ms, 50, 120'000, "ms");
    in.number("backoff_min_ms", to.backoff_min_ms, 10, k_hour_ms, "ms");
    in.number("backoff_max_ms", to.backoff_max_ms, 10, k_hour_ms, "ms");
    if (to.backoff_min_ms > to.backoff_max_ms)
        in.error(in.has("backoff_min_ms") ? "backoff_min_ms" : "backoff_max_ms",
                 "expected backoff_min_ms <= backoff_max_ms, found " +
                     std::to_string(to.backoff_min_ms) + " > " + std::to_string(to.backoff_max_ms));
    in.number("circuit_failures", to.circuit_failures, 1, 1000);
    in.number("poison_attempts", to.poison_attempts, 1, 1000);
    in.number("remembers_keys_for_h", to.remembers_keys_for_h, 0, 24 * 365 * 10, "hours");
    in.boolean("can_ask", to.can_ask);
    in.boolean("answers_by_status", to.answers_by_status);
    if (to.answers_by_status && to.batch_max_items != 1)
        in.error("answers_by_status", "expected batch_max_items = 1 beside it: a status alone "
                                      "cannot say what became of several items");
    in.number("settle_ms", to.settle_ms, 0, k_hour_ms, "ms");
    if (to.can_ask && to.settle_ms < to.request_timeout_ms)
        in.warning("settle_ms", "is shorter than request_timeout_ms: a request may still be under "
                                "way when \"not held\" is believed");
}

void read_destination(section& in, destination_config& to) {
    in.text("connector", to.connector, "\"http\"", [](std::string_view text) {
        return text == "http" ? "" : "expected \"http\", the one connector there is";
    });
    in.required("url", "http[s]://host[:port][/path]");
    std::string url;
    bool has_url = in.text("url", url, "http[s]://host[:port][/path]", [&](std::string_view text) {
        auto parsed = parse_http_url(text);
        if (!parsed.ok()) return parsed.failure().message;
        to.url = std::move(parsed).value();
        return std::string{};
    });
    in.choice(
        "format", to.format,
        choices<body_format>{{"json", body_format::json}, {"protobuf", body_format::protobuf}});
    if (in.text("token_file", to.token_file, "an absolute path", check_path) && has_url &&
        !to.url.tls && !is_loopback(to.url.host))
        in.error("token_file",
                 "expected an https url, or one of this machine: a token is not sent over plain "
                 "http to another one, found " +
                     config_detail::quoted(url));
    config_detail::read_destination_tls(in, to, has_url);
    in.number("batch_max_items", to.batch_max_items, 1, limits::k_batch_items_max);
    in.number("batch_max_bytes", to.batch_max_bytes, 2 * limits::k_event_bytes_max,
              limits::k_batch_bytes_max, "bytes");
    in.number("batch_max_delay_ms", to.batch_max_delay_ms, 0, 60'000, "ms");
    in.number("in_flight_max", to.in_flight_max, 1, limits::k_batches_in_flight_max);
    in.boolean("in_order", to.in_order);
    read_timing(in, to);
}

void read_destinations(section& root, std::vector<destination_config>& to) {
    std::set<std::string, std::less<>> seen;
    for (auto& in : root.list("destination", limits::k_destinations_max)) {
        destination_config destination;
        in.required("name", k_name_expected);
        in.text("name", destination.name, k_name_expected, check_name);
        note_twin(in, seen, destination.name);
        read_destination(in, destination);
        in.finish();
        to.push_back(std::move(destination));
    }
    if (!root.has("destination"))
        root.warning("destination", "there is none: events are kept in the journal and go nowhere");
}

void read_admin(section in, admin_config& to) {
    in.text("socket", to.socket, "an absolute path", check_socket_path);
    in.text("http_address", to.http_address, "a loopback address", [](std::string_view text) {
        bool good = is_ip_address(text) && is_loopback(text);
        return good ? "" : "expected an address of this machine alone: 127.0.0.1 or ::1";
    });
    in.number("http_port", to.http_port, 0, 65'535);
    in.finish();
}

void read_bridge_port(section in, bridge_port_config& to) {
    if (in.has("expected")) in.required("socket", "the bridge port's socket, an absolute path");
    in.text("socket", to.socket, "an absolute path", check_socket_path);
    in.texts("expected", to.expected, limits::k_bridges_max, "\"bridge/broker\"",
             [](std::string_view text) -> std::string {
                 const auto slash = text.find('/');
                 const bool good = slash != text.npos &&
                                   check_name(text.substr(0, slash)).empty() &&
                                   check_name(text.substr(slash + 1)).empty();
                 return good ? ""
                             : "expected the names of a bridge and of its broker: \"wms/site\"";
             });
    in.finish();
}

void read_all(section root, config& to) {
    read_gateway(root.inner("gateway"), to.gateway);
    read_listener(root.inner("listener"), to.listener);
    read_broker(root.inner("broker"), to.broker);
    config_detail::read_access(root, to);
    config_detail::read_limits(root.inner("limits"), to.limits);
    read_journal(root.inner("journal"), to.journal);
    read_identity(root.inner("identity"), to.identity);
    read_profiles(root, to.profiles);
    read_routes(root, to.profiles, to.routes);
    read_lanes(root, to);
    read_targets(root.inner("target"), to.targets);
    read_destinations(root, to.destinations);
    read_admin(root.inner("admin"), to.admin);
    read_bridge_port(root.inner("bridge"), to.bridge);
    config_detail::read_fleet(root.inner("fleet"), to.gateway, to.fleet);
    config_detail::read_device(root.inner("device"), to.device);
    if (!to.bridge.socket.empty() && to.bridge.socket == to.admin.socket)
        root.error("bridge", "expected a socket of its own, found admin.socket's");
    read_log(root.inner("log"), to.log);
    // One message, taken apart and with its identities, has to fit into the journal's reserve.
    std::uint64_t size_bytes = std::uint64_t{to.journal.size_max_mb} << 20;
    std::uint64_t packet_bytes_max = size_bytes / limits::k_journal_bytes_per_packet_byte;
    if (to.listener.max_packet_bytes > packet_bytes_max)
        root.error("listener", "expected max_packet_bytes to be at most a " +
                                   std::to_string(limits::k_journal_bytes_per_packet_byte) +
                                   "th of journal.size_max_mb, here " +
                                   std::to_string(packet_bytes_max) + ", found " +
                                   std::to_string(to.listener.max_packet_bytes));
    bound_broker(root, size_bytes, to.broker);
    auto clashes = [&](std::uint16_t port, const std::string& address, const char* key) {
        if (port != 0 && port == to.admin.http_port && is_loopback(address))
            root.error("admin", "expected http_port to differ from " + std::string(key) +
                                    ", found " + std::to_string(port) + " for both");
    };
    if (to.listener.listens_plain())
        clashes(to.listener.port, to.listener.address, "listener.port");
    if (to.listener.tls.present)
        clashes(to.listener.tls.port, to.listener.tls_address(), "listener.tls.port");
    root.finish();
}

} // namespace

result<config> parse_config(std::string_view text, std::string_view file_name) {
    WHARF_TRY_ASSIGN(const toml::table document, config_detail::read_toml(text, file_name));
    findings found{file_name};
    return config_detail::parse_table(document, found);
}

result<config> config_detail::parse_table(const toml::table& document, findings& found) {
    config out;
    WHARF_TRY(read_table(document, found, [&](section root) { read_all(root, out); }));
    out.warnings = found.take_warnings();
    return out;
}

} // namespace wharf
