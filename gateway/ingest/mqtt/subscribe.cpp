#include "gateway/base/limits.hpp"
#include "gateway/ingest/mqtt/packet.hpp"

namespace wharf::mqtt {
namespace {

constexpr std::string_view k_shared = "$share/";

std::uint16_t read_packet_id(field_reader& in, std::string_view packet) {
    const auto id = in.u16("Packet Identifier");
    if (id == 0 && in.ok())
        in.fail(reason::protocol_error,
                std::string(packet) + " Packet Identifier: must not be 0 [MQTT-2.2.1-3]");
    return id;
}

// Where the wildcards may stand: [MQTT-4.7.1-1] and [MQTT-4.7.1-2].
bool wildcards_are_placed_well(std::string_view filter) {
    for (std::size_t i = 0; i < filter.size(); ++i) {
        if (filter[i] != '#' && filter[i] != '+') continue;
        const bool starts_level = i == 0 || filter[i - 1] == '/';
        const bool ends_filter = i + 1 == filter.size();
        if (!starts_level) return false;
        if (filter[i] == '#' ? !ends_filter : !ends_filter && filter[i + 1] != '/') return false;
    }
    return true;
}

// $share/{name}/{filter}: [MQTT-4.8.2-1], [MQTT-4.8.2-2].
bool share_is_named_well(std::string_view filter) {
    filter.remove_prefix(k_shared.size());
    const auto slash = filter.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == filter.size()) return false;
    return filter.substr(0, slash).find_first_of("+#") == std::string_view::npos;
}

std::string_view read_filter(field_reader& in, std::uint8_t version) {
    const auto filter = in.text("Topic Filter");
    if (!in.ok()) return filter;
    if (filter.empty())
        in.fail(reason::malformed_packet, "Topic Filter: must not be empty [MQTT-4.7.3-1]");
    else if (!wildcards_are_placed_well(filter))
        in.fail(reason::topic_filter_invalid,
                "Topic Filter: # only as the last level [MQTT-4.7.1-1], + only as a whole level "
                "[MQTT-4.7.1-2]");
    else if (version == k_version_5 && filter.starts_with(k_shared) && !share_is_named_well(filter))
        in.fail(reason::topic_filter_invalid,
                "Topic Filter: a shared one is $share/{name}/{filter} [MQTT-4.8.2-1]");
    return filter;
}

void check_count(field_reader& in, std::size_t count) {
    if (count <= limits::k_topic_filters_per_packet_max) return;
    in.fail(reason::quota_exceeded, "Topic Filter: at most " +
                                        std::to_string(limits::k_topic_filters_per_packet_max) +
                                        " in one packet");
}

void read_options(field_reader& in, std::uint8_t version, subscription& out) {
    const auto bits = in.byte("Subscription Options");
    out.qos = bits & 3;
    out.no_local = (bits & 4) != 0;
    out.retain_as_published = (bits & 8) != 0;
    out.retain_handling = static_cast<std::uint8_t>((bits >> 4) & 3);
    const unsigned reserved = version == k_version_5 ? 0xc0 : 0xfc;
    if ((bits & reserved) != 0)
        in.fail(reason::malformed_packet,
                "Subscription Options: reserved bits must be 0 [MQTT-3.8.3-5]");
    else if (out.qos == 3)
        in.fail(reason::protocol_error, "Subscription QoS: expected 0, 1 or 2, got 3");
    else if (out.retain_handling == 3)
        in.fail(reason::protocol_error, "Retain Handling: expected 0, 1 or 2, got 3");
    else if (out.no_local && out.filter.starts_with(k_shared))
        in.fail(reason::protocol_error,
                "No Local: must be 0 on a Shared Subscription [MQTT-3.8.3-4]");
}

} // namespace

checked parse_subscribe(std::string_view body, std::uint8_t version, subscribe_packet& out) {
    field_reader in(body);
    out.properties.clear();
    out.subscriptions.clear();
    out.packet_id = read_packet_id(in, "SUBSCRIBE");
    if (version == k_version_5 && in.ok())
        read_properties(in, property_place::subscribe, out.properties);
    while (in.ok() && !in.empty()) {
        auto& next = out.subscriptions.emplace_back();
        next.filter = read_filter(in, version);
        if (in.ok()) read_options(in, version, next);
        check_count(in, out.subscriptions.size());
    }
    if (in.ok() && out.subscriptions.empty())
        in.fail(reason::protocol_error,
                "SUBSCRIBE: expected at least one Topic Filter [MQTT-3.8.3-2]");
    return in.finish();
}

checked parse_unsubscribe(std::string_view body, std::uint8_t version, unsubscribe_packet& out) {
    field_reader in(body);
    out.properties.clear();
    out.filters.clear();
    out.packet_id = read_packet_id(in, "UNSUBSCRIBE");
    if (version == k_version_5 && in.ok())
        read_properties(in, property_place::unsubscribe, out.properties);
    while (in.ok() && !in.empty()) {
        out.filters.push_back(read_filter(in, version));
        check_count(in, out.filters.size());
    }
    if (in.ok() && out.filters.empty())
        in.fail(reason::protocol_error,
                "UNSUBSCRIBE: expected at least one Topic Filter [MQTT-3.10.3-2]");
    return in.finish();
}

} // namespace wharf::mqtt
