#include "gateway/platform/tls/reception.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace wharf::tls {

namespace asio = boost::asio;

namespace {
constexpr std::int64_t k_line_ms = 1000;
constexpr auto k_readable = asio::ip::tcp::socket::wait_read;

// Whether the peer has closed, or its machine has reset the connection: whatever it said before.
bool has_left(asio::ip::tcp::socket& socket) {
    pollfd one{socket.native_handle(), POLLRDHUP, 0};
    return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

// What has come and waits to be read.
bool has_more(asio::ip::tcp::socket& socket) {
    error_code failed;
    return socket.available(failed) > 0 && !failed;
}
} // namespace

struct reception::guest {
    explicit guest(asio::ip::tcp::socket from) : stream(std::move(from)) {}

    device_stream stream;
    std::uint64_t number = 0;
    std::uint64_t arrival = 0;
    std::string address;
    std::string name;
    enum class place { silent, waiting, listening, working, writing } at = place::silent;
    std::int64_t since_ms = 0; // it came, it said its first word, its turn came: the last of these
    std::int64_t heard_ms = 0;
    progress last = progress::wants_input;
    std::string sending;
    bool ready = false;
    bool left = false;
};

reception::reception(worker_pool& workers, clock_port& clock, spare_buffers& spares,
                     reception_options options, reception_callbacks callbacks)
    : workers_(workers), clock_(clock), spares_(spares), options_(options),
      callbacks_(std::move(callbacks)) {}

reception::~reception() {
    stop();
}

void reception::take(std::uint64_t number, std::string address, asio::ip::tcp::socket from) {
    WHARF_ASSERT(context_ != nullptr && !numbers_.contains(number));
    auto made = std::make_shared<guest>(std::move(from));
    error_code failed;
    const auto peer = made->stream.next_layer().remote_endpoint(failed);
    made->address = std::move(address);
    made->name =
        failed ? "unknown peer" : peer.address().to_string() + ":" + std::to_string(peer.port());
    made->number = number;
    made->arrival = ++last_arrival_;
    made->since_ms = made->heard_ms = now_ms();
    guests_.emplace(made->arrival, made);
    numbers_.emplace(number, made->arrival);
    listen(made);
}

void reception::drop(std::uint64_t number) {
    const auto found = numbers_.find(number);
    if (found == numbers_.end()) return;
    const guest_ptr who = guests_.at(found->second);
    // It has spoken, and it is we who have not listened yet.
    if (who->at == guest::place::silent && has_more(who->stream.next_layer())) return;
    ++counters_.shed;
    if (who->at != guest::place::working) who->stream.close();
    leave(who);
}

void reception::listen(const guest_ptr& to) {
    to->stream.next_layer().async_wait(k_readable, [this, to](auto failed) {
        if (to->left) return; // and perhaps we have too
        if (failed) return fail(to, failed.message());
        heard(to);
    });
}

void reception::heard(const guest_ptr& from) {
    from->heard_ms = now_ms();
    if (from->at == guest::place::listening) return receive(from);
    from->at = guest::place::waiting;
    from->since_ms = from->heard_ms;
    turns_.wait(from->address, from->arrival);
    callbacks_.spoke(from->number);
    admit();
    if (from->at == guest::place::waiting) shed_silent();
}

// Who leaves at once makes room for the next one, who may have left too: a loop, not a recursion.
void reception::admit() {
    if (std::exchange(admitting_, true)) return;
    while (turns_.places() < options_.handshakes_max && !turns_.empty()) {
        const guest_ptr next = guests_.at(turns_.next()); // ours: it may leave at once
        begin(next);
    }
    admitting_ = false;
}

void reception::begin(const guest_ptr& with) {
    under_way_.emplace(with->arrival, with);
    with->at = guest::place::listening;
    with->since_ms = now_ms();
    if (has_left(with->stream.next_layer())) return fail(with, "it left before its turn came");
    auto made = engine::make(context_);
    if (!made.ok()) return fail(with, made.failure().message);
    with->stream.use(std::move(made).value());
    receive(with);
}

void reception::receive(const guest_ptr& from) {
    auto& tls = *from->stream.tls();
    const auto room = tls.prepare();
    error_code failed;
    const auto size =
        from->stream.next_layer().read_some(asio::buffer(room.data(), room.size()), failed);
    tls.commit(size);
    from->at = guest::place::listening;
    if (failed == asio::error::would_block) return listen(from);
    if (failed == asio::error::eof)
        tls.end_input();
    else if (failed)
        return fail(from, failed.message());
    work(from);
}

void reception::work(const guest_ptr& on) {
    on->at = guest::place::working;
    const bool taken = workers_.post([on] { on->last = on->stream.tls()->handshake(); },
                                     [this, on] {
                                         if (!on->left) worked(on);
                                     });
    if (!taken) fail(on, "there are too few workers for it");
}

void reception::worked(const guest_ptr& on) {
    auto& output = on->stream.tls()->output();
    if (output.empty()) return proceed(on);
    on->at = guest::place::writing;
    on->sending = std::exchange(output, {});
    asio::async_write(on->stream.next_layer(), asio::buffer(on->sending),
                      [this, on](auto failed, auto) {
                          if (on->left) return;
                          if (failed) return fail(on, failed.message());
                          proceed(on);
                      });
}

void reception::proceed(const guest_ptr& with) {
    auto& tls = *with->stream.tls();
    switch (with->last) {
    case progress::wants_input:
        with->at = guest::place::listening;
        with->heard_ms = now_ms(); // its turn begins now
        return listen(with);
    case progress::failed:
        return fail(with, tls.failure().message() +
                              (tls.refusal().empty() ? "" : " (" + tls.refusal() + ")"));
    case progress::done:
        break;
    }
    ++(tls.resumed() ? counters_.resumed : counters_.full);
    tls.rest(spares_);
    auto stream = std::move(with->stream);
    with->ready = true;
    leave(with);
    callbacks_.ready(with->number, std::move(stream));
}

void reception::fail(const guest_ptr& with, const std::string& why) {
    ++counters_.failed;
    say("TLS handshake of " + with->name + " failed: " + why);
    with->stream.close();
    leave(with);
}

void reception::leave(const guest_ptr& who) {
    if (std::exchange(who->left, true)) return;
    if (under_way_.erase(who->arrival) > 0)
        turns_.leave(who->address);
    else if (who->at == guest::place::waiting)
        turns_.give_up(who->address, who->arrival);
    guests_.erase(who->arrival);
    numbers_.erase(who->number);
    if (!who->ready) callbacks_.gone(who->number);
    admit();
}

// One place is enough for one that waits; the longest silence goes first.
void reception::shed_silent() {
    const auto until_ms = now_ms() - options_.patience_ms;
    std::vector<guest_ptr> silent;
    for (const auto& [arrival, one] : under_way_)
        if (one->at == guest::place::listening && one->heard_ms <= until_ms &&
            !has_more(one->stream.next_layer()))
            silent.push_back(one);
    std::sort(silent.begin(), silent.end(),
              [](const auto& a, const auto& b) { return a->heard_ms < b->heard_ms; });
    for (const auto& one : silent) {
        if (turns_.empty()) return;
        ++counters_.shed;
        say("TLS handshake of " + one->name + " gave its place to another: it has been silent");
        one->stream.close();
        leave(one);
    }
}

bool reception::is_late(const guest& one, std::int64_t now) const {
    const bool waits = one.at == guest::place::waiting;
    // Nobody waits longer than a worker takes.
    return one.at != guest::place::working &&
           now - one.since_ms > (waits ? options_.turn_timeout_ms : options_.timeout_ms);
}

void reception::tick() {
    const auto now = now_ms();
    std::vector<guest_ptr> late;
    for (const auto& [arrival, one] : guests_)
        if (is_late(*one, now)) late.push_back(one);
    for (const auto& one : late) {
        if (one->left || !is_late(*one, now)) continue;
        ++counters_.timed_out;
        say("TLS handshake of " + one->name + " took too long");
        one->stream.close();
        leave(one);
    }
    if (!turns_.empty()) shed_silent();
}

void reception::stop() {
    for (auto& [arrival, one] : std::exchange(guests_, {})) {
        one->left = true;
        if (one->at != guest::place::working) one->stream.close();
    }
    numbers_.clear();
    under_way_.clear();
    turns_ = {};
}

void reception::say(const std::string& text) {
    const auto now = now_ms();
    if (now - said_ms_ < k_line_ms) {
        ++unsaid_;
        return;
    }
    said_ms_ = now;
    callbacks_.log(unsaid_ == 0 ? text
                                : text + " (and " + std::to_string(unsaid_) + " others before it)");
    unsaid_ = 0;
}

} // namespace wharf::tls
