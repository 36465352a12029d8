#include "gateway/journal/journal.hpp"

#include "gateway/base/frame.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"

#include <algorithm>
#include <utility>

namespace wharf {

namespace {

// As much of it as is worth asking for.
template <class T> void prefetch_bytes(const T* first, std::size_t count) {
    constexpr std::size_t k_line_bytes = 64;
    constexpr std::size_t k_bytes_max = 512;
    const auto* bytes = reinterpret_cast<const char*>(first);
    for (std::size_t i = 0; i < std::min(count * sizeof(T), k_bytes_max); i += k_line_bytes)
        __builtin_prefetch(bytes + i);
}

} // namespace

status journal::begin(std::int64_t journal_time_us) {
    WHARF_ASSERT(group_ == nullptr);
    WHARF_TRY_ASSIGN(group_, store_.begin_write());
    next_ = state_;
    next_low_water_ = low_water_;
    next_sessions_ = sessions_;
    next_session_sweep_us_ = session_sweep_us_;
    next_order_written_ = order_written_;
    now_us_ = std::max(journal_time_us, state_.journal_time_us());
    dirty_ = false;
    answers_.clear();
    appended_.clear();
    return ok();
}

status journal::apply(const journal_request& request) {
    WHARF_ASSERT(group_ != nullptr);
    return std::visit([this](const auto& one) { return apply_one(one); }, request);
}

// Ingest made these on another core, and a group is more than fits into a near cache: first the
// message's items, some requests later what these point to, and then what that leads to here.
void journal::prefetch(std::span<const journal_request> group, std::size_t at) const {
    constexpr std::size_t k_items_ahead = 18;
    constexpr std::size_t k_parts_ahead = 12;
    constexpr std::size_t k_tables_ahead = 6; // about the time that memory takes
    auto message = [&](std::size_t ahead) -> const prepared_message* {
        if (at + ahead >= group.size()) return nullptr;
        const auto* ingest = std::get_if<ingest_request>(&group[at + ahead]);
        return ingest == nullptr ? nullptr : &ingest->message;
    };
    auto each_event = [](const prepared_message* of, const auto& visit) {
        if (of == nullptr) return;
        for (const prepared_item& item : of->items)
            if (const auto* event = std::get_if<prepared_event>(&item.what)) visit(*event);
    };
    if (const auto* soon = message(k_items_ahead)) prefetch_bytes(soon->items.data(), 1);
    each_event(message(k_parts_ahead), [](const prepared_event& event) {
        prefetch_bytes(event.identity_keys.data(), event.identity_keys.size());
        prefetch_bytes(event.order_keys.data(), event.order_keys.size());
        prefetch_bytes(event.stored.data(), event.stored.size());
    });
    each_event(message(k_tables_ahead), [this](const prepared_event& event) {
        identity_.prefetch(event.identity_keys);
        order_.prefetch(event.order_keys);
    });
}

// What was collected, then the books.
status journal::write_group() {
    WHARF_TRY(write_block());
    WHARF_TRY(identity_.write(*group_, now_us_));
    const identity_state& identities = identity_.state();
    next_.set_oldest_identity(identities.oldest);
    next_.set_next_identity(identities.next);
    next_.set_identities_evicted_early(identities.evicted_early);
    WHARF_TRY(write_order_where_due());
    return put(format::state_key(), next_);
}

status journal::write_block() {
    if (block_.empty()) return ok();
    const std::string front = block_.front();
    const std::string_view pieces[] = {front, block_.records()};
    status written = group_->put_pieces(block_.key(), pieces);
    block_.clear();
    return written;
}

// The table is half a megabyte. Where there is no room for it the group that had to carry it is
// refused; then some pass without, and a start has more to read.
status journal::write_order_where_due() {
    if (next_.last_sequence() - next_order_written_ < limits::k_order_snapshot_events) return ok();
    if (order_pause_groups_ > 0) {
        --order_pause_groups_;
        return ok();
    }
    order_due_in_group_ = true;
    return write_order(next_.last_sequence());
}

status journal::write_order(sequence as_of) {
    for (std::size_t part = 0; part < order_table::k_parts; ++part)
        WHARF_TRY(
            put(format::order_key(static_cast<std::uint16_t>(part)), order_.part(part, as_of)));
    next_order_written_ = as_of;
    return ok();
}

commit_result journal::commit() {
    WHARF_ASSERT(group_ != nullptr);
    next_.set_journal_time_us(now_us_);
    if (auto written = write_group(); !written.ok()) {
        bool full = written.failure().code == errc::no_space;
        roll_back();
        return {full ? commit_outcome::no_space : commit_outcome::unknown,
                written.failure().message};
    }
    commit_result result = group_->commit();
    group_.reset();
    if (WHARF_MUTANT(failed_commit_taken_for_durable)) result.outcome = commit_outcome::durable;
    if (result.outcome != commit_outcome::durable) {
        roll_back();
        return result;
    }
    state_ = next_;
    low_water_ = next_low_water_;
    sessions_ = next_sessions_;
    session_sweep_us_ = next_session_sweep_us_;
    order_written_ = next_order_written_;
    order_due_in_group_ = false;
    connected_undo_.clear();
    live_undo_.clear();
    identity_.keep();
    order_.keep();
    triggers_.keep();
    return result;
}

void journal::roll_back() {
    constexpr unsigned k_pause_groups = 256;
    group_.reset();
    if (std::exchange(order_due_in_group_, false)) order_pause_groups_ = k_pause_groups;
    if (WHARF_MUTANT(roll_back_keeps_connections)) connected_undo_.clear();
    if (WHARF_MUTANT(roll_back_keeps_order_table)) order_.keep();
    for (auto undone = connected_undo_.rbegin(); undone != connected_undo_.rend(); ++undone) {
        if (undone->second)
            connected_[undone->first] = *undone->second;
        else
            connected_.erase(undone->first);
    }
    connected_undo_.clear();
    for (auto undone = live_undo_.rbegin(); undone != live_undo_.rend(); ++undone)
        if (live_.erase(*undone) == 0) live_.insert(*undone);
    live_undo_.clear();
    block_.clear();
    identity_.roll_back();
    order_.roll_back();
    triggers_.roll_back();
    answers_.clear();
    appended_.clear();
    hollowed_ = k_no_sequence; // what was not committed is looked at again
    dirty_ = false;
}

void journal::set_connected(const std::string& client_id, std::optional<connection> as) {
    auto found = connected_.find(client_id);
    connected_undo_.emplace_back(
        client_id, found == connected_.end() ? std::nullopt : std::optional(found->second));
    if (as)
        connected_[client_id] = *as;
    else
        connected_.erase(client_id);
}

void journal::set_live(std::uint64_t incarnation, bool live) {
    const bool changed = live ? live_.insert(incarnation).second : live_.erase(incarnation) > 0;
    if (changed) live_undo_.push_back(incarnation);
}

bool journal::is_configured(int destination) const {
    return std::find(numbers_.begin(), numbers_.end(), destination) != numbers_.end();
}

status journal::put(const std::string& key, const google::protobuf::MessageLite& content) {
    dirty_ = true;
    return group_->put(key, format::seal(key, content));
}

status journal::put(const std::string& key, std::string_view content) {
    dirty_ = true;
    return group_->put(key, frame(key, content));
}

} // namespace wharf
