// Any bytes are one packet or an error with words; what is read are views into those bytes. The
// first byte chooses the protocol version.
#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/ingest/mqtt/packet.hpp"

#include <cstddef>
#include <cstdint>

using namespace wharf;
using namespace wharf::mqtt;

namespace {

void check_within(std::string_view whole, std::string_view part) {
    if (part.empty()) return;
    WHARF_ASSERT(part.data() >= whole.data());
    WHARF_ASSERT(part.data() + part.size() <= whole.data() + whole.size());
}

void check_properties(std::string_view body, const properties& list) {
    check_within(body, list.content_type);
    check_within(body, list.response_topic);
    check_within(body, list.correlation_data);
    check_within(body, list.reason_string);
    check_within(body, list.authentication_method);
    check_within(body, list.authentication_data);
    WHARF_ASSERT(list.user.size() <= limits::k_user_properties_max);
    WHARF_ASSERT(list.receive_maximum > 0);
    for (const auto& one : list.user) {
        check_within(body, one.name);
        check_within(body, one.value);
    }
}

checked read_connect(std::string_view body) {
    connect_packet packet;
    WHARF_TRY(parse_connect(body, packet));
    WHARF_ASSERT(packet.version == k_version_3_1_1 || packet.version == k_version_5);
    check_within(body, packet.client_id);
    check_within(body, packet.username.value_or(""));
    check_within(body, packet.password.value_or(""));
    check_properties(body, packet.properties);
    if (packet.will) {
        WHARF_ASSERT(packet.will->qos <= 2 && !packet.will->topic.empty());
        check_within(body, packet.will->topic);
        check_within(body, packet.will->payload);
        check_properties(body, packet.will->properties);
    }
    return success{};
}

checked read_publish(const fixed_header& header, std::string_view body, std::uint8_t version) {
    publish_packet packet;
    WHARF_TRY(parse_publish(header.flags, body, version, packet));
    WHARF_ASSERT(packet.qos <= 2 && (packet.qos == 0) == (packet.packet_id == 0));
    WHARF_ASSERT(packet.topic.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos);
    WHARF_ASSERT(!packet.topic.empty() || packet.properties.topic_alias != 0);
    check_within(body, packet.topic);
    check_within(body, packet.payload);
    check_properties(body, packet.properties);
    return success{};
}

checked read_filters(packet_type type, std::string_view body, std::uint8_t version) {
    if (type == packet_type::subscribe) {
        subscribe_packet packet;
        WHARF_TRY(parse_subscribe(body, version, packet));
        WHARF_ASSERT(packet.packet_id != 0 && !packet.subscriptions.empty());
        WHARF_ASSERT(packet.subscriptions.size() <= limits::k_topic_filters_per_packet_max);
        for (const auto& one : packet.subscriptions)
            check_within(body, one.filter);
        return success{};
    }
    unsubscribe_packet packet;
    WHARF_TRY(parse_unsubscribe(body, version, packet));
    WHARF_ASSERT(packet.packet_id != 0 && !packet.filters.empty());
    for (const auto filter : packet.filters)
        check_within(body, filter);
    return success{};
}

checked read(const fixed_header& header, std::string_view body, std::uint8_t version) {
    reason_packet other;
    ack_packet ack;
    switch (header.type) {
    case packet_type::connect:
        return read_connect(body);
    case packet_type::publish:
        return read_publish(header, body, version);
    case packet_type::subscribe:
    case packet_type::unsubscribe:
        return read_filters(header.type, body, version);
    case packet_type::pingreq:
        return parse_pingreq(body);
    case packet_type::disconnect:
        return parse_disconnect(body, version, other);
    case packet_type::auth:
        return parse_auth(body, version, other);
    default:
        WHARF_TRY(parse_ack(header.type, body, version, ack));
        WHARF_ASSERT(ack.packet_id != 0);
        return success{};
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t version = (data[0] & 1) != 0 ? k_version_5 : k_version_3_1_1;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto header = parse_fixed_header(bytes);
    if (!header.ok()) {
        WHARF_ASSERT(!header.failure().message.empty() && is_failure(header.failure().code));
        return 0;
    }
    if (!*header || (*header)->packet_bytes() > bytes.size()) return 0;
    const auto body = bytes.substr((*header)->header_bytes, (*header)->remaining_bytes);
    const auto outcome = read(**header, body, version);
    if (!outcome.ok())
        WHARF_ASSERT(!outcome.failure().message.empty() && is_failure(outcome.failure().code));
    return 0;
}
