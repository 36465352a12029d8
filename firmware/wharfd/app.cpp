#include "firmware/wharfd/app.hpp"

#include "firmware/wharfd/fleet.hpp"
#include "firmware/wharfd/options.hpp"
#include "firmware/wharfd/routes.hpp"
#include "firmware/wharfd/sight.hpp"
#include "firmware/wharfd/status.hpp"
#include "gateway/platform/admin/server.hpp"
#include "gateway/platform/bridge_port.hpp"
#include "gateway/platform/crash_words.hpp"
#include "gateway/platform/device/helper_device.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/fleet/device_key.hpp"
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/platform/notify/notify.hpp"
#include "gateway/platform/system_clock.hpp"
#include "gateway/platform/system_limits.hpp"
#include "gateway/platform/tls/server_certificates.hpp"
#include "gateway/platform/worker_pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <utility>

namespace wharf {

namespace {

namespace asio = boost::asio;

constexpr std::uint32_t k_stop_wait_ms = 5000;
constexpr std::uint32_t k_last_words_ms = 1000;
constexpr std::uint32_t k_fleet_wait_ms = 1000;
constexpr std::uint32_t k_fence_wait_ms = 1000; // for what is on its way to its acknowledgement
constexpr auto k_watch = std::chrono::seconds(1);
constexpr std::int64_t k_full_said_every_us = 10'000'000;
constexpr auto k_stop_look = std::chrono::milliseconds(10);
// What was said of a configuration that needs a new run leaves before it, where it can.
constexpr std::int64_t k_last_reports_us = 1'000'000;
constexpr auto k_last_reports_look = std::chrono::milliseconds(20);

class app : public journal_port {
  public:
    explicit app(run_settings& with)
        : with_(with), config_(with.now.settings),
          board_(config_.gateway.name, config_.gateway.site, clock_), timer_(io_), leaving_(io_),
          signals_(io_, SIGTERM, SIGINT), reload_signal_(io_, SIGHUP),
          device_(io_, config_.device.helper), sight_(config_, clock_, workers_), workers_(io_) {}

    run_end run(const std::function<bool()>& asked_to_end) {
        // A device's malformed text is a matter for quarantine, not for standard error.
        google::protobuf::SetLogHandler(nullptr);
        if (auto opened = open(); !opened.ok()) return {refuse(opened.failure())};
        if (auto started = start(); !started.ok()) {
            // The journal thread calls the others: it ends before they do.
            if (sync_ != nullptr) sync_->stop(0);
            if (writer_ != nullptr) writer_->stop();
            return {refuse(started.failure())};
        }
        if (asked_to_end()) stop();
        io_.run();
        return {shut_down(), begin_anew_ && !asked_to_end()};
    }

    void submit(journal_request request) override;

  private:
    status open();
    status start();
    status make_sync(std::int64_t journal_ahead_us);
    status make_fleet();
    status make_listener();
    status use_tls();
    void wait_for_reload();
    void make_bridge_port();
    journal_callbacks callbacks();
    status make_access();
    status open_doors();
    void close_doors(std::uint32_t wait_ms, const std::string& why);
    [[nodiscard]] bool doors_shut() const;
    device_office::parts device_parts();
    void watch();
    void stop();
    void change_live(const config& to);
    void begin_anew(const std::string& why);
    void leave_when_said();
    void end_when_idle();
    int shut_down();
    observe::gateway_snapshot look();

    static int refuse(const error& why) {
        log::error("wharfd cannot start", {{"reason", why.message}});
        switch (why.code) {
        case errc::corrupt:
            return k_exit_data;
        case errc::invalid:
        case errc::unsupported:
        case errc::conflict:
            return k_exit_config;
        default:
            return k_exit_os;
        }
    }

    run_settings& with_;
    config& config_; // what is live of it may change
    const bool watched_ = service_manager_watches();
    system_clock clock_;
    system_random random_;
    status_board board_;
    measures measured_;
    asio::io_context io_;
    asio::steady_timer timer_;
    asio::steady_timer leaving_; // until a new run begins
    asio::signal_set signals_;
    asio::signal_set reload_signal_;
    std::int64_t looked_s_ = 0; // at the certificates
    std::int64_t stop_by_us_ = 0;
    std::int64_t full_said_us_ = 0; // the journal thread's, and the next
    bool full_said_ = false;
    bool doors_closed_ = false;
    bool doors_left_ = true; // nobody is connected to the listener
    bool begin_anew_ = false;
    std::string why_anew_;
    std::int64_t leave_by_us_ = 0;
    std::string key_to_destroy_; // at the end of this run
    bool stopping_ = false;

    std::optional<intake> intake_;
    std::unique_ptr<store> store_;
    identity_window identity_;
    std::unique_ptr<journal> journal_;
    std::unique_ptr<journal_thread> writer_;
    std::unique_ptr<access_desk> access_;
    std::unique_ptr<listener> listener_;
    std::optional<tls::server_certificates> certificates_;
    std::unique_ptr<bridge_port> bridges_; // where one is configured
    std::unique_ptr<sync_shell> sync_;
    std::unique_ptr<operator_routes> routes_;
    std::unique_ptr<fleet_office> fleet_;
    std::unique_ptr<admin::server> admin_;
    helper_device device_;
    sight sight_;
    worker_pool workers_; // ends first: what it runs calls the others
};

status app::open() {
    WHARF_TRY_ASSIGN(intake_, make_intake(intake_options_of(config_)));
    install_crash_words(config_.journal.path);
    const std::string& path = config_.journal.path;
    auto opened = open_journal_store(journal_store_options_of(config_), random_);
    if (!opened.ok()) return std::move(opened).failure().in("journal " + path);
    store_ = std::move(opened->over);
    if (!opened->note.empty()) log::warn(opened->note);
    journal_options options = journal_options_of(config_);
    options.epoch = static_cast<std::uint32_t>(random_.next());
    for (char& byte : options.digests)
        byte = static_cast<char>(random_.next());
    auto recovered = journal::open(*store_, identity_, std::move(options), clock_.wall_us());
    if (!recovered.ok()) return std::move(recovered).failure().in("journal " + path);
    journal_ = std::move(recovered).value();
    intake_->use_digests(journal_->digests());
    const recovery_report& found = journal_->recovery();
    log::info(found.created ? "new journal" : "journal recovered",
              {{"path", path},
               {"last_sequence", std::to_string(found.last_sequence)},
               {"undelivered", std::to_string(found.undelivered)},
               {"sessions", std::to_string(found.sessions)}});
    return ok();
}

journal_callbacks app::callbacks() {
    journal_callbacks out;
    out.answers = [this](std::vector<journal_answer> answers) {
        std::erase_if(answers, [this](const journal_answer& answer) {
            const auto* discarded = std::get_if<quarantine_discarded>(&answer);
            const auto* delivered = std::get_if<delivery_done>(&answer);
            if (delivered != nullptr) sync_->post(*delivered);
            if (discarded != nullptr)
                asio::post(io_, [this, answer = *discarded] { fleet_->on_answer(answer); });
            const auto* managed = std::get_if<manage_done>(&answer);
            if (managed != nullptr)
                asio::post(io_, [this, answer = *managed] { fleet_->on_answer(answer); });
            const auto* released = std::get_if<quarantine_released>(&answer);
            if (released != nullptr)
                asio::post(io_, [this, answer = *released] { fleet_->on_answer(answer); });
            const auto* ended = std::get_if<gateway_ended>(&answer);
            if (ended != nullptr)
                asio::post(io_, [this, answer = *ended] { fleet_->on_answer(answer); });
            return released != nullptr || discarded != nullptr || delivered != nullptr ||
                   managed != nullptr || ended != nullptr;
        });
        if (bridges_ != nullptr) {
            const auto theirs = std::stable_partition(
                answers.begin(), answers.end(), [](const journal_answer& answer) {
                    // A session's end answers nobody: the local broker is told.
                    return std::holds_alternative<session_expired>(answer) ||
                           !bridge_port::owns(
                               std::visit([](const auto& one) { return one.token; }, answer));
                });
            std::vector<journal_answer> to_bridges(std::make_move_iterator(theirs),
                                                   std::make_move_iterator(answers.end()));
            answers.erase(theirs, answers.end());
            if (!to_bridges.empty()) bridges_->on_answers(std::move(to_bridges));
        }
        if (!answers.empty()) listener_->on_answers(std::move(answers));
    };
    out.appended = [this](std::vector<event_head> heads) {
        sight_.on_appended(heads);
        sync_->on_appended(std::move(heads));
    };
    out.room = [this] {
        listener_->on_room();
        if (bridges_ != nullptr) bridges_->on_room();
    };
    out.spent = [this](std::vector<journal_request>& requests) { listener_->on_spent(requests); };
    out.fatal = [](const error& why) {
        // Nothing that was not durable has been answered, and nothing more will be.
        bool damaged = why.code == errc::corrupt;
        log::error(damaged ? "the journal is damaged; nothing more is acknowledged"
                           : "the journal cannot go on; stopping to recover",
                   {{"reason", why.message}});
        log::flush_for(k_last_words_ms);
        std::_Exit(damaged ? k_exit_data : k_exit_software);
    };
    out.space = [this](bool full, const std::string& why) {
        sync_->on_space(full);
        if (bridges_ != nullptr) bridges_->on_space(full);
        // At the quota this comes and goes many times a minute.
        const auto now_us = clock_.monotonic_us();
        if (full && (full_said_us_ == 0 || now_us - full_said_us_ >= k_full_said_every_us)) {
            full_said_us_ = now_us;
            full_said_ = true;
            log::warn("acknowledgements are withheld for want of space", {{"reason", why}});
        } else if (!full && std::exchange(full_said_, false)) {
            log::info("there is space again: acknowledgements go on");
        }
    };
    out.committed = [this](const group_report& group) {
        ++measured_.groups;
        measured_.last_commit_us = clock_.monotonic_us();
        measured_.commit_latency.record_us(static_cast<std::uint64_t>(group.commit_us));
    };
    return out;
}

// Descriptors for the journal, the ERP, the admin server and the log come first.
result<listener_options> bounded(listener_options options) {
    constexpr std::uint64_t k_kept_for_others = 128;
    WHARF_TRY_ASSIGN(std::uint64_t descriptors, raise_descriptor_limit());
    std::uint64_t free = descriptors - std::min(k_kept_for_others, descriptors / 2);
    if (options.connections_max > free) {
        log::warn(
            "fewer connections than configured: the system grants too few descriptors",
            {{"descriptors", std::to_string(descriptors)}, {"connections", std::to_string(free)}});
        options.connections_max = static_cast<std::size_t>(free);
    }
    return options;
}

status app::make_listener() {
    listener_callbacks calls;
    calls.submit = [this](std::vector<journal_request> requests) {
        return writer_->submit(std::move(requests));
    };
    calls.log = [](notice weight, const std::string& text) {
        log::write(weight == notice::warning ? log::level::warn : log::level::info, text);
    };
    calls.acknowledged = [this](std::int64_t us) {
        measured_.ack_latency.record_us(static_cast<std::uint64_t>(us));
    };
    WHARF_TRY(make_access());
    calls.access = access_.get();
    WHARF_TRY_ASSIGN(auto options, bounded(listener_options_of(config_)));
    listener_ = std::make_unique<listener>(io_, std::move(options), *intake_, clock_, random_,
                                           std::move(calls));
    WHARF_TRY_ASSIGN(auto kept, read_local_state(*store_));
    WHARF_TRY(
        listener_->restore(std::move(kept), writer_->journal_time_us() - clock_.monotonic_us()));
    return config_.listener.tls.present ? use_tls() : ok();
}

// A secret is for the service's user alone.
void warn_of_open(const std::string& path) {
    if (path.empty()) return;
    auto mode = file_mode(path);
    if (mode && (*mode & 07) != 0)
        log::warn("a secret can be read by everybody on this machine", {{"path", path}});
}

status app::use_tls() {
    warn_of_open(config_.listener.tls.key);
    tls::certificate_callbacks calls;
    calls.replaced = [this](const auto& with) { listener_->renew_tls(with); };
    calls.log = [](bool bad, const std::string& text) { bad ? log::warn(text) : log::info(text); };
    certificates_.emplace(tls_files_of(config_.listener.tls), tls_options_of(config_.listener.tls),
                          workers_, clock_, std::move(calls));
    WHARF_TRY(certificates_->load());
    listener_->use_tls(workers_, certificates_->current());
    return ok();
}

status app::start() {
    for (const std::string& text : settle_certificates(config_))
        log::warn(text);
    writer_ = std::make_unique<journal_thread>(*journal_, *store_, clock_, callbacks());
    const auto journal_ahead_us = writer_->journal_time_us() - clock_.monotonic_us();
    sight_.begin(journal_ahead_us);
    WHARF_TRY(make_listener());
    if (!config_.bridge.socket.empty()) make_bridge_port();
    WHARF_TRY(make_sync(journal_ahead_us));
    routes_ = std::make_unique<operator_routes>(
        operator_routes::parts{*writer_, *access_, io_, [this] { return look(); },
                               [this](auto command, const std::string& user, auto reply) {
                                   fleet_->desk().order(std::move(command), user, std::move(reply));
                               }});
    WHARF_TRY(make_fleet());
    sight_.on_change([this](const observe::alarm_change& change) { fleet_->tell(change); });
    writer_->start();
    WHARF_TRY(sync_->start());

    admin::router commands;
    admin::router pages;
    routes_->add_to(commands, pages);
    admin_ =
        std::make_unique<admin::server>(io_.get_executor(), std::move(commands), std::move(pages));
    WHARF_TRY(admin_->start(
        {config_.admin.socket, config_.admin.http_address, config_.admin.http_port, 0}));
    WHARF_TRY(open_doors());
    if (auto told = notify_service_manager("READY=1\nSTATUS=" + usual_watchdog()); !told.ok())
        log::warn("service manager", {{"reason", told.failure().message}});
    signals_.async_wait([this](auto failed, int which) {
        if (failed) return;
        log::info("stopping", {{"signal", std::to_string(which)}});
        stop();
    });
    wait_for_reload();
    watch();
    return ok();
}

// Where another gateway has taken over nobody is let in: devices are to find that one.
status app::open_doors() {
    const std::string admin_port = std::to_string(admin_->http_port());
    // The journal itself is the journal thread's by now.
    const auto known = writer_->snapshot().state;
    if (known.has_end() || known.has_drain()) {
        log::warn("nothing is taken",
                  {{"reason",
                    known.has_end() ? end_words(known.end()) : "drained by " + known.drain().by()},
                   {"admin_port", admin_port}});
        fleet_->start();
        return ok();
    }
    if (known.has_fence()) {
        log::error("nothing is taken and nothing is delivered",
                   {{"reason", known.fence().words()}, {"admin_port", admin_port}});
        return ok();
    }
    WHARF_TRY(listener_->start());
    if (bridges_ != nullptr) {
        WHARF_TRY(bridges_->start());
        log::info("bridges may connect", {{"socket", config_.bridge.socket}});
    }
    board_.set_listening(true);
    doors_left_ = false;
    fleet_->start();
    auto port = [](std::uint16_t number) { return number == 0 ? "none" : std::to_string(number); };
    log::info("listening", {{"address", config_.listener.address},
                            {"port", port(listener_->port())},
                            {"tls_address", config_.listener.tls_address()},
                            {"tls_port", port(listener_->tls_port())},
                            {"admin_port", admin_port}});
    return ok();
}

// What is acknowledged is on disk; what is not stays with the devices.
void app::close_doors(std::uint32_t wait_ms, const std::string& why) {
    if (doors_left_ || std::exchange(doors_closed_, true)) return;
    board_.set_listening(false);
    if (bridges_ != nullptr) bridges_->stop(wait_ms);
    listener_->stop(wait_ms, [this] { doors_left_ = true; });
    log::warn("nothing is taken any more: " + why);
}

bool app::doors_shut() const {
    return doors_left_ && (bridges_ == nullptr || bridges_->idle());
}

status app::make_access() {
    const std::size_t handshakes =
        config_.listener.tls.present ? config_.listener.tls.handshake_threads : std::size_t{1};
    WHARF_TRY(workers_.start(std::max(handshakes, limits::k_logins_hashed_at_once_max)));
    access_ = std::make_unique<access_desk>(
        access_settings_of(config_), workers_, clock_, random_,
        [](bool serious, const std::string& text) {
            log::write(serious ? log::level::warn : log::level::info, text);
        });
    return access_->open();
}

// SIGHUP, the service manager's word for "read your files again": certificates and identities at
// once, the ERP's certificates at its next connection. Their logs say what came of it.
void app::wait_for_reload() {
    reload_signal_.async_wait([this](auto failed, int) {
        if (failed) return;
        log::info("reading certificates and identities again");
        if (certificates_) certificates_->reload();
        if (!config_.access.identities.empty()) access_->reload([](const status&) {});
        wait_for_reload();
    });
}

void app::make_bridge_port() {
    bridge_port_callbacks calls;
    calls.submit = [this](std::vector<journal_request> requests) {
        return writer_->submit(std::move(requests));
    };
    calls.log = [](bool warning, const std::string& text) {
        log::write(warning ? log::level::warn : log::level::info, text);
    };
    bridges_ = std::make_unique<bridge_port>(io_, bridge_port_options_of(config_), *intake_, clock_,
                                             std::move(calls));
}

// A token is one line.
result<std::string> read_token(std::string_view key, const std::string& path) {
    if (path.empty()) return std::string();
    std::ifstream file(path);
    std::string token;
    if (!file || !std::getline(file, token) || token.empty())
        return error{errc::not_found,
                     std::string(key) + " " + path + ": cannot be read or is empty"};
    warn_of_open(path);
    return token;
}

status app::make_sync(std::int64_t journal_ahead_us) {
    std::vector<sync_destination> to;
    for (std::size_t i = 0; i < config_.destinations.size(); ++i) {
        const destination_config& one = config_.destinations[i];
        WHARF_TRY_ASSIGN(auto token, read_token("token_file", one.token_file));
        warn_of_open(one.tls_key);
        to.push_back(sync_destination_of(config_, one, journal_->destinations()[i],
                                         standing_of(*journal_), std::move(token)));
        const auto& books = journal_->state().destinations(journal_->destinations()[i]);
        to.back().delivery.paused = books.paused();
        for (const std::uint32_t which : books.paused_lanes())
            if (which < k_lane_count) to.back().delivery.paused_lanes[which] = true;
        to.back().delivery.notes = true;
        to.back().delivery.journal_ahead_us = journal_ahead_us;
    }
    sync_callbacks calls;
    calls.log = [](const std::string& destination, const std::string& text,
                   const log_subject& about) {
        if (about.sequence.empty()) return log::info(text, {{"destination", destination}});
        log::warn(text, {{"destination", destination},
                         {"sequence", about.sequence},
                         {"device", about.device},
                         {"event_id", about.event_id},
                         {"correlation_id", about.correlation_id}});
    };
    calls.alarm = [this](const std::string& destination, const std::string& code,
                         const std::string& text, bool raised) {
        log::write(raised ? log::level::warn : log::level::info, raised ? text : "over: " + text,
                   {{"destination", destination}, {"alarm", code}});
        asio::post(io_, [=, this] { sight_.on_delivery_alarm(destination, code, text, raised); });
        if (code == k_alarm_fenced)
            asio::post(io_,
                       [this] { close_doors(k_fence_wait_ms, "another gateway has taken over"); });
    };
    calls.notes = [this](std::size_t place, const std::vector<delivery_note>& notes) {
        sight_.on_notes(place, notes);
    };
    sync_ = std::make_unique<sync_shell>(std::move(to), *store_, *this, clock_, random_,
                                         std::move(calls));
    return ok();
}

// From the sync thread. Delivery is bounded by its own batches, so it need not wait for room.
void app::submit(journal_request request) {
    static_cast<void>(writer_->submit(std::move(request)));
}

status app::make_fleet() {
    WHARF_TRY_ASSIGN(auto password, read_token("fleet.password_file", config_.fleet.password_file));
    configuration_office::parts configuring{with_, workers_, clock_,
                                            [this](const config& to) { change_live(to); },
                                            [this] { begin_anew("with another configuration"); }};
    keys_office::parts keeping{config_, *access_, workers_, clock_, [this](auto done) {
                                   if (!certificates_) return done("there is no listener by TLS");
                                   certificates_->reload(std::move(done));
                               }};
    WHARF_TRY_ASSIGN(fleet_, fleet_office::make({config_, *journal_, *store_, *writer_, *sync_,
                                                 workers_, io_, [this] { return look(); }, *intake_,
                                                 [this] { return with_.now.text; }},
                                                std::move(configuring), device_parts(),
                                                std::move(keeping), random_, std::move(password)));
    return ok();
}

device_office::parts app::device_parts() {
    return {config_,
            *journal_,
            *writer_,
            clock_,
            device_,
            [this] { return look(); },
            [this] { close_doors(k_stop_wait_ms, "an operator ordered it"); },
            [this] { return doors_shut(); },
            [this](const std::string& why) { sync_->end(why); },
            [this](const std::string& why) { begin_anew(why); },
            [this] {
                key_to_destroy_ = config_.fleet.key_file;
                begin_anew("its last words are said");
            }};
}

observe::gateway_snapshot app::look() {
    auto out =
        board_.look(writer_->snapshot(), listener_->counters(), measured_,
                    observed(sync_->snapshots(), writer_->journal_time_us(), clock_),
                    bridges_ == nullptr ? std::vector<bridge_status>() : bridges_->statuses());
    out.epoch = journal_->recovery().names.newest();
    out.takeover = journal_->recovery().names.takeover_number();
    out.listener.access = access_->counters();
    out.access_refused = access_->problem();
    if (certificates_) {
        out.listener.problems = certificates_->problems();
        out.listener.certificate_left_s =
            seconds_left(certificates_->current()->own_period().to_s, clock_);
    }
    if (const auto* tls = listener_->tls_counters()) out.listener.tls = observed(*tls);
    out.traces = {intake_->counters().traced, intake_->counters().traces_ignored};
    sight_.add_to(out, intake_->devices());
    out.configuration_problem = fleet_->configuration().problem();
    fleet_->device().add_to(out);
    return out;
}

void app::watch() {
    board_.sample(writer_->snapshot());
    // The network thread goes round. What waits for the disk does not, and shall not end the
    // process. A manager that does not hear this acts by itself: there is nobody else to tell.
    if (watched_) static_cast<void>(notify_service_manager("WATCHDOG=1"));
    const auto now_s = clock_.monotonic_us() / 1'000'000;
    if (certificates_ && now_s - looked_s_ >= limits::k_tls_look_s) {
        looked_s_ = now_s;
        certificates_->look();
    }
    intake_->devices().look(clock_.monotonic_us());
    sight_.watch(look());
    fleet_->tick();
    timer_.expires_after(k_watch);
    timer_.async_wait([this](auto failed) {
        if (!failed) watch();
    });
}

// What its table of keys calls live; the rest is the same.
void app::change_live(const config& to) {
    config_.gateway.tags = to.gateway.tags;
    config_.log.level = to.log.level;
    log::set_least(static_cast<log::level>(to.log.level));
    config_.targets = to.targets;
    sight_.change_targets(to.targets);
    for (std::size_t i = 0; i < config_.profiles.size(); ++i) {
        auto& profile = config_.profiles[i];
        profile.silent_after_s = to.profiles[i].silent_after_s;
        if (profile.silent_after_s > 0)
            intake_->devices().change_profile(profile.name, profile.silent_after_s);
    }
}

void app::begin_anew(const std::string& why) {
    if (std::exchange(begin_anew_, true)) return;
    why_anew_ = why;
    leave_by_us_ = clock_.monotonic_us() + k_last_reports_us;
    leave_when_said();
}

// Not at once: who ordered it on this machine waits for its answer.
void app::leave_when_said() {
    leaving_.expires_after(k_last_reports_look);
    leaving_.async_wait([this](auto failed) {
        if (failed) return;
        if (fleet_->has_more_to_say() && clock_.monotonic_us() < leave_by_us_)
            return leave_when_said();
        log::info("beginning anew: " + why_anew_);
        stop();
    });
}

// Stop reading, commit, acknowledge, close. Once: a signal may come while a new run is on its way.
void app::stop() {
    if (std::exchange(stopping_, true)) return;
    board_.set_stopping();
    // To the service manager a new run is the same service.
    const std::string word =
        begin_anew_ ? "STATUS=beginning anew: " + why_anew_ + patient_watchdog() : "STOPPING=1";
    if (auto told = notify_service_manager(word); !told.ok())
        log::warn("service manager", {{"reason", told.failure().message}});
    if (bridges_ != nullptr) bridges_->stop(k_stop_wait_ms);
    stop_by_us_ = clock_.monotonic_us() + std::int64_t{k_stop_wait_ms} * 1000;
    listener_->stop(k_stop_wait_ms, [this] { end_when_idle(); });
}

// Bridges get the answers to what they handed over.
void app::end_when_idle() {
    if (bridges_ == nullptr || bridges_->idle() || clock_.monotonic_us() >= stop_by_us_)
        return io_.stop();
    timer_.expires_after(k_stop_look);
    timer_.async_wait([this](auto failed) {
        if (!failed) end_when_idle();
    });
}

int app::shut_down() {
    if (fleet_ != nullptr) fleet_->stop(k_fleet_wait_ms);
    device_.stop();
    // Not before the good-bye to the fleet broker: else it would go on with another's last words.
    if (!key_to_destroy_.empty()) {
        const auto gone = device_key_files(key_to_destroy_).destroy();
        if (gone.ok())
            log::warn("the gateway's key is destroyed", {{"path", key_to_destroy_}});
        else
            log::error("the gateway's key could not be destroyed",
                       {{"reason", gone.failure().message}});
    }
    workers_.stop();
    admin_->stop();
    sync_->stop();
    writer_->stop();
    log::info(begin_anew_ ? "stopped, to begin anew" : "stopped");
    return k_exit_ok;
}

} // namespace

run_end run(run_settings& with, const std::function<bool()>& asked_to_end) {
    app one(with);
    return one.run(asked_to_end);
}

} // namespace wharf
