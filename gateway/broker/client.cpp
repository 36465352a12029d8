#include "gateway/broker/client.hpp"

#include "gateway/base/assert.hpp"

namespace wharf::broker {

client::client(broker& of, client_shell& shell, const mqtt::session_limits& limits,
               std::uint64_t id, std::string assigned_client_id)
    : broker_(of), shell_(shell), id_(id),
      session_(limits, *this, std::move(assigned_client_id), of.now().monotonic_us / 1000) {
    WHARF_ASSERT(id != 0 && id < (std::uint64_t{1} << (64 - k_token_bits)));
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
    clean_start_ = request.clean_start;
    persistent_ = request.session_expiry_s > 0;
    receive_maximum_ = request.receive_maximum;
    version_ = request.protocol_version;
    broker_.open(*this, request);
}

void client::publish(const mqtt::publish_request& request) {
    shell_.published(request.qos);
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
