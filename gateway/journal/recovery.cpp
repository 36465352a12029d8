// Opening the journal: what it reads, what it checks, and the commit before anything is answered.
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/journal/view.hpp"

#include <algorithm>

namespace wharf {

result<std::unique_ptr<journal>> journal::open(store& in, identity_window& identity,
                                               journal_options options, std::int64_t wall_us) {
    std::unique_ptr<journal> opened(new journal(in, identity, std::move(options)));
    WHARF_TRY(opened->recover(wall_us));
    return opened;
}

status journal::recover(std::int64_t wall_us) {
    WHARF_TRY_ASSIGN(auto reader, store_.begin_read());
    WHARF_TRY_ASSIGN(auto header, reader->get(format::header_key()));
    bool empty = !header.has_value();
    bool anything = false;
    if (empty)
        WHARF_TRY(reader->scan({}, [&](std::string_view, std::string_view) {
            anything = true;
            return false;
        }));
    reader.reset();
    if (anything) return error{errc::corrupt, "the journal has records but no header"};
    if (!empty) WHARF_TRY(check_header());
    WHARF_TRY(open_identities());
    WHARF_TRY(rebuild_order());
    WHARF_TRY(begin(WHARF_MUTANT(journal_time_is_wall_clock) ? wall_us : state_.journal_time_us()));
    if (empty) WHARF_TRY(create(wall_us));
    WHARF_TRY(register_destinations());
    WHARF_TRY(end_connections());
    commit_result committed = commit();
    if (committed.outcome != commit_outcome::durable)
        return error{committed.outcome == commit_outcome::no_space ? errc::no_space : errc::io,
                     "first commit: " + committed.message};
    WHARF_TRY(read_low_water());
    recovery_.last_sequence = state_.last_sequence();
    recovery_.sessions = sessions_;
    return ok();
}

status journal::create(std::int64_t wall_us) {
    wharf::v1::JournalHeader header;
    header.set_format_version(format::k_version_made);
    header.set_epoch(options_.epoch);
    header.set_gateway(options_.gateway);
    header.set_created_at_us(wall_us);
    header.set_digest_key(std::string(view_of(options_.digests)));
    recovery_.created = true;
    recovery_.names.first = options_.epoch;
    next_.set_oldest_sequence(1);
    next_.set_next_quarantine(1);
    next_.mutable_intake();
    return put(format::header_key(), header);
}

status journal::open_identities() {
    WHARF_TRY_ASSIGN(auto reader, store_.begin_read());
    return identity_.open(
        *reader,
        {state_.oldest_identity(), state_.next_identity(), state_.identities_evicted_early()},
        options_.identity);
}

namespace {

status last_event(std::string_view key, std::string_view value, sequence& last) {
    WHARF_TRY_ASSIGN(auto block, event_block::read(key, value));
    WHARF_TRY(block.record(block.size() - 1));
    last = block.last();
    return ok();
}

} // namespace

status journal::check_header() {
    WHARF_TRY_ASSIGN(auto header, read_header(store_));
    if (header.gateway() != options_.gateway)
        return error{errc::conflict,
                     "this is the journal of gateway \"" + header.gateway() +
                         "\", the configuration names \"" + options_.gateway +
                         "\". Who takes over a journal takes over the gateway's name"};
    recovery_.names = epochs_of(header);
    if (header.digest_key().size() != options_.digests.size())
        return error{errc::corrupt, "header: the key of the digests is missing"};
    std::copy(header.digest_key().begin(), header.digest_key().end(), options_.digests.begin());
    WHARF_TRY_ASSIGN(state_, read_state(store_));
    if (auto wrong = check_books(state_); !wrong.empty())
        return error{errc::corrupt, wrong.front().where + ": " + wrong.front().what};
    if (auto wrong = check_takeovers(header, state_); !wrong.empty())
        return error{errc::corrupt, wrong.front().where + ": " + wrong.front().what};

    // The books and the last event were written in one transaction: they agree or the file lies.
    WHARF_TRY_ASSIGN(auto reader, store_.begin_read());
    sequence last = k_no_sequence;
    status readable = ok();
    WHARF_TRY(reader->scan_back(std::string(1, format::k_event + 1),
                                [&](std::string_view key, std::string_view value) {
                                    if (key.front() != format::k_event) return false;
                                    readable = last_event(key, value, last);
                                    return false;
                                }));
    WHARF_TRY(std::move(readable));
    bool expected = state_.oldest_sequence() <= state_.last_sequence();
    if (last > state_.last_sequence() || (expected && last != state_.last_sequence()))
        return error{errc::corrupt, "the last event is " + std::to_string(last) +
                                        ", the books say " +
                                        std::to_string(state_.last_sequence())};
    return ok();
}

// A destination keeps its number for the journal's life. What came before it was configured is not
// for it.
status journal::register_destinations() {
    for (int known = 0; known < next_.destinations_size(); ++known) {
        const auto& books = next_.destinations(known);
        const auto& names = options_.destinations;
        if (std::find(names.begin(), names.end(), books.name()) != names.end()) continue;
        if (books.pending() > 0)
            return error{errc::conflict,
                         "destination \"" + books.name() + "\" has " +
                             std::to_string(books.pending()) +
                             " undelivered updates, but the configuration leaves it out. Keep it "
                             "until it has them all"};
    }
    for (const std::string& name : options_.destinations) {
        int number = 0;
        while (number < next_.destinations_size() && next_.destinations(number).name() != name)
            ++number;
        if (number == next_.destinations_size()) {
            if (number >= static_cast<int>(limits::k_destinations_max))
                return error{errc::too_large,
                             "the journal knows " + std::to_string(limits::k_destinations_max) +
                                 " destinations already, no room for \"" + name + "\""};
            auto* books = next_.add_destinations();
            books->set_name(name);
            books->set_filtered(next_.intake().accepted());
        }
        if (is_configured(number))
            return error{errc::invalid, "destination \"" + name + "\" is configured twice"};
        numbers_.push_back(static_cast<std::uint8_t>(number));
        // Without pending updates there is nothing below the end that it still has to see, neither
        // where it is new nor where it comes back after a time without it.
        if (next_.destinations(number).pending() == 0) WHARF_TRY(register_anew(number));
    }
    return ok();
}

status journal::register_anew(int number) {
    const auto destination = static_cast<std::uint8_t>(number);
    for (std::size_t i = 0; i < k_lane_count; ++i)
        WHARF_TRY(
            apply_op(destination, advance_low_water{static_cast<lane>(i), next_.last_sequence()}));
    return wipe_prefix(format::mark_prefix(destination));
}

status journal::read_low_water() {
    journal_view view(store_);
    for (std::uint8_t destination : numbers_) {
        WHARF_TRY_ASSIGN(auto state, view.delivery(destination));
        low_water_[destination] = state.low_water;
        // What was shed before and is still there can be anywhere.
        if (state_.destinations(destination).shed() > 0)
            shed_to_[destination] = state_.last_sequence();
        for (sequence mark : state.low_water)
            if (mark > state_.last_sequence())
                return error{errc::corrupt, "destination " + std::to_string(destination) +
                                                " stands at " + std::to_string(mark) +
                                                ", after the last event"};
        recovery_.undelivered =
            std::max(recovery_.undelivered, state_.destinations(destination).pending());
    }
    next_low_water_ = low_water_;
    return ok();
}

// Where the table was when it was last written; 0 where it never was.
result<sequence> journal::load_order() {
    WHARF_TRY_ASSIGN(auto reader, store_.begin_read());
    std::optional<sequence> as_of;
    for (std::size_t part = 0; part < order_table::k_parts; ++part) {
        const std::string key = format::order_key(static_cast<std::uint16_t>(part));
        WHARF_TRY_ASSIGN(auto value, reader->get(key));
        if (!value && part == 0) return k_no_sequence;
        if (!value) return error{errc::corrupt, format::describe_key(key) + ": missing"};
        WHARF_TRY_ASSIGN(auto content, format::unseal(key, *value));
        const auto stands_at = order_.load_part(part, content);
        if (!stands_at || *stands_at > state_.last_sequence() || (as_of && *as_of != *stands_at))
            return error{errc::corrupt, format::describe_key(key) + ": malformed"};
        as_of = stands_at;
    }
    return *as_of;
}

// Only the events since the table was written are looked at.
status journal::rebuild_order() {
    WHARF_TRY_ASSIGN(order_written_, load_order());
    journal_view view(store_);
    // What retention took was settled: nothing waits for it.
    sequence from = std::max(order_written_, state_.oldest_sequence() - 1);
    while (true) {
        WHARF_TRY_ASSIGN(auto page, view.heads_of_all(from, limits::k_scan_entries_max));
        for (const event_head& head : page.heads) {
            if (head.number != from + 1 && head.number - 1 > state_.hollow_to())
                return error{errc::corrupt, "events " + std::to_string(from + 1) + " to " +
                                                std::to_string(head.number - 1) + " are missing"};
            from = head.number;
            if (!WHARF_MUTANT(order_not_rebuilt)) order_.note(head);
        }
        if (page.at_end) return ok();
    }
}

// Whoever was connected no longer is.
status journal::end_connections() {
    std::vector<wharf::v1::SessionRecord> open;
    std::string prefix(1, format::k_session);
    status readable = ok();
    WHARF_TRY(group_->scan(prefix, [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(prefix)) return false;
        wharf::v1::SessionRecord record;
        readable = format::unseal(key, value, record);
        if (!readable.ok()) return false;
        ++next_sessions_;
        if (record.incarnation() != 0) set_live(record.incarnation(), true);
        if (record.disconnected_at_us() == 0) open.push_back(std::move(record));
        return true;
    }));
    WHARF_TRY(std::move(readable));
    for (wharf::v1::SessionRecord& record : open) {
        record.set_disconnected_at_us(std::max<std::int64_t>(now_us_, 1));
        WHARF_TRY(put(format::session_key(record.client_id()), record));
    }
    return ok();
}

} // namespace wharf
