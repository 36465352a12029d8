// The life of a connection: bytes in, time, and its ends.
#include "gateway/ingest/mqtt/session.hpp"

#include "gateway/base/assert.hpp"

#include <algorithm>

namespace wharf::mqtt {
namespace {

// What a read that was under way may add while the session is held back.
constexpr std::size_t k_late_read_bytes_max = 1024 * 1024;

} // namespace

session::session(const session_limits& limits, session_sink& sink, std::string assigned_client_id,
                 std::int64_t now_ms)
    : limits_(limits), sink_(sink), assigned_client_id_(std::move(assigned_client_id)),
      now_ms_(now_ms), last_packet_ms_(now_ms) {
    WHARF_ASSERT(limits_.receive_maximum > 0);
    WHARF_ASSERT(limits_.packet_bytes_max <= limits::k_packet_bytes_max);
    WHARF_ASSERT(limits_.topic_alias_maximum <= limits::k_topic_alias_max);
}

std::size_t session::owed_max() const noexcept {
    // An MQTT 5 client never owes us more than the Receive Maximum; the double leaves room to see
    // the one that breaks it, and for QoS 0.
    return peer_.version == k_version_5 ? std::size_t{2} * limits_.receive_maximum
                                        : limits_.receive_maximum;
}

bool session::waits_for_completions() const noexcept {
    return state_ == state::opening || at_held_publish_ || acks_.size() >= owed_max() ||
           subscribes_owed_ >= limits::k_subscribes_owed_max ||
           unacknowledged_bytes_ >= limits_.unacknowledged_bytes_max;
}

bool session::held_back() const noexcept {
    return waits_for_completions() || output_.size() >= limits_.output_bytes_max;
}

bool session::wants_bytes() const noexcept {
    return state_ != state::closed && !held_back();
}

void session::on_bytes(std::string_view bytes, std::int64_t now_ms) {
    now_ms_ = std::max(now_ms_, now_ms);
    if (state_ == state::closed) return;
    WHARF_ASSERT(!processing_);
    resume();
    if (buffered_bytes() > 0 && !held_back()) bytes = complete_buffered(bytes);
    if (buffered_bytes() == 0 && !held_back()) bytes.remove_prefix(process(bytes));
    keep(bytes);
}

// Completes the one packet whose beginning is buffered, so that what follows it is read in place.
// Returns what is left of the bytes.
std::string_view session::complete_buffered(std::string_view bytes) {
    while (!bytes.empty() && buffered_bytes() > 0 && state_ != state::closed && !held_back()) {
        const auto begun = std::string_view(input_).substr(input_begin_);
        const auto header = parse_fixed_header(begun);
        WHARF_ASSERT(header.ok()); // a broken one is never buffered
        const auto packet_bytes = *header ? (*header)->packet_bytes() : begun.size() + 1;
        WHARF_ASSERT(packet_bytes > begun.size());
        const auto taken = bytes.substr(0, packet_bytes - begun.size());
        input_.append(taken);
        bytes.remove_prefix(taken.size());
        process_buffered();
    }
    return bytes;
}

void session::process_buffered() {
    input_begin_ += process(std::string_view(input_).substr(input_begin_));
    if (state_ == state::closed || input_begin_ == input_.size()) {
        drop_input();
    } else if (input_begin_ > input_.size() / 2) {
        input_.erase(0, input_begin_);
        input_begin_ = 0;
    }
}

void session::keep(std::string_view bytes) {
    if (state_ == state::closed || bytes.empty()) return;
    if (buffered_bytes() + bytes.size() > limits_.packet_bytes_max + k_late_read_bytes_max) {
        fail({reason::quota_exceeded, "input: more bytes than the server reads ahead"});
        return;
    }
    input_.append(bytes);
}

void session::drop_input() {
    // A large packet's memory is not kept for the life of the connection.
    constexpr std::size_t k_kept_bytes_max = 16 * 1024;
    if (input_.capacity() > k_kept_bytes_max)
        input_ = std::string();
    else
        input_.clear();
    input_begin_ = 0;
}

// Handles the packets at the front until one is incomplete or a bound is reached. Returns how many
// bytes are done with.
std::size_t session::process(std::string_view bytes) {
    std::size_t done = 0;
    processing_ = true;
    while (state_ != state::closed && !held_back()) {
        const auto rest = bytes.substr(done);
        const auto header = parse_fixed_header(rest);
        if (!header.ok()) {
            fail(header.failure());
            break;
        }
        if (!*header) break;
        if (auto outcome = check_header(**header); !outcome.ok()) {
            fail(outcome.failure());
            break;
        }
        // These add to the journal.
        const auto type = (*header)->type;
        if (publishes_held_ && (type == packet_type::publish || type == packet_type::subscribe ||
                                type == packet_type::unsubscribe)) {
            at_held_publish_ = true;
            break;
        }
        const auto packet_bytes = (*header)->packet_bytes();
        if (rest.size() < packet_bytes) break;
        last_packet_ms_ = now_ms_;
        ++packet_count_;
        auto outcome =
            handle(**header, rest.substr((*header)->header_bytes, (*header)->remaining_bytes));
        done += packet_bytes;
        if (!outcome.ok()) fail(outcome.failure());
    }
    processing_ = false;
    if (state_ == state::closed) {
        drop_input();
        return bytes.size();
    }
    if (waits_for_completions()) keep_alive_paused_ = true;
    return done;
}

// What can be refused before the packet's body has come.
checked session::check_header(const fixed_header& header) const {
    if (state_ == state::waiting_for_connect && header.type != packet_type::connect)
        return protocol_error{reason::protocol_error, std::string(to_string(header.type)) +
                                                          " before CONNECT [MQTT-3.1.0-1]"};
    if (state_ == state::open && header.type == packet_type::connect)
        return protocol_error{reason::protocol_error, "a second CONNECT [MQTT-3.1.0-2]"};
    if (peer_.version == k_version_3_1_1 && header.type == packet_type::auth)
        return protocol_error{reason::malformed_packet,
                              "packet type: AUTH is not part of MQTT 3.1.1"};
    if (peer_.version == k_version_5 && !header.shortest)
        return protocol_error{reason::malformed_packet,
                              "Remaining Length: not in the shortest form [MQTT-1.5.5-1]"};
    const auto bytes_max = state_ == state::waiting_for_connect
                               ? std::min(limits_.packet_bytes_max, limits_.connect_bytes_max)
                               : limits_.packet_bytes_max;
    if (header.packet_bytes() > bytes_max)
        return protocol_error{reason::packet_too_large, std::string(to_string(header.type)) + ": " +
                                                            std::to_string(header.packet_bytes()) +
                                                            " bytes, the maximum is " +
                                                            std::to_string(bytes_max)};
    return success{};
}

checked session::handle(const fixed_header& header, std::string_view body) {
    switch (header.type) {
    case packet_type::connect:
        return handle_connect(header, body);
    case packet_type::publish:
        return handle_publish(header, body);
    case packet_type::pubrel:
        return handle_pubrel(body);
    case packet_type::puback:
    case packet_type::pubrec:
    case packet_type::pubcomp:
        return handle_ack(header.type, body);
    case packet_type::subscribe:
        return handle_subscribe(body);
    case packet_type::unsubscribe:
        return handle_unsubscribe(body);
    case packet_type::pingreq:
        WHARF_TRY(parse_pingreq(body));
        append_pingresp(output_);
        return success{};
    case packet_type::disconnect:
        return handle_disconnect(body);
    case packet_type::auth: {
        reason_packet packet;
        WHARF_TRY(parse_auth(body, peer_.version, packet));
        return protocol_error{reason::protocol_error,
                              "AUTH: the CONNECT had no Authentication Method [MQTT-4.12.0-7]"};
    }
    default:
        break;
    }
    return protocol_error{reason::protocol_error, "packet type: not for a server"};
}

// Room was made: go on with what was held back.
void session::resume() {
    if (processing_ || state_ == state::closed || held_back() || buffered_bytes() == 0) return;
    process_buffered();
}

void session::hold_publishes(bool hold) {
    publishes_held_ = hold;
    if (hold) return;
    at_held_publish_ = false;
    resume();
}

void session::on_drained() {
    resume();
}

std::int64_t session::on_tick(std::int64_t now_ms) {
    now_ms_ = std::max(now_ms_, now_ms);
    resume();
    if (state_ == state::waiting_for_connect) {
        const auto deadline = last_packet_ms_ + limits_.connect_timeout_ms;
        if (now_ms_ < deadline) return deadline;
        shut("no CONNECT in time", {}, true);
    }
    if (state_ != state::open || keep_alive_s_ == 0) return k_never;
    // While the server does not read, the client's pings lie unread in the socket.
    if (keep_alive_paused_) last_packet_ms_ = now_ms_;
    keep_alive_paused_ = waits_for_completions();
    const auto deadline = last_packet_ms_ + std::int64_t{keep_alive_s_} * 1500;
    if (now_ms_ < deadline) return deadline;
    fail({reason::keep_alive_timeout, "no packet for one and a half times the keep-alive of " +
                                          std::to_string(keep_alive_s_) +
                                          " s [MQTT-3.1.2-22, 3.1.1: MQTT-3.1.2-24]"});
    return k_never;
}

void session::end(reason code, std::string_view why) {
    if (state_ == state::closed) return;
    taken_over_ = code == reason::session_taken_over;
    fail({code, std::string(why.empty() ? to_string(code) : why)});
}

void session::on_transport_closed() {
    if (state_ == state::closed) return;
    shut({}, {session_expiry_s_, true}, false);
}

void session::fail(const protocol_error& failure) {
    if (state_ == state::closed) return;
    if (state_ == state::opening) {
        connack_packet refusal;
        // A CONNACK has no code for these two (table 3-1).
        const bool known = failure.code != reason::server_shutting_down &&
                           failure.code != reason::session_taken_over;
        refusal.code = known ? failure.code : reason::server_unavailable;
        refusal.reason_string = failure.message;
        answer_connect(refusal);
    } else if (state_ == state::open && peer_.version == k_version_5) {
        (void)append_disconnect(output_, peer_, failure.code, failure.message);
    }
    shut(failure.message, {session_expiry_s_, true}, true);
}

void session::shut(std::string_view why, session_end how, bool tell_transport) {
    const bool was_open = state_ == state::open;
    state_ = state::closed;
    if (!processing_) drop_input();
    if (was_open && !taken_over_) sink_.close_session(how);
    if (tell_transport) sink_.close(why);
}

} // namespace wharf::mqtt
