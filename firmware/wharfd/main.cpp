// wharfd: the edge gateway's daemon.
#include "firmware/wharfd/app.hpp"
#include "firmware/wharfd/options.hpp"
#include "gateway/config/parse.hpp"
#include "gateway/platform/log/log.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace {

wharf::result<wharf::config> load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return wharf::error{wharf::errc::not_found, path + ": cannot be read"};
    std::ostringstream text;
    text << file.rdbuf();
    WHARF_TRY_ASSIGN(auto parsed, wharf::parse_config(text.str(), path));
    // What the parts say to it, beyond the single values.
    if (auto made = wharf::make_intake(wharf::intake_options_of(parsed)); !made.ok())
        return std::move(made).failure().in(path);
    return parsed;
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
    bool check = false;
    cli.add_option("-c,--config", path, "The configuration")->capture_default_str();
    cli.add_flag("--check", check, "Check the configuration, say what is wrong, and end");
    cli.set_version_flag("--version", "wharfd " WHARF_VERSION);
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
        return cli.exit(failure) == 0 ? wharf::k_exit_ok : wharf::k_exit_usage;
    }
    auto loaded = load(path);
    if (!loaded.ok()) {
        std::fprintf(stderr, "%s\n", loaded.failure().message.c_str());
        return wharf::k_exit_config;
    }
    for (const std::string& warning : loaded->warnings)
        std::fprintf(stderr, "%s\n", warning.c_str());
    if (check) {
        std::printf("%s: ok\n", path.c_str());
        return wharf::k_exit_ok;
    }
    wharf::log::options how;
    how.json = loaded->log.format == wharf::log_format::json;
    how.least = static_cast<wharf::log::level>(loaded->log.level);
    if (auto started = wharf::log::start(how); !started.ok()) {
        std::fprintf(stderr, "%s\n", started.failure().message.c_str());
        return wharf::k_exit_os;
    }
    int code = wharf::run(*loaded);
    wharf::log::shutdown();
    return code;
}
