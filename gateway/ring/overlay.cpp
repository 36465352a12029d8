#include "gateway/ring/overlay.hpp"

#include <mutex>

namespace wharf {

namespace {

// A key that is put or erased below may cost a copy of its leaf and of each branch above it, and a
// split on the way.
constexpr std::uint64_t k_cost_per_key_pages = 6;

std::uint64_t value_bytes(const std::optional<std::string>& value) {
    return value ? value->size() : 0;
}

// A leaf that was split is half empty; a value on pages of its own ends in the middle of one.
std::uint64_t cost_of_value(const std::optional<std::string>& value) {
    return 2 * value_bytes(value);
}

} // namespace

std::uint64_t overlay::cost_of_key(std::string_view key) const {
    return k_cost_per_key_pages * page_bytes_ + 2 * key.size();
}

void overlay::add(std::uint64_t sequence, change_set& changes) {
    std::unique_lock lock(mutex_);
    for (auto& [key, value] : changes.all()) {
        auto [at, is_new] = entries_.try_emplace(key);
        cost_bytes_ += cost_of_value(value);
        if (is_new) {
            cost_bytes_ += cost_of_key(key);
            live_bytes_ += key.size();
        } else {
            WHARF_ASSERT(at->second.front().sequence < sequence);
            live_bytes_ -= value_bytes(at->second.front().value);
        }
        live_bytes_ += value_bytes(value);
        at->second.push_front({sequence, std::move(value)});
    }
}

std::uint64_t overlay::live_bytes() const {
    std::shared_lock lock(mutex_);
    return live_bytes_;
}
std::uint64_t overlay::cost_bytes() const {
    std::shared_lock lock(mutex_);
    return cost_bytes_;
}
std::uint64_t overlay::cost_of(const change_set& changes) const {
    std::shared_lock lock(mutex_);
    std::uint64_t cost = 0;
    for (const auto& [key, value] : changes.all()) {
        cost += cost_of_value(value);
        if (!entries_.contains(key)) cost += cost_of_key(key);
    }
    return cost;
}
std::uint64_t overlay::cost_of_change(std::string_view key, std::size_t value_bytes) const {
    return cost_of_key(key) + 2 * std::uint64_t{value_bytes};
}
bool overlay::empty() const {
    std::shared_lock lock(mutex_);
    return entries_.empty();
}

const overlay_value* overlay_view::visible(const overlay::versions& chain) const {
    for (const overlay_value& one : chain)
        if (one.sequence <= last_) return one.sequence >= first_ ? &one : nullptr;
    return nullptr;
}

const overlay_value* overlay_view::find(std::string_view key) const {
    if (first_ > last_) return nullptr;
    std::shared_lock lock(of_->mutex_);
    auto found = of_->entries_.find(key);
    return found == of_->entries_.end() ? nullptr : visible(found->second);
}

bool overlay_view::empty() const {
    return first_ > last_ || of_->empty();
}

overlay_cursor::overlay_cursor(const overlay_view& in, std::string_view start, bool back)
    : in_(in), back_(back) {
    std::shared_lock lock(in_.of_->mutex_);
    at_ = in_.of_->entries_.lower_bound(start);
}

std::optional<overlay_cursor::entry> overlay_cursor::next() {
    if (in_.first_ > in_.last_) return std::nullopt;
    std::shared_lock lock(in_.of_->mutex_);
    const auto& entries = in_.of_->entries_;
    while (at_ != (back_ ? entries.begin() : entries.end())) {
        if (back_) --at_;
        const overlay_value* found = in_.visible(at_->second);
        std::string_view key = at_->first;
        if (!back_) ++at_;
        if (found != nullptr) return entry{key, &found->value};
    }
    return std::nullopt;
}

} // namespace wharf
