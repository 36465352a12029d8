#include "sync/delivery/parked_keys.hpp"

#include "gateway/base/assert.hpp"

namespace wharf {

void parked_keys::want_look(std::uint64_t key, key_entry& entry) {
    entry.look = true;
    if (entry.changing == 0) looks_.insert(key);
}

void parked_keys::leave_front(key_entry& entry) {
    if (entry.first == k_no_sequence) return;
    const auto at = fronts_.find(entry.first);
    WHARF_ASSERT(at != fronts_.end() && at->second.under > 0);
    released_.erase(entry.first);
    at->second.offered = false;
    if (--at->second.under == 0) {
        loads_.erase(entry.first);
        fronts_.erase(at);
    }
    entry.first = k_no_sequence;
}

std::vector<std::uint64_t>
parked_keys::change(sequence number, const std::vector<std::uint64_t>& keys, bool blocks) {
    std::vector<std::uint64_t> touched;
    for (auto key : keys) {
        auto at = keys_.find(key);
        if (at == keys_.end()) {
            if (!blocks) continue;
            at = keys_.emplace(key, key_entry{}).first;
        }
        auto& entry = at->second;
        ++entry.changing;
        looks_.erase(key);
        touched.push_back(key);
        const bool behind = blocks && entry.first != k_no_sequence && entry.first < number;
        const bool elsewhere = !blocks && entry.first != k_no_sequence && entry.first != number;
        if (behind || elsewhere) continue; // the front stays where it is
        leave_front(entry);
        entry.look = true;
    }
    return touched;
}

void parked_keys::durable(const std::vector<std::uint64_t>& keys) {
    for (auto key : keys) {
        auto& entry = keys_.at(key);
        WHARF_ASSERT(entry.changing > 0);
        if (--entry.changing == 0 && entry.look && !entry.asked) looks_.insert(key);
    }
}

void parked_keys::load(std::uint64_t key, sequence first) {
    auto [at, fresh] = keys_.emplace(key, key_entry{});
    if (!fresh) return;
    at->second.look = at->second.asked = true;
    on_first(key, first);
}

std::vector<std::uint64_t> parked_keys::drain_looks() {
    std::vector<std::uint64_t> out(looks_.begin(), looks_.end());
    looks_.clear();
    for (auto key : out)
        keys_.at(key).asked = true;
    return out;
}

void parked_keys::on_first(std::uint64_t key, std::optional<sequence> first) {
    const auto at = keys_.find(key);
    if (at == keys_.end() || !at->second.asked) return;
    auto& entry = at->second;
    entry.asked = false;
    if (!entry.look) return;
    if (entry.changing > 0) return; // what was read may be old: durable() asks again
    entry.look = false;
    if (!first) {
        keys_.erase(at); // nothing parked here any more
        return;
    }
    entry.first = *first;
    auto& f = fronts_[*first];
    ++f.under;
    if (!f.content && !f.asked) loads_.insert(*first);
    offer(*first, f);
}

std::vector<sequence> parked_keys::drain_loads() {
    std::vector<sequence> out(loads_.begin(), loads_.end());
    loads_.clear();
    for (auto number : out)
        fronts_.at(number).asked = true;
    return out;
}

void parked_keys::on_parked(sequence number, const wharf::v1::ParkedUpdate* content) {
    const auto at = fronts_.find(number);
    if (at == fronts_.end() || !at->second.asked) return;
    at->second.asked = false;
    if (content == nullptr) return;
    at->second.content = *content;
    offer(number, at->second);
}

void parked_keys::offer(sequence number, front& f) {
    if (!f.content || f.offered) return;
    if (f.content->state() == wharf::v1::PARKED_STATE_DEAD) return;
    if (f.under != static_cast<std::size_t>(f.content->order_keys_size())) return;
    f.offered = true;
    released_.insert(number);
}

std::vector<sequence> parked_keys::drain_released() {
    std::vector<sequence> out(released_.begin(), released_.end());
    released_.clear();
    return out;
}

const wharf::v1::ParkedUpdate& parked_keys::content(sequence number) const {
    const auto& f = fronts_.at(number);
    WHARF_ASSERT(f.content.has_value());
    return *f.content;
}

bool parked_keys::deliverable(sequence number) const {
    const auto at = fronts_.find(number);
    return at != fronts_.end() && at->second.offered;
}

} // namespace wharf
