// The end of a gateway: by an operator's word, for good, in one transaction with the command's
// outcome.
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

namespace wharf {

namespace {

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

void count_left(const wharf::v1::JournalState& in, wharf::v1::GatewayEnd& out) {
    std::uint64_t pending = 0;
    std::uint64_t dead = 0;
    for (const auto& books : in.destinations()) {
        pending += books.pending();
        dead += books.dead();
    }
    out.set_pending(pending);
    out.set_dead(dead);
    out.set_quarantined(in.next_quarantine() - 1 - in.quarantine_discarded());
}

} // namespace

std::string what_is_left(const wharf::v1::GatewayEnd& end) {
    if (end.pending() == 0 && end.dead() == 0 && end.quarantined() == 0) return {};
    return counted(end.pending(), "update is pending", "updates are pending") + ", " +
           counted(end.dead(), "is dead", "are dead") + ", " +
           counted(end.quarantined(), "message is in quarantine", "messages are in quarantine");
}

std::string end_words(const wharf::v1::GatewayEnd& end) {
    std::string out = end.factory_reset() ? "it is reset to how it left the factory, by "
                                          : "it was decommissioned by ";
    out += end.by();
    if (!end.reason().empty()) out += ", because: " + end.reason();
    return out;
}

// The words; empty where nothing is against it.
std::string journal::objection_to_end(const end_request& request) const {
    if (next_.has_end()) return "this gateway has ended already";
    if (request.only_drained && !next_.has_drain())
        return "it still takes events: wharfctl drain first";
    if (request.exported) {
        const auto& header = request.exported->header;
        const auto& trailer = request.exported->trailer;
        if (header.gateway() != options_.gateway || header.epoch() != recovery_.names.newest() ||
            header.takeover() != recovery_.names.takeover_number())
            return "the export is not of this journal";
        // Whoever took an event after it would be the only one that has it.
        if (trailer.last_sequence() != next_.last_sequence() ||
            trailer.intake().SerializeAsString() != next_.intake().SerializeAsString())
            return "this journal took events or messages after the export was made: export it "
                   "again";
        return {};
    }
    wharf::v1::GatewayEnd now;
    count_left(next_, now);
    const std::string left = what_is_left(now);
    if (left.empty() || request.may_lose) return {};
    return left;
}

status journal::apply_one(const end_request& request) {
    gateway_ended answer;
    answer.token = request.token;
    answer.refused = objection_to_end(request);
    if (answer.refused.empty()) {
        answer.end = request.content;
        count_left(next_, answer.end);
        if (request.exported) answer.end.set_export_sha256(request.exported->trailer.sha256());
        *next_.mutable_end() = answer.end;
        dirty_ = true;
        WHARF_TRY(group_->erase(format::roster_key()));
        if (request.with) WHARF_TRY(apply_managed(request.with(answer)));
    }
    answers_.emplace_back(std::move(answer));
    return ok();
}

status journal::apply_op(const set_drain& op) {
    dirty_ = true;
    if (op.drain)
        *next_.mutable_drain() = *op.drain;
    else
        next_.clear_drain();
    return ok();
}

} // namespace wharf
