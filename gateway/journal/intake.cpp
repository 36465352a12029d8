// How the journal takes what ingest prepared: judged by identity, appended or quarantined, counted.
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

namespace wharf {

const journal::connection* journal::current(const std::string& client_id,
                                            std::uint64_t generation) const {
    auto found = connected_.find(client_id);
    const bool is = found != connected_.end() && found->second.generation == generation;
    return is ? &found->second : nullptr;
}

status journal::apply_one(const ingest_request& request) {
    if (next_.has_end()) return ok(); // and not acknowledged
    const prepared_message& message = request.message;
    // Its connection was replaced while it waited here. Not acknowledged, so the client sends it
    // again in its new session; taken now, its packet id would spoil that session.
    const connection* from = current(message.client_id, message.generation);
    if (from == nullptr && !message.without_session &&
        !WHARF_MUTANT(replaced_connection_still_taken)) {
        answers_.emplace_back(ingest_dropped{request.token});
        return ok();
    }
    const bool has_hints = from == nullptr || from->has_hints;
    if (!message.items.empty()) dirty_ = true;
    ingest_done answer;
    answer.token = request.token;
    ingest_verdict& verdict = answer.verdict;
    bool keyless = false;
    findings bad;
    for (const prepared_item& item : message.items) {
        const ingest_verdict before = verdict;
        if (const auto* why = std::get_if<prepared_quarantine>(&item.what)) {
            WHARF_TRY(bad.note(item, *why, k_no_sequence));
            verdict.quarantined += why->events;
        } else {
            WHARF_TRY(
                judge(message, item, std::get<prepared_event>(item.what), verdict, keyless, bad));
        }
        if (message.wants_receipt) add_receipt(item, before, verdict, bad, answer.receipts);
    }
    if (bad.record.events() > 0) WHARF_TRY(quarantine(message, bad.record));
    auto* books = next_.mutable_intake();
    books->set_received(books->received() + verdict.accepted + verdict.duplicate +
                        verdict.quarantined);
    books->set_accepted(books->accepted() + verdict.accepted);
    books->set_duplicate(books->duplicate() + verdict.duplicate);
    books->set_quarantined(books->quarantined() + verdict.quarantined);
    if (message.persistent_session && message.qos == 2 && !WHARF_MUTANT(qos2_id_not_journaled))
        WHARF_TRY(put(format::qos2_key(message.client_id, message.packet_id), ""));
    if (message.persistent_session && message.qos == 1 && (keyless || has_hints))
        WHARF_TRY(note_redelivery_hint(message, keyless));
    WHARF_TRY(apply_local(message.local));
    answers_.emplace_back(std::move(answer));
    return ok();
}

// What became of the item, told from what it changed in the verdict.
void journal::add_receipt(const prepared_item& item, const ingest_verdict& before,
                          const ingest_verdict& after, const findings& bad,
                          std::vector<event_receipt>& out) const {
    event_receipt& receipt = out.emplace_back();
    receipt.index = item.index;
    if (after.accepted > before.accepted) {
        receipt.number = next_.last_sequence();
    } else if (after.duplicate > before.duplicate) {
        receipt.fate = event_fate::duplicate;
    } else {
        receipt.fate = event_fate::quarantined;
        receipt.quarantine = next_.next_quarantine();
        receipt.reason = bad.last_reason;
        receipt.detail = bad.last_detail;
    }
}

// What the packet id carried last. Whoever uses an id again has got the acknowledgement of what it
// carried before, so that an older hint says nothing any more.
status journal::note_redelivery_hint(const prepared_message& message, bool keyless) {
    std::string key = format::redelivery_key(message.client_id, message.packet_id);
    dirty_ = true;
    if (!keyless || WHARF_MUTANT(redelivery_hint_not_noted)) return group_->erase(key);
    set_connected(message.client_id, connection{message.generation, true});
    return put(key, view_of(keyed_digest(options_.digests, message.payload)));
}

// A message whose events have nothing that tells them from equal ones: does it repeat, under DUP,
// what this packet id carried before? Nothing: it does not look like it. True: the profile says
// that it is. False: it cannot be known.
result<std::optional<bool>> journal::is_redelivery(const prepared_message& message) {
    std::optional<bool> verdict;
    if (!message.dup || !message.resumed_session || message.qos != 1) return verdict;
    std::string key = format::redelivery_key(message.client_id, message.packet_id);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    if (!value) return verdict;
    WHARF_TRY_ASSIGN(auto before, format::unseal(key, *value));
    if (before == view_of(keyed_digest(options_.digests, message.payload)))
        verdict = message.packet_ids_not_reused;
    return verdict;
}

status journal::judge(const prepared_message& message, const prepared_item& item,
                      const prepared_event& event, ingest_verdict& verdict, bool& keyless,
                      findings& bad) {
    std::uint16_t flags = event.flags;
    if (event.identity_keys.empty()) {
        WHARF_TRY_ASSIGN(auto redelivery, is_redelivery(message));
        keyless = true;
        if (redelivery && !*redelivery) {
            verdict.quarantined += 1;
            return bad.note(item,
                            {"ambiguous_redelivery",
                             "sent again (DUP, same packet id, same content) without an event_id, "
                             "a business key or a device time: it may be the same event or an "
                             "equal one. Give events an id, or state packet_ids_not_reused in the "
                             "device's profile",
                             1},
                            k_no_sequence);
        }
        if (redelivery) {
            verdict.duplicate += 1;
            return ok();
        }
        flags |= k_flag_without_identity;
    } else {
        WHARF_TRY_ASSIGN(auto match, identity_.find(*group_, event.identity_keys, event.content));
        if (match.what == identity_match::kind::same ||
            (match.what == identity_match::kind::conflict &&
             WHARF_MUTANT(contradiction_taken_for_duplicate))) {
            verdict.duplicate += 1;
            return ok();
        }
        if (match.what == identity_match::kind::conflict) {
            verdict.quarantined += 1;
            return bad.note(item,
                            {"conflict",
                             "says something else than event " + std::to_string(match.original) +
                                 " under the same id or business key; a correction needs a new "
                                 "revision",
                             1},
                            match.original);
        }
    }
    if (!event.trigger_key.empty() && event.on_double_trigger != double_trigger_policy::keep) {
        auto first =
            triggers_.seen_within(event.trigger_key, event.double_trigger_window_us, now_us_);
        bool drop = first && event.on_double_trigger == double_trigger_policy::drop;
        triggers_.note(event.trigger_key, drop ? *first : next_.last_sequence() + 1, now_us_);
        if (drop) {
            // Delivered again, it is still the same trigger, however late.
            verdict.duplicate += 1;
            identity_.remember(event.identity_keys, event.content, *first);
            return ok();
        }
        if (first) flags |= k_flag_double_trigger;
    }
    verdict.accepted += 1;
    return append(event, flags);
}

status journal::append(const prepared_event& event, std::uint16_t flags) {
    event_head head;
    head.number = next_.last_sequence() + 1;
    head.in_lane = event.in_lane;
    head.flags = flags;
    head.journal_time_us = now_us_;
    head.links = order_.link(head.number, head.in_lane, event.order_keys);
    head.body_bytes = static_cast<std::uint32_t>(event.stored.size());
    block_.add(head, event.stored);
    if (block_.bytes() >= limits::k_event_block_bytes) WHARF_TRY(write_block());

    if (!WHARF_MUTANT(identity_not_remembered))
        identity_.remember(event.identity_keys, event.content, head.number);
    next_.set_last_sequence(head.number);
    for (int number = 0; number < next_.destinations_size(); ++number) {
        auto* books = next_.mutable_destinations(number);
        if (is_configured(number))
            books->set_pending(books->pending() + (WHARF_MUTANT(pending_counted_twice) ? 2 : 1));
        else // it was taken out of the configuration: nothing of this is for it
            books->set_filtered(books->filtered() + 1);
    }
    appended_.push_back(std::move(head));
    return ok();
}

status journal::findings::note(const prepared_item& item, const prepared_quarantine& why,
                               sequence contradicts) {
    constexpr int k_more_max = 15;
    bool first = record.events() == 0;
    record.set_events(record.events() + why.events);
    if (item.index) record.add_indices(*item.index);
    last_reason = why.reason;
    last_detail = why.detail;
    if (first) {
        if (item.index) record.set_index(*item.index);
        record.set_reason(why.reason);
        record.set_detail(why.detail);
        record.set_contradicts(contradicts);
    } else if (record.more_size() < k_more_max) {
        auto* finding = record.add_more();
        if (item.index) finding->set_index(*item.index);
        finding->set_reason(why.reason);
        finding->set_detail(why.detail);
        finding->set_contradicts(contradicts);
    }
    return ok();
}

status journal::quarantine(const prepared_message& message, wharf::v1::QuarantinedMessage& record) {
    record.set_message_events(static_cast<std::uint32_t>(message.items.size()));
    record.set_received_at_us(message.received_at_us);
    record.set_clock_unsynchronised(message.clock_unsynchronised);
    record.set_unfit(message.unfit);
    record.set_content_type(message.content_type);
    for (const auto& [name, value] : message.properties) {
        auto* property = record.add_user_properties();
        property->set_name(name);
        property->set_value(value);
    }
    // A bridge's client id is one that no device can have, and is no text for people.
    if (message.bridge.empty())
        record.set_client_id(message.client_id);
    else
        record.set_bridge(message.bridge);
    record.set_site(message.site);
    record.set_device(message.device);
    record.set_topic(message.topic);
    record.set_payload(message.payload);
    std::uint64_t number = next_.next_quarantine();
    next_.set_next_quarantine(number + 1);
    if (WHARF_MUTANT(quarantine_counted_not_written)) return ok();
    return put(format::quarantine_key(number), record);
}

status journal::apply_one(const quarantine_discard_request& request) {
    std::string key = format::quarantine_key(request.number);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    if (value) {
        wharf::v1::QuarantinedMessage message;
        WHARF_TRY(format::unseal(key, *value, message));
        WHARF_TRY(group_->erase(key));
        dirty_ = true;
        next_.set_quarantine_discarded(next_.quarantine_discarded() + 1);
        next_.set_quarantine_discarded_events(next_.quarantine_discarded_events() +
                                              message.events());
        WHARF_TRY(apply_managed(request.with));
    }
    answers_.emplace_back(quarantine_discarded{request.token, value.has_value()});
    return ok();
}

} // namespace wharf
