#include "gateway/bridge/host.hpp"

#include "gateway/base/limits.hpp"

namespace wharf::bridge {

using wharf::v1::BridgeFrame;

void host::on_bytes(std::string_view bytes) {
    if (closed_) return;
    reader_.add(bytes);
    read();
}

// What the sink does may lead back here.
void host::read() {
    if (std::exchange(reading_, true)) return;
    while (!closed_ && !holds_message_) {
        const auto next = reader_.next(frame_);
        if (!next.ok()) {
            end(next.failure().message);
            break;
        }
        if (!*next) break;
        take(frame_);
    }
    reading_ = false;
}

void host::take(const BridgeFrame& frame) {
    switch (frame.what_case()) {
    case BridgeFrame::kHello:
        return take(frame.hello());
    case BridgeFrame::kSession:
        return take(frame.session());
    case BridgeFrame::kMessage:
        return take(frame.message());
    case BridgeFrame::kHealth:
        if (!attached()) return end("expected hello first");
        return sink_.health(frame.health());
    case BridgeFrame::kBye:
        return close({});
    default:
        return end("a frame that only wharfd sends");
    }
}

void host::take(const wharf::v1::BridgeHello& hello) {
    if (attached()) return end("a second hello");
    if (hello.version() != k_version)
        return end("expected version " + std::to_string(k_version) + " of the protocol, found " +
                   std::to_string(hello.version()) +
                   ": wharf-bridge and wharfd are from different releases");
    if (!is_name(hello.bridge()) || !is_name(hello.broker()))
        return end("expected the names of a bridge and of its broker: 1 to 32 letters, digits, - "
                   "or _");
    state_ = state::attached;
    sink_.greeted(hello);
    if (closed_) return;
    BridgeFrame answer;
    auto& welcome = *answer.mutable_welcome();
    welcome.set_version(k_version);
    welcome.set_gateway(options_.gateway);
    welcome.set_window(options_.window);
    welcome.set_payload_bytes_max(options_.payload_bytes_max);
    welcome.set_room(room_);
    append_frame(output_, answer);
}

void host::take(const wharf::v1::BridgeSession& session) {
    if (!attached()) return end("expected hello first");
    if (state_ == state::opening) return end("a session while another is being opened");
    state_ = state::opening;
    sink_.open_session(session.fresh());
}

void host::take(const wharf::v1::BridgeMessage& message) {
    if (state_ != state::open) return end("a message before its session was opened");
    if (!room_) {
        holds_message_ = true;
        return;
    }
    if (unanswered_ == options_.window)
        return end("more than " + std::to_string(options_.window) + " messages without an answer");
    if (message.qos() > 2 || message.packet_id() > 0xffff)
        return end("a message with QoS " + std::to_string(message.qos()) + " and packet id " +
                   std::to_string(message.packet_id()));
    if (message.payload().size() > options_.payload_bytes_max)
        return end("a payload of " + std::to_string(message.payload().size()) + " bytes: at most " +
                   std::to_string(options_.payload_bytes_max) + " are expected");
    ++unanswered_;
    sink_.message(message);
}

void host::on_opened(bool refused) {
    if (closed_ || state_ != state::opening) return;
    state_ = refused ? state::attached : state::open;
    BridgeFrame answer;
    answer.mutable_opened()->set_refused(refused);
    append_frame(output_, answer);
    read();
}

void host::on_answer(const wharf::v1::BridgeAnswer& answer) {
    if (closed_) return;
    WHARF_ASSERT(unanswered_ > 0);
    --unanswered_;
    BridgeFrame frame;
    *frame.mutable_answer() = answer;
    append_frame(output_, frame);
}

void host::on_room(bool room) {
    if (closed_ || room_ == room) return;
    room_ = room;
    if (attached()) {
        BridgeFrame frame;
        frame.mutable_room()->set_room(room);
        append_frame(output_, frame);
    }
    if (!room) return;
    if (std::exchange(holds_message_, false)) {
        const auto held = std::move(*frame_.mutable_message());
        take(held);
    }
    read();
}

void host::on_tick(std::int64_t now_ms) {
    if (!attached() && now_ms - began_ms_ >= limits::k_bridge_hello_timeout_ms)
        end("no hello in " + std::to_string(limits::k_bridge_hello_timeout_ms / 1000) + " s");
}

void host::end(std::string_view why) {
    if (closed_) return;
    BridgeFrame frame;
    frame.mutable_bye()->set_reason(std::string(why));
    append_frame(output_, frame);
    close(why);
}

void host::close(std::string_view why) {
    if (std::exchange(closed_, true)) return;
    sink_.close(why);
}

} // namespace wharf::bridge
