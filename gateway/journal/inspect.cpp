#include "gateway/journal/inspect.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"

#include <map>

namespace wharf {

result<wharf::v1::JournalHeader> read_header(store& from) {
    WHARF_TRY_ASSIGN(auto reader, from.begin_read());
    std::string key = format::header_key();
    WHARF_TRY_ASSIGN(auto value, reader->get(key));
    if (!value) return error{errc::not_found, "no journal here: its header is missing"};
    wharf::v1::JournalHeader header;
    WHARF_TRY(format::unseal(key, *value, header));
    if (header.format_version() > format::k_version)
        return error{errc::unsupported,
                     "the journal has format " + std::to_string(header.format_version()) +
                         ", this program knows up to " + std::to_string(format::k_version) +
                         ". Use the program that wrote it"};
    return header;
}

result<wharf::v1::JournalState> read_state(store& from) {
    WHARF_TRY_ASSIGN(auto reader, from.begin_read());
    std::string key = format::state_key();
    WHARF_TRY_ASSIGN(auto value, reader->get(key));
    if (!value) return error{errc::corrupt, "the journal has no books"};
    wharf::v1::JournalState state;
    WHARF_TRY(format::unseal(key, *value, state));
    return state;
}

status walk(store& in, std::string from, const store_reader::visitor& visit) {
    while (true) {
        std::size_t seen = 0;
        bool more = false;
        WHARF_TRY_ASSIGN(auto reader, in.begin_read());
        WHARF_TRY(reader->scan(from, [&](std::string_view key, std::string_view value) {
            if (++seen > limits::k_scan_entries_max) {
                from = key;
                more = true;
                return false;
            }
            if (visit(key, value)) return true;
            more = false;
            return false;
        }));
        if (!more) return ok();
    }
}

result<std::vector<quarantine_entry>> list_quarantine(store& in, std::uint64_t after,
                                                      std::size_t count_max) {
    std::vector<quarantine_entry> out;
    status readable = ok();
    WHARF_TRY(walk(in, format::quarantine_key(after + 1), [&](auto key, auto value) {
        if (key.front() != format::k_quarantine || out.size() >= count_max) return false;
        quarantine_entry& entry = out.emplace_back();
        entry.number = format::trailing_number(key);
        readable = format::unseal(key, value, entry.message);
        return readable.ok();
    }));
    WHARF_TRY(std::move(readable));
    return out;
}

result<quarantine_entry> read_quarantine(store& in, std::uint64_t number) {
    WHARF_TRY_ASSIGN(auto found, list_quarantine(in, number - 1, 1));
    if (found.empty() || found.front().number != number)
        return error{errc::not_found,
                     "nothing in quarantine under number " + std::to_string(number)};
    return std::move(found.front());
}

result<std::vector<parked_entry>> list_parked(store& in, std::uint8_t destination, sequence after,
                                              std::size_t count_max) {
    std::vector<parked_entry> out;
    std::string prefix = format::parked_prefix(destination);
    status readable = ok();
    WHARF_TRY(walk(in, format::parked_key(destination, after + 1), [&](auto key, auto value) {
        if (!key.starts_with(prefix) || out.size() >= count_max) return false;
        parked_entry& entry = out.emplace_back();
        entry.number = format::trailing_number(key);
        readable = format::unseal(key, value, entry.update);
        return readable.ok();
    }));
    WHARF_TRY(std::move(readable));
    return out;
}

namespace {

std::string kind_of(std::string_view key) {
    if (key.empty()) return "?";
    switch (key.front()) {
    case format::k_header:
        return "header";
    case format::k_state:
        return "state";
    case format::k_event:
        return "event";
    case format::k_identity:
        return "identity";
    case format::k_identity_age:
        return "identity age";
    case format::k_qos2:
        return "packet id";
    case format::k_quarantine:
        return "quarantine";
    case format::k_redelivery:
        return "redelivery hint";
    case format::k_session:
        return "session";
    case format::k_delivery:
        break;
    default:
        return "?";
    }
    switch (key.size() > 2 ? key[2] : '\0') {
    case format::k_batch:
        return "sealed batch";
    case format::k_parked_key:
        return "parked key";
    case format::k_low_water:
        return "low water";
    case format::k_mark:
        return "mark";
    case format::k_parked:
        return "parked";
    default:
        return "?";
    }
}

} // namespace

result<std::vector<kind_total>> totals(store& in) {
    std::map<std::string, kind_total> by_kind;
    WHARF_TRY(walk(in, {}, [&](auto key, auto value) {
        kind_total& total = by_kind[kind_of(key)];
        ++total.records;
        total.bytes += key.size() + value.size();
        return true;
    }));
    std::vector<kind_total> out;
    for (auto& [kind, total] : by_kind) {
        total.kind = kind;
        out.push_back(total);
    }
    return out;
}

namespace {

class verifier {
  public:
    explicit verifier(store& in) : in_(in) {}

    result<verification> run(const std::function<void(std::uint64_t)>& progress) {
        WHARF_TRY_ASSIGN(auto header, read_header(in_));
        WHARF_TRY_ASSIGN(state_, read_state(in_));
        WHARF_TRY(walk(in_, {}, [&](auto key, auto value) {
            ++out_.records;
            if (progress && out_.records % 65536 == 0) progress(out_.records);
            check(key, value);
            return true;
        }));
        WHARF_TRY_ASSIGN(auto after, read_state(in_));
        out_.moved = after.SerializeAsString() != state_.SerializeAsString();
        if (!out_.moved) compare_totals();
        return std::move(out_);
    }

  private:
    void report(std::string where, std::string what) {
        if (++out_.findings_total <= 100)
            out_.findings.push_back({std::move(where), std::move(what)});
    }

    void check(std::string_view key, std::string_view value) {
        auto content = format::unseal(key, value);
        std::string kind = kind_of(key);
        if (!content.ok() || kind == "?") {
            report(format::describe_key(key),
                   kind == "?" ? "of no known kind" : "the checksum does not match");
            return;
        }
        if (kind == "event")
            check_event(key, *content);
        else if (kind == "quarantine")
            check_message<wharf::v1::QuarantinedMessage>(key, *content, out_.quarantined);
        else if (kind == "parked")
            check_parked(key, *content);
        else if (kind == "identity")
            ++out_.identities;
        else if (kind == "sealed batch")
            check_message<wharf::v1::SealedBatch>(key, *content, batches_);
        else if (kind == "session")
            check_message<wharf::v1::SessionRecord>(key, *content, sessions_);
    }

    template <class Message>
    void check_message(std::string_view key, std::string_view content, std::uint64_t& count) {
        ++count;
        Message message;
        if (!message.ParseFromArray(content.data(), static_cast<int>(content.size())))
            report(format::describe_key(key), "not a " + message.GetTypeName());
    }

    void check_event(std::string_view key, std::string_view content) {
        sequence number = format::trailing_number(key);
        ++out_.events;
        auto event = format::decode_event(number, content);
        wharf::v1::StoredEvent stored;
        if (!event.ok() ||
            !stored.ParseFromArray(event->stored.data(), static_cast<int>(event->stored.size())))
            return report(format::describe_key(key), "malformed");
        // Below the oldest only what is parked is left; from there on nothing is missing.
        if (number < state_.oldest_sequence()) return;
        sequence expected = std::max(state_.oldest_sequence(), last_event_ + 1);
        if (number != expected)
            report(format::describe_key(key), "events " + std::to_string(expected) + " to " +
                                                  std::to_string(number - 1) + " are missing");
        last_event_ = number;
        for (const order_link& link : event->head.links)
            if (link.previous >= number)
                report(format::describe_key(key), "waits for a later event");
    }

    void check_parked(std::string_view key, std::string_view content) {
        check_message<wharf::v1::ParkedUpdate>(key, content, out_.parked);
        wharf::v1::ParkedUpdate parked;
        if (!parked.ParseFromArray(content.data(), static_cast<int>(content.size()))) return;
        if (parked.state() == wharf::v1::PARKED_STATE_DEAD)
            ++dead_[static_cast<std::uint8_t>(key[1])];
        std::string event = format::event_key(format::trailing_number(key));
        auto reader = in_.begin_read();
        if (!reader.ok()) return;
        auto found = (*reader)->get(event);
        if (!found.ok() || !found->has_value())
            report(format::describe_key(key), "its event is not in the journal");
    }

    void compare_totals() {
        if (last_event_ != state_.last_sequence() &&
            state_.oldest_sequence() <= state_.last_sequence())
            report("state", "events after " + std::to_string(last_event_) + " up to " +
                                std::to_string(state_.last_sequence()) + " are missing");
        const auto& intake = state_.intake();
        if (intake.accepted() != state_.last_sequence())
            report("books", "accepted " + std::to_string(intake.accepted()) +
                                ", but the last event is " +
                                std::to_string(state_.last_sequence()));
        if (intake.received() !=
            intake.refused() + intake.quarantined() + intake.duplicate() + intake.accepted())
            report("books", "received is not refused + quarantined + duplicate + accepted");
        for (int i = 0; i < state_.destinations_size(); ++i) {
            const auto& d = state_.destinations(i);
            if (d.filtered() + d.pending() + d.superseded() + d.applied() + d.handed_over() +
                    d.dead() + d.discarded() + d.shed() !=
                intake.accepted())
                report("books of " + d.name(), "the parts do not add up to accepted");
            if (d.dead() != dead_[static_cast<std::uint8_t>(i)])
                report("books of " + d.name(),
                       "dead " + std::to_string(d.dead()) + ", parked as dead " +
                           std::to_string(dead_[static_cast<std::uint8_t>(i)]));
        }
    }

    store& in_;
    wharf::v1::JournalState state_;
    verification out_;
    sequence last_event_ = k_no_sequence;
    std::uint64_t batches_ = 0;
    std::uint64_t sessions_ = 0;
    std::map<std::uint8_t, std::uint64_t> dead_;
};

} // namespace

result<verification> verify(store& in, const std::function<void(std::uint64_t)>& progress) {
    return verifier(in).run(progress);
}

} // namespace wharf
