#include "gateway/ingest/intake.hpp"

#include "gateway/base/hash.hpp"
#include "gateway/base/topic_filter.hpp"
#include "gateway/codec/cloudevents.hpp"
#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/protobuf_codec.hpp"
#include "gateway/codec/trace_context.hpp"
#include "gateway/codec/validate.hpp"
#include "gateway/codec/wire_values.hpp"
#include "gateway/ingest/trigger.hpp"

#include <algorithm>

namespace wharf {

// What the events of one message have in common.
struct intake::origin {
    const topic_match& topic;
    const device_profile& profile;
    std::int64_t received_at_us;
    bool clock_synchronised;
    std::string_view correlation_id;
    trace_texts trace;
    std::string_view bridge;
    std::uint64_t released_from;
};

namespace {

status check_names(const topic_match& topic, std::string_view site) {
    WHARF_TRY(check_name("topic's site", topic.site));
    WHARF_TRY(check_name("topic's device", topic.device));
    if (!topic.stream.empty()) WHARF_TRY(check_name("topic's stream", topic.stream));
    if (topic.site == site) return ok();
    return error{errc::invalid, "topic's site: expected this gateway's site " + quoted(site) +
                                    ", got " + quoted(topic.site)};
}

// A topic for JSON takes CloudEvents too, where the message says that it is one.
codec_kind codec_of(const topic_match& topic, std::string_view content_type) {
    const bool events = topic.codec == codec_kind::json && is_cloudevents_type(content_type);
    return events ? codec_kind::cloudevents : topic.codec;
}

std::string unreadable(const error& why, codec_kind codec, std::string_view content_type) {
    std::string detail = "as " + std::string(to_string(codec));
    if (!content_type.empty()) detail.append(" (content type " + quoted(content_type) + ")");
    return detail.append(": ").append(why.message);
}

std::string_view property(std::span<const user_property> properties, std::string_view name) {
    for (const auto& each : properties)
        if (each.name == name) return each.value;
    return {};
}

// What the transport says is not the event's fault: it is taken where it is good, else left.
// True: a trace was not good.
template <class Event>
bool take_from_transport(Event& event, std::string_view correlation_id, const trace_texts& trace) {
    if (event.correlation_id().empty() && is_correlation_id(correlation_id))
        event.set_correlation_id(flat::text_for<Event>(correlation_id));
    return settle_trace(event, trace);
}

void copy_to(prepared_message& out, const publish_view& publish, std::int64_t received_at_us,
             bool clock_synchronised) {
    out.client_id = publish.client_id;
    out.site.clear();
    out.device.clear();
    out.bridge = publish.bridge;
    out.topic = publish.topic;
    out.payload = publish.payload;
    out.content_type = publish.content_type;
    out.properties.clear();
    for (const auto& each : publish.user_properties)
        out.properties.emplace_back(each.name, each.value);
    out.received_at_us = received_at_us;
    out.clock_unsynchronised = !clock_synchronised;
    out.unfit = !publish.unfit.empty();
    out.qos = publish.qos;
    out.packet_id = publish.packet_id;
    out.dup = publish.dup;
    out.generation = 0;
    out.persistent_session = publish.persistent_session;
    out.resumed_session = publish.resumed_session;
    out.packet_ids_not_reused = false;
    out.without_session = false;
    out.wants_receipt = false;
    out.local.clear();
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
    auto watched = options.profiles;
    std::erase_if(watched, [](const device_profile& each) { return each.silent_after_s == 0; });
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
    intake out(std::move(options.site), std::move(routes), std::move(profiles), std::move(lanes),
               std::move(options.local));
    for (const auto& each : watched) {
        out.devices().add_profile(each.name, each.silent_after_s);
        for (const auto& device : each.devices)
            if (device.find_first_of("*?") == device.npos) out.devices().expect(device, each.name);
    }
    return out;
}

// Fills in what the message is about; nullptr: it is for quarantine, or for the site alone.
const intake::known_topic* intake::find_topic(const publish_view& publish,
                                              prepared_message& out) const {
    const std::string_view topic = publish.topic;
    const auto place = static_cast<std::size_t>(hash64(topic) % work_->topics.size());
    auto& known = work_->topics[place];
    if (known.topic != topic || topic.empty()) {
        known.topic.clear();
        const auto match = routes_.match(topic);
        if (!match && std::ranges::any_of(local_, [&](const std::string& filter) {
                return filter_fits(filter, topic);
            }))
            return nullptr;
        if (!match) {
            add_refusal(out, std::nullopt, "unknown_topic",
                        "no route matches topic " + quoted(topic));
            return nullptr;
        }
        out.site = match->site;
        out.device = match->device;
        const auto& profile = profiles_.find(match->profile, match->device, match->stream);
        out.packet_ids_not_reused = profile.packet_ids_not_reused;
        if (auto good = check_names(*match, site_); !good.ok()) {
            add_refusal(out, std::nullopt, "invalid", std::move(good).failure().message);
            return nullptr;
        }
        known.topic = topic;
        known.match = *routes_.match(known.topic);
        known.profile = &profile;
        known.generation = 0;
    }
    if (known.profile->silent_after_s != 0 && publish.released_from == 0) hear(known);
    out.site = known.match.site;
    out.device = known.match.device;
    out.packet_ids_not_reused = known.profile->packet_ids_not_reused;
    return &known;
}

void intake::hear(known_topic& known) const {
    auto& devices = work_->devices;
    if (known.generation != devices.generation()) {
        known.heard = devices.watch(known.match.device, known.profile->name);
        known.generation = devices.generation();
    }
    if (known.heard != nullptr) *known.heard = true;
}

prepared_message intake::prepare(const publish_view& publish, std::int64_t received_at_us,
                                 bool clock_synchronised, prepared_message spent) const {
    prepared_message out = std::move(spent);
    copy_to(out, publish, received_at_us, clock_synchronised);
    work_->items = 0;
    if (!publish.unfit.empty()) {
        add_refusal(out, std::nullopt, "unreadable", std::string(publish.unfit));
    } else if (const auto* topic = find_topic(publish, out)) {
        const origin from{topic->match,
                          *topic->profile,
                          received_at_us,
                          clock_synchronised,
                          property(publish.user_properties, "correlation-id"),
                          {property(publish.user_properties, "traceparent"),
                           property(publish.user_properties, "tracestate")},
                          publish.bridge,
                          publish.released_from};
        prepare_events(from, publish, out);
    }
    out.items.resize(work_->items);
    return out;
}

prepared_event& intake::next_event(prepared_message& out) const {
    const auto index = work_->items++;
    if (index == out.items.size()) out.items.emplace_back();
    auto& item = out.items[index];
    item.index = static_cast<std::uint32_t>(index);
    if (auto* spent = std::get_if<prepared_event>(&item.what)) return *spent;
    return item.what.emplace<prepared_event>();
}

void intake::add_refusal(prepared_message& out, std::optional<std::uint32_t> index,
                         std::string_view reason, std::string detail) const {
    if (work_->items == out.items.size()) out.items.emplace_back();
    auto& item = out.items[work_->items++];
    item.index = index;
    item.what = prepared_quarantine{std::string(reason), std::move(detail)};
}

void intake::prepare_events(const origin& from, const publish_view& publish,
                            prepared_message& out) const {
    const std::string_view payload = out.payload;
    const codec_kind codec = codec_of(from.topic, publish.content_type);
    if (codec == codec_kind::protobuf && prepare_plain(from, payload, out)) return;
    if (codec == codec_kind::protobuf_batch) {
        if (const auto batch = split_batch(payload)) {
            out.items.reserve(batch->size());
            for (const auto each : *batch)
                if (!prepare_plain(from, each, out))
                    prepare_event(from, event_from_protobuf(each), out);
            return;
        }
    }
    auto events = codec == codec_kind::cloudevents
                      ? decode_cloudevents({payload, publish.content_type, publish.user_properties})
                      : decode(codec, payload);
    if (!events.ok()) {
        add_refusal(out, std::nullopt, "unreadable",
                    unreadable(events.failure(), codec, publish.content_type));
        return;
    }
    out.items.reserve(events->size());
    for (auto& each : *events) {
        // What JSON says goes the same way, as bytes.
        const bool plain =
            each.ok() && codec != codec_kind::protobuf && codec != codec_kind::protobuf_batch &&
            each->SerializeToString(&work_->bytes) && prepare_plain(from, work_->bytes, out);
        if (!plain) prepare_event(from, std::move(each), out);
    }
}

bool intake::prepare_plain(const origin& from, std::string_view bytes,
                           prepared_message& out) const {
    auto& plain = work_->plain;
    if (!plain.read(bytes)) return false;
    flat::event_view event(plain, 0);
    const bool trace_ignored = take_from_transport(event, from.correlation_id, from.trace);
    if (!validate(event, from.topic.site, from.topic.device).ok()) return false;
    const auto stored = work_->writer.write({from.topic.site, from.topic.device, from.topic.stream,
                                             from.received_at_us, from.bridge, from.released_from},
                                            plain);
    if (stored.size() > limits::k_event_bytes_max) return false;
    auto& made = next_event(out);
    made.stored = stored;
    identity_of(event, work_->writer.content(), digests_, made.identity_keys, made.content);
    describe(from, event, made);
    work_->counters.traces_ignored += trace_ignored ? 1 : 0;
    return true;
}

void intake::prepare_event(const origin& from, result<wharf::v1::Event> decoded,
                           prepared_message& out) const {
    result<prepared_event> accepted =
        decoded.ok() ? accept(from, std::move(*decoded)) : std::move(decoded).failure();
    if (accepted.ok()) {
        next_event(out) = std::move(*accepted);
        return;
    }
    const auto index = static_cast<std::uint32_t>(work_->items);
    add_refusal(out, index, "invalid", std::move(accepted).failure().message);
}

result<prepared_event> intake::accept(const origin& from, wharf::v1::Event event) const {
    if (take_from_transport(event, from.correlation_id, from.trace))
        ++work_->counters.traces_ignored;
    WHARF_TRY(validate(event, from.topic.site, from.topic.device));
    prepared_event out;
    auto identity = identity_of(event, digests_);
    out.identity_keys = std::move(identity.keys);
    out.content = identity.content;
    describe(from, event, out);

    wharf::v1::StoredEvent stored;
    stored.set_site(std::string(from.topic.site));
    stored.set_device(std::string(from.topic.device));
    stored.set_stream(std::string(from.topic.stream));
    stored.set_received_at_us(from.received_at_us);
    stored.set_released_from(from.released_from);
    *stored.mutable_event() = std::move(event);
    stored.set_bridge(std::string(from.bridge));
    out.stored = stored.SerializeAsString();
    if (out.stored.size() > limits::k_event_bytes_max) {
        return error{errc::too_large,
                     "event: expected at most " + std::to_string(limits::k_event_bytes_max) +
                         " bytes with its origin, got " + std::to_string(out.stored.size())};
    }
    return out;
}

// What the journal asks of an event besides its bytes.
template <class Event>
void intake::describe(const origin& from, const Event& event, prepared_event& out) const {
    const auto overridden = lanes_.find(static_cast<int>(event.body_case()));
    out.in_lane = overridden == lanes_.end() ? lane_of(event.body_case()) : overridden->second;
    out.flags = 0;
    if (!from.clock_synchronised) out.flags |= k_flag_clock_unsynchronised;
    if (out.identity_keys.empty()) out.flags |= k_flag_without_identity;
    if (!event.traceparent().empty()) {
        out.flags |= k_flag_traced;
        ++work_->counters.traced;
    }
    order_keys_of(event, out.order_keys);
    out.on_double_trigger = from.profile.on_double_trigger;
    out.trigger_key.clear();
    out.double_trigger_window_us = 0;
    if (out.on_double_trigger == double_trigger_policy::keep) return;
    out.trigger_key = trigger_key_of(event, from.topic.device);
    out.double_trigger_window_us = std::int64_t{from.profile.double_trigger_window_ms} * 1000;
}

} // namespace wharf
