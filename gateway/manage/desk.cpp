#include "gateway/manage/desk.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/envelope.hpp"

#include <algorithm>

namespace wharf::manage {

namespace {

using namespace wharf::v1;

constexpr std::size_t k_id_bytes = 16;
constexpr std::uint32_t k_version = 1;
// A command whose nonce may still be good is known by its id.
constexpr std::int64_t k_known_us =
    std::int64_t{limits::k_nonce_s} * (limits::k_nonces_good + 1) * 1'000'000;

std::string join(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names)
        out += (out.empty() ? "" : " and ") + name;
    return out;
}

} // namespace

result<roster> operators_of(const manage_state& found, roster first) {
    if (!found.roster) return first;
    auto kept = roster::make(*found.roster);
    if (!kept.ok()) return std::move(kept).failure().in("the journal's operators");
    return kept;
}

command_desk::command_desk(const key_fingerprint& gateway, const digest_key& nonce_key,
                           roster operators, manage_state found, const desk_time& at)
    : gateway_(gateway), nonces_(nonce_key, at.now_us), operators_(std::move(operators)),
      checks_({limits::k_command_checks_per_s, limits::k_command_checks_burst}, at.now_us) {
    const bool first = !found.roster.has_value() && operators_.content().operators_size() > 0;
    restore(std::move(found), at);
    if (first) journal({put_roster{operators_.content().SerializeAsString()}}, {}, true);
}

void command_desk::restore(manage_state found, const desk_time& at) {
    // Above every number that was given before, also of those that are gone: journal time never
    // goes back, and there is less than one report in each of its microseconds.
    last_outbound_ = static_cast<std::uint64_t>(std::max<std::int64_t>(at.journal_us, 0));
    for (auto& [number, record] : found.outbound) {
        last_outbound_ = std::max(last_outbound_, number);
        outbound_bytes_ += record.report().size();
        outbound_.emplace(number, waiting{record.channel(), record.report()});
    }
    for (auto& [id, record] : found.commands) {
        auto command = std::make_shared<Command>();
        // What was journaled could be read then.
        if (!command->ParseFromString(record.command())) continue;
        known_command& known = known_[id];
        known.content = content_digest(*command);
        known.at_us = record.at_us();
        if (record.step() == COMMAND_STEP_DONE) {
            known.report = record.report();
            continue;
        }
        known.open = ++last_ticket_;
        open_command& it = open_[known.open];
        it.now = phase::running;
        it.kind = kind_of(*command);
        it.digest = sha256(record.command());
        it.command = std::move(command);
        it.again = true;
        for (const std::string& fingerprint : record.signers())
            if (const auto* signer = operators_.find(fingerprint)) it.names.push_back(signer->name);
        it.record = std::move(record);
        // An older program, after a roll-back.
        if (it.kind == nullptr)
            finish(known.open, {COMMAND_CODE_UNSUPPORTED, "this version cannot go on with it"}, at);
        else
            run(known.open);
    }
}

// --- who may ask
// -----------------------------------------------------------------------------------

void command_desk::overlook(std::string_view why, const desk_time& at) {
    ++counts_.refused;
    if (budget_.take("command", why, at.now_us / 1000))
        actions_.emplace_back(
            act::log{true, "a message for commands is not one to obey: " + std::string(why)});
}

// Of what anybody can send nothing is taken apart but the envelope.
void command_desk::on_message(std::string_view bytes, const desk_time& at) {
    SignedCommand envelope;
    if (bytes.size() > limits::k_command_bytes_max)
        return overlook(
            "it has more than " + std::to_string(limits::k_command_bytes_max) + " bytes", at);
    if (!envelope.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return overlook("it cannot be read", at);
    const auto signatures = static_cast<std::size_t>(envelope.signatures_size());
    if (signatures == 0 || signatures > limits::k_command_signatures_max)
        return overlook("it is not signed, or too often", at);
    act::check check{0, command_to_sign(envelope.command()), {}};
    std::vector<std::string> fingerprints;
    for (const FleetSignature& one : envelope.signatures()) {
        const auto* signer = operators_.find(one.key());
        if (signer == nullptr || std::ranges::find(fingerprints, one.key()) != fingerprints.end())
            continue;
        fingerprints.push_back(one.key());
        check.signatures.emplace_back(signer->key, one.value());
    }
    if (fingerprints.empty()) return overlook("no operator of this gateway signed it", at);
    const auto checking = std::ranges::count_if(
        open_, [](const auto& one) { return one.second.now == phase::checking; });
    if (static_cast<std::size_t>(checking) >= limits::k_command_checks_at_once_max ||
        !checks_.try_spend(at.now_us)) {
        ++counts_.overlooked;
        return;
    }
    checks_.spend(fingerprints.size() - 1, at.now_us);
    check.of = ++last_ticket_;
    open_command& it = open_[check.of];
    it.digest = sha256(envelope.command());
    it.record.set_command(envelope.command());
    it.fingerprints = std::move(fingerprints);
    actions_.emplace_back(std::move(check));
}

void command_desk::on_checked(ticket of, const std::vector<bool>& hold, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::checking) return;
    if (hold.empty()) {
        ++counts_.overlooked;
        open_.erase(found);
        return;
    }
    open_command& it = found->second;
    std::vector<const roster::entry*> signers;
    for (std::size_t i = 0; i < std::min(hold.size(), it.fingerprints.size()); ++i) {
        // The operators may have changed meanwhile.
        const auto* signer = hold[i] ? operators_.find(it.fingerprints[i]) : nullptr;
        if (signer == nullptr) continue;
        signers.push_back(signer);
        it.names.push_back(signer->name);
        it.record.add_signers(it.fingerprints[i]);
    }
    auto command = std::make_shared<Command>();
    const std::string_view wrong =
        signers.empty()                                  ? "its signature does not hold"
        : !command->ParseFromString(it.record.command()) ? "it cannot be read"
        : command->version() != k_version                ? "it is of another version"
        : !is_addressed(*command)            ? "it is addressed to another gateway's key"
        : command->id().size() != k_id_bytes ? "its id has not 16 bytes"
                                             : "";
    if (!wrong.empty()) {
        open_.erase(found);
        return overlook(wrong, at);
    }
    it.kind = kind_of(*command);
    it.command = std::move(command);
    decide(of, std::move(signers), at);
}

bool command_desk::is_addressed(const Command& command) const {
    const auto is = [&](const key_fingerprint& one) { return command.gateway() == view_of(one); };
    return is(gateway_) || std::ranges::any_of(former_, is);
}

void command_desk::use_key(const key_fingerprint& now, std::vector<key_fingerprint> former) {
    gateway_ = now;
    former_ = std::move(former);
}

ticket command_desk::on_local(Command command, const std::string& user, const desk_time& at) {
    const ticket of = ++last_ticket_;
    command.set_version(k_version);
    command.set_gateway(std::string(view_of(gateway_)));
    open_command& it = open_[of];
    it.record.set_local_user(user);
    it.kind = kind_of(command);
    it.record.set_command(command.SerializeAsString());
    it.digest = sha256(it.record.command());
    it.command = std::make_shared<Command>(std::move(command));
    if (it.command->id().size() != k_id_bytes)
        refuse(of, COMMAND_CODE_INVALID, "id: expected 16 bytes", at);
    else
        decide(of, {}, at);
    return of;
}

// In an order in which what is said does no harm: first whether it is known.
void command_desk::decide(ticket of, std::vector<const roster::entry*> signers,
                          const desk_time& at) {
    open_command& it = open_.at(of);
    if (answer_known(of, it, at)) return;
    if (!is_local(it)) {
        if (it.command->gateway() != view_of(gateway_))
            return refuse(of, COMMAND_CODE_INVALID,
                          "it is addressed to a key that this gateway has replaced: its key is "
                          "now " +
                              to_hex(view_of(gateway_)),
                          at);
        const bool looks = it.kind != nullptr && !it.kind->changes;
        if (!nonces_.good(it.command->nonce(), at.now_us,
                          looks ? limits::k_nonces_good_to_look : limits::k_nonces_good))
            return refuse(of, COMMAND_CODE_STALE_NONCE,
                          "it was made for an earlier run of this gateway or too long ago: sign "
                          "it again with the nonce of this report",
                          at);
        if (it.command->expires_at_us() != 0 && at.wall_synchronised &&
            it.command->expires_at_us() < at.wall_us)
            return refuse(of, COMMAND_CODE_EXPIRED, "its time is over", at);
    }
    if (it.kind == nullptr)
        return refuse(of, COMMAND_CODE_UNSUPPORTED, "this gateway knows no such command", at);
    if (!is_local(it))
        if (auto objection = operators_.objection(*it.kind, signers); !objection.empty())
            return refuse(of, COMMAND_CODE_FORBIDDEN, std::move(objection), at);
    const auto at_work = std::ranges::count_if(
        open_, [](const auto& one) { return one.second.now != phase::checking; });
    if (static_cast<std::size_t>(at_work) >= limits::k_commands_open_max)
        return refuse(of, COMMAND_CODE_BUSY, "too many commands are under way", at);
    if (it.kind->changes && !is_local(it) && known_.size() >= limits::k_commands_known_max)
        return refuse(of, COMMAND_CODE_BUSY,
                      "too many commands within a day: the oldest have to be over first", at);
    if (it.kind->changes && !is_local(it) && outbound_.size() >= limits::k_outbound_max &&
        std::ranges::none_of(outbound_, [](const auto& o) { return o.second.channel == "event"; }))
        return refuse(of, COMMAND_CODE_BUSY, "too many reports wait for the fleet broker", at);
    accept(of, at);
}

// True: the id was used before, and that was answered.
bool command_desk::answer_known(ticket of, const open_command& it, const desk_time& at) {
    const auto found = known_.find(it.command->id());
    if (found == known_.end()) return false;
    const known_command& known = found->second;
    if (known.content != content_digest(*it.command)) {
        refuse(of, COMMAND_CODE_ID_REUSED, "this id was used for another command", at);
        return true;
    }
    CommandReport what;
    if (known.open != 0)
        what = report_of(it, COMMAND_STEP_RUNNING, {}, at);
    else if (!what.ParseFromString(known.report))
        what = report_of(it, COMMAND_STEP_DONE, {COMMAND_CODE_FAILED, "its report is lost"}, at);
    what.set_nonce(nonces_.current(at.now_us));
    report(of, it, what, 0);
    open_.erase(of);
    return true;
}

void command_desk::refuse(ticket of, CommandCode code, std::string message, const desk_time& at) {
    const open_command& it = open_.at(of);
    // What an operator did is written down; what a broker repeats is not.
    if (code == COMMAND_CODE_FORBIDDEN && note_asked(it.command->id(), at) == asking::first)
        journal(
            {append_audit{audit_of(it, COMMAND_STEP_DONE, code, message, at).SerializeAsString()}},
            {}, false);
    report(of, it, report_of(it, COMMAND_STEP_DONE, {code, std::move(message)}, at), 0);
    open_.erase(of);
}

// --- what becomes of it
// ------------------------------------------------------------------------------

void command_desk::accept(ticket of, const desk_time& at) {
    open_command& it = open_.at(of);
    if (!it.kind->changes) {
        switch (is_local(it) ? asking::first : note_asked(it.command->id(), at)) {
        case asking::first:
            return run(of);
        case asking::again: // a broker that repeats it gets nothing more
            ++counts_.overlooked;
            open_.erase(of);
            return;
        case asking::full:
            return refuse(of, COMMAND_CODE_BUSY, "too many questions within two hours", at);
        }
        return;
    }
    it.now = phase::receiving;
    it.record.set_step(COMMAND_STEP_RECEIVED);
    it.record.set_at_us(at.journal_us);
    known_[it.command->id()] = {content_digest(*it.command), of, {}, at.journal_us};
    const std::string& why = it.command->reason();
    actions_.emplace_back(act::log{false, (is_local(it) ? it.record.local_user() : join(it.names)) +
                                              " orders " + std::string(it.kind->name) +
                                              (why.empty() ? "" : ", because: " + why)});
    journal({put_command{it.command->id(), it.record.SerializeAsString()},
             append_audit{
                 audit_of(it, COMMAND_STEP_RECEIVED, COMMAND_CODE_OK, {}, at).SerializeAsString()}},
            {of, 0, {}}, true);
}

command_desk::asking command_desk::note_asked(const std::string& id, const desk_time& at) {
    constexpr std::int64_t k_us =
        std::int64_t{limits::k_nonce_s} * (limits::k_nonces_good_to_look + 1) * 1'000'000;
    while (!asked_in_order_.empty() && at.now_us - asked_in_order_.front().first > k_us) {
        asked_.erase(asked_in_order_.front().second);
        asked_in_order_.pop_front();
    }
    if (asked_.contains(id)) return asking::again;
    if (asked_.size() >= limits::k_commands_asked_max) return asking::full;
    asked_.insert(id);
    asked_in_order_.emplace_back(at.now_us, id);
    return asking::first;
}

void command_desk::run(ticket of) {
    open_command& it = open_.at(of);
    it.now = phase::running;
    actions_.emplace_back(act::run{of, it.command, it.again,
                                   is_local(it) ? it.record.local_user() : join(it.names),
                                   is_local(it), it.record.begun()});
}

void command_desk::on_journaled(std::uint64_t token, const desk_time& at) {
    auto found = journaling_.extract(token);
    if (found.empty()) return;
    on_disk& then = found.mapped();
    if (then.outbound != 0) keep(then.outbound, "event", std::move(then.event));
    const auto of = open_.find(then.of);
    if (of == open_.end()) return;
    if (of->second.now == phase::receiving) {
        report(then.of, of->second, report_of(of->second, COMMAND_STEP_RECEIVED, {}, at), 0);
        run(then.of);
    } else if (of->second.now == phase::ending) {
        over(then.of, at);
    }
}

void command_desk::tell_progress(ticket of, command_outcome so_far, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || is_local(found->second)) return;
    report(of, found->second, report_of(found->second, COMMAND_STEP_RUNNING, std::move(so_far), at),
           0);
}

void command_desk::finish(ticket of, command_outcome outcome, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::running) return;
    open_command& it = found->second;
    it.operators.reset();
    if (it.kind != nullptr && !it.kind->changes) {
        journal({append_audit{audit_of(it, COMMAND_STEP_DONE, outcome.code, outcome.message, at)
                                  .SerializeAsString()}},
                {}, false);
        report(of, it, report_of(it, COMMAND_STEP_DONE, std::move(outcome), at), 0);
        open_.erase(found);
        return;
    }
    it.now = phase::ending;
    journal(ending(of, std::move(outcome), at), {of, 0, {}}, true);
}

manage_ops command_desk::done_with(ticket of, command_outcome outcome, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::running) return {};
    return ending(of, std::move(outcome), at);
}

void command_desk::on_rode(ticket of, std::string report, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end()) return;
    found->second.outcome = std::move(report);
    on_rode(of, at);
}

void command_desk::on_rode(ticket of, const desk_time& at) {
    const auto found = open_.find(of);
    if (found != open_.end() && !found->second.outcome.empty()) over(of, at);
}

void command_desk::change_operators(ticket of, roster next, command_outcome outcome,
                                    const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::running) return;
    // Each begins where the one before it ended.
    if (std::ranges::any_of(open_,
                            [](const auto& one) { return one.second.operators.has_value(); }))
        return finish(of, {COMMAND_CODE_BUSY, "the operators are being changed: again", {}}, at);
    found->second.now = phase::ending;
    manage_ops ops = ending(of, std::move(outcome), at);
    ops.emplace_back(put_roster{next.content().SerializeAsString()});
    found->second.operators = std::move(next);
    journal(std::move(ops), {of, 0, {}}, true);
}

// The outcome is durable.
void command_desk::over(ticket of, const desk_time& at) {
    auto it = std::move(open_.extract(of).mapped());
    if (it.operators) {
        operators_ = std::move(*it.operators);
        actions_.emplace_back(act::operators_changed{});
    }
    if (!is_local(it)) {
        known_[it.command->id()] = {content_digest(*it.command), 0, it.outcome, at.journal_us};
        return keep(it.outbound, "res", std::move(it.outcome));
    }
    known_.erase(it.command->id());
    CommandReport what;
    what.ParseFromString(it.outcome);
    actions_.emplace_back(act::answer{of, std::move(what)});
}

void command_desk::tick(const desk_time& at) {
    manage_ops ops;
    std::erase_if(known_, [&](const auto& one) {
        if (one.second.open != 0 || at.journal_us - one.second.at_us < k_known_us) return false;
        ops.emplace_back(erase_command{one.first});
        return true;
    });
    if (!ops.empty()) journal(std::move(ops), {}, false);
    for (const auto& left : budget_.take_left_out(at.now_us / 1000))
        actions_.emplace_back(
            act::log{true, std::to_string(left.lines) +
                               " more messages for commands were not to obey: " + left.subject});
}

} // namespace wharf::manage
