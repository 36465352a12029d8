#include "gateway/broker/outbox.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"

#include <utility>

namespace wharf::broker {

std::uint64_t outbox::number_of(std::uint16_t packet_id) const {
    if (packet_id == 0 || entries_.empty()) return 0;
    // The one number from begin_ on with this identifier.
    const std::uint64_t ahead =
        (packet_id + std::uint64_t{65'535} - packet_id_of(begin_)) % std::uint64_t{65'535};
    const std::uint64_t number = begin_ + ahead;
    return number < end() ? number : 0;
}

bool outbox::has_room(std::size_t bytes, std::size_t messages_max) const {
    return count_ < messages_max && entries_.size() < limits::k_queue_messages_max &&
           bytes_ + bytes + k_entry_bytes <= limits::k_queue_bytes_max;
}

std::uint64_t outbox::add(outgoing what) {
    WHARF_ASSERT(entries_.size() < 65'535);
    const std::uint64_t number = end();
    what.bytes += k_entry_bytes;
    bytes_ += what.bytes;
    ++count_;
    entries_.push_back(std::move(what));
    return number;
}

void outbox::restore(std::uint64_t number, outgoing what) {
    WHARF_ASSERT(number >= end() && number - begin_ < 65'535);
    if (entries_.empty()) begin_ = cursor_ = number;
    while (end() < number) {
        auto& gap = entries_.emplace_back();
        gap.at = place::done;
    }
    add(std::move(what));
}

outgoing* outbox::find(std::uint64_t number) {
    if (number < begin_ || number >= end()) return nullptr;
    outgoing& found = at(number);
    return found.at == place::done ? nullptr : &found;
}

std::size_t outbox::shrink(std::uint64_t number) {
    outgoing* found = find(number);
    if (found == nullptr) return 0;
    const std::size_t bytes = found->bytes - k_entry_bytes;
    found->bytes = k_entry_bytes;
    bytes_ -= bytes;
    return bytes;
}

void outbox::finish(std::uint64_t number) {
    outgoing* found = find(number);
    if (found == nullptr) return;
    bytes_ -= found->bytes;
    --count_;
    *found = outgoing{};
    found->at = place::done;
    while (!entries_.empty() && entries_.front().at == place::done) {
        entries_.pop_front();
        ++begin_;
    }
}

outgoing* outbox::next(std::uint64_t& number) {
    cursor_ = std::max(cursor_, begin_);
    while (cursor_ < end() && at(cursor_).at == place::done)
        ++cursor_;
    if (cursor_ >= end() || at(cursor_).at == place::reserved) return nullptr;
    number = cursor_;
    return &at(cursor_);
}

void outbox::restart() {
    if (WHARF_MUTANT(identifier_given_twice)) begin_ = 1;
    cursor_ = begin_;
    for (outgoing& each : entries_)
        if (each.at == place::sent) each.at = place::ready;
}

} // namespace wharf::broker
