#include "firmware/wharfd/app.hpp"

#include "firmware/wharfd/options.hpp"
#include "firmware/wharfd/status.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/platform/admin/server.hpp"
#include "gateway/platform/lmdb_store.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/platform/notify/notify.hpp"
#include "gateway/platform/system_clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstdlib>
#include <optional>

namespace wharf {

namespace {

namespace asio = boost::asio;

constexpr std::uint32_t k_stop_wait_ms = 5000;
constexpr auto k_watch = std::chrono::seconds(1);

class app {
  public:
    app(const config& with, const sabotage& broken)
        : config_(with), broken_(broken), board_(with.gateway.name, with.gateway.site, clock_),
          timer_(io_), signals_(io_, SIGTERM, SIGINT) {}

    int run() {
        if (auto opened = open(); !opened.ok()) return refuse(opened.failure());
        if (auto started = start(); !started.ok()) return refuse(started.failure());
        io_.run();
        return shut_down();
    }

  private:
    status open();
    status start();
    void start_admin_routes(admin::router& commands, admin::router& pages);
    journal_callbacks callbacks();
    void watch();
    void stop();
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

    const config& config_;
    const sabotage broken_;
    system_clock clock_;
    system_random random_;
    status_board board_;
    measures measured_;
    asio::io_context io_;
    asio::steady_timer timer_;
    asio::signal_set signals_;

    std::optional<intake> intake_;
    std::unique_ptr<store> store_;
    tree_identity_window identity_;
    std::unique_ptr<journal> journal_;
    std::unique_ptr<journal_thread> writer_;
    std::unique_ptr<listener> listener_;
    std::unique_ptr<admin::server> admin_;
};

status app::open() {
    WHARF_TRY_ASSIGN(intake_, make_intake(intake_options_of(config_)));
    lmdb_options files{config_.journal.path, std::uint64_t{config_.journal.size_max_mb} << 20};
    auto opened = open_lmdb(files);
    if (!opened.ok()) return std::move(opened).failure().in("journal " + files.path);
    store_ = std::move(opened).value();
    auto epoch = static_cast<std::uint32_t>(random_.next());
    auto recovered =
        journal::open(*store_, identity_, journal_options_of(config_, epoch), clock_.wall_us());
    if (!recovered.ok()) return std::move(recovered).failure().in("journal " + files.path);
    journal_ = std::move(recovered).value();
    const recovery_report& found = journal_->recovery();
    log::info(found.created ? "new journal" : "journal recovered",
              {{"path", files.path},
               {"last_sequence", std::to_string(found.last_sequence)},
               {"undelivered", std::to_string(found.undelivered)},
               {"sessions", std::to_string(found.sessions)}});
    return ok();
}

journal_callbacks app::callbacks() {
    journal_callbacks out;
    out.answers = [this](std::vector<journal_answer> answers) {
        listener_->on_answers(std::move(answers));
    };
    out.appended = [](std::vector<event_head>) {};
    out.room = [this] { listener_->on_room(); };
    out.fatal = [](const std::string& why) {
        // Nothing that was not durable has been answered, and nothing more will be.
        log::error("the journal cannot go on; stopping to recover", {{"reason", why}});
        log::shutdown();
        std::_Exit(k_exit_software);
    };
    out.space = [](bool full, const std::string& why) {
        if (full)
            log::warn("acknowledgements are withheld for want of space", {{"reason", why}});
        else
            log::info("there is space again: acknowledgements go on");
    };
    out.committed = [this](const group_report& group) {
        ++measured_.groups;
        measured_.last_commit_us = clock_.monotonic_us();
        measured_.commit_latency.record_us(static_cast<std::uint64_t>(group.commit_us));
    };
    return out;
}

status app::start() {
    writer_ = std::make_unique<journal_thread>(*journal_, *store_, clock_, callbacks());
    listener_callbacks calls;
    calls.submit = [this](journal_request request) { return writer_->submit(std::move(request)); };
    calls.log = [](notice weight, const std::string& text) {
        log::write(weight == notice::warning ? log::level::warn : log::level::info, text);
    };
    calls.acknowledged = [this](std::int64_t us) {
        measured_.ack_latency.record_us(static_cast<std::uint64_t>(us));
    };
    listener_ = std::make_unique<listener>(io_, listener_options_of(config_), *intake_, clock_,
                                           random_, std::move(calls));
    writer_->start();

    admin::router commands;
    admin::router pages;
    start_admin_routes(commands, pages);
    admin_ =
        std::make_unique<admin::server>(io_.get_executor(), std::move(commands), std::move(pages));
    WHARF_TRY(admin_->start(
        {config_.admin.socket, config_.admin.http_address, config_.admin.http_port, 0}));
    WHARF_TRY(listener_->start());
    board_.set_listening(true);
    log::info("listening", {{"address", config_.listener.address},
                            {"port", std::to_string(listener_->port())},
                            {"admin_port", std::to_string(admin_->http_port())}});
    if (auto told = notify_service_manager("READY=1"); !told.ok())
        log::warn("service manager", {{"reason", told.failure().message}});
    signals_.async_wait([this](auto failed, int which) {
        if (failed) return;
        log::info("stopping", {{"signal", std::to_string(which)}});
        stop();
    });
    watch();
    return ok();
}

void app::start_admin_routes(admin::router& commands, admin::router& pages) {
    commands.handle_now("GET", "/v1/books", [this](const admin::request&) {
        return admin::response{200, observe::books_json(look().books())};
    });
    commands.handle_now("GET", "/v1/status", [this](const admin::request&) {
        return admin::response{200, observe::status_json(look())};
    });
    pages.handle_now("GET", "/healthz", [this](const admin::request&) {
        observe::health health = observe::judge(look());
        return admin::response{health.http_status(), observe::health_json(health)};
    });
    pages.handle_now("GET", "/metrics", [this](const admin::request&) {
        return admin::response{200, observe::render_metrics(look()),
                               std::string(observe::k_metrics_content_type)};
    });
}

observe::gateway_snapshot app::look() {
    return board_.look(writer_->snapshot(), listener_->counters(), measured_, {});
}

void app::watch() {
    board_.sample(writer_->snapshot());
    timer_.expires_after(k_watch);
    timer_.async_wait([this](auto failed) {
        if (!failed) watch();
    });
}

// Stop reading, commit, acknowledge, close.
void app::stop() {
    board_.set_stopping();
    if (auto told = notify_service_manager("STOPPING=1"); !told.ok())
        log::warn("service manager", {{"reason", told.failure().message}});
    listener_->stop(k_stop_wait_ms, [this] { io_.stop(); });
}

int app::shut_down() {
    admin_->stop();
    writer_->stop();
    log::info("stopped");
    return k_exit_ok;
}

} // namespace

int run(const config& with, const sabotage& broken) {
    app one(with, broken);
    return one.run();
}

} // namespace wharf
