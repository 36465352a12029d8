#include "tests/unit/sync/journal_model.hpp"

#include <stdexcept>

namespace wharf::test {

namespace {
void require(bool condition, const std::string& what) {
    if (!condition) throw std::logic_error("illegal journal request: " + what);
}
} // namespace

event_head journal_model::append(lane in_lane, const std::vector<std::uint64_t>& keys,
                                 std::int64_t journal_us) {
    event_head head;
    head.number = events_.size() + 1;
    head.in_lane = in_lane;
    head.body_bytes = 200;
    head.journal_time_us = journal_us;
    for (auto key : keys) {
        order_link link;
        link.key_hash = key;
        if (const auto at = last_of_key_.find(key); at != last_of_key_.end()) {
            link.previous = at->second.first;
            link.previous_lane = at->second.second;
        }
        last_of_key_[key] = {head.number, in_lane};
        head.links.push_back(link);
    }
    events_.push_back(head);
    return head;
}

void journal_model::apply(const delivery_request& request) {
    for (const auto& op : request.ops)
        std::visit([&](const auto& one) { apply_one(one); }, op);
    check();
}

void journal_model::apply_one(const seal_batch& op) {
    require(!open_.contains(op.batch), "a batch is sealed under a number that is open");
    require(op.content.items_size() > 0, "an empty batch");
    require(!op.content.digest().empty(), "no digest");
    for (const auto& item : op.content.items()) {
        const auto number = item.sequence();
        require(number >= 1 && number <= last(), "no such event");
        require(!settled_.contains(number), "a settled update is sealed");
        require(!sealed(number), "an update is in two open batches");
        if (const auto at = parked_.find(number); at != parked_.end())
            require(at->second.state() != wharf::v1::PARKED_STATE_DEAD, "a dead letter is sealed");
    }
    open_[op.batch] = op.content;
    ++seals;
}

void journal_model::apply_one(const close_batch& op) {
    require(open_.erase(op.batch) == 1, "a batch is closed that is not open");
}

void journal_model::apply_one(const settle_update& op) {
    require(pending(op.number), "an update is settled that is not pending");
    settled_[op.number] = op.how;
}

void journal_model::apply_one(const advance_low_water& op) {
    auto& low = low_water_[index_of(op.in_lane)];
    require(op.low_water > low, "the low-water mark does not rise");
    low = op.low_water;
}

void journal_model::apply_one(const set_mark& op) {
    require(head(op.number).in_lane == op.in_lane, "a mark in the wrong lane");
    require(marks_[index_of(op.in_lane)].insert(op.number).second, "a mark is set twice");
}

void journal_model::apply_one(const clear_mark& op) {
    require(marks_[index_of(op.in_lane)].erase(op.number) == 1,
            "a mark is cleared that is not set");
}

void journal_model::apply_one(const park_update& op) {
    require(!settled_.contains(op.number), "a settled update is parked");
    require(op.content.state() != wharf::v1::PARKED_STATE_UNSPECIFIED, "parked without a state");
    require(static_cast<std::size_t>(op.content.order_keys_size()) == head(op.number).links.size(),
            "parked without its keys");
    parked_[op.number] = op.content;
    for (auto key : op.content.order_keys())
        under_[key].insert(op.number);
}

void journal_model::apply_one(const settle_parked& op) {
    const auto at = parked_.find(op.number);
    require(at != parked_.end(), "a parked update is settled that is not parked");
    for (auto key : at->second.order_keys()) {
        const auto under = under_.find(key);
        if (under == under_.end()) continue;
        under->second.erase(op.number);
        if (under->second.empty()) under_.erase(under);
    }
    parked_.erase(at);
    settled_[op.number] = op.how;
}

void journal_model::apply_one(const fence_gateway& op) {
    require(!op.words.empty(), "fenced without a word");
    if (fence.empty()) fence = op.words;
}

// What holds after every request: the low-water marks and the marks say which updates are done.
void journal_model::check() const {
    for (const auto& event : events_) {
        const auto i = index_of(event.in_lane);
        const bool done = !pending(event.number);
        const bool recorded = event.number <= low_water_[i] || marks_[i].contains(event.number);
        require(done == recorded,
                "update " + std::to_string(event.number) +
                    (done ? " is done without a mark" : " is marked though pending"));
    }
    for (std::size_t i = 0; i < k_lane_count; ++i)
        require(marks_[i].empty() || *marks_[i].begin() > low_water_[i], "a mark below low water");
    for (const auto& [batch, content] : open_)
        for (const auto& item : content.items())
            require(!settled_.contains(item.sequence()), "a settled update in an open batch");
}

head_page journal_model::heads(lane in_lane, sequence after, std::size_t heads_max,
                               std::size_t scan_max) const {
    head_page page;
    page.scanned_to = after;
    for (std::size_t looked = 0; looked < scan_max; ++looked) {
        if (page.scanned_to >= last() || page.heads.size() >= heads_max) break;
        ++page.scanned_to;
        const auto& next = head(page.scanned_to);
        if (next.in_lane == in_lane) page.heads.push_back(next);
    }
    page.at_end = page.scanned_to >= last();
    return page;
}

delivery_state journal_model::delivery() const {
    delivery_state out;
    out.low_water = low_water_;
    for (std::size_t i = 0; i < k_lane_count; ++i)
        out.marks[i].assign(marks_[i].begin(), marks_[i].end());
    for (const auto& [number, content] : open_)
        out.open_batches.push_back({number, content});
    return out;
}

const wharf::v1::ParkedUpdate* journal_model::parked(sequence number) const {
    const auto at = parked_.find(number);
    return at == parked_.end() ? nullptr : &at->second;
}

std::vector<parked_key> journal_model::parked_keys(std::uint64_t from,
                                                   std::size_t count_max) const {
    std::vector<parked_key> out;
    for (auto at = under_.lower_bound(from); at != under_.end() && out.size() < count_max; ++at)
        out.push_back({at->first, *at->second.begin()});
    return out;
}

std::optional<sequence> journal_model::first_parked(std::uint64_t key, sequence after) const {
    const auto at = under_.find(key);
    if (at == under_.end()) return std::nullopt;
    const auto next = at->second.upper_bound(after);
    if (next == at->second.end()) return std::nullopt;
    return *next;
}

model_books journal_model::books() const {
    model_books out;
    for (const auto& [number, how] : settled_) {
        if (how == settlement::applied)
            ++out.applied;
        else if (how == settlement::shed)
            ++out.shed;
        else if (how == settlement::discarded)
            ++out.discarded;
        else
            ++out.other;
    }
    for (const auto& [number, content] : parked_)
        if (content.state() == wharf::v1::PARKED_STATE_DEAD) ++out.dead;
    out.pending = events_.size() - out.applied - out.discarded - out.shed - out.other - out.dead;
    return out;
}

std::optional<settlement> journal_model::settled(sequence number) const {
    const auto at = settled_.find(number);
    if (at == settled_.end()) return std::nullopt;
    return at->second;
}

bool journal_model::sealed(sequence number) const {
    for (const auto& [batch, content] : open_)
        for (const auto& item : content.items())
            if (item.sequence() == number) return true;
    return false;
}

std::size_t journal_model::marks() const {
    std::size_t count = 0;
    for (const auto& marks : marks_)
        count += marks.size();
    return count;
}

} // namespace wharf::test
