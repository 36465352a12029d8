// Any bytes, in any pieces, with completions in any order: acknowledgements answer what was
// published, after its completion and in its order; bounds hold; an ended session is inert.
//
// The first byte holds options; then come steps, each a byte (kind in the low three bits, an
// argument in the others), a step of bytes followed by their number and the bytes.
#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/ingest/mqtt/session.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace wharf;
using namespace wharf::mqtt;

namespace {

// What an answer to a QoS 1 or 2 PUBLISH must wait for.
struct awaited {
    std::uint16_t packet_id;
    std::uint64_t token; // 0: a repetition
};

class judge : public session_sink {
  public:
    void open_session(const open_request& request) override {
        WHARF_ASSERT(!opening && !closed && !request.client_id.empty());
        opening = true;
        if (answer_at_once) answer_open(false);
    }
    void publish(const publish_request& request) override {
        WHARF_ASSERT(!closed && request.token != 0 && !request.topic.empty());
        WHARF_ASSERT(request.qos == 0 || request.packet_id != 0);
        open_publishes.push_back(request.token);
        if (request.qos == 1) pubacks.push_back({request.packet_id, request.token});
        if (request.qos == 2) pubrecs.push_back({request.packet_id, request.token});
        if (answer_at_once) answer_publish(open_publishes.size() - 1, reason::success);
    }
    void repeated(const publish_request& request) override {
        WHARF_ASSERT(!closed && request.qos == 2);
        pubrecs.push_back({request.packet_id, 0});
    }
    void release(std::uint64_t token, std::uint16_t packet_id) override {
        WHARF_ASSERT(!closed && releasing.count(packet_id) == 0);
        releasing.insert(packet_id);
        open_releases.emplace_back(token, packet_id);
        if (answer_at_once) answer_release(open_releases.size() - 1);
    }
    void subscribe(const subscribe_request& request) override {
        WHARF_ASSERT(!closed && !request.subscriptions.empty());
        const std::vector<reason> codes(request.subscriptions.size(), reason::success);
        at->on_subscribed(request.packet_id, codes, "words");
    }
    void unsubscribe(const unsubscribe_request& request) override {
        WHARF_ASSERT(!closed && !request.filters.empty());
        const std::vector<reason> codes(request.filters.size(), reason::success);
        at->on_unsubscribed(request.packet_id, codes);
    }
    void acknowledged(packet_type type, std::uint16_t packet_id, reason code) override {
        WHARF_ASSERT(!closed && packet_id != 0);
        if (type == packet_type::pubrec && !is_failure(code)) at->send_pubrel(packet_id);
    }
    void close_session(const session_end&) override { WHARF_ASSERT(++ends == 1); }
    void close(std::string_view) override {
        WHARF_ASSERT(!closed);
        closed = true;
    }

    void answer_open(bool refuse) {
        if (!opening) return;
        opening = false;
        const std::uint16_t ids[] = {1, 2, 3, 1025};
        if (refuse)
            at->on_refused(reason::not_authorized, "no");
        else
            at->on_opened(present, ids);
    }
    void answer_publish(std::size_t index, reason code) {
        if (open_publishes.empty()) return;
        index %= open_publishes.size();
        const auto token = open_publishes[index];
        open_publishes.erase(open_publishes.begin() + static_cast<std::ptrdiff_t>(index));
        done.insert(token);
        at->on_published(token, code);
    }
    void answer_release(std::size_t index) {
        if (open_releases.empty()) return;
        index %= open_releases.size();
        const auto [token, id] = open_releases[index];
        open_releases.erase(open_releases.begin() + static_cast<std::ptrdiff_t>(index));
        releasing.erase(id);
        at->on_released(token);
    }

    // Holds one answer of the session against what is known.
    void see(std::string_view packet, std::size_t header_bytes) {
        const auto type = static_cast<packet_type>(static_cast<std::uint8_t>(packet[0]) >> 4);
        const auto body = packet.substr(header_bytes);
        const auto id = body.size() >= 2 ? get_big<std::uint16_t>(body.data()) : std::uint16_t{0};
        const auto code = static_cast<reason>(body.size() > 2 ? body[2] : 0);
        if (type == packet_type::puback) see_answer(pubacks, id);
        if (type == packet_type::pubrec && code != reason::packet_identifier_in_use)
            see_answer(pubrecs, id);
        if (type == packet_type::pubcomp) WHARF_ASSERT(releasing.count(id) == 0);
    }

    session* at = nullptr;
    bool answer_at_once = false;
    bool present = false;
    bool opening = false;
    bool closed = false;
    int ends = 0;
    std::vector<std::uint64_t> open_publishes;
    std::vector<std::pair<std::uint64_t, std::uint16_t>> open_releases;
    std::set<std::uint16_t> releasing;
    std::set<std::uint64_t> done;
    std::deque<awaited> pubacks, pubrecs;

  private:
    void see_answer(std::deque<awaited>& owed, std::uint16_t id) {
        WHARF_ASSERT(!owed.empty() && owed.front().packet_id == id);
        WHARF_ASSERT(owed.front().token == 0 || done.count(owed.front().token) == 1);
        owed.pop_front();
    }
};

void check_output(judge& sink, std::string_view out) {
    while (!out.empty()) {
        std::size_t body_bytes = 0;
        std::size_t header_bytes = 1;
        for (unsigned shift = 0;; shift += 7) {
            WHARF_ASSERT(header_bytes < out.size() && header_bytes < 5);
            const auto next = static_cast<std::uint8_t>(out[header_bytes++]);
            body_bytes |= static_cast<std::size_t>(next & 0x7f) << shift;
            if ((next & 0x80) == 0) break;
        }
        WHARF_ASSERT(out.size() >= header_bytes + body_bytes);
        sink.see(out.substr(0, header_bytes + body_bytes), header_bytes);
        out.remove_prefix(header_bytes + body_bytes);
    }
}

constexpr std::string_view k_connect_4("\x10\x0d\0\4MQTT\4\2\0\x3c\0\1c", 15);
constexpr std::string_view k_connect_5("\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1c", 16);
constexpr reason k_codes[] = {reason::success, reason::success, reason::no_matching_subscribers,
                              reason::quota_exceeded};

struct run {
    explicit run(std::uint8_t options) : machine(limits_of(options), sink, "assigned", 0) {
        sink.at = &machine;
        sink.present = (options & 4) != 0;
        sink.answer_at_once = (options & 8) != 0;
        if ((options & 1) == 0) return;
        machine.on_bytes((options & 2) != 0 ? k_connect_5 : k_connect_4, 0);
        if (!sink.answer_at_once) sink.answer_open(false);
    }
    static session_limits limits_of(std::uint8_t options) {
        session_limits limits;
        limits.packet_bytes_max = 1024;
        limits.receive_maximum = static_cast<std::uint16_t>(1 + ((options >> 4) & 7));
        limits.topic_alias_maximum = 4;
        limits.unacknowledged_bytes_max = (options & 0x80) != 0 ? 64 : 4096;
        limits.output_bytes_max = (options & 0x80) != 0 ? 32 : 4096;
        return limits;
    }
    void step(unsigned kind, unsigned argument, std::string_view bytes) {
        const bool inert = machine.closed();
        const auto said_bytes = machine.output().size();
        switch (kind) {
        case 0:
        case 1:
            if (machine.wants_bytes() || (argument & 16) != 0) machine.on_bytes(bytes, now_ms);
            break;
        case 2:
            sink.answer_publish(argument, k_codes[argument & 3]);
            break;
        case 3:
            sink.answer_publish(argument, reason::success);
            break;
        case 4:
            sink.answer_release(argument);
            break;
        case 5:
            sink.answer_open(argument == 31);
            break;
        case 6:
            now_ms += argument * 100;
            machine.on_tick(now_ms);
            break;
        default:
            other(argument);
        }
        if (inert) WHARF_ASSERT(machine.closed() && machine.output().size() <= said_bytes);
        judge_output();
        check_bounds();
    }
    void other(unsigned argument) {
        if (argument >= 20 && argument < 28 && machine.opened()) {
            outgoing_publish packet;
            packet.topic = argument < 24 ? "tasks/1" : "tasks/2";
            packet.payload = "to the client";
            packet.qos = static_cast<std::uint8_t>(argument % 3);
            packet.packet_id = packet.qos == 0 ? 0 : 7;
            if (argument & 1) packet.message_expiry_s = 5;
            (void)machine.send_publish(packet); // it may be above the client's maximum
        }
        if (argument == 30) machine.end(reason::session_taken_over);
        if (argument == 31) machine.end(reason::server_shutting_down);
        if (argument == 29) {
            machine.on_transport_closed();
            sink.closed = true;
        }
        drain();
    }
    // What was said in this step, judged by what is known now: a client that reuses an identifier
    // too early would make an answer that was not drained yet look wrong later.
    void judge_output() {
        const std::string_view out = machine.output();
        WHARF_ASSERT(out.size() >= judged_bytes);
        check_output(sink, out.substr(judged_bytes));
        judged_bytes = out.size();
    }
    void drain() {
        judge_output();
        std::string().swap(machine.output());
        judged_bytes = 0;
        machine.on_drained();
    }
    void check_bounds() {
        const std::size_t owed_max = 2 * 8;
        WHARF_ASSERT(machine.owed_count() <= owed_max);
        WHARF_ASSERT(machine.unacknowledged_bytes() < 4096 + 1024);
        WHARF_ASSERT(machine.buffered_bytes() <= 1024 + 1024 * 1024);
        WHARF_ASSERT(machine.output().size() <= 4096 + 5 * owed_max + 2048);
        WHARF_ASSERT(machine.closed() || machine.buffered_bytes() < 1024 || !machine.wants_bytes());
    }

    judge sink;
    session machine;
    std::int64_t now_ms = 0;
    std::size_t judged_bytes = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    run fuzzed(data[0]);
    for (std::size_t at = 1; at < size;) {
        const unsigned kind = data[at] & 7;
        const unsigned argument = data[at] >> 3;
        ++at;
        std::string_view bytes;
        if (kind <= 1 && at < size) {
            const std::size_t wanted = data[at++];
            bytes = {reinterpret_cast<const char*>(data) + at, std::min(wanted, size - at)};
            at += bytes.size();
        }
        fuzzed.step(kind, argument, bytes);
    }
    fuzzed.drain();
    return 0;
}
