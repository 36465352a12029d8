// The check of every record of a journal, live or copied.
#include "gateway/base/bytes.hpp"
#include "gateway/identity/window.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"

#include <map>

namespace wharf {

namespace {

constexpr std::size_t k_findings_max = 100;

std::uint64_t parts_of(const wharf::v1::DestinationBooks& d) {
    return d.filtered() + d.pending() + d.superseded() + d.applied() + d.handed_over() + d.dead() +
           d.discarded() + d.shed();
}

class verifier {
  public:
    explicit verifier(store& in) : in_(in) {}

    result<verification> run(const std::function<void(std::uint64_t)>& progress) {
        WHARF_TRY_ASSIGN(auto header, read_header(in_));
        WHARF_TRY_ASSIGN(state_, read_state(in_));
        oldest_ = state_.oldest_sequence();
        WHARF_TRY(walk(in_, {}, [&](auto key, auto value) {
            ++out_.records;
            if (progress && out_.records % 65536 == 0) progress(out_.records);
            check(key, value);
            return failed_.ok();
        }));
        WHARF_TRY(std::move(failed_));
        WHARF_TRY_ASSIGN(auto after, read_state(in_));
        out_.moved = after.SerializeAsString() != state_.SerializeAsString();
        if (!out_.moved) compare_totals();
        for (const finding& wrong : check_books(after))
            report(wrong.where, wrong.what);
        return std::move(out_);
    }

  private:
    void report(std::string where, std::string what) {
        if (++out_.findings_total <= k_findings_max)
            out_.findings.push_back({std::move(where), std::move(what)});
    }
    void report_key(std::string_view key, std::string what) {
        report(format::describe_key(key), std::move(what));
    }

    void check(std::string_view key, std::string_view value) {
        auto content = format::unseal(key, value);
        std::string_view kind = format::kind_of(key);
        if (kind == "?") return report_key(key, "of no known kind");
        if (!content.ok()) return report_key(key, "the checksum does not match");
        if (kind == "event") return check_event(key, *content);
        if (kind == "quarantine") return check_quarantine(key, *content);
        if (kind == "parked") return check_parked(key, *content);
        if (kind == "parked key") return check_parked_key(key, *content);
        if (kind == "sealed batch") return check_batch(key, *content);
        if (kind == "low water") return check_low_water(key, *content);
        if (kind == "session") return check_session(key, *content);
        if (kind == "identity") return add(key, identities_in_entry(*content), out_.identities);
        if (kind == "identity age") return add(key, identities_in_age(*content), aged_);
        if ((kind == "mark" || kind == "packet id") && !content->empty())
            report_key(key, "malformed");
    }

    void add(std::string_view key, std::optional<std::size_t> count, std::uint64_t& to) {
        if (!count) return report_key(key, "malformed");
        to += *count;
    }

    template <class Message>
    bool read(std::string_view key, std::string_view content, Message& message) {
        if (message.ParseFromArray(content.data(), static_cast<int>(content.size()))) return true;
        report_key(key, "not a " + message.GetTypeName());
        return false;
    }

    void check_event(std::string_view key, std::string_view content) {
        if (key.size() != 1 + sizeof(sequence)) return report_key(key, "malformed");
        sequence number = format::trailing_number(key);
        ++out_.events;
        auto event = format::decode_event(number, content);
        wharf::v1::StoredEvent stored;
        if (!event.ok() ||
            !stored.ParseFromArray(event->stored.data(), static_cast<int>(event->stored.size())))
            return report_key(key, "malformed");
        for (const order_link& link : event->head.links)
            if (link.previous >= number) report_key(key, "waits for a later event");
        // Below the oldest only what is parked is left; from there on nothing is missing.
        if (number < oldest_) return;
        if (number != next_event()) look_at_oldest(); // retention may have gone on meanwhile
        if (number < oldest_) return;
        if (number != next_event()) report_gap(key, number - 1);
        last_event_ = number;
    }

    sequence next_event() const { return std::max(oldest_, last_event_ + 1); }

    void report_gap(std::string_view key, sequence to) {
        report_key(key, "events " + std::to_string(next_event()) + " to " + std::to_string(to) +
                            " are missing");
    }

    void look_at_oldest() {
        auto now = read_state(in_);
        if (now.ok())
            oldest_ = now->oldest_sequence();
        else
            failed_ = std::move(now).failure();
    }

    void check_quarantine(std::string_view key, std::string_view content) {
        ++out_.quarantined;
        wharf::v1::QuarantinedMessage message;
        if (read(key, content, message)) quarantined_events_ += message.events();
    }

    void check_session(std::string_view key, std::string_view content) {
        wharf::v1::SessionRecord session;
        if (read(key, content, session) && format::session_key(session.client_id()) != key)
            report_key(key, "names another client");
    }

    void check_low_water(std::string_view key, std::string_view content) {
        byte_reader reader(content);
        auto mark = reader.little<sequence>();
        if (!reader.done()) return report_key(key, "malformed");
        if (mark > state_.last_sequence()) high_marks_.emplace_back(key);
        ++low_waters_;
    }

    void check_parked(std::string_view key, std::string_view content) {
        ++out_.parked;
        wharf::v1::ParkedUpdate parked;
        if (!read(key, content, parked)) return;
        const auto destination = static_cast<std::uint8_t>(key[1]);
        const sequence number = format::trailing_number(key);
        if (parked.state() == wharf::v1::PARKED_STATE_DEAD) ++dead_[destination];
        parked_keys_ += parked.order_keys_size();
        need_event(key, key, number);
        for (std::uint64_t order_key : parked.order_keys())
            need(key, key, format::parked_under_key(destination, order_key, number),
                 "it is not in the index of its keys");
    }

    void check_parked_key(std::string_view key, std::string_view content) {
        if (!content.empty()) return report_key(key, "malformed");
        ++indexed_keys_;
    }

    void check_batch(std::string_view key, std::string_view content) {
        wharf::v1::SealedBatch batch;
        if (!read(key, content, batch)) return;
        for (const auto& item : batch.items())
            need_event(key, key, item.sequence());
    }

    void need_event(std::string_view key, std::string_view still, sequence number) {
        need(key, still, format::event_key(number),
             "its event " + std::to_string(number) + " is not in the journal");
    }

    // Reads afresh, because the walk's transaction may be older than a change: no finding where
    // what asked for it is gone by now too.
    void need(std::string_view key, std::string_view still, const std::string& wanted,
              const std::string& otherwise) {
        auto reader = in_.begin_read();
        if (!reader.ok()) return fail(std::move(reader).failure());
        auto found = (*reader)->get(wanted);
        if (!found.ok()) return fail(std::move(found).failure());
        if (found->has_value()) return;
        auto asking = (*reader)->get(still);
        if (!asking.ok()) return fail(std::move(asking).failure());
        if (asking->has_value()) report_key(key, otherwise);
    }

    void fail(error why) {
        if (failed_.ok()) failed_ = std::move(why);
    }

    // Only where nothing was written meanwhile.
    void compare_totals() {
        if (last_event_ != state_.last_sequence() &&
            state_.oldest_sequence() <= state_.last_sequence())
            report("state", "events " + std::to_string(next_event()) + " to " +
                                std::to_string(state_.last_sequence()) + " are missing");
        compare("quarantine", "messages",
                state_.next_quarantine() - 1 - state_.quarantine_discarded(), out_.quarantined);
        compare("quarantine", "events",
                state_.intake().quarantined() - state_.quarantine_discarded_events(),
                quarantined_events_);
        compare("identities", "keys", state_.identities(), out_.identities);
        compare("identities", "keys by age", state_.identities(), aged_);
        compare("parked", "keys in their index", parked_keys_, indexed_keys_);
        compare("delivery", "low-water marks", k_lane_count * state_.destinations_size(),
                low_waters_);
        for (const std::string& key : high_marks_)
            report_key(key, "stands after the last event");
        for (int i = 0; i < state_.destinations_size(); ++i)
            compare("books of " + state_.destinations(i).name(), "dead",
                    state_.destinations(i).dead(), dead_[static_cast<std::uint8_t>(i)]);
    }

    void compare(const std::string& where, const std::string& what, std::uint64_t said,
                 std::uint64_t found) {
        if (said == found) return;
        report(where, what + ": " + std::to_string(said) + " are said to be there, found " +
                          std::to_string(found));
    }

    store& in_;
    wharf::v1::JournalState state_;
    verification out_;
    status failed_ = ok();
    sequence oldest_ = k_no_sequence;
    sequence last_event_ = k_no_sequence;
    std::uint64_t quarantined_events_ = 0;
    std::uint64_t aged_ = 0;
    std::uint64_t parked_keys_ = 0;
    std::uint64_t indexed_keys_ = 0;
    std::uint64_t low_waters_ = 0;
    std::vector<std::string> high_marks_;
    std::map<std::uint8_t, std::uint64_t> dead_;
};

} // namespace

std::vector<finding> check_books(const wharf::v1::JournalState& state) {
    std::vector<finding> wrong;
    const auto& intake = state.intake();
    if (intake.accepted() != state.last_sequence())
        wrong.push_back({"books", "accepted " + std::to_string(intake.accepted()) +
                                      ", but the last event is " +
                                      std::to_string(state.last_sequence())});
    if (intake.received() !=
        intake.refused() + intake.quarantined() + intake.duplicate() + intake.accepted())
        wrong.push_back({"books", "received is not refused + quarantined + duplicate + accepted"});
    if (state.oldest_sequence() == 0 || state.next_quarantine() == 0 ||
        state.oldest_sequence() > state.last_sequence() + 1)
        wrong.push_back({"state", "the numbers of events contradict each other"});
    for (const auto& destination : state.destinations())
        if (parts_of(destination) != intake.accepted())
            wrong.push_back(
                {"books of " + destination.name(), "the parts do not add up to accepted"});
    return wrong;
}

result<verification> verify(store& in, const std::function<void(std::uint64_t)>& progress) {
    return verifier(in).run(progress);
}

} // namespace wharf
