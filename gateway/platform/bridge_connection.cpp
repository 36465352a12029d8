#include "gateway/platform/bridge_connection.hpp"

#include "gateway/base/text.hpp"
#include "gateway/ingest/mqtt/utf8.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace wharf {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t k_last_words_ms = 2000;

// No MQTT client can have it: MQTT's text has no zero byte.
std::string client_id_of(const std::string& name) {
    return std::string(1, '\0') + "bridge:" + name;
}

// Why the message cannot be read, where that shows before its payload is looked at.
std::string unfit(const wharf::v1::BridgeMessage& message, std::uint32_t payload_bytes_max) {
    if (message.cut_from_bytes() != 0)
        return "it has " + std::to_string(message.cut_from_bytes()) +
               " bytes, of which the beginning is kept: at most " +
               std::to_string(payload_bytes_max) + " are taken (listener.max_packet_bytes)";
    if (message.topic().size() > limits::k_topic_bytes_max)
        return "its topic has " + std::to_string(message.topic().size()) + " bytes: at most " +
               std::to_string(limits::k_topic_bytes_max) + " are taken";
    bool text = mqtt::is_mqtt_utf8(message.topic()) && mqtt::is_mqtt_utf8(message.content_type());
    for (const auto& each : message.properties())
        text = text && mqtt::is_mqtt_utf8(each.name()) && mqtt::is_mqtt_utf8(each.value());
    return text ? "" : "its topic or its properties are not UTF-8";
}

} // namespace

bridge_connection::bridge_connection(bridge_port& owner, std::uint64_t id,
                                     asio::local::stream_protocol::socket socket)
    : owner_(owner), id_(id), socket_(std::move(socket)),
      host_({owner.options_.gateway, owner.options_.payload_bytes_max, limits::k_bridge_window_max},
            *this, owner.has_room(), owner.clock_.monotonic_us() / 1000) {}

void bridge_connection::pump() {
    if (finished_) return;
    write();
    read();
}

void bridge_connection::read() {
    if (reading_ || closing_ || finished_ || !host_.wants_bytes()) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(input_),
                            [self = shared_from_this()](auto failed, auto size) {
                                self->reading_ = false;
                                if (failed) return self->finish();
                                self->host_.on_bytes({self->input_.data(), size});
                                self->pump();
                            });
}

void bridge_connection::write() {
    if (writing_ || finished_) return;
    if (host_.output().empty()) {
        if (closing_) finish();
        return;
    }
    writing_ = true;
    output_.clear();
    output_.swap(host_.output());
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](auto failed, auto) {
                          self->writing_ = false;
                          if (failed) return self->finish();
                          self->pump();
                      });
}

void bridge_connection::finish() {
    if (std::exchange(finished_, true)) return;
    boost::system::error_code ignored; // a socket that is already gone is gone
    socket_.close(ignored);
    if (generation_ != 0)
        owner_.submit(
            session_close_request{client_id_, generation_, limits::k_session_expiry_s_max});
    owner_.retire(id_);
}

void bridge_connection::tick(std::int64_t now_ms) {
    // Also where the last words cannot be written, because the bridge does not read.
    if (closing_ && now_ms >= close_by_ms_) return finish();
    host_.on_tick(now_ms);
    pump();
}

void bridge_connection::on_room(bool room) {
    host_.on_room(room);
    pump();
}

void bridge_connection::end(std::string_view why) {
    host_.end(why);
    pump();
}

void bridge_connection::end_when_idle(std::string_view why) {
    if (host_.unanswered() == 0) return end(why);
    ending_ = why;
}

// --- what the host asks for ----------------------------------------------------------------------

void bridge_connection::greeted(const wharf::v1::BridgeHello& hello) {
    name_ = hello.bridge() + "/" + hello.broker();
    client_id_ = client_id_of(name_);
    packet_ids_not_reused_ = hello.packet_ids_not_reused();
    if (!owner_.attach(name_, this)) host_.end("there are too many bridges already");
}

std::uint64_t bridge_connection::next_token() {
    constexpr std::uint64_t mask = (std::uint64_t{1} << bridge_port::k_request_token_bits) - 1;
    // Numbers come round again: never one that waits.
    do
        last_request_ = (last_request_ + 1) & mask;
    while (waiting_.contains(last_request_));
    return (id_ << bridge_port::k_request_token_bits) | last_request_;
}

void bridge_connection::open_session(bool fresh) {
    owner_.submit(
        session_open_request{next_token(), client_id_, fresh, limits::k_session_expiry_s_max});
}

void bridge_connection::message(const wharf::v1::BridgeMessage& message) {
    const auto token = next_token();
    waiting_.emplace(last_request_, message.token());
    ++owner_.status_of(name_).messages;
    ingest(message, token);
}

void bridge_connection::ingest(const wharf::v1::BridgeMessage& message, std::uint64_t token) {
    const auto why = unfit(message, owner_.options_.payload_bytes_max);
    const std::string shown = why.empty() ? std::string() : printable(message.topic());
    std::vector<user_property> properties;
    properties.reserve(static_cast<std::size_t>(message.properties_size()));
    for (const auto& each : message.properties())
        properties.push_back({each.name(), each.value()});
    publish_view view;
    view.topic = why.empty() ? std::string_view(message.topic()) : std::string_view(shown);
    view.payload = message.payload();
    view.client_id = client_id_;
    view.qos = static_cast<std::uint8_t>(message.qos());
    view.packet_id = static_cast<std::uint16_t>(message.packet_id());
    // What the bridge itself sends again is the same message for certain.
    view.dup = message.dup() || message.again();
    view.resumed_session = message.session_present() || message.again();
    view.persistent_session = message.qos() == 1;
    if (why.empty()) view.content_type = message.content_type();
    if (why.empty()) view.user_properties = properties;
    view.bridge = name_;
    view.unfit = why;
    ingest_request request{token, owner_.intake_.prepare(view, owner_.clock_.wall_us(),
                                                         owner_.clock_.wall_synchronised())};
    request.message.generation = generation_;
    if (packet_ids_not_reused_ || message.again()) request.message.packet_ids_not_reused = true;
    owner_.submit(std::move(request));
}

void bridge_connection::on_answer(journal_answer& answer) {
    if (finished_) return;
    if (const auto* opened = std::get_if<session_opened>(&answer)) {
        generation_ = opened->generation;
        host_.on_opened(opened->refused);
    } else if (const auto* done = std::get_if<ingest_done>(&answer)) {
        constexpr std::uint64_t mask = (std::uint64_t{1} << bridge_port::k_request_token_bits) - 1;
        const auto waited = waiting_.extract(done->token & mask);
        if (waited.empty()) return;
        auto& about = owner_.status_of(name_);
        about.accepted += done->verdict.accepted;
        about.duplicate += done->verdict.duplicate;
        about.quarantined += done->verdict.quarantined;
        wharf::v1::BridgeAnswer told;
        told.set_token(waited.mapped());
        told.set_accepted(done->verdict.accepted);
        told.set_duplicate(done->verdict.duplicate);
        told.set_quarantined(done->verdict.quarantined);
        if (!closing_) host_.on_answer(told);
    }
    if (!ending_.empty() && host_.unanswered() == 0) host_.end(ending_);
}

void bridge_connection::health(const wharf::v1::BridgeHealth& health) {
    auto& about = owner_.status_of(name_);
    about.health = health;
    about.health->set_last_error(printable(
        std::string_view(health.last_error()).substr(0, limits::k_bridge_words_bytes_max)));
}

void bridge_connection::close(std::string_view why) {
    closing_ = true;
    close_by_ms_ = owner_.clock_.monotonic_us() / 1000 + k_last_words_ms;
    if (!why.empty())
        owner_.callbacks_.log(false, "bridge " + (name_.empty() ? "that gave no name" : name_) +
                                         ": connection closed: " + std::string(why));
}

} // namespace wharf
