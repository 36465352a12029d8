#include "gateway/broker/retained.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/topic_filter.hpp"

#include <algorithm>
#include <utility>

namespace wharf::broker {

namespace {

std::size_t bytes_of(const message_ptr& message) {
    return message ? message->size() + outbox::k_entry_bytes : 0;
}

// What every topic that the filter fits begins with.
std::string_view fixed_part(std::string_view filter) {
    const auto wildcard = filter.find_first_of("+#");
    if (wildcard == std::string_view::npos) return filter;
    // "a/#" fits "a" too.
    return filter.substr(0, wildcard > 0 && filter[wildcard] == '#' ? wildcard - 1 : wildcard);
}

} // namespace

std::optional<std::uint64_t> retained_messages::begin(std::string_view topic, std::size_t bytes) {
    auto found = entries_.find(topic);
    const std::size_t now = found == entries_.end() ? 0 : bytes_of(found->second.message);
    // What takes one away is always welcome.
    if (bytes > 0 && bytes_ - now + bytes + outbox::k_entry_bytes > bounds_.bytes_max)
        return std::nullopt;
    if (found == entries_.end()) {
        if (entries_.size() >= bounds_.messages_max) return std::nullopt;
        found = entries_.emplace(std::string(topic), entry{++last_number_, 0, nullptr}).first;
    }
    ++found->second.underway;
    ++underway_;
    return found->second.number;
}

void retained_messages::set(std::string_view topic, message_ptr message) {
    const auto found = entries_.find(topic);
    WHARF_ASSERT(found != entries_.end() && found->second.underway > 0);
    --found->second.underway;
    --underway_;
    replace(found->second, std::move(message));
    drop_empty(found);
}

void retained_messages::abandon(std::string_view topic) {
    const auto found = entries_.find(topic);
    WHARF_ASSERT(found != entries_.end() && found->second.underway > 0);
    --found->second.underway;
    --underway_;
    drop_empty(found);
}

std::uint64_t retained_messages::restore(std::uint64_t number, message_ptr message) {
    last_number_ = std::max(last_number_, number);
    auto& made = entries_[std::string(message->topic())];
    const auto older = std::exchange(made.number, number);
    WHARF_ASSERT(older < number); // they are read in order
    replace(made, std::move(message));
    return older;
}

void retained_messages::replace(entry& in, message_ptr by) {
    bytes_ -= bytes_of(in.message);
    count_ -= in.message ? 1 : 0;
    in.message = std::move(by);
    bytes_ += bytes_of(in.message);
    count_ += in.message ? 1 : 0;
}

void retained_messages::drop_empty(by_topic::iterator at) {
    if (!at->second.message && at->second.underway == 0) entries_.erase(at);
}

const message_ptr* retained_messages::next(std::string_view filter, std::string& after,
                                           bool& from_begin, std::int64_t now_us,
                                           std::size_t& budget) const {
    const auto prefix = fixed_part(filter);
    auto at = from_begin ? entries_.lower_bound(prefix) : entries_.upper_bound(after);
    for (; at != entries_.end() && at->first.starts_with(prefix); ++at) {
        const auto& message = at->second.message;
        const bool gone =
            !message || (message->expires_at_us != 0 && message->expires_at_us <= now_us);
        if (!gone && filter_fits(filter, at->first)) return &message;
        if (--budget > 0) continue;
        after = at->first;
        from_begin = false;
        return nullptr;
    }
    return nullptr;
}

} // namespace wharf::broker
