#include "gateway/ingest/intake.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/validate.hpp"
#include "gateway/codec/wire_values.hpp"
#include "gateway/identity/rules.hpp"
#include "gateway/ingest/trigger.hpp"

namespace wharf {

// What the events of one message have in common.
struct intake::origin {
    const topic_match& topic;
    const device_profile& profile;
    std::int64_t received_at_us;
    bool clock_synchronised;
    std::string_view correlation_id;
    std::string_view traceparent;
};

namespace {

prepared_item whole_message(std::string_view reason, std::string detail) {
    return {std::nullopt, prepared_quarantine{std::string(reason), std::move(detail)}};
}

status check_names(const topic_match& topic, std::string_view site) {
    WHARF_TRY(check_name("topic's site", topic.site));
    WHARF_TRY(check_name("topic's device", topic.device));
    if (!topic.stream.empty()) WHARF_TRY(check_name("topic's stream", topic.stream));
    if (topic.site == site) return ok();
    return error{errc::invalid, "topic's site: expected this gateway's site " + quoted(site) +
                                    ", got " + quoted(topic.site)};
}

std::string unreadable(const error& why, const topic_match& topic, std::string_view content_type) {
    std::string detail = "as " + std::string(to_string(topic.codec));
    if (!content_type.empty()) detail.append(" (content type " + quoted(content_type) + ")");
    return detail.append(": ").append(why.message);
}

std::string_view property(std::span<const user_property> properties, std::string_view name) {
    for (const auto& each : properties)
        if (each.name == name) return each.value;
    return {};
}

prepared_message copy_of(const publish_view& publish, std::int64_t received_at_us) {
    prepared_message out;
    out.client_id = publish.client_id;
    out.topic = publish.topic;
    out.payload = publish.payload;
    out.received_at_us = received_at_us;
    out.qos = publish.qos;
    out.packet_id = publish.packet_id;
    out.dup = publish.dup;
    out.persistent_session = publish.persistent_session;
    out.resumed_session = publish.resumed_session;
    return out;
}

} // namespace

result<intake> make_intake(intake_options options) {
    WHARF_TRY(check_name("site", options.site));
    // A route that does not say which site is about this one.
    for (auto& each : options.routes)
        if (each.site.empty() && each.topic.find("{site}") == std::string::npos)
            each.site = options.site;
    const auto named = options.routes;
    WHARF_TRY_ASSIGN(auto routes, make_router(std::move(options.routes)));
    WHARF_TRY_ASSIGN(auto profiles, make_profiles(std::move(options.profiles)));
    for (const auto& each : named) {
        if (!each.profile.empty() && !profiles.has(each.profile)) {
            return error{errc::not_found, "topic \"" + each.topic + "\": there is no profile \"" +
                                              each.profile + "\""};
        }
    }
    intake::lane_overrides lanes;
    const auto* body = wharf::v1::Event::descriptor()->FindOneofByName("body");
    for (const auto& [kind, to] : options.kind_lanes) {
        const auto* field = wharf::v1::Event::descriptor()->FindFieldByName(kind);
        if (field == nullptr || field->containing_oneof() != body)
            return error{errc::not_found, "there is no kind of event \"" + kind + "\""};
        lanes[field->number()] = to;
    }
    return intake(std::move(options.site), std::move(routes), std::move(profiles),
                  std::move(lanes));
}

prepared_message intake::prepare(const publish_view& publish, std::int64_t received_at_us,
                                 bool clock_synchronised) const {
    auto out = copy_of(publish, received_at_us);
    const auto topic = routes_.match(publish.topic);
    if (!topic) {
        out.items.push_back(
            whole_message("unknown_topic", "no route matches topic " + quoted(publish.topic)));
        return out;
    }
    out.site = topic->site;
    out.device = topic->device;
    const auto& profile = profiles_.find(topic->profile, topic->device, topic->stream);
    out.packet_ids_not_reused = profile.packet_ids_not_reused;
    if (auto good = check_names(*topic, site_); !good.ok()) {
        out.items.push_back(whole_message("invalid", good.failure().message));
        return out;
    }
    auto events = decode(topic->codec, publish.payload);
    if (!events.ok()) {
        out.items.push_back(whole_message(
            "unreadable", unreadable(events.failure(), *topic, publish.content_type)));
        return out;
    }
    const origin from{*topic,
                      profile,
                      received_at_us,
                      clock_synchronised,
                      property(publish.user_properties, "correlation-id"),
                      property(publish.user_properties, "traceparent")};
    out.items.reserve(events->size());
    for (auto& each : *events) {
        const auto index = static_cast<std::uint32_t>(out.items.size());
        out.items.push_back(prepare_event(from, std::move(each), index));
    }
    return out;
}

prepared_item intake::prepare_event(const origin& from, result<wharf::v1::Event> decoded,
                                    std::uint32_t index) const {
    if (decoded.ok()) {
        auto accepted = accept(from, std::move(*decoded));
        if (accepted.ok()) return {index, std::move(*accepted)};
        return {index, prepared_quarantine{"invalid", std::move(accepted).failure().message}};
    }
    return {index, prepared_quarantine{"invalid", std::move(decoded).failure().message}};
}

result<prepared_event> intake::accept(const origin& from, wharf::v1::Event event) const {
    // What the transport says is not the event's fault: it is taken where it is good, else left.
    if (event.correlation_id().empty() && is_correlation_id(from.correlation_id))
        event.set_correlation_id(std::string(from.correlation_id));
    if (event.traceparent().empty() && is_traceparent(from.traceparent))
        event.set_traceparent(std::string(from.traceparent));
    WHARF_TRY(validate(event, from.topic.site, from.topic.device));

    prepared_event out;
    auto overridden = lanes_.find(static_cast<int>(event.body_case()));
    out.in_lane = overridden == lanes_.end() ? lane_of(event) : overridden->second;
    auto identity = identity_of(event, digests_);
    if (!from.clock_synchronised) out.flags |= k_flag_clock_unsynchronised;
    if (identity.none()) out.flags |= k_flag_without_identity;
    out.identity_keys = std::move(identity.keys);
    out.content = identity.content;
    out.order_keys = order_keys_of(event);
    out.on_double_trigger = from.profile.on_double_trigger;
    if (out.on_double_trigger != double_trigger_policy::keep) {
        out.trigger_key = trigger_key_of(event, from.topic.device);
        out.double_trigger_window_us = std::int64_t{from.profile.double_trigger_window_ms} * 1000;
    }

    wharf::v1::StoredEvent stored;
    stored.set_site(std::string(from.topic.site));
    stored.set_device(std::string(from.topic.device));
    stored.set_stream(std::string(from.topic.stream));
    stored.set_received_at_us(from.received_at_us);
    *stored.mutable_event() = std::move(event);
    out.stored = stored.SerializeAsString();
    if (out.stored.size() > limits::k_event_bytes_max) {
        return error{errc::too_large,
                     "event: expected at most " + std::to_string(limits::k_event_bytes_max) +
                         " bytes with its origin, got " + std::to_string(out.stored.size())};
    }
    return out;
}

} // namespace wharf
