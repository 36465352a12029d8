#include "gateway/manage/late_end.hpp"

#include "gateway/base/limits.hpp"

namespace wharf::manage {

using namespace wharf::v1;

std::string cut(const std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end);
}

void put_outcome(CommandReport& into, command_outcome outcome) {
    into.set_code(outcome.code);
    into.set_message(cut(outcome.message, limits::k_dead_message_bytes_max));
    into.set_json(std::move(outcome.json));
    if (into.ByteSizeLong() <= limits::k_report_bytes_max) return;
    into.clear_json();
    into.set_code(COMMAND_CODE_FAILED);
    into.set_message("the answer has more than " + std::to_string(limits::k_report_bytes_max) +
                     " bytes: ask for less at once");
}

late_end::made late_end::with(command_outcome outcome) const {
    made out;
    out.ops = room_;
    AuditEntry audit = audit_;
    audit.set_code(outcome.code);
    audit.set_message(cut(outcome.message, limits::k_text_bytes_max));
    out.ops.emplace_back(append_audit{audit.SerializeAsString()});
    CommandReport report = report_;
    put_outcome(report, std::move(outcome));
    out.report = report.SerializeAsString();
    // Nobody can order it again under its id: that was drawn for this once.
    if (!record_.local_user().empty()) {
        out.ops.emplace_back(erase_command{report.id()});
        return out;
    }
    CommandRecord record = record_;
    record.set_step(COMMAND_STEP_DONE);
    record.set_report(out.report);
    out.ops.emplace_back(put_command{report.id(), record.SerializeAsString()});
    OutboundRecord outbound;
    outbound.set_channel("res");
    outbound.set_report(out.report);
    out.ops.emplace_back(put_outbound{outbound_, outbound.SerializeAsString()});
    return out;
}

} // namespace wharf::manage
