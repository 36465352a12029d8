#include "tests/bench/devices/device.hpp"

namespace bench {

namespace {
constexpr std::int64_t k_second_ns = 1'000'000'000;
constexpr std::int64_t k_apart_ns = k_second_ns / 1000; // of devices that try again
char scratch[64 * 1024];                                // one thread: read here
} // namespace

device::device(const device_options& options, fleet_tally& tally, unsigned number)
    : options_(options), tally_(tally), number_(number),
      packet_(5, payload_kind::protobuf, number) {}

void device::begin(std::int64_t now_ns) {
    began_ns_ = now_ns;
    at_ = state::connecting;
    input_.clear();
    output_ = connect_packet(5, options_.client_prefix + "-" + std::to_string(number_), true);
    channel_.emplace(options_.port, options_.own_addresses ? number_ + 1 : 0, options_.tls,
                     options_.with_tickets ? &ticket_ : nullptr);
}

void device::cut() {
    if (!channel_) return;
    if (at_ == state::up) --tally_.up;
    channel_->cut();
    channel_.reset();
    tally_.unanswered += due_ns_.size();
    due_ns_.clear();
    at_ = state::away;
    again_ns_ = 0;
}

// By itself: it tries again in one to two seconds.
void device::lose(std::int64_t now_ns) {
    ++(at_ == state::up ? tally_.lost : tally_.failed);
    cut();
    again_ns_ = now_ns + k_second_ns + number_ % 1000 * k_apart_ns;
}

void device::on_ready(std::int64_t now_ns) {
    if (at_ == state::connecting) {
        const auto now = channel_->establish();
        if (now == channel::progress::failed) return lose(now_ns);
        if (now == channel::progress::under_way) return;
        at_ = state::opening;
        if (options_.tls != nullptr) {
            ++tally_.handshakes;
            if (channel_->resumed()) ++tally_.resumed;
            ticket_ = channel_->ticket();
        }
    }
    flush(now_ns);
    if (channel_) take(now_ns);
}

void device::take(std::int64_t now_ns) {
    while (channel_) {
        const auto got = channel_->receive(scratch, sizeof scratch);
        if (got == k_closed) return lose(now_ns);
        if (got == 0) return;
        input_.append(scratch, static_cast<std::size_t>(got));
        std::size_t at = 0;
        while (channel_) {
            const packet_view found = first_packet(std::string_view(input_).substr(at));
            if (found.size == 0) break;
            take_packet(found, now_ns);
            at += found.size;
        }
        input_.erase(0, at);
        if (input_.empty()) std::string().swap(input_);
    }
}

void device::take_packet(const packet_view& packet, std::int64_t now_ns) {
    const auto u8 = [&](std::size_t at) { return static_cast<unsigned char>(packet.body[at]); };
    switch (packet.type) {
    case k_connack:
        if (packet.body.size() < 2 || u8(1) != 0) return lose(now_ns);
        if (u8(0) == 1) {
            ++tally_.session_present;
            return came_up();
        }
        at_ = state::subscribing;
        output_ += subscribe_packet(5, "wharf/1/ber1/" + options_.client_prefix + "-" +
                                           std::to_string(number_) + "/task");
        return flush(now_ns);
    case k_suback:
        if (packet.body.empty() || u8(packet.body.size() - 1) > 2) die("a SUBSCRIBE was refused");
        return came_up();
    case k_puback:
        if (due_ns_.empty()) die("a PUBACK for nothing");
        if (packet.body.size() > 2 && u8(2) >= 0x80) ++tally_.refused;
        tally_.latency.add(now_ns - due_ns_.front());
        due_ns_.pop_front();
        return;
    default:
        return lose(now_ns);
    }
}

void device::came_up() {
    at_ = state::up;
    ++tally_.up;
}

void device::publish(std::int64_t due_ns) {
    const std::size_t from = output_.size();
    output_.resize(from + packet_.size());
    if (++last_packet_id_ == 0) ++last_packet_id_;
    packet_.write(output_.data() + from, last_packet_id_, tally_.next_event++);
    due_ns_.push_back(due_ns);
    flush(due_ns);
}

void device::flush(std::int64_t now_ns) {
    if (output_.empty()) return;
    const auto sent = channel_->send(output_);
    if (sent == k_closed) return lose(now_ns);
    output_.erase(0, static_cast<std::size_t>(sent));
    if (output_.empty()) std::string().swap(output_);
}

} // namespace bench
