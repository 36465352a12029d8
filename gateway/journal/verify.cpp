// The check of every record of a journal, live or copied.
#include "gateway/base/bytes.hpp"
#include "gateway/identity/run.hpp"
#include "gateway/journal/event_block.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/journal/order_table.hpp"

#include <map>

namespace wharf {

namespace {

constexpr std::size_t k_findings_max = 100;
constexpr std::uint64_t k_progress_every = 65'536;

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
        take_marks(state_);
        WHARF_TRY(walk(in_, {}, [&](auto key, auto value) {
            ++out_.records;
            check(key, value);
            if (progress && (out_.records + out_.events) / k_progress_every > told_) {
                told_ = (out_.records + out_.events) / k_progress_every;
                progress(out_.records + out_.events);
            }
            return failed_.ok();
        }));
        WHARF_TRY(std::move(failed_));
        WHARF_TRY_ASSIGN(auto after, read_state(in_));
        out_.moved = after.SerializeAsString() != state_.SerializeAsString();
        if (!out_.moved) compare_totals();
        for (const finding& wrong : check_books(after))
            report(wrong.where, wrong.what);
        for (const finding& wrong : check_takeovers(header, after))
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
        std::string_view kind = format::kind_of(key);
        if (kind == "?") return report_key(key, "of no known kind");
        // These have checksums of their own, several to a value.
        if (kind == "events") return check_events(key, value);
        if (kind == "identities") return check_identities(key, value);
        auto content = format::unseal(key, value);
        if (!content.ok()) return report_key(key, "the checksum does not match");
        if (kind == "quarantine") return check_quarantine(key, *content);
        if (kind == "parked") return check_parked(key, *content);
        if (kind == "parked key") return check_parked_key(key, *content);
        if (kind == "sealed batch") return check_batch(key, *content);
        if (kind == "low water") return check_low_water(key, *content);
        if (kind == "session") return check_session(key, *content);
        if (kind == "ordering table") return check_order(key, *content);
        if ((kind == "mark" || kind == "packet id") && !content->empty())
            report_key(key, "malformed");
    }

    template <class Message>
    bool read(std::string_view key, std::string_view content, Message& message) {
        if (message.ParseFromArray(content.data(), static_cast<int>(content.size()))) return true;
        report_key(key, "not a " + message.GetTypeName());
        return false;
    }

    void check_events(std::string_view key, std::string_view value) {
        auto block = event_block::read(key, value);
        if (!block.ok()) return report_key(key, "the checksum does not match");
        if (block->number(0) != block->first()) return report_key(key, "malformed");
        for (std::size_t i = 0; i < block->size(); ++i)
            check_event(*block, i);
    }

    void check_event(const event_block& block, std::size_t index) {
        const sequence number = block.number(index);
        const std::string name = "event " + std::to_string(number);
        ++out_.events;
        auto event = block.event(index);
        wharf::v1::StoredEvent stored;
        if (!event.ok()) {
            report(name, "the checksum does not match");
        } else if (!stored.ParseFromArray(event->stored.data(),
                                          static_cast<int>(event->stored.size())) ||
                   block.last_of(event->head.in_lane) < number) {
            report(name, "malformed");
        } else {
            for (const order_link& link : event->head.links)
                if (link.previous >= number) report(name, "waits for a later event");
        }
        // Below the oldest only what is parked is left; up to hollow_to what was not shed; from
        // there on nothing is missing.
        if (number < oldest_) return;
        if (number != next_event()) look_at_oldest(); // retention may have gone on meanwhile
        if (number < oldest_) return;
        if (number != next_event() && number - 1 > hollow_to_) report_gap(name, number - 1);
        last_event_ = number;
    }

    void check_identities(std::string_view key, std::string_view value) {
        auto run = identity_run::read(key, value, true);
        if (!run.ok()) return report_key(key, "the checksum does not match");
        for (std::size_t i = 0; i < run->size(); ++i)
            if (!read_identity_entry(run->hash(i), run->entry(i)))
                report("identity " + std::to_string(run->first() + i),
                       "the checksum does not match");
        if (run->first() < state_.oldest_identity() || run->first() >= state_.next_identity())
            return; // written or taken away meanwhile, or there is no room for it in the totals
        if (run->first() != next_identity_ && next_identity_ != 0)
            report_key(key, "identities from " + std::to_string(next_identity_) + " are missing");
        next_identity_ = run->first() + run->size();
        out_.identities += run->size();
    }

    void check_order(std::string_view key, std::string_view content) {
        const auto part = get_big<std::uint16_t>(key.data() + key.size() - sizeof(std::uint16_t));
        if (part >= order_table::k_parts || !order_.load_part(part, content))
            report_key(key, "malformed");
    }

    sequence next_event() const { return std::max(oldest_, last_event_ + 1); }

    void report_gap(const std::string& name, sequence to) {
        report(name, "events " + std::to_string(next_event()) + " to " + std::to_string(to) +
                         " are missing");
    }

    void take_marks(const wharf::v1::JournalState& of) {
        oldest_ = of.oldest_sequence();
        hollow_to_ = of.hollow_to();
    }

    void look_at_oldest() {
        auto now = read_state(in_);
        if (now.ok())
            take_marks(*now);
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
        auto reader = in_.begin_read();
        if (!reader.ok()) return fail(std::move(reader).failure());
        auto found = event_finder(**reader).find(number);
        if (!found.ok()) return; // its block is damaged, and is reported as such
        if (!*found)
            unless_gone(**reader, key, still,
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
        if (!found->has_value()) unless_gone(**reader, key, still, otherwise);
    }

    void unless_gone(store_reader& reader, std::string_view key, std::string_view still,
                     const std::string& otherwise) {
        auto asking = reader.get(still);
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
        compare("identities", "keys", state_.next_identity() - state_.oldest_identity(),
                out_.identities);
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
    std::uint64_t told_ = 0;
    sequence oldest_ = k_no_sequence;
    sequence hollow_to_ = k_no_sequence;
    sequence last_event_ = k_no_sequence;
    std::uint64_t quarantined_events_ = 0;
    std::uint64_t next_identity_ = 0;
    order_table order_;
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
    if (state.next_identity() < state.oldest_identity())
        wrong.push_back({"state", "the numbers of identities contradict each other"});
    if (state.oldest_sequence() == 0 || state.next_quarantine() == 0 ||
        state.oldest_sequence() > state.last_sequence() + 1)
        wrong.push_back({"state", "the numbers of events contradict each other"});
    for (const auto& destination : state.destinations())
        if (parts_of(destination) != intake.accepted())
            wrong.push_back(
                {"books of " + destination.name(), "the parts do not add up to accepted"});
    return wrong;
}

std::vector<finding> check_takeovers(const wharf::v1::JournalHeader& header,
                                     const wharf::v1::JournalState& state) {
    std::vector<finding> wrong;
    std::uint32_t number = 0;
    sequence after = 0;
    for (const auto& one : header.takeovers()) {
        if (one.number() <= number || one.after() < after || one.after() > state.last_sequence())
            wrong.push_back({"header", "its takeovers contradict each other or the books"});
        number = one.number();
        after = one.after();
    }
    if (header.takeovers_size() > 0 && header.format_version() < format::k_version_taken_over)
        wrong.push_back({"header", "a takeover in a format that has none"});
    return wrong;
}

result<verification> verify(store& in, const std::function<void(std::uint64_t)>& progress) {
    return verifier(in).run(progress);
}

} // namespace wharf
