// From a PUBLISH to what the journal is asked for: route, codec, validation, identity, ordering
// keys. A message says the same whatever came before it; one thread at a time. It cannot fail: what
// it cannot take becomes an item for quarantine that says why.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/codec/event_codec.hpp"
#include "gateway/identity/rules.hpp"
#include "gateway/ingest/device_watch.hpp"
#include "gateway/ingest/profiles.hpp"
#include "gateway/ingest/stored_event.hpp"
#include "gateway/ingest/topics.hpp"
#include "gateway/journal/requests.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace wharf {

struct intake_options {
    // The gateway's own; a topic that names another is not for it.
    std::string site;
    std::vector<route> routes = default_routes();
    // Topic filters of what is for the site alone: no route takes it, and it is no event.
    std::vector<std::string> local = {};
    std::vector<device_profile> profiles = {};
    // Kinds of event (field names of wharf.v1.Event's body) that go to another lane than their own.
    std::map<std::string, lane, std::less<>> kind_lanes = {};
};

using user_property = message_property;

// One PUBLISH as the session machine hands it over. Everything is copied that outlives the call.
// REQUIRES: its text is UTF-8, which MQTT demands and the session machine checks.
struct publish_view {
    std::string_view topic; // aliases resolved
    std::string_view payload;
    std::string_view client_id = {};
    std::uint8_t qos = 0;
    std::uint16_t packet_id = 0;
    bool dup = false;
    bool persistent_session = false;
    bool resumed_session = false;
    // As MQTT 5 gives it. The topic decides the codec, but CloudEvents on a topic for JSON are
    // taken for what they say they are. It is shown where a payload is unreadable.
    std::string_view content_type = {};
    // "correlation-id", "traceparent" and "tracestate" stand in for an event's own where it has
    // none. In a CloudEvent's binary mode: its attributes.
    std::span<const user_property> user_properties = {};
    // "bridge/broker" where it came through one; the client is that bridge then.
    std::string_view bridge = {};
    // What came through a bridge and cannot be read, in words: the payload is not looked at.
    std::string_view unfit = {};
    // It was in quarantine under this number and is read again; 0: it has just come. Who sent it
    // does not say by that that it is there.
    std::uint64_t released_from = 0;
};

// Since the start.
struct intake_counters {
    std::uint64_t traced = 0;         // events with a traceparent
    std::uint64_t traces_ignored = 0; // events whose trace was malformed, in part or in full
};

// A message that the local broker takes for the site alone has no items.
class intake {
  public:
    // spent: a message that has been dealt with, whose memory is used again.
    [[nodiscard]] prepared_message prepare(const publish_view& publish, std::int64_t received_at_us,
                                           bool clock_synchronised,
                                           prepared_message spent = {}) const;

    // The journal's: before the first prepare().
    void use_digests(const digest_key& digests) { digests_ = digests; }

    [[nodiscard]] const intake_counters& counters() const { return work_->counters; }
    // The devices whose silence is watched: those of profiles with silent_after_s.
    [[nodiscard]] device_watch& devices() const { return work_->devices; }

  private:
    friend result<intake> make_intake(intake_options options);
    // By number of the body's field.
    using lane_overrides = std::map<int, lane>;
    intake(std::string site, router routes, profile_table profiles, lane_overrides lanes,
           std::vector<std::string> local)
        : site_(std::move(site)), routes_(std::move(routes)), profiles_(std::move(profiles)),
          lanes_(std::move(lanes)), local_(std::move(local)),
          work_(std::make_unique<workspace>(*wharf::v1::Event::descriptor())) {}

    // What is known of a topic before its payload is looked at.
    struct known_topic {
        std::string topic; // empty: none
        topic_match match; // of this topic's text
        const device_profile* profile = nullptr;
        bool* heard = nullptr; // of the device, where it is watched and there is room
        std::uint32_t generation = 0;
    };
    // Memory that is used again for each message; what it keeps between them only saves work.
    struct workspace {
        explicit workspace(const google::protobuf::Descriptor& type) : plain(type) {}
        flat_message plain;
        stored_event_writer writer;
        std::string bytes;
        std::size_t items = 0; // of the message; what is behind is left from another
        intake_counters counters;
        device_watch devices;
        // By hash: devices repeat their topics.
        std::array<known_topic, limits::k_known_topics_max> topics;
    };
    const known_topic* find_topic(const publish_view& publish, prepared_message& out) const;
    void hear(known_topic& known) const;
    struct origin;
    // An event that is as it should be, from its bytes; anything else is left to prepare_event().
    prepared_event& next_event(prepared_message& out) const;
    void add_refusal(prepared_message& out, std::optional<std::uint32_t> index,
                     std::string_view reason, std::string detail) const;
    bool prepare_plain(const origin& from, std::string_view bytes, prepared_message& out) const;
    void prepare_event(const origin& from, result<wharf::v1::Event> decoded,
                       prepared_message& out) const;
    void prepare_events(const origin& from, const publish_view& publish,
                        prepared_message& out) const;
    [[nodiscard]] result<prepared_event> accept(const origin& from, wharf::v1::Event event) const;
    template <class Event>
    void describe(const origin& from, const Event& event, prepared_event& out) const;

    std::string site_;
    router routes_;
    profile_table profiles_;
    lane_overrides lanes_;
    std::vector<std::string> local_;
    digest_key digests_{};
    std::unique_ptr<workspace> work_;
};

// Fails where a route or a profile makes no sense, or a route names a profile that is not there.
[[nodiscard]] result<intake> make_intake(intake_options options);

} // namespace wharf
