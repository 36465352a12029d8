// Reports of commands, events, the audit trail: what the desk says, and to whom.
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/desk.hpp"

namespace wharf::manage {

using namespace wharf::v1;

CommandReport command_desk::report_of(const open_command& it, CommandStep step,
                                      command_outcome outcome, const desk_time& at) const {
    CommandReport out;
    out.set_id(it.command->id());
    out.set_command(std::string(view_of(it.digest)));
    out.set_gateway(std::string(view_of(gateway_)));
    out.set_step(step);
    out.set_nonce(nonces_.current(at.now_us));
    out.set_at_us(at.wall_us);
    put_outcome(out, std::move(outcome));
    return out;
}

AuditEntry command_desk::audit_of(const open_command& it, CommandStep step, CommandCode code,
                                  const std::string& message, const desk_time& at) const {
    AuditEntry out;
    out.set_at_us(at.wall_us);
    out.set_clock_synchronised(at.wall_synchronised);
    out.set_command_id(it.command->id());
    out.set_command(std::string(view_of(it.digest)));
    if (it.kind != nullptr) out.set_kind(std::string(it.kind->name));
    out.set_step(step);
    out.set_code(code);
    out.set_message(cut(message, limits::k_text_bytes_max));
    out.set_reason(cut(it.command->reason(), limits::k_text_bytes_max));
    for (const std::string& name : it.names)
        out.add_operators(name);
    for (const std::string& key : it.record.signers())
        out.add_keys(key);
    out.set_local_user(it.record.local_user());
    return out;
}

// What makes the end of a command durable.
late_end command_desk::end_of(ticket of, std::size_t bytes, const desk_time& at) {
    open_command& it = open_.at(of);
    late_end out;
    out.record_ = it.record;
    out.report_ = report_of(it, COMMAND_STEP_DONE, {}, at);
    out.audit_ = audit_of(it, COMMAND_STEP_DONE, COMMAND_CODE_OK, {}, at);
    if (is_local(it)) return out;
    // For a report there is always room: acceptance saw to it.
    static_cast<void>(make_room(bytes, out.room_));
    if (it.outbound == 0) it.outbound = ++last_outbound_;
    out.outbound_ = it.outbound;
    return out;
}

manage_ops command_desk::ending(ticket of, command_outcome outcome, const desk_time& at) {
    const std::size_t bytes = outcome.json.size() + limits::k_dead_message_bytes_max;
    late_end::made made = end_of(of, bytes, at).with(std::move(outcome));
    open_.at(of).outcome = std::move(made.report);
    return std::move(made.ops);
}

void command_desk::answer_early(ticket of, command_outcome so_far, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || !is_local(found->second)) return;
    actions_.emplace_back(
        act::answer{of, report_of(found->second, COMMAND_STEP_RUNNING, std::move(so_far), at)});
}

manage_ops command_desk::begun_with(ticket of, std::string how) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::running) return {};
    open_command& it = found->second;
    it.record.set_begun(std::move(how));
    return {put_command{it.command->id(), it.record.SerializeAsString()}};
}

std::optional<late_end> command_desk::ends_later(ticket of, const desk_time& at) {
    const auto found = open_.find(of);
    if (found == open_.end() || found->second.now != phase::running) return std::nullopt;
    return end_of(of, limits::k_report_bytes_max, at);
}

void command_desk::report(ticket of, const open_command& it, const CommandReport& what,
                          std::uint64_t outbound) {
    if (!is_local(it))
        actions_.emplace_back(act::publish{"res", what.SerializeAsString(), outbound});
    else if (what.step() == COMMAND_STEP_DONE)
        actions_.emplace_back(act::answer{of, what});
}

void command_desk::journal(manage_ops ops, on_disk then, bool urgent) {
    manage_request request;
    request.token = ++last_token_;
    request.urgent = urgent;
    request.ops = std::move(ops);
    journaling_.emplace(request.token, std::move(then));
    actions_.emplace_back(act::journal{std::move(request)});
}

// --- what waits for the fleet broker
// -----------------------------------------------------------------

// Events give way to what is newer, reports of commands do not. False: there is no room.
bool command_desk::make_room(std::size_t bytes, manage_ops& ops) {
    const auto fits = [&] {
        return outbound_.size() < limits::k_outbound_max &&
               outbound_bytes_ + bytes <= limits::k_outbound_bytes_max;
    };
    for (auto at = outbound_.begin(); !fits() && at != outbound_.end();) {
        if (at->second.channel != "event") {
            ++at;
            continue;
        }
        ops.emplace_back(erase_outbound{at->first});
        outbound_bytes_ -= at->second.report.size();
        in_flight_.erase(at->first);
        at = outbound_.erase(at);
        ++counts_.events_lost;
    }
    return fits();
}

void command_desk::raise(GatewayEvent event, const desk_time& at) {
    event.set_number(last_outbound_ + 1);
    event.set_at_us(at.wall_us);
    std::string report = event.SerializeAsString();
    manage_ops ops;
    if (!make_room(report.size(), ops)) {
        ++counts_.events_lost;
    } else {
        OutboundRecord out;
        out.set_channel("event");
        out.set_report(report);
        ops.emplace_back(put_outbound{++last_outbound_, out.SerializeAsString()});
        journal(std::move(ops), {0, last_outbound_, std::move(report)}, false);
    }
}

void command_desk::keep(std::uint64_t number, std::string channel, std::string report) {
    outbound_bytes_ += report.size();
    outbound_.insert_or_assign(number, waiting{std::move(channel), std::move(report)});
    send_next();
}

void command_desk::send_next() {
    if (!link_up_) return;
    for (const auto& [number, one] : outbound_) {
        if (in_flight_.size() >= limits::k_outbound_in_flight_max) return;
        if (in_flight_.insert(number).second)
            actions_.emplace_back(act::publish{one.channel, one.report, number});
    }
}

void command_desk::on_link_up() {
    link_up_ = true;
    in_flight_.clear();
    send_next();
}

void command_desk::on_delivered(std::uint64_t outbound) {
    in_flight_.erase(outbound);
    const auto found = outbound_.find(outbound);
    if (found != outbound_.end()) {
        outbound_bytes_ -= found->second.report.size();
        outbound_.erase(found);
        journal({erase_outbound{outbound}}, {}, false);
    }
    send_next();
}

desk_counts command_desk::counts() const {
    desk_counts out = counts_;
    out.outbound = outbound_.size();
    out.open = open_.size();
    return out;
}

} // namespace wharf::manage
