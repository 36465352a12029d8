// wharf-bridge: reads a site's own MQTT brokers for wharfd.
#include "gateway/config/bridge.hpp"
#include "gateway/platform/bridge/bridge_worker.hpp"
#include "gateway/platform/bridge/children.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/platform/notify/notify.hpp"
#include "gateway/platform/system_clock.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace {

// As wharfd's (sysexits.h); a broker's process has one more, k_exit_let_go.
constexpr int k_exit_ok = 0;
constexpr int k_exit_usage = 64;
constexpr int k_exit_os = 71;
constexpr int k_exit_config = 78;
constexpr std::uint32_t k_stop_wait_ms = 8000;

using wharf::errc;
using wharf::error;
using wharf::result;
using wharf::status;

result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return error{errc::not_found, path + ": cannot be read"};
    return text.str();
}

// What is secret is not for everybody on this machine.
status check_private(const std::string& path) {
    if (path.empty()) return wharf::ok();
    WHARF_TRY_ASSIGN(const auto mode, wharf::file_mode(path));
    if ((mode & 07) != 0)
        return error{errc::invalid, path +
                                        ": everybody on this machine can read or change it: "
                                        "chmod o= " +
                                        path};
    return wharf::ok();
}

result<std::string> password_of(const wharf::site_broker_config& broker) {
    if (broker.password_file.empty()) return std::string();
    WHARF_TRY(check_private(broker.password_file));
    WHARF_TRY_ASSIGN(auto text, read_file(broker.password_file));
    auto line = text.substr(0, text.find('\n'));
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty())
        return error{errc::invalid, broker.password_file + ": expected the password in its first "
                                                           "line, found nothing"};
    return line;
}

// What the settings name, as far as it can be seen without the broker.
status check_files(const wharf::site_broker_config& broker) {
    auto checked = password_of(broker);
    if (!checked.ok()) return std::move(checked).failure().in("broker " + broker.name);
    auto key = check_private(broker.key_file);
    if (!key.ok()) return std::move(key).failure().in("broker " + broker.name);
    for (const std::string& path : {broker.ca_file, broker.certificate_file, broker.key_file})
        if (!path.empty())
            if (auto read = read_file(path); !read.ok())
                return std::move(read).failure().in("broker " + broker.name);
    return wharf::ok();
}

result<wharf::bridge_config> load(const std::string& path) {
    WHARF_TRY_ASSIGN(const auto text, read_file(path));
    WHARF_TRY_ASSIGN(auto parsed, wharf::parse_bridge_config(text, path));
    for (const wharf::site_broker_config& broker : parsed.brokers)
        WHARF_TRY(check_files(broker));
    return parsed;
}

int run_one(const wharf::bridge_config& with, const std::string& name) {
    const auto broker =
        std::find_if(with.brokers.begin(), with.brokers.end(),
                     [&](const wharf::site_broker_config& each) { return each.name == name; });
    if (broker == with.brokers.end()) {
        std::fprintf(stderr, "there is no broker \"%s\" in the settings\n", name.c_str());
        return k_exit_usage;
    }
    auto password = password_of(*broker);
    if (!password.ok()) {
        wharf::log::error("cannot start",
                          {{"broker", name}, {"reason", password.failure().message}});
        return k_exit_config;
    }
    wharf::system_clock clock;
    wharf::system_random random;
    wharf::bridge_worker worker(with, *broker, std::move(*password), clock, random);
    worker.run();
    return k_exit_ok;
}

int run_all(const wharf::bridge_config& with, const std::string& path) {
    std::vector<wharf::child_words> children;
    for (const wharf::site_broker_config& broker : with.brokers)
        children.push_back({broker.name, {"--config", path, "--broker", broker.name}});
    auto tell = [](std::string_view what) {
        if (auto told = wharf::notify_service_manager(what); !told.ok())
            wharf::log::warn("service manager", {{"reason", told.failure().message}});
    };
    wharf::children_callbacks calls;
    calls.started = [&] {
        wharf::log::info("started",
                         {{"bridge", with.name}, {"brokers", std::to_string(with.brokers.size())}});
        tell("READY=1");
    };
    calls.ended = [](const std::string& name, const std::string& how) {
        wharf::log::warn("a broker's process ended and is started again",
                         {{"broker", name}, {"how", how}});
    };
    wharf::system_random random;
    auto ran = wharf::run_children(children, k_stop_wait_ms, random, calls);
    if (!ran.ok()) {
        wharf::log::error("cannot start", {{"reason", ran.failure().message}});
        return k_exit_os;
    }
    tell("STOPPING=1");
    wharf::log::info("stopped", {{"bridge", with.name}});
    return k_exit_ok;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App cli(
        "wharf-bridge: reads the topics of a site's own MQTT brokers and hands each message "
        "to wharfd; the broker gets its acknowledgement once wharfd has it on disk.");
    cli.footer(
        "Examples:\n"
        "  wharf-bridge --check --config bridge.toml      say what is wrong with the settings\n"
        "  wharf-bridge --config /etc/wharf/bridge.toml   run, one process per broker\n\n"
        "wharfd listens for it where [bridge] socket in its own settings says, and tells how it\n"
        "stands: wharfctl status.\n\n"
        "Exit codes: 0 stopped as asked, 64 usage, 71 the system refused something,\n"
        "75 of a broker's process alone: it left a message with the broker because wharfd\n"
        "did not take it, and is started again; 78 settings.");
    std::string path = "/etc/wharf/bridge.toml";
    std::string broker;
    bool check = false;
    cli.add_option("-c,--config", path, "The settings")->capture_default_str();
    cli.add_flag("--check", check, "Check the settings and the files they name, and end");
    cli.add_option("--broker", broker, "Run for this broker alone, without a process above it");
    cli.set_version_flag("--version", "wharf-bridge " WHARF_VERSION);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
        return cli.exit(failure) == 0 ? k_exit_ok : k_exit_usage;
    }
    auto loaded = load(path);
    if (!loaded.ok()) {
        std::fprintf(stderr, "%s\n", loaded.failure().message.c_str());
        return k_exit_config;
    }
    if (broker.empty())
        for (const std::string& warning : loaded->warnings)
            std::fprintf(stderr, "%s\n", warning.c_str());
    if (check) {
        std::printf("%s: ok\n", path.c_str());
        return k_exit_ok;
    }
    wharf::log::options how;
    how.json = loaded->log.format == wharf::log_format::json;
    how.least = static_cast<wharf::log::level>(loaded->log.level);
    if (auto started = wharf::log::start(how); !started.ok()) {
        std::fprintf(stderr, "%s\n", started.failure().message.c_str());
        return k_exit_os;
    }
    const int code = broker.empty() ? run_all(*loaded, path) : run_one(*loaded, broker);
    wharf::log::shutdown();
    return code;
}
