#include "sync/platform/sync_shell.hpp"

#include "gateway/base/limits.hpp"
#include "sync/platform/destination_runner.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <mutex>
#include <thread>

namespace wharf {

namespace asio = boost::asio;
using boost::system::error_code;

struct sync_shell::state {
    state(std::vector<sync_destination> destinations_in, store& from_in, journal_port& journal_in,
          clock_port& clock_in, random_port& random_in, sync_callbacks callbacks_in)
        : destinations(std::move(destinations_in)), from(from_in), journal(journal_in),
          clock(clock_in), random(random_in), callbacks(watched(std::move(callbacks_in))) {}

    // What one destination hears of a takeover is for all of them.
    sync_callbacks watched(sync_callbacks of) {
        of.alarm = [this, told = std::move(of.alarm)](const std::string& destination,
                                                      const std::string& code,
                                                      const std::string& text, bool raised) {
            if (told) told(destination, code, text, raised);
            if (code != k_alarm_fenced) return;
            asio::post(io, [this, text] {
                for (const auto& runner : runners)
                    runner->fence(text);
            });
        };
        return of;
    }

    std::vector<sync_destination> destinations;
    store& from;
    journal_port& journal;
    clock_port& clock;
    random_port& random;
    const sync_callbacks callbacks;

    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    asio::steady_timer timer{io};
    asio::steady_timer grace{io};
    std::vector<std::unique_ptr<destination_runner>> runners;
    std::thread thread;
    bool dirty = false;    // sync thread: wake-up and snapshots are to be renewed
    bool stopping = false; // sync thread

    mutable std::mutex mutex;
    std::vector<event_head> announced; // guarded, with what follows
    sequence more_to = k_no_sequence;  // what was announced beyond the bound
    bool told = false;                 // the sync thread knows that something waits
    std::vector<destination_snapshot> snapshots;

    void changed() {
        if (dirty) return;
        dirty = true;
        asio::post(io, [this] { renew(); });
    }

    // After a round of inputs: when to wake up, and what others see.
    void renew() {
        dirty = false;
        std::vector<destination_snapshot> fresh;
        std::optional<std::int64_t> wake;
        std::size_t in_flight = 0;
        for (const auto& runner : runners) {
            fresh.push_back(runner->snapshot());
            in_flight += fresh.back().requests_in_flight;
            const auto next = runner->next_wake_us();
            if (next && (!wake || *next < *wake)) wake = next;
        }
        {
            const std::lock_guard lock(mutex);
            snapshots = std::move(fresh);
        }
        if (stopping) {
            if (in_flight == 0) end();
            return;
        }
        if (!wake) {
            timer.cancel();
            return;
        }
        const auto wait_us = std::max<std::int64_t>(0, *wake - clock.monotonic_us());
        timer.expires_after(std::chrono::microseconds(wait_us));
        timer.async_wait([this](error_code ec) {
            if (ec || stopping) return;
            for (const auto& runner : runners)
                runner->on_tick();
        });
    }

    void take_announced() {
        std::vector<event_head> heads;
        sequence more = k_no_sequence;
        {
            const std::lock_guard lock(mutex);
            heads.swap(announced);
            std::swap(more, more_to);
            told = false;
        }
        for (const auto& runner : runners) {
            if (!heads.empty()) runner->on_appended(heads);
            if (more != k_no_sequence) runner->on_more(more);
        }
    }

    void begin_stop(std::uint32_t grace_ms) {
        stopping = true;
        timer.cancel();
        for (const auto& runner : runners)
            runner->pause();
        grace.expires_after(std::chrono::milliseconds(grace_ms));
        grace.async_wait([this](error_code ec) {
            if (!ec) end();
        });
        renew();
    }

    void end() {
        for (const auto& runner : runners)
            runner->abandon();
        grace.cancel();
        work.reset();
        io.stop();
    }

    // Runs something for one destination on the sync thread.
    template <class Function> void with(std::uint8_t destination, reply done, Function&& what) {
        asio::post(io, [this, destination, done = std::move(done),
                        what = std::forward<Function>(what)]() mutable {
            for (const auto& runner : runners)
                if (runner->number() == destination) return what(*runner, std::move(done));
            if (done) done("there is no such destination");
        });
    }
};

sync_shell::sync_shell(std::vector<sync_destination> destinations, store& from,
                       journal_port& journal, clock_port& clock, random_port& random,
                       sync_callbacks callbacks)
    : state_(std::make_unique<state>(std::move(destinations), from, journal, clock, random,
                                     std::move(callbacks))) {}

sync_shell::~sync_shell() {
    stop(0);
}

namespace {

result<std::shared_ptr<tls::client_side>> tls_of(const sync_destination& to, const http_url& url,
                                                 clock_port& clock,
                                                 const sync_callbacks& callbacks) {
    const auto& name = to.delivery.name;
    auto out = std::make_shared<tls::client_side>(
        to.tls, url.host, clock,
        tls::client_side::callbacks{[&](bool bad, const std::string& text) {
            if (callbacks.alarm) callbacks.alarm(name, "tls_files", text, bad);
        }});
    WHARF_TRY(out->load());
    if (out->authorities_skipped() > 0 && callbacks.log)
        callbacks.log(name,
                      std::to_string(out->authorities_skipped()) + " authorities in " +
                          to.tls.trusted + " cannot be read and are not trusted",
                      {});
    return out;
}

} // namespace

status sync_shell::start() {
    auto& s = *state_;
    for (std::size_t place = 0; place < s.destinations.size(); ++place) {
        auto& destination = s.destinations[place];
        const auto& name = destination.delivery.name;
        auto connector = http_connector::create(destination.connector);
        if (!connector.ok()) return std::move(connector).failure().in("destination " + name);
        if (const auto& url = connector->endpoint(); url.tls) {
            auto tls = tls_of(destination, url, s.clock, s.callbacks);
            if (!tls.ok()) return std::move(tls).failure().in("destination " + name);
            destination.client.tls = std::move(tls).value();
        }
        s.runners.push_back(std::make_unique<destination_runner>(
            s.io, place, destination, std::move(connector).value(), s.from, s.journal, s.clock,
            s.random.next(), s.callbacks, [&s] { s.changed(); }));
    }
    for (const auto& runner : s.runners)
        WHARF_TRY(runner->start());
    s.thread = std::thread([&s] { s.io.run(); });
    return ok();
}

void sync_shell::stop(std::uint32_t grace_ms) {
    auto& s = *state_;
    if (!s.thread.joinable()) return;
    asio::post(s.io, [&s, grace_ms] { s.begin_stop(grace_ms); });
    s.thread.join();
}

void sync_shell::on_appended(std::vector<event_head> heads) {
    if (heads.empty()) return;
    auto& s = *state_;
    {
        const std::lock_guard lock(s.mutex);
        const bool fits = s.more_to == k_no_sequence &&
                          s.announced.size() + heads.size() <= limits::k_announced_heads_max;
        if (fits)
            s.announced.insert(s.announced.end(), std::make_move_iterator(heads.begin()),
                               std::make_move_iterator(heads.end()));
        else
            s.more_to = heads.back().number;
        if (s.told) return;
        s.told = true;
    }
    asio::post(s.io, [&s] { s.take_announced(); });
}

void sync_shell::end(const std::string& why) {
    auto& s = *state_;
    asio::post(s.io, [&s, why] {
        for (const auto& runner : s.runners)
            runner->fence(why);
    });
}

void sync_shell::on_space(bool full) {
    auto& s = *state_;
    asio::post(s.io, [&s, full] {
        for (const auto& runner : s.runners)
            runner->on_space(full);
    });
}

void sync_shell::post(const delivery_done& done) {
    auto& s = *state_;
    asio::post(s.io, [&s, done] {
        for (const auto& runner : s.runners)
            if (runner->number() == done.destination) return runner->on_journaled(done.token);
    });
}

void sync_shell::retry_dead(std::uint8_t destination, sequence number, reply done,
                            manage_ops with) {
    state_->with(destination, std::move(done),
                 [number, with = std::move(with)](destination_runner& runner, reply then) mutable {
                     runner.retry_dead(number, std::move(with), std::move(then));
                 });
}

void sync_shell::discard_dead(std::uint8_t destination, sequence number, std::string reason,
                              reply done, manage_ops with) {
    state_->with(destination, std::move(done),
                 [number, reason = std::move(reason),
                  with = std::move(with)](destination_runner& runner, reply then) mutable {
                     runner.discard_dead(number, reason, std::move(with), std::move(then));
                 });
}

void sync_shell::pause(std::uint8_t destination, reply done) {
    state_->with(destination, std::move(done), [](destination_runner& runner, const reply& then) {
        runner.pause();
        if (then) then({});
    });
}

void sync_shell::resume(std::uint8_t destination, reply done) {
    state_->with(destination, std::move(done), [](destination_runner& runner, const reply& then) {
        const status resumed = runner.resume();
        if (then) then(resumed.ok() ? std::string() : resumed.failure().message);
    });
}

void sync_shell::pause_lane(std::uint8_t destination, lane which, bool paused, reply done) {
    state_->with(destination, std::move(done),
                 [which, paused](destination_runner& runner, const reply& then) {
                     const status changed = runner.pause_lane(which, paused);
                     if (then) then(changed.ok() ? std::string() : changed.failure().message);
                 });
}

void sync_shell::limit_rate(std::uint8_t destination, std::uint32_t requests_per_s,
                            std::uint32_t for_s, reply done) {
    state_->with(destination, std::move(done),
                 [requests_per_s, for_s](destination_runner& runner, const reply& then) {
                     runner.limit_rate(requests_per_s, for_s);
                     if (then) then({});
                 });
}

std::vector<destination_snapshot> sync_shell::snapshots() const {
    const std::lock_guard lock(state_->mutex);
    return state_->snapshots;
}

} // namespace wharf
