// wharfd: the edge gateway's daemon.
#include "firmware/wharfd/app.hpp"
#include "gateway/platform/log/log.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace {

wharf::result<std::string> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return wharf::error{wharf::errc::not_found, path + ": cannot be read"};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// Between two runs a signal neither ends the process by itself nor is it lost.
class signal_keeper {
  public:
    signal_keeper() { wait(); }
    bool asked_to_end() {
        io_.restart();
        io_.poll();
        return asked_;
    }

  private:
    void wait() {
        signals_.async_wait([this](auto failed, int which) {
            if (failed) return;
            asked_ = asked_ || which != SIGHUP;
            wait();
        });
    }
    boost::asio::io_context io_;
    boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
    bool asked_ = false;
};

int start_log(const wharf::config& settings) {
    wharf::log::options how;
    how.json = settings.log.format == wharf::log_format::json;
    how.least = static_cast<wharf::log::level>(settings.log.level);
    auto started = wharf::log::start(how);
    if (started.ok()) return wharf::k_exit_ok;
    std::fprintf(stderr, "%s\n", started.failure().message.c_str());
    return wharf::k_exit_os;
}

int check(const wharf::run_settings& with) {
    const auto& plan = with.plan;
    std::printf("%s: ok\n", with.own_name.c_str());
    if (!with.set_aside.empty()) {
        std::printf("%s\n", with.set_aside.c_str());
        return wharf::k_exit_ok;
    }
    if (plan.use != 0)
        std::printf("with version %llu of the configuration from the fleet%s\n",
                    static_cast<unsigned long long>(plan.use),
                    plan.on_trial ? ", on trial when it begins" : "");
    if (!plan.record.problem().empty())
        std::printf("a version was given up: %s\n", plan.record.problem().c_str());
    return wharf::k_exit_ok;
}

// Runs with what holds or is on trial, and again where that changes or a trial ends badly.
int run(wharf::run_settings with) {
    signal_keeper signals;
    while (true) {
        if (const int refused = start_log(with.now.settings); refused != wharf::k_exit_ok)
            return refused;
        for (const std::string& text : with.told)
            wharf::log::warn(text);
        const bool on_trial = with.plan.on_trial;
        const auto end = wharf::run(with, [&] { return signals.asked_to_end(); });
        wharf::log::shutdown();
        const bool failed = end.code != wharf::k_exit_ok && on_trial;
        if (!(end.begin_anew || failed) || signals.asked_to_end()) return end.code;
        auto next = wharf::begin_run(
            with.own, with.own_name,
            failed ? "with exit code " + std::to_string(end.code) : std::string(), false);
        // The own file was good, and it is the same.
        if (!next.ok()) {
            std::fprintf(stderr, "%s\n", next.failure().message.c_str());
            return wharf::k_exit_config;
        }
        with = std::move(*next);
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App cli(
        "wharfd: takes the events of scanners and the WMS over MQTT, keeps them durably, and "
        "brings each to the ERP once, in order.");
    cli.footer(
        "Examples:\n"
        "  wharfd --check --config wharf.toml     say what is wrong with a configuration\n"
        "  wharfd --config /etc/wharf/wharf.toml  run\n\n"
        "Exit codes: 0 stopped as asked, 64 usage, 65 the journal is damaged (a restart does\n"
        "not help: wharfctl journal verify), 70 a commit's outcome is unknown (restart and\n"
        "recover), 71 the system refused something, 78 configuration.");
    std::string path = "/etc/wharf/wharf.toml";
    bool checking = false;
    cli.add_option("-c,--config", path, "The configuration")->capture_default_str();
    cli.add_flag("--check", checking, "Check the configuration, say what is wrong, and end");
    cli.set_version_flag("--version", "wharfd " WHARF_VERSION);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
        return cli.exit(failure) == 0 ? wharf::k_exit_ok : wharf::k_exit_usage;
    }
    auto own = read(path);
    auto begun = own.ok() ? wharf::begin_run(std::move(*own), path, "", checking)
                          : wharf::result<wharf::run_settings>(own.failure());
    if (!begun.ok()) {
        std::fprintf(stderr, "%s\n", begun.failure().message.c_str());
        return wharf::k_exit_config;
    }
    for (const std::string& warning : begun->now.settings.warnings)
        std::fprintf(stderr, "%s\n", warning.c_str());
    return checking ? check(*begun) : run(std::move(*begun));
}
