#include "firmware/views/stages.hpp"

#include "firmware/views/dead.hpp"
#include "firmware/views/words.hpp"
#include "gateway/journal/inspect.hpp"
#include "sync/delivery/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace wharf::views {

using json = nlohmann::ordered_json;

namespace {

// The books count how updates ended, the journal does not keep it of each: where only one way was
// ever taken it is known.
json ends_of(const v1::DestinationBooks& books) {
    json out = json::array();
    const std::pair<const char*, std::uint64_t> ways[] = {
        {"applied", books.applied()},     {"handed_over", books.handed_over()},
        {"filtered", books.filtered()},   {"superseded", books.superseded()},
        {"discarded", books.discarded()}, {"shed", books.shed()},
    };
    for (const auto& [name, count] : ways)
        if (count > 0) out.push_back(name);
    return out;
}

bool is_paused(const v1::DestinationBooks& books, lane which) {
    return books.paused() ||
           std::ranges::find(books.paused_lanes(), index_of(which)) != books.paused_lanes().end();
}

} // namespace

result<stages> stages::read(store& journal) {
    stages out(journal);
    WHARF_TRY_ASSIGN(const auto header, read_header(journal));
    out.gateway_ = header.gateway();
    out.names_ = epochs_of(header);
    WHARF_TRY_ASSIGN(out.state_, read_state(journal));
    const journal_view view(journal);
    for (int i = 0; i < out.state_.destinations_size(); ++i) {
        destination one;
        one.number = static_cast<std::uint8_t>(i);
        one.books = out.state_.destinations(i);
        if (one.books.name().empty()) continue;
        WHARF_TRY_ASSIGN(one.where, view.delivery(one.number));
        out.destinations_.push_back(std::move(one));
    }
    return out;
}

bool stages::is_settled(const destination& at, lane in_lane, sequence number) {
    const auto& marks = at.where.marks[index_of(in_lane)];
    return number <= at.where.low_water[index_of(in_lane)] ||
           std::ranges::binary_search(marks, number);
}

std::string stages::key_of(sequence number, std::uint32_t revision) const {
    return idempotency_key(gateway_, names_.of(number), {number, revision});
}

// Those before it under its ordering keys that are not out of the way.
result<json> stages::blockers(const destination& one, const event_head& head) const {
    const journal_view view(*journal_);
    json out = json::array();
    for (const order_link& link : head.links) {
        if (link.previous == k_no_sequence) continue;
        WHARF_TRY_ASSIGN(const auto parked, view.parked(one.number, link.previous));
        if (parked && parked->blocks()) {
            out.push_back({{"number", link.previous},
                           {"lane", to_string(link.previous_lane)},
                           {"state", state_text(parked->state())}});
        } else if (!parked && !is_settled(one, link.previous_lane, link.previous)) {
            out.push_back({{"number", link.previous},
                           {"lane", to_string(link.previous_lane)},
                           {"state", "pending"}});
        }
    }
    return out;
}

result<json> stages::at(const destination& one, const event_head& head) const {
    json out = {{"destination", one.books.name()}};
    for (const seal_batch& batch : one.where.open_batches)
        for (const auto& item : batch.content.items()) {
            if (item.sequence() != head.number) continue;
            out["state"] = "in_flight";
            out["revision"] = item.revision();
            out["idempotency_key"] = key_of(head.number, item.revision());
            out["batch"] = {
                {"id",
                 batch_id(gateway_,
                          names_.of(batch.content.items(batch.content.items_size() - 1).sequence()),
                          batch.batch)},
                {"items", batch.content.items_size()},
                {"sealed_at", time_text(batch.content.sealed_at_us())}};
            return out;
        }
    WHARF_TRY_ASSIGN(const auto parked, journal_view(*journal_).parked(one.number, head.number));
    const std::uint32_t revision = parked ? parked->revision() : 0;
    if (parked) {
        out["state"] = state_text(parked->state());
        out["code"] = parked->code();
        out["message"] = parked->message();
        out["attempts"] = parked->attempts();
        out["since"] = time_text(parked->parked_at_us());
    } else if (is_settled(one, head.in_lane, head.number)) {
        const json ends = ends_of(one.books);
        if (ends.size() == 1) {
            out["state"] = ends[0];
        } else {
            out["state"] = "settled";
            out["as_one_of"] = ends;
        }
    } else {
        out["state"] = "pending";
    }
    if (!is_settled(one, head.in_lane, head.number) || parked) {
        WHARF_TRY_ASSIGN(json before, blockers(one, head));
        out["lane"] = to_string(head.in_lane);
        if (!before.empty()) out["behind"] = std::move(before);
        if (is_paused(one.books, head.in_lane)) out["paused"] = true;
    }
    out["revision"] = revision;
    out["idempotency_key"] = key_of(head.number, revision);
    return out;
}

result<json> stages::of(const event_head& head) const {
    json out = json::array();
    for (const destination& one : destinations_) {
        WHARF_TRY_ASSIGN(json stage, at(one, head));
        out.push_back(std::move(stage));
    }
    return out;
}

} // namespace wharf::views
