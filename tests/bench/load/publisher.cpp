#include "tests/bench/load/publisher.hpp"

#include <algorithm>
#include <bit>

namespace bench {

namespace {
constexpr std::size_t k_buffer_bytes = 256 * 1024;
char scratch[k_buffer_bytes]; // one thread: composed here, read here
} // namespace

publisher::publisher(const publisher_options& options, unsigned number)
    : packet_(options.version, options.kind, number), window_(options.window),
      ring_(std::bit_ceil(2 * options.window)), socket_(connect_to(options.port)),
      sent_at_ns_(ring_) {
    if (ring_ > 32768) die("a window is at most 16384");
    const std::string id = options.client_prefix + "-" + std::to_string(number);
    send_all(fd(), connect_packet(options.version, id, options.persistent));
    const std::string connack = expect_packet(fd(), k_connack);
    if (connack.size() < 2 || connack[1] != 0) die("CONNECT was refused");
    set_nonblocking(fd());
}

void publisher::acknowledged(tally& counts, std::uint16_t packet_id, std::int64_t now) {
    if (packet_id == 0 || packet_id > ring_ || in_flight_ == 0) die("a PUBACK for nothing");
    --in_flight_;
    ++counts.acknowledged;
    if (!counts.measuring) return;
    ++counts.measured;
    counts.latency.add(now - sent_at_ns_[packet_id - 1U]);
}

// The bytes taken.
std::size_t publisher::take_packets(tally& counts, std::string_view bytes, std::int64_t now) {
    auto u8 = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    std::size_t at = 0;
    while (true) {
        if (bytes.size() - at >= 4 && u8(at) == 0x40 && u8(at + 1) == 2) {
            acknowledged(counts, static_cast<std::uint16_t>(u8(at + 2) << 8 | u8(at + 3)), now);
            at += 4;
            continue;
        }
        const packet_view found = first_packet(bytes.substr(at));
        if (found.size == 0) return at;
        if (found.type == k_puback && found.body.size() >= 2) {
            if (found.body.size() > 2 && static_cast<unsigned char>(found.body[2]) >= 0x80)
                ++counts.refused;
            acknowledged(counts,
                         static_cast<std::uint16_t>(static_cast<unsigned char>(found.body[0]) << 8 |
                                                    static_cast<unsigned char>(found.body[1])),
                         now);
        } else if (found.type == k_disconnect) {
            die("the server said good-bye");
        }
        at += found.size;
    }
}

void publisher::on_readable(tally& counts) {
    const std::ptrdiff_t got = receive(fd(), scratch, sizeof scratch);
    if (got == k_closed) die("the server closed the connection");
    const std::int64_t now = now_ns();
    std::string_view bytes(scratch, static_cast<std::size_t>(got));
    if (!input_.empty()) {
        input_.append(bytes);
        bytes = input_;
    }
    const std::size_t taken = take_packets(counts, bytes, now);
    input_ = std::string(bytes.substr(taken));
}

void publisher::flush() {
    const std::ptrdiff_t sent = send_some(fd(), rest_.data(), rest_.size());
    if (sent == k_closed) die("the server closed the connection");
    rest_.erase(0, static_cast<std::size_t>(sent));
}

void publisher::fill(tally& counts) {
    const std::uint32_t room = window_ - in_flight_;
    if (room * 4 < window_) return; // large writes cost least
    send(counts, room, false);
}

void publisher::send_due(tally& counts) {
    send(counts, std::min(window_ - in_flight_, static_cast<std::uint32_t>(due_.size())), true);
}

void publisher::send(tally& counts, std::uint32_t count, bool scheduled) {
    const auto fits = static_cast<std::uint32_t>(k_buffer_bytes / packet_.size());
    while (count > 0 && rest_.empty()) {
        const std::int64_t now = scheduled ? 0 : now_ns();
        const std::uint32_t some = std::min(count, fits);
        char* to = scratch;
        for (std::uint32_t i = 0; i < some; ++i, to += packet_.size()) {
            const std::uint32_t slot = next_++ & (ring_ - 1);
            sent_at_ns_[slot] = now;
            if (scheduled) {
                sent_at_ns_[slot] = due_.front();
                due_.pop_front();
            }
            packet_.write(to, static_cast<std::uint16_t>(slot + 1), counts.next_event++);
        }
        in_flight_ += some;
        counts.sent += some;
        count -= some;
        const auto size = static_cast<std::size_t>(to - scratch);
        const std::ptrdiff_t sent = send_some(fd(), scratch, size);
        if (sent == k_closed) die("the server closed the connection");
        rest_.assign(scratch + sent, size - static_cast<std::size_t>(sent));
    }
}

} // namespace bench
