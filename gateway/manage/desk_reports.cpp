// Reports of commands, events, the audit trail: what the desk says, and to whom.
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/desk.hpp"

namespace wharf::manage {

namespace {
using namespace wharf::v1;

// At most so many bytes, and no part of a character.
std::string cut(const std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end);
}
} // namespace

CommandReport command_desk::report_of(const open_command& it, CommandStep step,
                                      command_outcome outcome, const desk_time& at) const {
    CommandReport out;
    out.set_id(it.command->id());
    out.set_command(std::string(view_of(it.digest)));
    out.set_gateway(std::string(view_of(gateway_)));
    out.set_step(step);
    out.set_code(outcome.code);
    out.set_message(cut(outcome.message, limits::k_dead_message_bytes_max));
    out.set_json(std::move(outcome.json));
    out.set_nonce(nonces_.current(at.now_us));
    out.set_at_us(at.wall_us);
    if (out.ByteSizeLong() > limits::k_report_bytes_max) {
        out.clear_json();
        out.set_code(COMMAND_CODE_FAILED);
        out.set_message("the answer has more than " + std::to_string(limits::k_report_bytes_max) +
                        " bytes: ask for less at once");
    }
    return out;
}

std::string command_desk::audit_of(const open_command& it, CommandStep step, CommandCode code,
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
    return out.SerializeAsString();
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
