// Taking a message out of quarantine: what it holds is judged again, and what comes of it and the
// end of its record are one transaction. In the books its events stay received once.
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <algorithm>

namespace wharf {

namespace {

using wharf::v1::QuarantinedMessage;

// Its events that were taken when it came are known by their places.
bool stands_for(const QuarantinedMessage& record, const prepared_item& item) {
    if (!record.has_index() || !item.index) return true;
    return std::ranges::find(record.indices(), *item.index) != record.indices().end();
}

std::string objection_to(const QuarantinedMessage& record, const prepared_message& message) {
    if (record.unfit())
        return "what was kept of it is not all that was published: it cannot be read again";
    if (message.items.empty()) return "it is for the site alone now: no route takes it";
    if (!record.has_index() || !message.items.front().index) return {};
    if (record.message_events() == message.items.size()) return {};
    return "it was read as " + std::to_string(record.message_events()) + " events and is read as " +
           std::to_string(message.items.size()) +
           " now: which of them were taken when it came cannot be told";
}

// The message cannot be taken apart any more: its record goes on standing for the same events.
void keep_standing(const QuarantinedMessage& before, QuarantinedMessage& now) {
    now.set_events(before.events());
    now.set_index(before.index());
    *now.mutable_indices() = before.indices();
    now.set_message_events(before.message_events());
}

} // namespace

status journal::apply_one(const quarantine_release_request& request) {
    quarantine_released answer;
    answer.token = request.token;
    const std::string key = format::quarantine_key(request.number);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    answer.found = value.has_value();
    QuarantinedMessage record;
    if (value) {
        WHARF_TRY(format::unseal(key, *value, record));
        answer.refused = objection_to(record, request.message);
    }
    if (next_.has_end()) answer.refused = "this gateway has ended";
    if (value && answer.refused.empty()) {
        dirty_ = true;
        findings bad;
        WHARF_TRY(judge_again(request.message, record, bad, answer));
        for (event_receipt& receipt : answer.receipts)
            if (receipt.fate == event_fate::quarantined) receipt.quarantine = request.number;
        bad.record.set_message_events(static_cast<std::uint32_t>(request.message.items.size()));
        if (bad.record.events() > 0 && !bad.record.has_index() && record.has_index()) {
            keep_standing(record, bad.record);
            answer.verdict.quarantined = record.events();
        }
        bad.record.set_site(request.message.site);
        bad.record.set_device(request.message.device);
        WHARF_TRY(end_release(request.number, record, bad.record, answer.verdict));
        if (request.with) WHARF_TRY(apply_managed(request.with(answer)));
    }
    answers_.emplace_back(std::move(answer));
    return ok();
}

status journal::judge_again(const prepared_message& message, const QuarantinedMessage& record,
                            findings& bad, quarantine_released& answer) {
    bool keyless = false;
    for (const prepared_item& item : message.items) {
        if (!stands_for(record, item)) continue;
        const ingest_verdict before = answer.verdict;
        if (const auto* why = std::get_if<prepared_quarantine>(&item.what)) {
            WHARF_TRY(bad.note(item, *why, k_no_sequence));
            answer.verdict.quarantined += why->events;
        } else {
            WHARF_TRY(judge(message, item, std::get<prepared_event>(item.what), answer.verdict,
                            keyless, bad));
        }
        add_receipt(item, before, answer.verdict, bad, answer.receipts);
    }
    return ok();
}

// A message that could not be taken apart was counted as one event, and may turn out to hold more:
// those are received now.
status journal::end_release(std::uint64_t number, const QuarantinedMessage& before,
                            QuarantinedMessage& left, const ingest_verdict& verdict) {
    auto* books = next_.mutable_intake();
    books->set_received(books->received() + verdict.accepted + verdict.duplicate +
                        verdict.quarantined - before.events());
    books->set_accepted(books->accepted() + verdict.accepted);
    books->set_duplicate(books->duplicate() + verdict.duplicate);
    books->set_quarantined(books->quarantined() + verdict.quarantined - before.events());
    const std::string key = format::quarantine_key(number);
    if (verdict.quarantined > 0) {
        left.set_received_at_us(before.received_at_us());
        left.set_clock_unsynchronised(before.clock_unsynchronised());
        left.set_client_id(before.client_id());
        left.set_bridge(before.bridge());
        left.set_topic(before.topic());
        left.set_payload(before.payload());
        left.set_content_type(before.content_type());
        *left.mutable_user_properties() = before.user_properties();
        return put(key, left);
    }
    next_.set_quarantine_discarded(next_.quarantine_discarded() + 1);
    next_.set_quarantine_released(next_.quarantine_released() + 1);
    return group_->erase(key);
}

} // namespace wharf
