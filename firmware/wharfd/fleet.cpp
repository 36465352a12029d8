#include "firmware/wharfd/fleet.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/config/operators_file.hpp"
#include "gateway/journal/manage_state.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/platform/private_file.hpp"

#include <algorithm>

namespace wharf {

namespace {

// Anybody may read them, they are public keys; who may write them is obeyed.
result<manage::roster> first_operators(const std::string& path) {
    WHARF_TRY_ASSIGN(
        const std::string text,
        read_private_file(path, {0644, limits::k_config_bytes_max, "says who is obeyed"}));
    WHARF_TRY_ASSIGN(auto content, parse_operators(text, path));
    content.set_revision(1);
    for (auto& one : *content.mutable_operators()) {
        auto key = public_key::read(one.public_key());
        if (!key.ok()) return std::move(key).failure().in(path + ": operator " + one.name());
        one.set_public_key(key->der());
    }
    auto made = manage::roster::make(std::move(content));
    if (!made.ok()) return std::move(made).failure().in(path);
    return made;
}

// Of a gateway that has ended: to say its last words. None: they were said, and nobody manages it.
result<std::optional<device_key>> last_key(fleet_config& settings) {
    auto there = read_key_file(settings.key_file); // none is made in its place
    if (!there.ok() && there.failure().code != errc::not_found) return std::move(there).failure();
    std::optional<device_key> out;
    if (there.ok()) {
        WHARF_TRY_ASSIGN(out, device_key_files(settings.key_file).open());
    } else {
        settings.present = false;
    }
    return out;
}

wharf::v1::GatewayState state_of(const observe::gateway_snapshot& now,
                                 const wharf::v1::JournalState& journal) {
    wharf::v1::GatewayState out;
    const auto health = observe::judge(now);
    out.set_software(WHARF_VERSION);
    out.set_health(std::string(observe::to_string(health.state)));
    for (const std::string& reason : health.reasons)
        out.add_reasons(reason);
    out.set_audit_number(journal.audit_number());
    out.set_audit_head(journal.audit_head());
    out.set_status_json(observe::status_json(now));
    return out;
}

} // namespace

result<std::unique_ptr<fleet_office>>
fleet_office::make(command_runner::parts with, configuration_office::parts configuring,
                   device_office::parts over, keys_office::parts keeping, random_port& random,
                   std::string password) {
    fleet_config settings = with.settings.fleet;
    const bool ended = with.log.state().has_end();
    std::optional<device_key> own;
    std::optional<private_key> key;
    if (settings.present && ended) {
        WHARF_TRY_ASSIGN(own, last_key(settings));
    } else if (settings.present) {
        WHARF_TRY_ASSIGN(own, device_key_files(settings.key_file).open());
    }
    if (own) {
        key = own->key;
        if (!own->note.empty()) log::warn(own->note);
    }
    WHARF_TRY_ASSIGN(auto found, read_manage_state(with.from));
    manage::roster first;
    if (settings.present && !found.roster && !ended) {
        WHARF_TRY_ASSIGN(first, first_operators(settings.operators_file));
    }
    fleet_desk_callbacks calls;
    calls.submit = [&writer = with.writer](manage_request request) {
        static_cast<void>(writer.submit(std::move(request)));
    };
    calls.journal_time_us = [&writer = with.writer] { return writer.journal_time_us(); };
    calls.log = [](bool warning, const std::string& text) {
        log::write(warning ? log::level::warn : log::level::info, text);
    };
    digest_key nonces{};
    for (char& byte : nonces)
        byte = static_cast<char>(random.next());
    fleet_desk::parts around{with.io, with.workers, configuring.clock, random, ended};
    const gateway_config gateway = with.settings.gateway;
    const config& live = with.settings; // its tags may change
    const auto look = with.look;
    journal_thread& writer = with.writer;
    std::unique_ptr<fleet_office> out(new fleet_office(std::move(with), std::move(configuring),
                                                       std::move(over), std::move(keeping)));
    calls.look = [look, &writer, &live, &it = *out] {
        auto state = state_of(look(), writer.snapshot().state);
        for (const std::string& tag : live.gateway.tags)
            state.add_tags(tag);
        it.configuration_.add_to(state);
        it.device_.add_to(state);
        it.keys_.add_to(state);
        return state;
    };
    calls.last_said = [&device = out->device_] { device.last_said(); };
    calls.run = [&it = *out](const manage::act::run& what) {
        if (!it.device_.run(what) && !it.configuration_.run(what) && !it.keys_.run(what))
            it.runner_.run(what.of, *what.command);
    };
    if (key)
        log::info("managed over the fleet",
                  {{"broker", settings.url}, {"key", to_hex(view_of(key->half().fingerprint()))}});
    WHARF_TRY_ASSIGN(out->desk_, fleet_desk::make(around, settings, gateway, std::move(key), nonces,
                                                  std::move(first), std::move(found),
                                                  std::move(password), std::move(calls)));
    out->runner_.report_to(*out->desk_);
    out->configuration_.report_to(*out->desk_);
    out->device_.report_to(*out->desk_);
    out->keys_.report_to(*out->desk_, std::move(own));
    return out;
}

void fleet_office::start() {
    desk_->start();
    device_.start();
    wharf::v1::GatewayEvent begun;
    begun.set_code("started");
    begun.set_severity("info");
    begun.set_raised(true);
    begun.set_text("wharfd " WHARF_VERSION " has started");
    desk_->raise(std::move(begun));
}

void fleet_office::tick() {
    configuration_.tick();
    device_.tick();
    keys_.tick();
}

void fleet_office::tell(const observe::alarm_change& change) {
    wharf::v1::GatewayEvent event;
    event.set_code(std::string(observe::to_string(change.about.code)));
    event.set_subject(change.about.subject);
    event.set_severity(std::string(observe::to_string(change.about.level)));
    event.set_raised(change.became != observe::alarm_change::what::cleared);
    event.set_text(change.about.text);
    desk_->raise(std::move(event));
}

bool fleet_office::has_more_to_say() const {
    const auto now = desk_->status();
    return now.commands.open > 0 || (now.connected && now.commands.outbound > 0);
}

void fleet_office::on_answer(const manage_done& answer) {
    if (!runner_.on_answer(answer) && !device_.on_answer(answer)) desk_->on_answer(answer);
}

} // namespace wharf
