#include "gateway/bridge/guest.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf::bridge {

using wharf::v1::BridgeFrame;
using wharf::v1::BridgeMessage;

namespace {

std::size_t extras_bytes(const BridgeMessage& message) {
    constexpr std::size_t k_property_bytes = 16;
    std::size_t bytes = message.topic().size() + message.content_type().size();
    for (const auto& each : message.properties())
        bytes += each.name().size() + each.value().size() + k_property_bytes;
    return bytes;
}

// Its beginning, for a person to see in quarantine.
BridgeMessage cut(const BridgeMessage& whole) {
    BridgeMessage out;
    out.set_token(whole.token());
    out.set_topic(whole.topic().substr(0, limits::k_topic_bytes_max));
    out.set_payload(whole.payload().substr(0, limits::k_bridge_cut_bytes_max));
    out.set_qos(whole.qos());
    out.set_packet_id(whole.packet_id());
    out.set_dup(whole.dup());
    out.set_retain(whole.retain());
    out.set_session_present(whole.session_present());
    out.set_again(whole.again());
    out.set_cut_from_bytes(whole.payload().size() + extras_bytes(whole));
    return out;
}

} // namespace

void guest::on_connected() {
    WHARF_ASSERT(state_ == state::apart);
    reader_ = {};
    output_.clear();
    broken_ = false;
    state_ = state::greeting;
    BridgeFrame frame;
    auto& hello = *frame.mutable_hello();
    hello.set_version(k_version);
    hello.set_bridge(options_.bridge);
    hello.set_broker(options_.broker);
    hello.set_packet_ids_not_reused(options_.packet_ids_not_reused);
    append_frame(output_, frame);
}

void guest::on_lost() {
    state_ = state::apart;
    output_.clear();
    in_flight_ = 0;
    for (auto& each : waiting_) {
        // It may be on disk already, the answer lost.
        if (each.sent) each.content.set_again(true);
        each.sent = false;
    }
}

void guest::on_bytes(std::string_view bytes) {
    if (state_ == state::apart || broken_) return;
    reader_.add(bytes);
    BridgeFrame frame;
    while (state_ != state::apart && !broken_) {
        const auto next = reader_.next(frame);
        if (!next.ok()) return give_up(next.failure().message);
        if (!*next) return;
        take(frame);
    }
}

void guest::take(const BridgeFrame& frame) {
    if (frame.has_bye()) return give_up("wharfd: " + frame.bye().reason());
    if (frame.has_welcome()) return take(frame.welcome());
    if (!attached()) return give_up("expected welcome first");
    if (frame.has_room()) return sink_.room(frame.room().room());
    if (frame.has_answer()) return take(frame.answer());
    if (!frame.has_opened() || state_ != state::opening)
        return give_up("a frame that was not asked for");
    if (frame.opened().refused())
        return give_up("wharfd keeps too many MQTT sessions already to open one more");
    if (asked_fresh_) fresh_ = false;
    state_ = state::open;
    send_waiting();
}

void guest::take(const wharf::v1::BridgeWelcome& welcome) {
    if (state_ != state::greeting) return give_up("a second welcome");
    if (welcome.version() != k_version)
        return give_up("wharfd speaks version " + std::to_string(welcome.version()) +
                       " of the protocol, and this is version " + std::to_string(k_version));
    if (welcome.window() == 0) return give_up("a window of no message");
    state_ = state::attached;
    window_ = welcome.window();
    payload_bytes_max_ = std::min<std::uint32_t>(
        welcome.payload_bytes_max(), static_cast<std::uint32_t>(limits::k_packet_bytes_max));
    sink_.welcomed(welcome);
    sink_.room(welcome.room());
    if (has_session_) open_session();
}

void guest::take(const wharf::v1::BridgeAnswer& answer) {
    const auto found =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const waiting_message& each) {
            return each.sent && each.content.token() == answer.token();
        });
    if (found == waiting_.end()) return give_up("an answer to nothing that was asked");
    waiting_.erase(found);
    --in_flight_;
    sink_.answered(answer);
    send_waiting();
}

void guest::on_broker_session(bool fresh) {
    has_session_ = true;
    fresh_ = fresh_ || fresh;
    // While one is being opened, the next follows it.
    if (state_ == state::attached || state_ == state::open) open_session();
}

void guest::open_session() {
    state_ = state::opening;
    asked_fresh_ = fresh_;
    BridgeFrame frame;
    frame.mutable_session()->set_fresh(fresh_);
    append_frame(output_, frame);
}

std::uint64_t guest::submit(BridgeMessage message) {
    WHARF_ASSERT(waiting_.size() < limits::k_bridge_window_max);
    message.set_token(++last_token_);
    waiting_.push_back({std::move(message)});
    send_waiting();
    return last_token_;
}

void guest::send_waiting() {
    if (state_ == state::open && fresh_) return open_session();
    if (state_ != state::open) return;
    for (auto& each : waiting_) {
        if (in_flight_ == window_) return;
        if (!each.sent) send(each);
    }
}

void guest::send(waiting_message& message) {
    BridgeFrame frame;
    if (message.content.payload().size() > payload_bytes_max_ ||
        extras_bytes(message.content) > limits::k_bridge_extras_bytes_max / 2) {
        if (!std::exchange(message.cut, true)) ++too_large_;
        *frame.mutable_message() = cut(message.content);
        append_frame(output_, frame);
    } else {
        // Lent for the moment, not copied.
        frame.mutable_message()->Swap(&message.content);
        append_frame(output_, frame);
        frame.mutable_message()->Swap(&message.content);
    }
    message.sent = true;
    ++in_flight_;
}

void guest::tell_health(const wharf::v1::BridgeHealth& health) {
    if (!attached()) return;
    BridgeFrame frame;
    *frame.mutable_health() = health;
    append_frame(output_, frame);
}

void guest::say_goodbye(std::string_view reason) {
    if (state_ == state::apart) return;
    BridgeFrame frame;
    frame.mutable_bye()->set_reason(std::string(reason));
    append_frame(output_, frame);
}

void guest::give_up(std::string_view why) {
    if (std::exchange(broken_, true)) return;
    sink_.close(why);
}

} // namespace wharf::bridge
