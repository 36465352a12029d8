#include "firmware/wharfd/options.hpp"

namespace wharf {

namespace {

codec_kind to_kind(route_codec codec) {
    switch (codec) {
    case route_codec::json:
        return codec_kind::json;
    case route_codec::protobuf:
        return codec_kind::protobuf;
    case route_codec::protobuf_batch:
        return codec_kind::protobuf_batch;
    case route_codec::cloudevents:
        return codec_kind::cloudevents;
    }
    WHARF_ASSERT(false);
}

double_trigger_policy to_policy(double_trigger_choice choice) {
    switch (choice) {
    case double_trigger_choice::keep:
        return double_trigger_policy::keep;
    case double_trigger_choice::flag:
        return double_trigger_policy::flag;
    case double_trigger_choice::drop:
        return double_trigger_policy::drop;
    }
    WHARF_ASSERT(false);
}

tls::client_certificates to_asked(client_certificates_choice choice) {
    switch (choice) {
    case client_certificates_choice::none:
        return tls::client_certificates::none;
    case client_certificates_choice::optional:
        return tls::client_certificates::optional;
    case client_certificates_choice::required:
        return tls::client_certificates::required;
    }
    WHARF_ASSERT(false);
}

} // namespace

intake_options intake_options_of(const config& from) {
    intake_options out;
    out.site = from.gateway.site;
    if (!from.routes.empty()) out.routes.clear();
    for (const route_config& one : from.routes) {
        route& to = out.routes.emplace_back();
        to.topic = one.topic;
        to.codec = to_kind(one.codec);
        to.profile = one.profile;
    }
    for (const profile_config& one : from.profiles) {
        device_profile& to = out.profiles.emplace_back();
        to.name = one.name;
        to.devices = one.devices;
        to.on_double_trigger = to_policy(one.double_trigger);
        to.double_trigger_window_ms = one.double_trigger_window_ms;
        to.packet_ids_not_reused = one.packet_ids_not_reused;
        to.silent_after_s = one.silent_after_s;
    }
    out.kind_lanes = from.kind_lanes;
    out.local = from.broker.local_topics;
    return out;
}

journal_store_options journal_store_options_of(const config& from) {
    journal_store_options out;
    out.lmdb.path = from.journal.path;
    out.lmdb.size_bytes = std::uint64_t{from.journal.size_max_mb} << 20;
    out.ring.ring_bytes = std::uint64_t{from.journal.ring_mb} << 20;
    out.ring.block_bytes = from.journal.ring_block_bytes;
    out.ring.checkpoint_us = std::int64_t{from.journal.checkpoint_s} * 1'000'000;
    return out;
}

journal_options journal_options_of(const config& from) {
    constexpr std::int64_t k_hour_us = 3'600'000'000;
    journal_options out;
    out.gateway = from.gateway.name;
    for (const destination_config& one : from.destinations)
        out.destinations.push_back(one.name);
    out.identity.age_us_max = from.identity.window_hours * k_hour_us;
    out.identity.count_max = from.identity.entries_max;
    // The other half is for events: identities are never what ingest waits for.
    out.identity.bytes_max = (std::uint64_t{from.journal.size_max_mb} << 20) / 2;
    out.retention_us = from.journal.retention_hours * k_hour_us;
    out.retention_percent = from.journal.retention_fill_percent;
    return out;
}

listener_options listener_options_of(const config& from) {
    listener_options out;
    out.plain = from.listener.listens_plain();
    out.address = from.listener.address;
    out.port = from.listener.port;
    out.tls_address = from.listener.tls_address();
    out.tls_port = from.listener.tls.port;
    out.connections_max = from.listener.max_connections;
    out.session.packet_bytes_max = from.listener.max_packet_bytes;
    out.session.receive_maximum = from.listener.receive_maximum;
    out.session.keep_alive_s_max = from.listener.keep_alive_max_s;
    out.session.session_expiry_s_max = from.listener.session_expiry_max_s;
    out.broker.site = from.gateway.site;
    out.broker.queue_messages_max = from.broker.queue_messages_max;
    out.broker.queues_bytes_max = std::size_t{from.broker.queues_max_kb} * 1024;
    out.broker.inflight_max = from.broker.inflight_max;
    out.broker.retained.messages_max = from.broker.retained_max;
    out.broker.retained.bytes_max = std::size_t{from.broker.retained_max_kb} * 1024;
    return out;
}

access_settings access_settings_of(const config& from) {
    const access_config& access = from.access;
    const limits_config& limits = from.limits;
    const std::vector<std::string> everything = {"#"};
    access_settings out;
    out.identities_path = access.identities;
    out.open_to_all = access.identities.empty() && access.anonymous_publish == everything &&
                      access.anonymous_subscribe == everything;
    out.door.site = from.gateway.site;
    out.door.anonymous = access.lets_anonymous_in();
    out.door.publish = access.publish;
    out.door.subscribe = access.subscribe;
    out.door.anonymous_publish = access.anonymous_publish;
    out.door.anonymous_subscribe = access.anonymous_subscribe;
    out.gate.connections_max = from.listener.max_connections;
    out.gate.half_open_max = limits.half_open;
    out.gate.half_open_per_address_max = limits.address_half_open;
    out.gate.per_address_max = limits.address_connections;
    out.gate.per_identity_max = limits.identity_connections;
    out.burst_s = limits.burst_s;
    // The desk makes the burst; of attempts it is larger, because a whole site may come back at
    // once behind one address.
    out.gate.attempts = {limits.address_attempts_per_s,
                         std::uint64_t{limits.address_attempts_per_s} * 10};
    out.identity_flow = {{limits.identity_messages_per_s, 0}, {limits.identity_bytes_per_s, 0}};
    out.address_flow = {{limits.address_messages_per_s, 0}, {limits.address_bytes_per_s, 0}};
    out.buffers_bytes_max = std::size_t{limits.buffers_mb} << 20;
    out.this_machine_too = limits.this_machine_too;
    return out;
}

tls::file_names tls_files_of(const listener_tls_config& from) {
    return {from.certificate, from.key, from.client_ca, from.crl};
}

tls::server_options tls_options_of(const listener_tls_config& from) {
    tls::server_options out;
    out.from_clients = to_asked(from.client_certificates);
    out.seats = from.handshake_threads;
    return out;
}

bridge_port_options bridge_port_options_of(const config& from) {
    bridge_port_options out;
    out.socket = from.bridge.socket;
    out.gateway = from.gateway.name;
    out.payload_bytes_max = from.listener.max_packet_bytes;
    out.expected = from.bridge.expected;
    return out;
}

namespace {

delivery_options delivery_options_of(const config& from, const destination_config& to,
                                     std::uint8_t number, std::string fenced) {
    delivery_options out;
    out.destination = number;
    out.name = to.name;
    out.gateway = from.gateway.name;
    out.fenced = std::move(fenced);
    out.in_order = to.in_order;
    out.can_ask = to.can_ask;
    out.remembers_keys_for_us = to.remembers_keys_for_h * std::int64_t{3'600'000'000};
    out.settle_us = to.settle_ms * std::int64_t{1000};
    out.in_flight_max = to.in_flight_max;
    out.retry_base_us = to.backoff_min_ms * std::int64_t{1000};
    out.retry_cap_us = to.backoff_max_ms * std::int64_t{1000};
    out.circuit_failures = to.circuit_failures;
    out.poison_attempts = to.poison_attempts;
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        lane_delivery_options& in_lane = out.lanes[i];
        in_lane.batch_items_max = to.batch_max_items;
        in_lane.batch_bytes_max = to.batch_max_bytes;
        in_lane.batch_max_delay_us = to.batch_max_delay_ms * std::int64_t{1000};
        in_lane.dead_blocks = from.lanes[i].dead_blocks;
        in_lane.sheddable = from.lanes[i].sheddable;
    }
    return out;
}

} // namespace

standing standing_of(const journal& of) {
    return {of.recovery().names, of.fenced()  ? of.state().fence().words()
                                 : of.ended() ? end_words(of.state().end())
                                              : std::string()};
}

sync_destination sync_destination_of(const config& from, const destination_config& to,
                                     std::uint8_t number, standing of, std::string token) {
    sync_destination out;
    out.delivery = delivery_options_of(from, to, number, std::move(of.fenced));
    out.connector.url = to_string(to.url);
    out.connector.format =
        to.format == body_format::json ? http_format::json : http_format::protobuf;
    out.connector.answers_by_status = to.answers_by_status;
    out.connector.token = std::move(token);
    out.connector.gateway = from.gateway.name;
    out.connector.names = std::move(of.names);
    out.connector.mapping_revision = out.delivery.mapping_revision;
    out.client.connect_timeout_ms = to.connect_timeout_ms;
    out.client.request_timeout_ms = to.request_timeout_ms;
    out.client.idle_connections_max = to.in_flight_max;
    if (to.url.tls) out.tls = {to.tls_certificate, to.tls_key, to.tls_ca, to.tls_crl};
    return out;
}

} // namespace wharf
