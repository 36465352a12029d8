#include "gateway/config/keys.hpp"

#include <algorithm>
#include <array>

namespace wharf {

namespace {

constexpr auto k_free = key_reach::free;
constexpr auto k_file = key_reach::file;
constexpr auto k_own = key_reach::own;

constexpr auto k_rules = std::to_array<key_rule>({
    {"gateway.name", k_own},
    {"gateway.site", k_own},
    {"gateway.tags", k_free, true},
    {"listener.address", k_free},
    {"listener.port", k_free},
    {"listener.max_packet_bytes", k_free},
    {"listener.receive_maximum", k_free},
    {"listener.max_connections", k_free},
    {"listener.keep_alive_max_s", k_free},
    {"listener.session_expiry_max_s", k_free},
    {"listener.plain_text", k_free},
    {"listener.tls.address", k_free},
    {"listener.tls.port", k_free},
    {"listener.tls.certificate", k_file},
    {"listener.tls.key", k_file},
    {"listener.tls.client_certificates", k_free},
    {"listener.tls.client_ca", k_file},
    {"listener.tls.crl", k_file},
    {"listener.tls.handshake_threads", k_free},
    {"broker.local_topics", k_free},
    {"broker.queue_messages_max", k_free},
    {"broker.queues_max_kb", k_free},
    {"broker.inflight_max", k_free},
    {"broker.retained_max", k_free},
    {"broker.retained_max_kb", k_free},
    {"access.identities", k_file},
    {"access.anonymous", k_free},
    {"access.publish", k_free},
    {"access.subscribe", k_free},
    {"access.anonymous_publish", k_free},
    {"access.anonymous_subscribe", k_free},
    {"limits.identity_connections", k_free},
    {"limits.identity_messages_per_s", k_free},
    {"limits.identity_bytes_per_s", k_free},
    {"limits.address_connections", k_free},
    {"limits.address_half_open", k_free},
    {"limits.address_attempts_per_s", k_free},
    {"limits.address_messages_per_s", k_free},
    {"limits.address_bytes_per_s", k_free},
    {"limits.burst_s", k_free},
    {"limits.half_open", k_free},
    {"limits.buffers_mb", k_free},
    {"limits.this_machine_too", k_free},
    {"journal.path", k_own},
    {"journal.size_max_mb", k_free},
    {"journal.retention_hours", k_free},
    {"journal.retention_fill_percent", k_free},
    {"journal.ring_mb", k_free},
    {"journal.ring_block_bytes", k_free},
    {"journal.checkpoint_s", k_free},
    {"identity.window_hours", k_free},
    {"identity.entries_max", k_free},
    {"profile", k_free}, // an empty list
    {"profile[].name", k_free},
    {"profile[].devices", k_free},
    {"profile[].double_trigger", k_free},
    {"profile[].double_trigger_window_ms", k_free},
    {"profile[].packet_ids_not_reused", k_free},
    {"profile[].silent_after_s", k_free, true},
    {"route", k_free},
    {"route[].topic", k_free},
    {"route[].codec", k_free},
    {"route[].profile", k_free},
    {"lane.*.dead_blocks", k_free},
    {"lane.*.latency_target_ms", k_free},
    {"lane.*.sheddable", k_free},
    {"lanes.kinds.*", k_free},
    {"target.*.within_ms", k_free, true},
    {"target.*.objective", k_free, true},
    {"destination", k_free},
    {"destination[].name", k_free},
    {"destination[].connector", k_free},
    {"destination[].url", k_free},
    {"destination[].format", k_free},
    {"destination[].token_file", k_file},
    {"destination[].tls_ca", k_file},
    {"destination[].tls_crl", k_file},
    {"destination[].tls_certificate", k_file},
    {"destination[].tls_key", k_file},
    {"destination[].batch_max_items", k_free},
    {"destination[].batch_max_bytes", k_free},
    {"destination[].batch_max_delay_ms", k_free},
    {"destination[].in_flight_max", k_free},
    {"destination[].in_order", k_free},
    {"destination[].request_timeout_ms", k_free},
    {"destination[].connect_timeout_ms", k_free},
    {"destination[].backoff_min_ms", k_free},
    {"destination[].backoff_max_ms", k_free},
    {"destination[].circuit_failures", k_free},
    {"destination[].poison_attempts", k_free},
    {"destination[].remembers_keys_for_h", k_free},
    {"destination[].can_ask", k_free},
    {"destination[].answers_by_status", k_free},
    {"destination[].settle_ms", k_free},
    // Whoever makes a socket removes what was there.
    {"admin.socket", k_own},
    {"admin.http_address", k_free},
    {"admin.http_port", k_free},
    {"bridge.socket", k_own},
    {"bridge.expected", k_free},
    {"fleet.url", k_free},
    {"fleet.plain_text", k_free},
    {"fleet.http_proxy", k_free},
    {"fleet.client_id", k_free},
    {"fleet.key_file", k_own},
    {"fleet.operators_file", k_own},
    {"fleet.overlay_files", k_own},
    {"fleet.ca_file", k_file},
    {"fleet.certificate_file", k_file},
    {"fleet.certificate_key_file", k_file},
    {"fleet.user", k_free},
    {"fleet.password_file", k_file},
    {"fleet.mqtt", k_free},
    {"fleet.keep_alive_s", k_free},
    {"fleet.session_expiry_h", k_free},
    {"fleet.connect_timeout_s", k_free},
    {"fleet.backoff_min_ms", k_free},
    {"fleet.backoff_max_ms", k_free},
    {"fleet.state_every_s", k_free},
    {"device.helper", k_own},
    {"log.format", k_free},
    {"log.level", k_free, true},
});

bool fits(std::string_view pattern, std::string_view key) {
    const auto star = pattern.find('*');
    if (star == pattern.npos) return pattern == key;
    if (!key.starts_with(pattern.substr(0, star))) return false;
    const auto rest = pattern.substr(star + 1);
    key.remove_prefix(star);
    return key.ends_with(rest) && key.substr(0, key.size() - rest.size()).find('.') == key.npos;
}

} // namespace

std::string without_places(std::string_view key) {
    std::string out;
    bool inside = false;
    for (const char c : key) {
        if (c == ']') inside = false;
        if (!inside) out += c;
        if (c == '[') inside = true;
    }
    return out;
}

const key_rule* find_key_rule(std::string_view key) {
    const std::string plain = without_places(key);
    const auto found = std::ranges::find_if(
        k_rules, [&](const key_rule& one) { return fits(one.pattern, plain); });
    return found == k_rules.end() ? nullptr : &*found;
}

} // namespace wharf
