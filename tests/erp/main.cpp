#include "tests/erp/misbehaviour.hpp"
#include "tests/erp/server.hpp"
#include "tests/erp/service.hpp"
#include "tests/erp/store.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace {

constexpr const char* k_footer = R"(
It answers POST <base>/v1/updates and POST <base>/v1/updates/query as docs/formats/erp.md says, and
  GET  /healthz                  ok
  GET  /stats                    what it counted
  GET  /applied?after=N&limit=M  effects in order of application
  GET  /control, POST /control   how it misbehaves, and how it is to

When it is ready it prints "ready port=PORT". Misbehaviour, in POST /control and in --misbehave:
  {"drop_after": 0.1}                      one request in ten commits and is never answered
  {"throttle": {"next": 3, "retry_after_s": 2}}   the next three are told to come back
  {"delay_ms": {"min": 10, "max": 200}}    every request waits before it takes effect
  {"vanish_ms": 5000}                      nobody is there for five seconds
  {"clear": true}                          good again
tests/erp/README.md lists all of them.)";

struct options {
    erp::store_options store;
    std::string sync = "full";
    std::vector<std::string> unknown_skus;
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    std::string base;
    std::string token_file;
    std::string misbehave;
    std::optional<std::uint64_t> seed;
};

void declare(CLI::App& app, options& given) {
    app.footer(k_footer);
    app.add_option("--db", given.store.path, "The SQLite file; made where there is none")
        ->required();
    app.add_option("--sync", given.sync, "full: a commit survives a power cut; off: faster")
        ->check(CLI::IsMember({"full", "off"}))
        ->capture_default_str();
    app.add_option("--address", given.address, "The address to listen on")->capture_default_str();
    app.add_option("--port", given.port, "The port; 0 takes a free one")->capture_default_str();
    app.add_option("--base", given.base, "The path before /v1, for example /erp");
    app.add_option("--token-file", given.token_file,
                   "Answer only to the bearer token in this file");
    app.add_flag("--strict-stock", given.store.strict_stock,
                 "Refuse what would take stock below zero (insufficient_stock)");
    app.add_option("--unknown-sku", given.unknown_skus,
                   "Refuse updates of this item (unknown_item); repeatable")
        ->allow_extra_args(false);
    app.add_flag("!--no-takeovers", given.store.knows_takeovers,
                 "Know nothing of takeovers: fence nobody");
    app.add_option("--misbehave", given.misbehave, "How to misbehave from the start, as JSON");
    app.add_option("--seed", given.seed,
                   "For misbehaviour by chance; the same seed, the same draws");
}

std::string read_token(const std::string& path) {
    if (path.empty()) return {};
    std::ifstream file(path);
    std::string token;
    if (!file || !(file >> token)) {
        throw std::runtime_error("--token-file: " + path + " holds no token");
    }
    return token;
}

void misbehave_from_start(const options& given, erp::misbehaviour& faults) {
    nlohmann::json change = nlohmann::json::object();
    if (!given.misbehave.empty()) change = nlohmann::json::parse(given.misbehave, nullptr, false);
    if (change.is_discarded()) throw std::runtime_error("--misbehave: not JSON");
    if (given.seed && change.is_object()) change["seed"] = *given.seed;
    for (const char* name : {"vanish_ms", "forget_keys", "forget_gateway"}) {
        if (change.is_object() && change.contains(name)) {
            throw std::runtime_error(std::string("--misbehave: ") + name +
                                     " is for POST /control of a running ERP");
        }
    }
    if (const auto error = faults.change(change))
        throw std::runtime_error("--misbehave: " + *error);
}

void serve(options given) {
    given.store.sync = given.sync == "full";
    given.store.unknown_skus.insert(given.unknown_skus.begin(), given.unknown_skus.end());
    const std::string token = read_token(given.token_file);
    erp::misbehaviour faults;
    misbehave_from_start(given, faults);
    erp::store store(given.store);
    erp::service service(store, faults, token, given.base);

    boost::asio::io_context context(1);
    erp::server server(context, service);
    boost::asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code& failure, int) {
        if (failure) return;
        server.stop();
        context.stop();
    });
    try {
        server.listen(given.address, given.port);
    } catch (const boost::system::system_error& failure) {
        throw std::runtime_error("cannot listen on " + given.address + " port " +
                                 std::to_string(given.port) + ": " + failure.code().message());
    }
    std::printf("ready port=%u\n", unsigned{server.port()});
    std::fflush(stdout);
    context.run();
    service.close();
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("The reference ERP of Wharf's tests: it keeps what it is told in SQLite, once per "
                 "key, and can be told to be difficult.",
                 "wharf-reference-erp");
    options given;
    declare(app, given);
    CLI11_PARSE(app, argc, argv);
    try {
        serve(std::move(given));
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "wharf-reference-erp: %s\n", failure.what());
        return 1;
    }
}
