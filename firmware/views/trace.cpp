#include "firmware/views/trace.hpp"

#include "firmware/views/stages.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/identity/rules.hpp"
#include "gateway/journal/event_block.hpp"
#include "gateway/journal/inspect.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf::views {

namespace {

using json = nlohmann::ordered_json;
using v1::TraceCommand;

constexpr std::size_t k_count_default = 20;
constexpr std::size_t k_quarantine_page = 100;
constexpr std::size_t k_quarantined_max = 20;
constexpr std::size_t k_key_digits = 16;

std::string hex_of(std::uint64_t key) {
    std::string bytes;
    put_big(bytes, key);
    return to_hex(bytes);
}

// The document that an ordering key is made of, or the key as a trace shows it; 16 digits may be
// either.
result<std::vector<std::uint64_t>> keys_of(const std::string& text) {
    if (text.size() > limits::k_identifier_bytes_max)
        return error{errc::invalid, "expected a document's name of at most " +
                                        std::to_string(limits::k_identifier_bytes_max) +
                                        " bytes, or the 16 hexadecimal digits of an ordering key"};
    std::vector<std::uint64_t> out = {document_key(text)};
    if (text.size() == k_key_digits)
        if (const auto bytes = from_hex(text)) out.push_back(get_big<std::uint64_t>(bytes->data()));
    return out;
}

// What a package or a shipment is called; an order of the same name is none.
bool is_of_shipment(const v1::Event& event, const std::string& name) {
    switch (event.body_case()) {
    case v1::Event::kPacked:
        return event.packed().package() == name || event.packed().sscc() == name ||
               event.packed().shipment() == name;
    case v1::Event::kShipped:
        return event.shipped().package() == name || event.shipped().shipment() == name;
    case v1::Event::kMilestone:
        return event.milestone().package() == name || event.milestone().shipment() == name;
    default:
        return false;
    }
}

json event_json(const stored_record& record) {
    const auto& stored = record.event;
    json flags = json::array();
    if ((record.head.flags & k_flag_without_identity) != 0) flags.push_back("without_identity");
    if ((record.head.flags & k_flag_double_trigger) != 0) flags.push_back("double_trigger");
    json keys = json::array();
    for (const order_link& link : record.head.links)
        keys.push_back(hex_of(link.key_hash));
    json out = {{"number", record.head.number},
                {"what", words_of(stored.event()).what},
                {"event_id", stored.event().event_id()},
                {"correlation_id", stored.event().correlation_id()},
                {"received",
                 {{"at", time_text(stored.received_at_us())},
                  {"clock_synchronised", (record.head.flags & k_flag_clock_unsynchronised) == 0},
                  {"site", stored.site()},
                  {"device", stored.device()},
                  {"stream", stored.stream()}}},
                {"identity", {{"decision", "accepted"}, {"flags", std::move(flags)}}},
                {"lane", to_string(record.head.in_lane)},
                {"order_keys", std::move(keys)}};
    if (!stored.bridge().empty()) out["received"]["bridge"] = stored.bridge();
    if (stored.released_from() != 0)
        out["identity"]["released_from_quarantine"] = stored.released_from();
    return out;
}

} // namespace

tracer::tracer(store& journal, TraceCommand asked)
    : journal_(&journal), asked_(std::move(asked)),
      count_max_(asked_.count_max() == 0
                     ? k_count_default
                     : std::min<std::size_t>(asked_.count_max(), limits::k_trace_events_max)) {}

result<tracer> tracer::make(store& journal, const TraceCommand& asked) {
    tracer out(journal, asked);
    switch (asked.by_case()) {
    case TraceCommand::kSequence:
        if (asked.sequence() == 0) return error{errc::invalid, "sequence: numbers begin at 1"};
        return out;
    case TraceCommand::kEventId:
        out.text_ = asked.event_id();
        break;
    case TraceCommand::kCorrelationId:
        out.text_ = asked.correlation_id();
        break;
    case TraceCommand::kShipment:
        out.text_ = asked.shipment();
        break;
    case TraceCommand::kOrderKey:
        out.text_ = asked.order_key();
        break;
    case TraceCommand::BY_NOT_SET:
        break;
    }
    if (out.text_.empty())
        return error{errc::invalid, "expected one of sequence, event_id, correlation_id, shipment "
                                    "and order_key"};
    if (asked.by_case() == TraceCommand::kShipment || asked.by_case() == TraceCommand::kOrderKey) {
        auto keys = keys_of(out.text_);
        if (!keys.ok())
            return std::move(keys).failure().in(
                asked.by_case() == TraceCommand::kShipment ? "shipment" : "order_key");
        out.keys_ = std::move(*keys);
    }
    return out;
}

// Most are told from what is looked for without being taken apart.
bool tracer::fits(const event_head& head, std::string_view stored) const {
    if (!keys_.empty()) {
        if (std::ranges::none_of(head.links, [&](const order_link& link) {
                return std::ranges::find(keys_, link.key_hash) != keys_.end();
            }))
            return false;
        if (asked_.by_case() == TraceCommand::kOrderKey) return true;
    } else if (stored.find(text_) == stored.npos) {
        return false;
    }
    v1::StoredEvent event;
    if (!event.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) return false;
    if (asked_.by_case() == TraceCommand::kShipment) return is_of_shipment(event.event(), text_);
    return asked_.by_case() == TraceCommand::kEventId ? event.event().event_id() == text_
                                                      : event.event().correlation_id() == text_;
}

result<bool> tracer::step() {
    if (asked_.by_case() == TraceCommand::kSequence) {
        looked_at_ = found_ = 1;
        newest_ = {asked_.sequence()};
        return true;
    }
    bool more = false;
    std::size_t seen = 0;
    WHARF_TRY_ASSIGN(auto reader, journal_->begin_read());
    WHARF_TRY(
        visit_blocks(*reader, after_ + 1, [&](auto, const event_block& block) -> result<bool> {
            for (std::size_t i = block.find(after_ + 1); i < block.size(); ++i) {
                if (seen++ >= limits::k_trace_scan_max) {
                    more = true;
                    return false;
                }
                WHARF_TRY_ASSIGN(const auto event, block.event(i));
                after_ = event.head.number;
                ++looked_at_;
                if (!fits(event.head, event.stored)) continue;
                ++found_;
                newest_.push_back(event.head.number);
                if (newest_.size() > count_max_) newest_.pop_front();
            }
            return true;
        }));
    return !more;
}

// Messages that may be about it: a duplicate leaves none, but what contradicts or could not be read
// is here.
result<json> tracer::quarantined() const {
    json out = json::array();
    std::uint64_t after = 0;
    while (out.size() < k_quarantined_max) {
        WHARF_TRY_ASSIGN(const auto page, list_quarantine(*journal_, after, k_quarantine_page));
        for (const auto& [number, message] : page) {
            after = number;
            const bool contradicts =
                std::ranges::find(newest_, message.contradicts()) != newest_.end();
            const bool names = !text_.empty() && message.payload().find(text_) != std::string::npos;
            if ((!contradicts && !names) || out.size() >= k_quarantined_max) continue;
            out.push_back({{"number", number},
                           {"received_at", time_text(message.received_at_us())},
                           {"device", message.device()},
                           {"topic", message.topic()},
                           {"reason", message.reason()},
                           {"detail", message.detail()}});
            if (message.contradicts() != 0) out.back()["contradicts"] = message.contradicts();
        }
        if (page.size() < k_quarantine_page) break;
    }
    return out;
}

result<json> tracer::answer() const {
    WHARF_TRY_ASSIGN(const auto where, stages::read(*journal_));
    const journal_view view(*journal_);
    json events = json::array();
    for (const sequence number : newest_) {
        const auto record = view.event(number);
        if (!record.ok() && record.failure().code != errc::not_found) return record.failure();
        if (!record.ok()) continue; // retention was faster, or it never was
        json event = event_json(*record);
        WHARF_TRY_ASSIGN(event["destinations"], where.of(record->head));
        std::string stored;
        message_to_json(record->event, stored);
        event["stored"] = json::parse(stored, nullptr, false);
        events.push_back(std::move(event));
    }
    if (events.empty() && asked_.by_case() == TraceCommand::kSequence)
        return error{errc::not_found, "event " + std::to_string(asked_.sequence()) +
                                          " is not in the journal, which holds " +
                                          std::to_string(where.state().oldest_sequence()) + " to " +
                                          std::to_string(where.state().last_sequence()) +
                                          ", and older ones only where they are parked"};
    WHARF_TRY_ASSIGN(json apart, quarantined());
    return json{{"events", std::move(events)},
                {"found", found_},
                {"looked_at", looked_at_},
                {"oldest_event", where.state().oldest_sequence()},
                {"last_event", where.state().last_sequence()},
                {"quarantined", std::move(apart)},
                {"not_found_here", "duplicates: what came again under an identity that was "
                                   "accepted is counted and not kept"}};
}

result<json> trace_json(store& journal, const TraceCommand& asked) {
    WHARF_TRY_ASSIGN(auto of, tracer::make(journal, asked));
    for (bool done = false; !done;) {
        WHARF_TRY_ASSIGN(done, of.step());
    }
    return of.answer();
}

} // namespace wharf::views
