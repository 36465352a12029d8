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
    }
    return out;
}

journal_options journal_options_of(const config& from, std::uint32_t epoch) {
    constexpr std::int64_t k_hour_us = 3'600'000'000;
    journal_options out;
    out.gateway = from.gateway.name;
    for (const destination_config& one : from.destinations)
        out.destinations.push_back(one.name);
    out.identity.age_us_max = from.identity.window_hours * k_hour_us;
    out.identity.count_max = from.identity.entries_max;
    out.retention_us = from.journal.retention_hours * k_hour_us;
    out.retention_percent = from.journal.retention_fill_percent;
    out.epoch = epoch;
    return out;
}

listener_options listener_options_of(const config& from) {
    listener_options out;
    out.address = from.listener.address;
    out.port = from.listener.port;
    out.connections_max = from.listener.max_connections;
    out.session.packet_bytes_max = from.listener.max_packet_bytes;
    out.session.receive_maximum = from.listener.receive_maximum;
    out.session.keep_alive_s_max = from.listener.keep_alive_max_s;
    out.session.session_expiry_s_max = from.listener.session_expiry_max_s;
    return out;
}

} // namespace wharf
