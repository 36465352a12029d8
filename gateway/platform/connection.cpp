#include "gateway/platform/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

namespace wharf {

namespace asio = boost::asio;

namespace {

std::string name_of(const asio::ip::tcp::socket& socket) {
    boost::system::error_code failed;
    auto peer = socket.remote_endpoint(failed);
    if (failed) return "unknown peer";
    return peer.address().to_string() + ":" + std::to_string(peer.port());
}

asio::ip::address address_of(const asio::ip::tcp::socket& socket) {
    boost::system::error_code failed;
    auto peer = socket.remote_endpoint(failed);
    return failed ? asio::ip::address() : peer.address();
}

std::string assigned_id(std::uint64_t random) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string id = "wharf-";
    for (int shift = 60; shift >= 0; shift -= 4)
        id.push_back(k_digits[(random >> shift) & 0xf]);
    return id;
}

} // namespace

connection::connection(listener& owner, std::uint64_t id, tls::device_stream stream)
    : owner_(owner), id_(id), stream_(std::move(stream)), peer_(name_of(stream_.next_layer())),
      guest_(owner.callbacks_.access, id, address_of(stream_.next_layer())),
      client_(owner.broker_, *this, owner.options_.session, id, assigned_id(owner.random_.next())) {
}

void connection::start() {
    client_.session().hold_publishes(!owner_.has_room());
    pump();
}

void connection::pump() {
    woken_ = false;
    if (finished_) return;
    if (!writing_) client_.pump();
    write();
    read();
    if (!writing_ && !finished_) stream_.rest(owner_.spares_);
}

void connection::read() {
    if (reading_ || closing_ || finished_ || !owner_.may_read() || !client_.session().wants_bytes())
        return;
    too_fast_ = !guest_.may_read(owner_.broker_.now().monotonic_us);
    if (too_fast_) return; // until a tick finds that it may
    reading_ = true;
    stream_.async_readable([self = shared_from_this()](auto failed) {
        self->reading_ = false;
        if (failed) return self->lost();
        if (self->lingering_) return self->discard();
        self->receive();
    });
}

// One buffer does for all connections: the session takes what it is given before anybody reads
// again.
void connection::receive() {
    boost::system::error_code failed;
    const auto size = stream_.read_ready(asio::buffer(owner_.input_), failed);
    if (failed && failed != asio::error::would_block) return lost();
    owner_.look_at_clock();
    if (!failed) {
        client_.session().on_bytes({owner_.input_.data(), size}, owner_.now_ms());
        guest_.spend(client_.session().take_packet_count(), size,
                     owner_.broker_.now().monotonic_us);
    }
    pump();
}

void connection::write() {
    if (writing_ || finished_) return;
    if (client_.session().output().empty()) {
        if (closing_) linger();
        return;
    }
    writing_ = true;
    output_.clear();
    output_.swap(client_.session().output());
    asio::async_write(stream_, asio::buffer(output_),
                      [self = shared_from_this()](auto failed, auto) {
                          self->writing_ = false;
                          if (failed) return self->lost();
                          self->owner_.look_at_clock();
                          self->client_.session().on_drained();
                          self->pump();
                      });
}

// Closing with unread bytes would reset the connection, and the peer might never read our last
// packet. So: no more from us, and what still comes is discarded until the peer closes too.
void connection::linger() {
    if (lingering_) return;
    lingering_ = true;
    boost::system::error_code failed;
    stream_.shutdown_send(failed);
    if (failed) return finish();
    if (!reading_) discard();
}

void connection::discard() {
    reading_ = true;
    stream_.async_readable([self = shared_from_this()](auto failed) {
        self->reading_ = false;
        if (!failed) self->stream_.read_ready(asio::buffer(self->owner_.input_), failed);
        if (failed && failed != asio::error::would_block) return self->finish();
        self->discard();
    });
}

// The peer is gone, or the socket failed.
void connection::lost() {
    if (finished_) return;
    owner_.look_at_clock(); // a will's delay begins now
    client_.session().on_transport_closed();
    finish();
}

void connection::finish() {
    if (std::exchange(finished_, true)) return;
    guest_.leave();
    stream_.close();
    client_.retire();
    owner_.retire(id_);
}

void connection::abandon() {
    lost();
}

void connection::hold_publishes(bool hold) {
    client_.session().hold_publishes(hold);
}

void connection::judge_again(const tls::context& by) {
    if (stream_.tls() == nullptr || stream_.tls()->peer_still_good(by)) return;
    owner_.callbacks_.log(notice::warning, "connection of " + peer_ + " (" + client_.client_id() +
                                               ") ends: its certificate is good no more");
    end(mqtt::reason::not_authorized);
}

void connection::end(mqtt::reason why) {
    client_.session().end(why);
    pump();
}

bool connection::idle() const {
    return client_.session().owed_count() == 0 && !writing_;
}

void connection::tick(std::int64_t now_ms) {
    if (finished_) return;
    // Also where the last words cannot be written, because the peer does not read.
    if (closing_ && now_ms >= close_by_ms_) return finish();
    if (too_fast_) client_.session().not_read();
    client_.session().on_tick(now_ms);
    pump();
}

std::size_t connection::held_bytes() {
    return client_.session().buffered_bytes() + client_.session().output().size() + output_.size();
}

} // namespace wharf
