#include "firmware/wharfd/device_office.hpp"

#include "firmware/wharfd/command_words.hpp"
#include "gateway/base/limits.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

template <class Message> std::optional<Message> copied(bool there, const Message& of) {
    return there ? std::optional(of) : std::nullopt;
}

// What a gateway that has ended still does.
bool goes_on(Command::WhatCase what) {
    return what == Command::kRestart || what == Command::kReboot || what == Command::kLogLevel;
}

} // namespace

device_office::device_office(parts with)
    : with_(std::move(with)), ended_(copied(with_.log.state().has_end(), with_.log.state().end())),
      drain_(copied(with_.log.state().has_drain(), with_.log.state().drain())),
      began_us_(with_.clock.monotonic_us()) {}

void device_office::start() {
    look_at_device([this](const device_facts&) { desk_->want_state(); });
}

void device_office::finish(manage::ticket of, CommandCode code, std::string message,
                           std::string text) {
    desk_->finish(of, {code, std::move(message), std::move(text)});
}

// Whoever ordered it on this machine looks into the trail for its end, from here on.
void device_office::go_on_alone(manage::ticket of) {
    const auto entries = with_.writer.snapshot().state.audit_number();
    desk_->answer_early(of, {COMMAND_CODE_OK, {}, json{{"audit_number", entries}}.dump()});
}

void device_office::submit(manage_ops ops, std::function<void()> then) {
    manage_request request;
    request.token = ++last_token_;
    request.ops = std::move(ops);
    then_.emplace(request.token, std::move(then));
    static_cast<void>(with_.writer.submit(std::move(request)));
}

bool device_office::on_answer(const manage_done& answer) {
    const auto found = then_.extract(answer.token);
    if (found.empty()) return false;
    found.mapped()();
    return true;
}

bool device_office::refuses(const manage::act::run& what) {
    const auto* kind = manage::kind_of(*what.command);
    if (!(ended_ || ends_now_) || kind == nullptr || !kind->changes || goes_on(kind->which))
        return false;
    finish(what.of, COMMAND_CODE_FAILED,
           "this gateway has ended" + (ended_ ? ": " + end_words(*ended_) : std::string()));
    return true;
}

bool device_office::run(const manage::act::run& what) {
    if (refuses(what)) return true;
    switch (what.command->what_case()) {
    case Command::kDescribe:
        describe(what.of);
        return true;
    case Command::kDrain:
        drain(what);
        return true;
    case Command::kRestart:
        restart(what);
        return true;
    case Command::kReboot:
        reboot(what);
        return true;
    case Command::kUpdate:
        update(what);
        return true;
    case Command::kFactoryReset:
        factory_reset(what);
        return true;
    case Command::kDecommission:
        decommission(what);
        return true;
    default:
        return false;
    }
}

void device_office::describe(manage::ticket of) {
    look_at_device([this, of](const device_facts& found) {
        finish(of, COMMAND_CODE_OK, {},
               json{{"gateway", with_.settings.gateway.name},
                    {"site", with_.settings.gateway.site},
                    {"software", WHARF_VERSION},
                    {"journal_epoch", with_.log.recovery().names.newest()},
                    {"device",
                     {{"can", names_of(found.can)},
                      {"why_not", found.why_not},
                      {"software", found.software},
                      {"waits_for_restart", found.waits}}}}
                   .dump(-1, ' ', false, json::error_handler_t::replace));
    });
}

void device_office::tick() {
    tick_drains();
    const auto now_us = with_.clock.monotonic_us();
    for (const waiting_reboot& one : std::exchange(reboots_, {})) {
        if (now_us < one.until_us) {
            reboots_.push_back(one);
            continue;
        }
        work_.clear();
        finish(one.of, COMMAND_CODE_FAILED,
               "the device was asked to start again and goes on after " +
                   std::to_string(limits::k_device_reboot_wait_s) + " s");
    }
    tick_end();
}

void device_office::add_to(GatewayState& state) const {
    const auto journal = with_.writer.snapshot().state;
    if (journal.has_drain()) {
        state.set_drained_at_us(journal.drain().at_us());
        std::uint64_t pending = 0;
        for (const auto& one : journal.destinations())
            pending += one.pending();
        state.set_drain_pending(pending);
    }
    if (journal.has_end()) {
        state.set_ended_at_us(journal.end().at_us());
        state.set_health(journal.end().factory_reset() ? "reset" : "decommissioned");
    }
    for (const std::string& one : names_of(facts_.can))
        state.add_device_can(one);
}

void device_office::add_to(observe::gateway_snapshot& now) const {
    if (now.drained) now.drained->doors_shut = with_.doors_shut();
    now.work = work_;
}

} // namespace wharf
