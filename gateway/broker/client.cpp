#include "gateway/broker/client.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/broker/message.hpp"

#include <algorithm>

namespace wharf::broker {

client::client(broker& of, client_shell& shell, const mqtt::session_limits& limits,
               std::uint64_t id, std::string assigned_client_id)
    : broker_(of), shell_(shell), id_(id),
      session_(limits, *this, std::move(assigned_client_id), of.now().monotonic_us / 1000) {
    WHARF_ASSERT(may_be_id(id));
}

void client::on_answer(const journal_answer& answer) {
    constexpr std::uint64_t mask = (std::uint64_t{1} << k_token_bits) - 1;
    if (const auto* done = std::get_if<ingest_done>(&answer)) {
        if (!published_at_us_.empty()) {
            shell_.answered(broker_.now().monotonic_us - published_at_us_.front());
            published_at_us_.pop_front();
        }
        session_.on_published(done->token & mask, mqtt::reason::success);
    } else if (const auto* opened = std::get_if<session_opened>(&answer)) {
        broker_.opened(*this, *opened);
    } else if (const auto* released = std::get_if<session_released>(&answer)) {
        session_.on_released(released->token & mask);
    }
}

void client::open_session(const mqtt::open_request& request) {
    client_id_ = request.client_id;
    persistent_ = request.session_expiry_s > 0;
    wanted_ = {token_of(0), client_id_, request.clean_start, request.session_expiry_s};
    if (request.will != nullptr) {
        auto& will = wanted_.will.emplace();
        will.set_client_id(client_id_);
        *will.mutable_message() = make_record(*request.will);
        will.set_delay_s(std::min(request.will->properties.will_delay_s, request.session_expiry_s));
    }
    receive_maximum_ = request.receive_maximum;
    version_ = request.protocol_version;
    shell_.sign_in(request);
}

// The peer is told no more than the standard's words for the code.
void client::signed_in(mqtt::reason code) {
    // It went away while a password was looked at.
    if (session_.closed()) code = mqtt::reason::server_unavailable;
    if (code == mqtt::reason::success) return broker_.open(*this);
    session_.on_refused(code, mqtt::to_string(code));
    shell_.wake();
}

void client::publish(const mqtt::publish_request& request) {
    shell_.published(request.qos);
    if (!shell_.may_publish(request.topic))
        return session_.on_published(request.token, mqtt::reason::not_authorized);
    broker_.published(*this, request);
}

void client::release(std::uint64_t token, std::uint16_t packet_id) {
    broker_.calls_.submit(
        session_release_request{token_of(token), client_id_, generation_, packet_id});
}

void client::subscribe(const mqtt::subscribe_request& request) {
    broker_.subscribe(*this, request);
}

void client::unsubscribe(const mqtt::unsubscribe_request& request) {
    broker_.unsubscribe(*this, request);
}

void client::acknowledged(mqtt::packet_type type, std::uint16_t packet_id, mqtt::reason code) {
    broker_.acknowledged(*this, type, packet_id, code);
}

void client::close_session(const mqtt::session_end& end) {
    broker_.closed(*this, end);
}

void client::close(std::string_view why) {
    shell_.close(why);
}

} // namespace wharf::broker
