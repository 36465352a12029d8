#include "gateway/journal/format.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/frame.hpp"
#include "gateway/base/limits.hpp"

namespace wharf::format {

namespace {

std::string tagged(tag which) {
    return std::string(1, which);
}

std::string client_prefix(tag which, std::string_view client_id) {
    std::string key = tagged(which);
    key.append(client_id);
    key.push_back('\0'); // no client id contains it
    return key;
}

std::string client_packet_key(tag which, std::string_view client_id, std::uint16_t packet_id) {
    std::string key = client_prefix(which, client_id);
    put_big(key, packet_id);
    return key;
}

std::string numbered(tag which, std::uint64_t number) {
    std::string key = tagged(which);
    put_big(key, number);
    return key;
}

std::string delivery(std::uint8_t destination, delivery_tag which) {
    std::string key = tagged(k_delivery);
    put_big(key, destination);
    key.push_back(which);
    return key;
}

} // namespace

std::string header_key() {
    return tagged(k_header);
}
std::string state_key() {
    return tagged(k_state);
}
std::string event_key(sequence first) {
    return numbered(k_event, first);
}
std::string order_key(std::uint16_t part) {
    std::string key = tagged(k_order);
    put_big(key, part);
    return key;
}
std::string quarantine_key(std::uint64_t number) {
    return numbered(k_quarantine, number);
}

std::string session_key(std::string_view client_id) {
    return tagged(k_session).append(client_id);
}
std::string qos2_prefix(std::string_view client_id) {
    return client_prefix(k_qos2, client_id);
}
std::string qos2_key(std::string_view client_id, std::uint16_t packet_id) {
    return client_packet_key(k_qos2, client_id, packet_id);
}
std::string redelivery_prefix(std::string_view client_id) {
    return client_prefix(k_redelivery, client_id);
}
std::string redelivery_key(std::string_view client_id, std::uint16_t packet_id) {
    return client_packet_key(k_redelivery, client_id, packet_id);
}

std::string command_key(std::string_view id) {
    return tagged(k_command).append(id);
}
std::string roster_key() {
    return tagged(k_roster);
}
std::string audit_key(std::uint64_t number) {
    return numbered(k_audit, number);
}
std::string outbound_key(std::uint64_t number) {
    return numbered(k_outbound, number);
}
std::string retained_key(std::uint64_t number) {
    return numbered(k_retained, number);
}
std::string will_key(std::uint64_t number) {
    return numbered(k_will, number);
}
std::string subscription_prefix(std::uint64_t incarnation) {
    return numbered(k_subscription, incarnation);
}
std::string subscription_key(std::uint64_t incarnation, std::uint32_t number) {
    std::string key = subscription_prefix(incarnation);
    put_big(key, number);
    return key;
}
std::string queued_prefix(std::uint64_t incarnation) {
    return numbered(k_queued, incarnation);
}
std::string queued_key(std::uint64_t incarnation, std::uint64_t number) {
    std::string key = queued_prefix(incarnation);
    put_big(key, number);
    return key;
}

std::string low_water_key(std::uint8_t destination, lane in_lane) {
    std::string key = delivery(destination, k_low_water);
    put_big(key, static_cast<std::uint8_t>(in_lane));
    return key;
}
std::string mark_prefix(std::uint8_t destination) {
    return delivery(destination, k_mark);
}
std::string mark_key(std::uint8_t destination, lane in_lane, sequence number) {
    std::string key = mark_prefix(destination);
    put_big(key, static_cast<std::uint8_t>(in_lane));
    put_big(key, number);
    return key;
}
std::string batch_prefix(std::uint8_t destination) {
    return delivery(destination, k_batch);
}
std::string batch_key(std::uint8_t destination, batch_number batch) {
    std::string key = batch_prefix(destination);
    put_big(key, batch);
    return key;
}
std::string parked_prefix(std::uint8_t destination) {
    return delivery(destination, k_parked);
}
std::string parked_key(std::uint8_t destination, sequence number) {
    std::string key = parked_prefix(destination);
    put_big(key, number);
    return key;
}
std::string parked_key_prefix(std::uint8_t destination) {
    return delivery(destination, k_parked_key);
}
std::string parked_under_key(std::uint8_t destination, std::uint64_t key_hash, sequence number) {
    std::string key = parked_key_prefix(destination);
    put_big(key, key_hash);
    put_big(key, number);
    return key;
}

std::uint64_t trailing_number(std::string_view key) {
    WHARF_ASSERT(key.size() >= sizeof(std::uint64_t));
    return get_big<std::uint64_t>(key.data() + key.size() - sizeof(std::uint64_t));
}

std::string seal(std::string_view key, const google::protobuf::MessageLite& content) {
    return frame(key, content.SerializeAsString());
}

result<std::string_view> unseal(std::string_view key, std::string_view value) {
    if (auto content = unframe(key, value)) return *content;
    return error{errc::corrupt, describe_key(key) + ": the checksum does not match"};
}

status unseal(std::string_view key, std::string_view value, google::protobuf::MessageLite& into) {
    WHARF_TRY_ASSIGN(auto content, unseal(key, value));
    if (!into.ParseFromArray(content.data(), static_cast<int>(content.size())))
        return error{errc::corrupt, describe_key(key) + ": not a " + into.GetTypeName()};
    return ok();
}

status check_mark(std::string_view key, std::string_view value, std::size_t key_bytes) {
    WHARF_TRY_ASSIGN(auto content, unseal(key, value));
    if (key.size() != key_bytes || !content.empty())
        return error{errc::corrupt, describe_key(key) + ": malformed"};
    return ok();
}

void encode_event(const event_head& head, std::string_view stored, std::string& content) {
    WHARF_ASSERT(head.links.size() <= limits::k_order_keys_max);
    put_little(content, static_cast<std::uint8_t>(head.in_lane));
    put_little(content, head.flags);
    put_little(content, static_cast<std::uint8_t>(head.links.size()));
    for (const order_link& link : head.links) {
        put_little(content, link.key_hash);
        put_little(content, (link.previous << 2) | static_cast<std::uint64_t>(link.previous_lane));
    }
    content.append(stored);
}

result<event_content> decode_event(sequence number, std::string_view content) {
    byte_reader reader(content);
    event_content out;
    out.head.number = number;
    auto in_lane = reader.little<std::uint8_t>();
    out.head.flags = reader.little<std::uint16_t>();
    auto count = reader.little<std::uint8_t>();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) {
        order_link& link = out.head.links.emplace_back();
        link.key_hash = reader.little<std::uint64_t>();
        auto packed = reader.little<std::uint64_t>();
        link.previous = packed >> 2;
        link.previous_lane = static_cast<lane>(packed & 3);
    }
    if (!reader.ok() || in_lane >= k_lane_count)
        return error{errc::corrupt, "event " + std::to_string(number) + ": its head is malformed"};
    out.head.in_lane = static_cast<lane>(in_lane);
    out.stored = reader.rest();
    out.head.body_bytes = static_cast<std::uint32_t>(out.stored.size());
    return out;
}

namespace {

std::string describe_delivery(byte_reader& reader) {
    std::string destination = std::to_string(reader.big<std::uint8_t>());
    std::string_view which = reader.take(1);
    auto text = [&](std::string_view name) {
        return std::string(name) + " " + destination + "/" +
               std::to_string(reader.big<std::uint64_t>());
    };
    auto lane_text = [&](std::string_view name) {
        auto in_lane = reader.big<std::uint8_t>();
        return std::string(name) + " " + destination + "/" +
               (in_lane < k_lane_count ? std::string(k_lane_names[in_lane]) : "?");
    };
    if (which.empty()) return "delivery " + destination;
    switch (which.front()) {
    case k_batch:
        return text("batch");
    case k_parked:
        return text("parked");
    case k_low_water:
        return lane_text("low water");
    case k_mark: {
        std::string name = lane_text("mark");
        return name + "/" + std::to_string(reader.big<std::uint64_t>());
    }
    case k_parked_key: {
        std::string key = to_hex(reader.take(8));
        return text("parked under " + key);
    }
    default:
        return "delivery " + destination + " ?";
    }
}

std::string describe_client_packet(std::string_view name, std::string_view rest) {
    auto end = rest.rfind('\0', rest.size() >= 2 ? rest.size() - 3 : 0);
    if (end == std::string_view::npos || rest.size() < end + 3) return std::string(name) + " ?";
    return std::string(name) + " " + std::string(rest.substr(0, end)) + "/" +
           std::to_string(get_big<std::uint16_t>(rest.data() + end + 1));
}

} // namespace

std::string_view kind_of(std::string_view key) {
    if (key.empty()) return "?";
    switch (key.front()) {
    case k_header:
        return "header";
    case k_state:
        return "state";
    case k_event:
        return "events";
    case k_identity:
        return "identities";
    case k_order:
        return "ordering table";
    case k_qos2:
        return "packet id";
    case k_quarantine:
        return "quarantine";
    case k_redelivery:
        return "redelivery hint";
    case k_session:
        return "session";
    case k_subscription:
        return "subscription";
    case k_queued:
        return "queued message";
    case k_retained:
        return "retained message";
    case k_will:
        return "will";
    case k_command:
        return "command";
    case k_roster:
        return "operators";
    case k_audit:
        return "audit entry";
    case k_outbound:
        return "outbound report";
    case k_delivery:
        break;
    default:
        return "?";
    }
    switch (key.size() > 2 ? key[2] : '\0') {
    case k_batch:
        return "sealed batch";
    case k_parked_key:
        return "parked key";
    case k_low_water:
        return "low water";
    case k_mark:
        return "mark";
    case k_parked:
        return "parked";
    default:
        return "?";
    }
}

std::string describe_key(std::string_view key) {
    if (key.empty()) return "empty key";
    byte_reader reader(key.substr(1));
    switch (key.front()) {
    case k_header:
        return "header";
    case k_state:
        return "state";
    case k_event:
        return "events from " + std::to_string(reader.big<std::uint64_t>());
    case k_quarantine:
        return "quarantine " + std::to_string(reader.big<std::uint64_t>());
    case k_identity:
        return "identities from " + std::to_string(reader.big<std::uint64_t>());
    case k_order:
        return "ordering table " + std::to_string(reader.big<std::uint16_t>());
    case k_session:
        return "session " + std::string(reader.rest());
    case k_subscription: {
        const auto session = std::to_string(reader.big<std::uint64_t>());
        return "subscription " + session + "/" + std::to_string(reader.big<std::uint32_t>());
    }
    case k_queued: {
        const auto session = std::to_string(reader.big<std::uint64_t>());
        return "queued message " + session + "/" + std::to_string(reader.big<std::uint64_t>());
    }
    case k_retained:
        return "retained message " + std::to_string(reader.big<std::uint64_t>());
    case k_will:
        return "will " + std::to_string(reader.big<std::uint64_t>());
    case k_qos2:
        return describe_client_packet("packet id", reader.rest());
    case k_redelivery:
        return describe_client_packet("redelivery hint", reader.rest());
    case k_command:
        return "command " + to_hex(reader.rest());
    case k_roster:
        return "operators";
    case k_audit:
        return "audit entry " + std::to_string(reader.big<std::uint64_t>());
    case k_outbound:
        return "outbound report " + std::to_string(reader.big<std::uint64_t>());
    case k_delivery:
        return describe_delivery(reader);
    default:
        return "unknown key " + to_hex(key);
    }
}

} // namespace wharf::format
