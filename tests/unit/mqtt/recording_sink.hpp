// A shell for the tests: it writes down what the session asks for, and answers when told to.
#pragma once

#include "gateway/ingest/mqtt/session.hpp"
#include "tests/unit/mqtt/wire.hpp"

#include <string>
#include <utility>
#include <vector>

namespace wharf::mqtt {

struct recorded_publish {
    std::uint64_t token;
    std::string topic, payload;
    unsigned qos;
    std::uint16_t packet_id;
    bool dup, retain;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> user_properties;
    std::optional<std::uint32_t> message_expiry_s;
};

struct recorded_open {
    std::string client_id;
    bool assigned, clean_start;
    unsigned version;
    std::uint32_t session_expiry_s;
    std::uint16_t keep_alive_s;
    std::string username, password, will_topic;
};

struct recorded_subscribe {
    std::uint16_t packet_id;
    std::uint32_t identifier;
    std::vector<std::string> filters;
};

struct recorded_ack {
    packet_type type;
    std::uint16_t packet_id;
    reason code;
};

class recording_sink : public session_sink {
  public:
    void open_session(const open_request& r) override {
        opens.push_back({std::string(r.client_id), r.client_id_assigned, r.clean_start,
                         r.protocol_version, r.session_expiry_s, r.keep_alive_s,
                         std::string(r.username.value_or("")), std::string(r.password.value_or("")),
                         std::string(r.will != nullptr ? r.will->topic : "")});
        if (accept_at_once) at->on_opened(false, {});
    }
    void publish(const publish_request& r) override {
        recorded_publish copy{r.token,
                              std::string(r.topic),
                              std::string(r.payload),
                              r.qos,
                              r.packet_id,
                              r.dup,
                              r.retain,
                              std::string(r.content_type),
                              {},
                              r.message_expiry_s};
        for (const auto& p : r.user_properties)
            copy.user_properties.emplace_back(std::string(p.name), std::string(p.value));
        published.push_back(std::move(copy));
        if (publish_at_once) at->on_published(r.token, reason::success);
    }
    void repeated(const publish_request& r) override { repeats.push_back(r.packet_id); }
    void release(std::uint64_t token, std::uint16_t packet_id) override {
        releases.emplace_back(token, packet_id);
        if (publish_at_once) at->on_released(token);
    }
    void subscribe(const subscribe_request& r) override {
        recorded_subscribe copy{r.packet_id, r.identifier, {}};
        for (const auto& each : r.subscriptions)
            copy.filters.emplace_back(each.filter);
        subscribes.push_back(std::move(copy));
    }
    void unsubscribe(const unsubscribe_request& r) override {
        recorded_subscribe copy{r.packet_id, 0, {}};
        for (const auto& each : r.filters)
            copy.filters.emplace_back(each);
        unsubscribes.push_back(std::move(copy));
    }
    void acknowledged(packet_type type, std::uint16_t packet_id, reason code) override {
        acknowledgements.push_back({type, packet_id, code});
    }
    void close_session(const session_end& end) override { ends.push_back(end); }
    void close(std::string_view why) override { closes.emplace_back(why); }

    session* at = nullptr;
    bool accept_at_once = true;
    bool publish_at_once = false;
    std::vector<recorded_open> opens;
    std::vector<recorded_publish> published;
    std::vector<std::uint16_t> repeats;
    std::vector<std::pair<std::uint64_t, std::uint16_t>> releases;
    std::vector<recorded_subscribe> subscribes, unsubscribes;
    std::vector<recorded_ack> acknowledgements;
    std::vector<session_end> ends;
    std::vector<std::string> closes;
};

// A session, its sink and its clock.
struct exchange {
    explicit exchange(const session_limits& limits = {}) : machine(limits, sink, "assigned", 0) {
        sink.at = &machine;
    }
    // Hands the bytes in and returns what the session has to say.
    std::string send(std::string_view bytes) {
        machine.on_bytes(bytes, now_ms);
        return drain();
    }
    std::string drain() {
        std::string out;
        out.swap(machine.output());
        machine.on_drained();
        return out + std::exchange(machine.output(), {});
    }
    // Through CONNECT, its answer thrown away.
    exchange& connected(unsigned level, unsigned keep_alive_s = 0,
                        std::string_view properties = {}) {
        send(wire::connect(level, 2, keep_alive_s, "scanner-7", properties));
        return *this;
    }
    std::string publish_done(std::size_t index, reason code = reason::success) {
        machine.on_published(sink.published.at(index).token, code);
        return drain();
    }
    std::string release_done(std::size_t index) {
        machine.on_released(sink.releases.at(index).first);
        return drain();
    }

    recording_sink sink;
    session machine;
    std::int64_t now_ms = 0;
};

} // namespace wharf::mqtt
