#include "gateway/platform/tls/reception.hpp"

#include <algorithm>
#include <utility>

namespace wharf::tls {

namespace asio = boost::asio;

namespace {
constexpr std::int64_t k_line_ms = 1000;
constexpr auto k_readable = asio::ip::tcp::socket::wait_read;
} // namespace

struct reception::guest {
    explicit guest(asio::ip::tcp::socket from) : stream(std::move(from)) {}

    device_stream stream;
    std::uint64_t id = 0;
    asio::ip::address address;
    std::string name;
    enum class place { silent, waiting, listening, working, writing } at = place::silent;
    std::int64_t came_ms = 0;
    std::int64_t heard_ms = 0;
    progress last = progress::wants_input;
    std::string sending;
    bool counted = false; // among those that are under way
    bool left = false;
};

reception::reception(worker_pool& workers, clock_port& clock, spare_buffers& spares,
                     reception_options options, reception_callbacks callbacks)
    : workers_(workers), clock_(clock), spares_(spares), options_(options),
      callbacks_(std::move(callbacks)) {}

reception::~reception() {
    stop();
}

void reception::take(asio::ip::tcp::socket from) {
    WHARF_ASSERT(context_ != nullptr);
    auto made = std::make_shared<guest>(std::move(from));
    error_code failed;
    const auto peer = made->stream.next_layer().remote_endpoint(failed);
    made->address = peer.address();
    made->name =
        failed ? "unknown peer" : peer.address().to_string() + ":" + std::to_string(peer.port());
    made->id = ++last_id_;
    made->came_ms = made->heard_ms = now_ms();
    guests_.emplace(made->id, made);
    listen(made);
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
    waiting_.push_back(from);
    admit();
    if (from->at == guest::place::waiting) shed_silent();
}

// The oldest of those whose address has the fewest places: a flood from one waits for itself.
reception::guest_ptr reception::take_waiting() {
    auto best = waiting_.end();
    std::size_t fewest = 0;
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
        const auto found = places_of_.find((*at)->address);
        const auto places = found == places_of_.end() ? 0 : found->second;
        if (best != waiting_.end() && places >= fewest) continue;
        best = at;
        fewest = places;
        if (places == 0) break;
    }
    auto out = std::move(*best);
    waiting_.erase(best);
    return out;
}

void reception::admit() {
    while (under_way_ < options_.handshakes_max && !waiting_.empty())
        begin(take_waiting());
}

void reception::begin(const guest_ptr& with) {
    ++under_way_;
    ++places_of_[with->address];
    with->counted = true;
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
    leave(with);
    callbacks_.ready(std::move(stream));
}

void reception::fail(const guest_ptr& with, const std::string& why) {
    ++counters_.failed;
    say("TLS handshake of " + with->name + " failed: " + why);
    with->stream.close();
    leave(with);
}

void reception::leave(const guest_ptr& who) {
    if (std::exchange(who->left, true)) return;
    if (who->counted) {
        --under_way_;
        const auto places = places_of_.find(who->address);
        if (--places->second == 0) places_of_.erase(places);
    }
    if (who->at == guest::place::waiting) std::erase(waiting_, who);
    guests_.erase(who->id);
    admit();
}

// One place is enough for one that waits; the longest silence goes first.
void reception::shed_silent() {
    const auto until_ms = now_ms() - options_.patience_ms;
    std::vector<guest_ptr> silent;
    for (const auto& [id, one] : guests_)
        if (one->at == guest::place::listening && one->heard_ms <= until_ms) silent.push_back(one);
    std::sort(silent.begin(), silent.end(),
              [](const auto& a, const auto& b) { return a->heard_ms < b->heard_ms; });
    for (const auto& one : silent) {
        if (waiting_.empty()) return;
        ++counters_.shed;
        say("TLS handshake of " + one->name + " gave its place to another: it has been silent");
        one->stream.close();
        leave(one);
    }
}

void reception::tick() {
    const auto until_ms = now_ms() - options_.timeout_ms;
    std::vector<guest_ptr> late;
    for (const auto& [id, one] : guests_) {
        if (one->came_ms > until_ms) break; // the others came later
        // Nobody waits longer than a worker takes.
        if (one->at != guest::place::working) late.push_back(one);
    }
    for (const auto& one : late) {
        if (one->left) continue;
        ++counters_.timed_out;
        say("TLS handshake of " + one->name + " took too long");
        one->stream.close();
        leave(one);
    }
    if (!waiting_.empty()) shed_silent();
}

void reception::stop() {
    waiting_.clear();
    for (auto& [id, one] : std::exchange(guests_, {})) {
        one->left = true;
        if (one->at != guest::place::working) one->stream.close();
    }
    under_way_ = 0;
    places_of_.clear();
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
