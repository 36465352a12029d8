#include "tests/fuzz/broker/site.hpp"

#include "gateway/base/bytes.hpp"

namespace wharf::fuzz {

peer::peer(site& at, connection what, std::optional<std::string> owner)
    : of(at), seen(std::move(what)), machine(*at.broker_, *this, at.options_.session, seen.id,
                                             "assigned-" + std::to_string(seen.id)),
      owner_(std::move(owner)) {}

void peer::send(std::string bytes, std::function<void()> done) {
    if (gone) return;
    outbox_ += bytes;
    packets_.push_back({outbox_.size(), std::move(done)});
}

std::string peer::name() const {
    return std::to_string(seen.id) + " (" + seen.client_id + (seen.stale ? ", stale)" : ")");
}

bool peer::feed() {
    if (gone || closing_ || outbox_.empty() || allowed_ == 0) return false;
    auto& session = machine.session();
    if (!session.wants_bytes()) return false;
    const auto count = std::min({outbox_.size(), allowed_, std::size_t{16} * 1024});
    if (allowed_ != std::string::npos) allowed_ -= count;
    const auto bytes = outbox_.substr(0, count);
    if (tracing()) trace("  " + name() + " > " + to_hex(bytes.substr(0, 60)));
    outbox_.erase(0, count);
    // First the model: what is sent may be answered from within.
    for (auto& each : packets_)
        each.end -= std::min(each.end, count);
    while (!packets_.empty() && packets_.front().end == 0) {
        const auto done = std::move(packets_.front().done);
        packets_.pop_front();
        if (done) done();
    }
    session.on_bytes(bytes, of.now_us() / 1000);
    return true;
}

bool peer::write() {
    if (gone) return false;
    if (!reads) return false;
    auto& session = machine.session();
    machine.pump();
    if (session.output().empty()) {
        if (!closing_) return false;
        gone = true;
        of.known.ended(seen, ended_us(), good_bye_);
        machine.retire();
        return true;
    }
    const auto bytes = std::exchange(session.output(), {});
    if (tracing()) trace("  " + name() + " < " + to_hex(bytes.substr(0, 60)));
    for (const said& each : of.known.hear(seen, bytes, of.now_us()))
        if (!seen.stale && of.on_said) of.on_said(*this, each);
    session.on_drained();
    return true;
}

void peer::close(std::string_view why) {
    expect(!closing_, "a connection was closed twice");
    closing_ = true;
    closed_us_ = of.now_us();
    good_bye_ = why.empty();
    if (tracing()) trace("  " + name() + " closed: " + std::string(why));
}

void peer::cut() {
    if (gone) return;
    if (tracing()) trace("  " + name() + " is cut");
    gone = true;
    machine.session().on_transport_closed();
    of.known.ended(seen, ended_us(), good_bye_);
    lose();
    machine.retire();
}

std::int64_t peer::ended_us() const {
    return closing_ ? closed_us_ : of.now_us();
}

// What nobody will read.
void peer::lose() {
    seen.stale = true;
    (void)of.known.hear(seen, std::exchange(machine.session().output(), {}), of.now_us());
}

void peer::check_bounds() const {
    const auto& session = machine.session();
    const auto& limits = of.options_.session;
    expect(session.owed_count() <= std::size_t{2} * limits.receive_maximum, "answers owed");
    expect(session.unacknowledged_bytes() <=
               limits.unacknowledged_bytes_max + limits.packet_bytes_max,
           "unacknowledged bytes");
    expect(session.buffered_bytes() <= limits.packet_bytes_max + 1024 * 1024, "bytes read ahead");
}

} // namespace wharf::fuzz
