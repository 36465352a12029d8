#include "gateway/identity/window.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace wharf {

namespace {

constexpr std::size_t k_expired_runs_min = 4;
// Runs whose fronts are on their way from the disk while one is read.
constexpr std::size_t k_runs_fetched = 32;
constexpr unsigned k_merge_pause_groups = 256;

static_assert(limits::k_identities_max + identity_tuning{}.table_slack < k_fingerprint_ordinals);

error missing(std::uint64_t ordinal) {
    return error{errc::corrupt, "identities from " + std::to_string(ordinal) + ": missing"};
}

// Says how many bytes the value has.
result<std::uint32_t> put_run(store_writer& in, const std::string& key,
                              const identity_run_builder& of, std::size_t from, std::size_t count,
                              std::int64_t newest_us) {
    const std::string front = of.front(key, from, count, newest_us);
    const std::string_view pieces[] = {front, of.entries(from, count)};
    WHARF_TRY(in.put_pieces(key, pieces));
    return static_cast<std::uint32_t>(front.size() + pieces[1].size());
}

error too_long(std::uint64_t ordinal) {
    return error{errc::corrupt, "identities from " + std::to_string(ordinal) +
                                    ": more than the journal's state knows of"};
}

} // namespace

// The largest size divided by a power of two: doubling ends exactly there.
std::size_t identity_window::entries_for(std::uint64_t count) const {
    std::size_t entries = table_max_;
    while (entries / 2 >= tuning_.table_min && entries / 2 > count + count / 8)
        entries /= 2;
    return entries;
}

void identity_window::make_table(std::uint64_t count) {
    table_ = fingerprint_table(0); // first the memory of the old one
    table_ = fingerprint_table(entries_for(count), tuning_.fingerprint_bits);
}

status identity_window::open(store_reader& in, const identity_state& committed,
                             const identity_bounds& bounds) {
    WHARF_ASSERT(bounds.count_max <= limits::k_identities_max);
    bounds_ = bounds;
    committed_ = state_ = committed;
    if (committed.next < committed.oldest || committed.count() >= k_fingerprint_ordinals)
        return error{errc::corrupt, "the numbers of identities contradict each other"};
    pending_.clear();
    runs_.clear();
    bytes_ = 0;
    small_from_ = 0;
    // Where count_max was larger before, the window is brought down to it group by group.
    const std::uint64_t most = std::max<std::uint64_t>(
        bounds.count_max, std::min<std::uint64_t>(committed.count(), limits::k_identities_max));
    table_max_ = static_cast<std::size_t>(most) + tuning_.table_slack;
    make_table(committed.count());
    set_live();
    return read_runs(in);
}

// All that were committed. Also fills runs_ where it is empty. The fronts of some runs are fetched
// while one is read.
status identity_window::read_runs(store_reader& in) {
    const bool list = runs_.empty();
    std::uint64_t expected = committed_.oldest;
    std::deque<std::pair<std::string, std::string_view>> fetched;
    status outcome = ok();
    auto read_first = [&] {
        if (expected >= committed_.next) return false;
        auto count = read_run(fetched.front().first, fetched.front().second, expected, list);
        fetched.pop_front();
        if (count.ok()) expected += *count;
        if (!count.ok()) outcome = std::move(count).failure();
        return outcome.ok();
    };
    WHARF_TRY(in.scan(identity_run_key(expected), [&](auto key, auto value) {
        if (key.front() != k_identity_run_tag) return false;
        in.will_read(value.substr(0, identity_run::front_bytes(tuning_.run_max)));
        fetched.emplace_back(key, value);
        return fetched.size() < k_runs_fetched || read_first();
    }));
    while (outcome.ok() && !fetched.empty() && read_first()) {
    }
    WHARF_TRY(std::move(outcome));
    if (expected != committed_.next) return missing(expected);
    return ok();
}

// Says how many identities it has.
result<std::size_t> identity_window::read_run(std::string_view key, std::string_view value,
                                              std::uint64_t expected, bool list) {
    constexpr std::size_t k_ahead = 16;
    WHARF_TRY_ASSIGN(auto run, identity_run::read(key, value, true));
    if (run.first() != expected) return missing(expected);
    if (run.size() > committed_.next - expected) return too_long(expected);
    for (std::size_t i = 0; i < run.size() + k_ahead; ++i) {
        if (i < run.size()) table_.prefetch(run.hash(i));
        if (i >= k_ahead) table_.insert(run.hash(i - k_ahead), expected + i - k_ahead);
    }
    if (list)
        add_run({expected, static_cast<std::uint32_t>(run.size()),
                 static_cast<std::uint32_t>(value.size()), run.newest_us()});
    return run.size();
}

// Made anew from the runs: the table keeps too little of a digest to be spread wider.
status identity_window::grow(store_reader& in) {
    make_table(std::max<std::uint64_t>(state_.count(), table_.entries_max()));
    set_live();
    WHARF_TRY(read_runs(in));
    for (std::size_t i = 0; i < pending_.size(); ++i)
        table_.insert(pending_.hash(i), committed_.next + i);
    return ok();
}

// Says in match what an entry makes of this key. False: look no further.
result<bool> identity_window::judge(store_reader& in, const identity_key& key,
                                    const digest128& content, std::uint64_t ordinal,
                                    identity_match& match) const {
    digest128 hash;
    std::string_view entry;
    if (ordinal >= committed_.next) {
        const auto index = static_cast<std::size_t>(ordinal - committed_.next);
        if (pending_.hash(index) != key.hash && !WHARF_MUTANT(fingerprint_trusted)) return true;
        hash = key.hash;
        entry = pending_.entry(index);
    } else {
        auto run = std::upper_bound(
            runs_.begin(), runs_.end(), ordinal,
            [](std::uint64_t wanted, const run_place& place) { return wanted < place.first; });
        if (run == runs_.begin()) return true; // expired in this group
        --run;
        const auto index = static_cast<std::size_t>(ordinal - run->first);
        WHARF_ASSERT(index < run->count);
        const std::string name = identity_run_key(run->first);
        WHARF_TRY_ASSIGN(auto value, in.get(name));
        if (!value) return missing(run->first);
        WHARF_TRY_ASSIGN(auto stored, identity_run::read(name, *value, false));
        if (stored.size() != run->count) return missing(run->first);
        hash = stored.hash(index);
        entry = stored.entry(index);
    }
    const auto read = read_identity_entry(hash, entry);
    if (!read) return error{errc::corrupt, "identity " + std::to_string(ordinal) + ": damaged"};
    const bool trusted = WHARF_MUTANT(fingerprint_trusted);
    if (!trusted && (hash != key.hash || read->key != key.text)) return true;
    match.original = read->number;
    if (read->content == view_of(content)) {
        match.what = identity_match::kind::same;
        return true;
    }
    match.what = identity_match::kind::conflict;
    return false;
}

result<identity_match> identity_window::find(store_reader& in,
                                             const std::vector<identity_key>& keys,
                                             const digest128& content) const {
    identity_match match;
    status outcome = ok();
    for (const identity_key& key : keys) {
        table_.find(key.hash, [&](std::uint64_t ordinal) {
            auto further = judge(in, key, content, ordinal, match);
            if (!further.ok()) outcome = std::move(further).failure();
            return further.ok() && *further;
        });
        WHARF_TRY(std::move(outcome));
        if (match.what == identity_match::kind::conflict) break;
    }
    return match;
}

void identity_window::remember(const std::vector<identity_key>& keys, const digest128& content,
                               sequence number) {
    for (const identity_key& key : keys) {
        pending_.add(key, content, number);
        ++state_.next;
        set_live();
        table_.insert(key.hash, state_.next - 1);
    }
}

result<bool> identity_window::maintain(store_writer& in, std::int64_t journal_time_us) {
    bool changed = false;
    // First, while the group has not taken anything out of the store: a roll-back brings back what
    // expires in it, and then the table has to know it.
    WHARF_TRY(grow_where_crowded(in));
    WHARF_TRY(expire(in, journal_time_us, changed));
    WHARF_TRY(merge(in, changed));
    return changed;
}

status identity_window::grow_where_crowded(store_reader& in) {
    const bool crowded = state_.count() + state_.count() / 32 > table_.entries_max();
    const bool can_grow = table_.entries_max() < table_max_;
    return table_.overfull() || (crowded && can_grow) ? grow(in) : ok();
}

// What one group takes away: a few runs, and else about twice what it adds, so that the window
// comes down to its bounds whatever the size of its oldest runs.
bool identity_window::has_taken_its_share(const share& taken) const {
    return taken.runs >= k_expired_runs_min && taken.entries >= 2 * pending_.size() &&
           taken.bytes >= 2 * pending_.value_bytes();
}

status identity_window::expire(store_writer& in, std::int64_t journal_time_us, bool& changed) {
    share taken;
    while (!runs_.empty() && !has_taken_its_share(taken)) {
        const run_place oldest = runs_.front();
        const bool aged = oldest.newest_us < journal_time_us - bounds_.age_us_max;
        const bool crowded = state_.next - (oldest.first + oldest.count) >= bounds_.count_max;
        const bool bulky = bounds_.bytes_max != 0 && bytes_ > bounds_.bytes_max;
        if (!aged && !crowded && !bulky) break;
        WHARF_TRY(in.erase(identity_run_key(oldest.first)));
        if (!aged) state_.evicted_early += oldest.count;
        state_.oldest = oldest.first + oldest.count;
        expired_.push_back(oldest);
        runs_.pop_front();
        bytes_ -= oldest.bytes;
        ++taken.runs;
        taken.entries += oldest.count;
        taken.bytes += oldest.bytes;
        changed = true;
    }
    return ok();
}

// Groups of a quiet hour make small runs. The oldest stretch of them becomes one, so that a window
// of millions is not millions of records.
//
// It needs room for the new run beside the old ones. A journal that has none must still be able to
// commit, deletions first of all: after a group that was refused with it some pass without.
status identity_window::merge(store_writer& in, bool& changed) {
    small_from_ -= std::min(small_from_, expired_.size());
    if (merge_pause_groups_ > 0) {
        --merge_pause_groups_;
        return ok();
    }
    for (; small_from_ < runs_.size(); ++small_from_) {
        if (runs_[small_from_].count >= tuning_.small_run) continue;
        std::size_t end = small_from_;
        std::size_t total = 0;
        while (end < runs_.size() && total + runs_[end].count <= tuning_.run_max)
            total += runs_[end++].count;
        const std::size_t length = end - small_from_;
        const bool can_grow = end == runs_.size();
        if (can_grow && length < tuning_.small_runs_max) return ok();
        if (length < 2) continue; // small for good: between large ones
        changed = true;
        merging_ = true;
        const std::size_t from = small_from_;
        if (!can_grow) ++small_from_;
        return merge_runs(in, from, length);
    }
    return ok();
}

status identity_window::merge_runs(store_writer& in, std::size_t from, std::size_t count) {
    WHARF_TRY_ASSIGN(const std::uint32_t bytes, rewrite(in, from, count));
    const auto begin = runs_.begin() + static_cast<std::ptrdiff_t>(from);
    merged_at_ = from;
    merged_.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 1; i < count; ++i)
        begin->count += merged_[i].count;
    for (const run_place& one : merged_)
        bytes_ -= one.bytes;
    begin->bytes = bytes;
    bytes_ += bytes;
    begin->newest_us = merged_.back().newest_us;
    runs_.erase(begin + 1, begin + static_cast<std::ptrdiff_t>(count));
    return ok();
}

result<std::uint32_t> identity_window::rewrite(store_writer& in, std::size_t from,
                                               std::size_t count) {
    identity_run_builder all;
    for (std::size_t i = from; i < from + count; ++i) {
        const std::string key = identity_run_key(runs_[i].first);
        WHARF_TRY_ASSIGN(auto value, in.get(key));
        if (!value) return missing(runs_[i].first);
        WHARF_TRY_ASSIGN(auto run, identity_run::read(key, *value, true));
        for (std::size_t at = 0; at < run.size(); ++at)
            all.add(run.hash(at), run.entry(at));
        if (i > from && !WHARF_MUTANT(merged_run_left_behind)) WHARF_TRY(in.erase(key));
    }
    const std::string key = identity_run_key(runs_[from].first);
    return put_run(in, key, all, 0, all.size(), runs_[from + count - 1].newest_us);
}

void identity_window::add_run(const run_place& run) {
    runs_.push_back(run);
    bytes_ += run.bytes;
}

status identity_window::write(store_writer& in, std::int64_t journal_time_us) {
    for (std::size_t from = 0; from < pending_.size();) {
        const std::size_t count = std::min(tuning_.run_max, pending_.size() - from);
        const std::uint64_t first = committed_.next + from;
        const std::string key = identity_run_key(first);
        WHARF_TRY_ASSIGN(const std::uint32_t bytes,
                         put_run(in, key, pending_, from, count, journal_time_us));
        add_run({first, static_cast<std::uint32_t>(count), bytes, journal_time_us});
        ++added_;
        from += count;
    }
    return ok();
}

void identity_window::keep() {
    committed_ = state_;
    set_live();
    pending_.clear();
    expired_.clear();
    merged_.clear();
    merging_ = false;
    added_ = 0;
}

void identity_window::roll_back() {
    if (std::exchange(merging_, false)) merge_pause_groups_ = k_merge_pause_groups;
    for (std::size_t i = 0; i < pending_.size(); ++i)
        table_.erase(pending_.hash(i), committed_.next + i);
    runs_.erase(runs_.end() - static_cast<std::ptrdiff_t>(added_), runs_.end());
    if (!merged_.empty()) {
        const auto at = runs_.begin() + static_cast<std::ptrdiff_t>(merged_at_);
        *at = merged_.front();
        runs_.insert(at + 1, merged_.begin() + 1, merged_.end());
    }
    runs_.insert(runs_.begin(), expired_.begin(), expired_.end());
    bytes_ = 0;
    for (const run_place& one : runs_)
        bytes_ += one.bytes;
    small_from_ = 0;
    state_ = committed_;
    set_live();
    if (!WHARF_MUTANT(identity_roll_back_keeps_entries)) pending_.clear();
    expired_.clear();
    merged_.clear();
    added_ = 0;
}

std::size_t identity_window::memory_bytes() const {
    return table_.bytes() + runs_.size() * sizeof(run_place);
}

} // namespace wharf
