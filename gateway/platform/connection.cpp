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

constexpr std::int64_t k_linger_ms = 2000;

std::string assigned_id(std::uint64_t random) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string id = "wharf-";
    for (int shift = 60; shift >= 0; shift -= 4)
        id.push_back(k_digits[(random >> shift) & 0xf]);
    return id;
}

} // namespace

connection::connection(listener& owner, std::uint64_t id, asio::ip::tcp::socket socket)
    : owner_(owner), id_(id), socket_(std::move(socket)), peer_(name_of(socket_)),
      session_(owner.options_.session, *this, assigned_id(owner.random_.next()), owner.now_ms()) {}

void connection::start() {
    session_.hold_publishes(!owner_.has_room());
    pump();
}

std::uint64_t connection::token_of(std::uint64_t session_token) const {
    return (id_ << k_session_token_bits) |
           (session_token & ((std::uint64_t{1} << k_session_token_bits) - 1));
}

void connection::pump() {
    if (finished_) return;
    write();
    read();
}

void connection::read() {
    if (reading_ || closing_ || finished_ || !owner_.may_read() || !session_.wants_bytes()) return;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(input_), [self = shared_from_this()](auto failed, auto size) {
            self->reading_ = false;
            if (failed) return self->lost();
            if (self->lingering_) return self->discard();
            self->owner_.look_at_clock();
            self->session_.on_bytes({self->input_.data(), size}, self->owner_.now_ms());
            self->pump();
        });
}

void connection::write() {
    if (writing_ || finished_) return;
    if (session_.output().empty()) {
        if (closing_) linger();
        return;
    }
    writing_ = true;
    output_.clear();
    output_.swap(session_.output());
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](auto failed, auto) {
                          self->writing_ = false;
                          if (failed) return self->lost();
                          self->owner_.look_at_clock();
                          self->session_.on_drained();
                          self->pump();
                      });
}

// Closing with unread bytes would reset the connection, and the peer might never read our last
// packet. So: no more from us, and what still comes is discarded until the peer closes too.
void connection::linger() {
    if (lingering_) return;
    lingering_ = true;
    boost::system::error_code failed;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
    if (failed) return finish();
    if (!reading_) discard();
}

void connection::discard() {
    reading_ = true;
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](auto failed, auto) {
        self->reading_ = false;
        if (failed) return self->finish();
        self->discard();
    });
}

// The peer is gone, or the socket failed.
void connection::lost() {
    if (finished_) return;
    session_.on_transport_closed();
    finish();
}

void connection::finish() {
    if (std::exchange(finished_, true)) return;
    boost::system::error_code ignored; // a socket that is already gone is gone
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    owner_.retire(id_);
}

void connection::abandon() {
    lost();
}

void connection::hold_publishes(bool hold) {
    session_.hold_publishes(hold);
}

void connection::end(mqtt::reason why) {
    session_.end(why);
    pump();
}

bool connection::idle() const {
    return session_.owed_count() == 0 && !writing_;
}

void connection::tick(std::int64_t now_ms) {
    // Also where the last words cannot be written, because the peer does not read.
    if (closing_ && now_ms >= close_by_ms_) return finish();
    session_.on_tick(now_ms);
    pump();
}

// --- what the session asks for ---------------------------------------------------------------

void connection::open_session(const mqtt::open_request& request) {
    client_id_ = request.client_id;
    clean_start_ = request.clean_start;
    expiry_s_ = request.session_expiry_s;
    persistent_ = expiry_s_ > 0;
    owner_.take_over(client_id_, this);
    owner_.submit(session_open_request{token_of(0), client_id_, clean_start_, expiry_s_});
}

void connection::on_opened(const session_opened& answer) {
    generation_ = answer.generation;
    session_present_ = answer.session_present;
    if (answer.refused)
        session_.on_refused(mqtt::reason::quota_exceeded, "too many sessions are kept already");
    else
        session_.on_opened(answer.session_present, answer.qos2_packet_ids);
    pump();
}

void connection::publish(const mqtt::publish_request& request) {
    switch (request.qos) {
    case 0:
        ++owner_.counters_.messages_qos0;
        break;
    case 1:
        ++owner_.counters_.messages_qos1;
        break;
    default:
        ++owner_.counters_.messages_qos2;
        break;
    }
    publish_view view;
    view.topic = request.topic;
    view.payload = request.payload;
    view.client_id = client_id_;
    view.qos = request.qos;
    view.packet_id = request.packet_id;
    view.dup = request.dup;
    view.persistent_session = persistent_;
    view.resumed_session = session_present_;
    view.content_type = request.content_type;
    std::vector<user_property> properties;
    for (const auto& one : request.user_properties)
        properties.push_back({one.name, one.value});
    view.user_properties = properties;
    const auto& now = owner_.now();
    ingest_request ingest{
        token_of(request.token),
        owner_.intake_.prepare(view, now.wall_us, now.wall_synchronised, owner_.take_spent())};
    ingest.message.generation = generation_;
    published_at_us_.push_back(now.monotonic_us);
    owner_.submit(std::move(ingest));
}

// Nothing to count: a repeated packet whose identifier is known was never a second message.
void connection::repeated(const mqtt::publish_request&) {}

void connection::on_ingested(std::uint64_t token, const ingest_verdict&) {
    if (!published_at_us_.empty()) {
        if (owner_.callbacks_.acknowledged)
            owner_.callbacks_.acknowledged(owner_.now().monotonic_us - published_at_us_.front());
        published_at_us_.pop_front();
    }
    session_.on_published(token, mqtt::reason::success);
}

void connection::release(std::uint64_t token, std::uint16_t packet_id) {
    owner_.submit(session_release_request{token_of(token), client_id_, generation_, packet_id});
}

void connection::on_released(std::uint64_t token) {
    session_.on_released(token);
}

void connection::close_session(const mqtt::session_end& end) {
    owner_.submit(session_close_request{client_id_, generation_, end.session_expiry_s});
}

void connection::close(std::string_view why) {
    closing_ = true;
    close_by_ms_ = owner_.now_ms() + k_linger_ms;
    if (!why.empty()) {
        ++owner_.counters_.closed_by_us;
        std::string who = client_id_.empty() ? peer_ : peer_ + " (" + client_id_ + ")";
        owner_.callbacks_.log(notice::info,
                              "connection of " + who + " closed: " + std::string(why));
    }
}

} // namespace wharf
