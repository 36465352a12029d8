// Commands about the gateway's certificates: a request for one, and what an authority made of it
// put in place, on trial until it has shown that it is good.
#include "firmware/wharfd/command_words.hpp"
#include "firmware/wharfd/commands_keys.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/time.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/platform/private_file.hpp"
#include "gateway/platform/tls/chain.hpp"
#include "gateway/platform/tls/request.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using manage::command_outcome;
using tls::pair_stage;

constexpr std::int64_t k_second_us = 1'000'000;
constexpr const char* k_back = "; the former certificate is in use again";

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

command_outcome failed(const error& why) {
    return {code_of(why), why.message, {}};
}

result<std::string> read_public(const std::string& path) {
    return read_private_file(path, {07777, limits::k_tls_file_bytes_max, "is public"});
}

result<std::string> requested(const tls::pair_files& files, const CertificateRequestCommand& asked,
                              bool again) {
    tls::request_words words{{}, asked.common_name(), {asked.names().begin(), asked.names().end()}};
    if (auto present = read_public(files.certificate()); present.ok())
        words.present = std::move(*present);
    else if (present.failure().code != errc::not_found)
        return std::move(present).failure();
    // A request that was made before a crash and not reported: its key waits already.
    auto key = again ? files.pending() : result<private_key>(error{errc::not_found, ""});
    const bool made = !key.ok();
    if (made) key = private_key::make();
    if (!key.ok()) return std::move(key).failure();
    WHARF_TRY_ASSIGN(std::string csr, tls::make_request(*key, words));
    if (made) WHARF_TRY(files.keep_pending(*key));
    return dumped({{"which", asked.which()},
                   {"key", to_hex(view_of(key->half().fingerprint()))},
                   {"request", std::move(csr)}});
}

struct install_order {
    tls::pair_files files;
    CertificateInstallCommand asked;
    std::string command;
    std::string authorities_file;
    bool server = false;
    bool again = false;
    std::int64_t now_s = 0;
};

// Its outcome, or an empty code where the trial begins.
command_outcome put_in_place(const install_order& of, bool& on_trial) {
    if (of.again) {
        const auto before = of.files.record();
        if (!before.ok()) return failed(before.failure());
        if (before->command == of.command && before->stage == pair_stage::good)
            return {COMMAND_CODE_OK, {}, dumped({{"which", of.asked.which()}})};
        if (before->command == of.command && before->stage == pair_stage::back)
            return {COMMAND_CODE_FAILED, before->why + k_back, {}};
    }
    const auto key = of.files.pending();
    if (!key.ok() && key.failure().code == errc::not_found)
        return {COMMAND_CODE_FAILED, "no certificate was requested: certificate request first", {}};
    if (!key.ok()) return failed(key.failure());
    tls::chain_rules rules{key->half(), of.server, {}, of.now_s};
    if (!of.asked.other_authority() && !of.authorities_file.empty()) {
        auto known = read_public(of.authorities_file);
        if (!known.ok()) return failed(known.failure());
        rules.authorities = std::move(*known);
    }
    const auto facts = tls::judge_chain(of.asked.chain(), rules);
    if (!facts.ok()) return failed(facts.failure());
    if (auto put = of.files.put(of.asked.chain(), of.command, !of.server); !put.ok()) {
        const auto begun = of.files.record();
        if (begun.ok() && begun->command == of.command)
            if (auto undone = of.files.back(of.command, put.failure().message); !undone.ok())
                return {COMMAND_CODE_FAILED,
                        put.failure().message + "; and " + undone.failure().message,
                        {}};
        return failed(put.failure());
    }
    on_trial = true;
    return {COMMAND_CODE_OK,
            {},
            dumped({{"which", of.asked.which()},
                    {"subject", facts->subject},
                    {"issuer", facts->issuer},
                    {"good_until", to_rfc3339({facts->to_s, 0})}})};
}

bool is_named(const std::string& certificate, const std::string& key) {
    return !certificate.empty() && !key.empty();
}

} // namespace

result<keys_office::pair_choice> keys_office::pair_of(const std::string& which) const {
    const auto& fleet = with_.settings.fleet;
    const auto& listener = with_.settings.listener.tls;
    const bool server = which == "listener";
    if (!server && which != "fleet")
        return error{errc::invalid, "which: expected fleet or listener"};
    const bool fleets =
        fleet.present && is_named(fleet.certificate_file, fleet.certificate_key_file);
    const bool listeners = listener.present && is_named(listener.certificate, listener.key);
    if (!(server ? listeners : fleets))
        return error{errc::unsupported, server ? "this gateway's listener has no certificate"
                                               : "[fleet] of this gateway names no certificate"};
    pair_choice out{which,
                    server ? tls::pair_files(listener.certificate, listener.key)
                           : tls::pair_files(fleet.certificate_file, fleet.certificate_key_file),
                    server, server ? listener.client_ca : fleet.ca_file};
    if (out.files.certificate() == out.files.key())
        return error{errc::unsupported, "certificate and key are in one file: change it by hand"};
    if (fleets && listeners) {
        const tls::pair_files other =
            server ? tls::pair_files(fleet.certificate_file, fleet.certificate_key_file)
                   : tls::pair_files(listener.certificate, listener.key);
        if (other.certificate() == out.files.certificate() || other.key() == out.files.key())
            return error{errc::unsupported,
                         "listener and fleet have one file in common: change it by hand"};
    }
    return out;
}

void keys_office::request_certificate(const manage::act::run& what) {
    const auto pair = pair_of(what.command->certificate_request().which());
    if (!pair.ok()) return end(what.of, failed(pair.failure()));
    if (trial_) return end(what.of, {COMMAND_CODE_BUSY, "a certificate is on trial", {}});
    on_worker(
        [files = pair->files, asked = what.command->certificate_request(),
         again = what.again]() -> command_outcome {
            auto made = requested(files, asked, again);
            if (!made.ok()) return failed(made.failure());
            return {COMMAND_CODE_OK, {}, std::move(*made)};
        },
        [this, of = what.of](command_outcome outcome) { end(of, std::move(outcome)); });
}

void keys_office::install_certificate(const manage::act::run& what) {
    const auto& asked = what.command->certificate_install();
    const auto pair = pair_of(asked.which());
    if (!pair.ok()) return end(what.of, failed(pair.failure()));
    const std::uint32_t within_s =
        asked.within_s() == 0 ? limits::k_certificate_trial_s : asked.within_s();
    if (within_s < limits::k_certificate_trial_s_min ||
        within_s > limits::k_certificate_trial_s_max)
        return end(what.of,
                   {COMMAND_CODE_INVALID,
                    "within_s: expected " + std::to_string(limits::k_certificate_trial_s_min) +
                        " to " + std::to_string(limits::k_certificate_trial_s_max),
                    {}});
    if (trial_) return end(what.of, {COMMAND_CODE_BUSY, "a certificate is on trial", {}});
    auto on_trial = std::make_shared<bool>(false);
    on_worker(
        [on_trial,
         order = install_order{pair->files, asked, what.command->id(), pair->authorities_file,
                               pair->server, what.again, with_.clock.wall_us() / k_second_us}] {
            return put_in_place(order, *on_trial);
        },
        [this, on_trial, of = what.of, pair = *pair, id = what.command->id(),
         within_s](command_outcome outcome) {
            if (!*on_trial) return end(of, std::move(outcome));
            begin_trial({of, pair, id, std::move(outcome), 0, std::nullopt, false}, within_s);
            leave();
        });
}

// --- whether it is good
// ----------------------------------------------------------------------------

void keys_office::begin_trial(trial next, std::uint32_t within_s) {
    next.until_us = with_.clock.monotonic_us() + std::int64_t{within_s} * k_second_us;
    const auto of = next.of;
    const bool server = next.pair.server;
    trial_ = std::move(next);
    const auto judge = [this, of](const std::string& why) { judge_trial(of, why); };
    if (server)
        with_.reload_listener(judge);
    else
        desk_->try_link(judge);
}

void keys_office::judge_trial(manage::ticket of, const std::string& why) {
    if (!trial_ || trial_->of != of || trial_->verdict) return;
    trial_->verdict = why;
    settle_trial();
}

void keys_office::tick() {
    if (!trial_) return;
    if (!trial_->verdict && with_.clock.monotonic_us() >= trial_->until_us) {
        const std::string& why = desk_->status().last_error;
        trial_->verdict = trial_->pair.server ? "the listener did not read it in time"
                          : why.empty()       ? "the fleet broker was not reached with it in time"
                                              : "the fleet broker was not reached with it: " + why;
    }
    if (trial_->verdict) settle_trial();
}

void keys_office::settle_trial() {
    if (std::exchange(trial_->settling, true)) return;
    on_worker(
        [files = trial_->pair.files, id = trial_->command,
         why = *trial_->verdict]() -> command_outcome {
            const auto done = why.empty() ? files.hold(id) : files.back(id, why);
            if (!done.ok()) return {COMMAND_CODE_FAILED, done.failure().message, {}};
            return {};
        },
        [this](command_outcome outcome) {
            trial_->settling = false;
            if (outcome.code == COMMAND_CODE_BUSY) return; // tick() tries again
            const trial ended = std::move(*trial_);
            trial_.reset();
            const std::string& why = *ended.verdict;
            if (!why.empty()) {
                outcome.message =
                    outcome.code == COMMAND_CODE_OK ? why + k_back : why + "; " + outcome.message;
                outcome.code = COMMAND_CODE_FAILED;
                log::warn("a certificate did not hold",
                          {{"which", ended.pair.which}, {"reason", outcome.message}});
                if (ended.pair.server)
                    with_.reload_listener([](const std::string&) {});
                else
                    desk_->reconnect();
            } else if (outcome.code == COMMAND_CODE_OK) {
                outcome = ended.good;
                log::info("a certificate was replaced", {{"which", ended.pair.which}});
            }
            desk_->finish(ended.of, std::move(outcome));
        });
}

std::vector<std::string> settle_certificates(const config& settings) {
    std::vector<std::string> out;
    const auto settle = [&](const std::string& certificate, const std::string& key) {
        if (certificate.empty() || key.empty()) return;
        if (auto done = tls::pair_files(certificate, key).settle(); !done.ok())
            out.push_back("a certificate's change was interrupted and cannot be brought to an "
                          "end: " +
                          done.failure().message);
    };
    settle(settings.fleet.certificate_file, settings.fleet.certificate_key_file);
    settle(settings.listener.tls.certificate, settings.listener.tls.key);
    return out;
}

} // namespace wharf
