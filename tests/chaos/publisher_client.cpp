#include "tests/chaos/publisher_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace chaos {
namespace {

using namespace std::chrono_literals;

constexpr auto k_reconnect_min = 20ms;
constexpr std::uint64_t k_reconnect_spread_ms = 80;
// The library has the message and the connection stands, but no answer comes: send it once more.
// Longer than any pause of a commit or a back-off that is part of the tests.
constexpr auto k_answer_wait = 4s;
constexpr auto k_refused_wait = 200ms;
constexpr int k_library_window = 200;
// The number under which the connect action's own token reports.
constexpr std::uintptr_t k_connect = 0;

// The library takes its whole time-out to see that a connection was refused: it is asked only where
// somebody listens, so that a device is back as soon as its gateway is.
bool somebody_listens(const std::string& host, std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &where.sin_addr);
    const bool found = ::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    close(fd);
    return found;
}

mqtt::connect_options connect_options_of(bool mqtt5) {
    mqtt::connect_options options;
    options.set_keep_alive_interval(10);
    options.set_connect_timeout(2);
    options.set_max_inflight(k_library_window);
    if (mqtt5) {
        options.set_mqtt_version(MQTTVERSION_5);
        options.set_clean_start(false);
        options.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL, 3600}});
    } else {
        options.set_mqtt_version(MQTTVERSION_3_1_1);
        options.set_clean_session(false);
    }
    return options;
}

} // namespace

publisher_client::publisher_client(client_options options, workload_options work)
    : options_(std::move(options)), work_(std::move(work)), witness_(options_.witness_path),
      client_("tcp://" + options_.host + ":" + std::to_string(options_.port), options_.client_id,
              mqtt::create_options(options_.mqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1), nullptr),
      random_(options_.seed) {
    client_.set_callback(*this);
}

publisher_client::~publisher_client() = default;

void publisher_client::put(note what) {
    const std::lock_guard hold(lock_);
    inbox_.push_back(what);
}

void publisher_client::on_success(const mqtt::token& token) {
    const auto number = reinterpret_cast<std::uintptr_t>(token.get_user_context());
    if (number == k_connect) {
        put({note_kind::connected, 0, token.get_connect_response().is_session_present(), 0});
    } else {
        put({note_kind::acknowledged, number, false, 0});
    }
}

void publisher_client::on_failure(const mqtt::token& token) {
    const auto number = reinterpret_cast<std::uintptr_t>(token.get_user_context());
    const int reason = static_cast<int>(token.get_reason_code());
    put({number == k_connect ? note_kind::connect_failed : note_kind::failed, number, false,
         reason != 0 ? reason : token.get_return_code()});
}

void publisher_client::connection_lost(const std::string&) {
    put({note_kind::lost, 0, false, 0});
}

void publisher_client::tick(clock::time_point now, bool produce) {
    std::vector<note> notes;
    {
        const std::lock_guard hold(lock_);
        notes.swap(inbox_);
    }
    for (const note& what : notes)
        take(what, now);
    // A late second report of a connection that is gone already must not leave us waiting.
    if (state_ == state::connected && !client_.is_connected()) state_ = state::apart;
    if (state_ == state::apart && now >= next_try_) connect(now);
    if (state_ != state::connected) return;
    hand_over_due(now);
    if (produce) produce_new(now);
}

void publisher_client::take(const note& what, clock::time_point now) {
    switch (what.what) {
    case note_kind::connected:
        // The library reports one connection twice: as the action's success and as "connected".
        if (state_ == state::connected) return;
        state_ = state::connected;
        ++tally_.connections;
        witness_.connected(what.session_present);
        if (!what.session_present) session_is_gone(now);
        // What the library resends by itself gets its time from now on.
        for (auto& [number, open] : open_) {
            if (open.handed_over) open.due = now + k_answer_wait;
        }
        if (tally_.connections > 1) repeat_some(now);
        return;
    case note_kind::lost:
        witness_.connection_lost();
        [[fallthrough]];
    case note_kind::connect_failed:
        state_ = state::apart;
        next_try_ =
            now + k_reconnect_min + std::chrono::milliseconds(random_() % k_reconnect_spread_ms);
        return;
    case note_kind::acknowledged: {
        const auto found = open_.find(what.number);
        if (found == open_.end()) return;
        witness_.acknowledged(found->second.what);
        tally_.acknowledged += found->second.original ? found->second.what.events.size() : 0;
        if (found->second.original) work_.acknowledged(found->second.what);
        open_.erase(found);
        return;
    }
    case note_kind::failed: {
        const auto found = open_.find(what.number);
        if (found == open_.end()) return;
        if (what.code >= 0x80) {
            witness_.refused(found->second.what, std::to_string(what.code));
            ++tally_.refused;
        }
        found->second.handed_over = false;
        found->second.due = now + k_refused_wait;
        return;
    }
    }
}

void publisher_client::connect(clock::time_point now) {
    next_try_ = now + k_reconnect_min;
    if (!somebody_listens(options_.host, options_.port)) return;
    try {
        state_ = state::connecting;
        client_.connect(connect_options_of(options_.mqtt5), reinterpret_cast<void*>(k_connect),
                        *this);
    } catch (const mqtt::exception&) {
        state_ = state::apart;
    }
}

// The other side knows nothing of us, so the library has dropped what was open as well.
void publisher_client::session_is_gone(clock::time_point now) {
    ++tally_.sessions_lost;
    for (auto& [number, open] : open_) {
        open.handed_over = false;
        open.due = now;
    }
}

void publisher_client::open(publication what, bool original, clock::time_point now) {
    const std::uintptr_t number = next_number_++;
    open_[number] = {std::move(what), original, false, now, {}};
    hand_over(number, open_[number], now);
}

// A device that is not sure says it again after a reconnect.
void publisher_client::repeat_some(clock::time_point now) {
    for (int i = 0; i < 2; ++i) {
        auto earlier = work_.any_earlier();
        if (!earlier) return;
        open(std::move(*earlier), false, now);
    }
}

void publisher_client::produce_new(clock::time_point now) {
    while (open_.size() < options_.window && now >= next_event_ && state_ == state::connected) {
        auto made = work_.next();
        if (!made) return;
        if (options_.events_per_s > 0) {
            const auto pause =
                std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(
                    static_cast<double>(made->events.size()) / options_.events_per_s));
            // Time spent apart is not made up for all at once.
            next_event_ = std::max(next_event_ + pause, now - 200ms);
        }
        open(std::move(*made), true, now);
        if (static_cast<double>(random_() % 1000) < options_.duplicate_share * 1000) {
            auto earlier = work_.any_earlier();
            if (earlier) open(std::move(*earlier), false, now);
        }
    }
}

void publisher_client::hand_over_due(clock::time_point now) {
    for (auto& [number, open] : open_) {
        if (now < open.due) continue;
        if (!hand_over(number, open, now)) return;
    }
}

bool publisher_client::hand_over(std::uintptr_t number, open_publication& what,
                                 clock::time_point now) {
    const bool first = what.original && what.given_up == clock::time_point{};
    if (first) {
        witness_.sent(what.what);
        tally_.sent += what.what.events.size();
        for (const witnessed_event& e : what.what.events) {
            tally_.bad += e.what == event_class::good ? 0 : 1;
        }
    } else {
        const bool duplicate = !what.original && what.given_up == clock::time_point{};
        witness_.sent_again(what.what, duplicate ? "duplicate" : "resend");
        (duplicate ? tally_.duplicates : tally_.resent) += what.what.events.size();
    }
    what.given_up = now;
    try {
        auto message =
            mqtt::make_message(what.what.topic, what.what.payload, what.what.qos, what.what.retain);
        client_.publish(std::move(message), reinterpret_cast<void*>(number), *this);
        what.handed_over = true;
        what.due = now + k_answer_wait;
        return true;
    } catch (const mqtt::exception&) {
        // Not connected any more, or the library is full: it comes again with a later tick.
        what.handed_over = false;
        what.due = now + 50ms;
        return false;
    }
}

void publisher_client::disconnect() {
    try {
        if (state_ == state::connected) client_.disconnect(500)->wait_for(1000ms);
    } catch (const mqtt::exception&) {
        // It is gone already.
    }
}

} // namespace chaos
