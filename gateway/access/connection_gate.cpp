#include "gateway/access/connection_gate.hpp"

#include "gateway/base/assert.hpp"

#include <utility>

namespace wharf::access {

namespace {
bool reached(std::size_t count, std::size_t max) {
    return max != 0 && count >= max;
}
} // namespace

connection_gate::answer connection_gate::arrive(std::uint64_t id, std::string_view address,
                                                bool limited, std::int64_t now_us) {
    WHARF_ASSERT(!connections_.contains(id));
    if (limited && limits_.attempts.per_s != 0 &&
        !attempts_.get(address, token_bucket(limits_.attempts, now_us)).try_spend(now_us))
        return {arrival::too_often, std::nullopt};
    if (connections_.size() >= limits_.connections_max) return {arrival::too_many, std::nullopt};
    if (limited) {
        const auto of = addresses_.find(address);
        if (of != addresses_.end() &&
            (reached(of->second.open, limits_.per_address_max) ||
             reached(of->second.half_open, limits_.half_open_per_address_max)))
            return {arrival::too_many_of_address, std::nullopt};
    }
    answer out;
    out.make_room = who_makes_room(now_us);
    address_count& count = addresses_[std::string(address)];
    ++count.open;
    ++count.half_open;
    half_open_.emplace(++last_arrival_, silent{id, now_us});
    connections_.emplace(id, known{std::string(address), {}, last_arrival_});
    return out;
}

std::optional<std::uint64_t> connection_gate::who_makes_room(std::int64_t now_us) const {
    if (half_open_.size() < limits_.half_open_max || half_open_.empty()) return std::nullopt;
    const silent& oldest = half_open_.begin()->second;
    if (now_us - oldest.since_us < limits_.patience_us) return std::nullopt;
    return oldest.id;
}

std::vector<std::uint64_t> connection_gate::too_silent(std::int64_t now_us) const {
    std::vector<std::uint64_t> out;
    for (const auto& [arrival, one] : half_open_) {
        if (half_open_.size() - out.size() <= limits_.half_open_max) break;
        if (now_us - one.since_us < limits_.patience_us) break; // the others came later
        out.push_back(one.id);
    }
    return out;
}

void connection_gate::leave_order(known& one) {
    if (one.arrived == 0) return;
    half_open_.erase(one.arrived);
    one.arrived = 0;
}

void connection_gate::serve(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) leave_order(found->second);
}

std::optional<std::uint64_t> connection_gate::await(std::uint64_t id, std::int64_t now_us) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.arrived != 0) return std::nullopt;
    const auto out = who_makes_room(now_us);
    found->second.arrived = ++last_arrival_;
    half_open_.emplace(last_arrival_, silent{id, now_us});
    return out;
}

void connection_gate::past_half_open(known& one) {
    leave_order(one);
    if (std::exchange(one.half_open, false)) --addresses_.find(one.address)->second.half_open;
}

void connection_gate::answered(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) past_half_open(found->second);
}

bool connection_gate::sign_in(std::uint64_t id, std::string_view identity, std::size_t max) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return false;
    past_half_open(found->second);
    if (identity.empty() || !found->second.identity.empty()) return true;
    const auto counted = identities_.try_emplace(std::string(identity), 0).first;
    if (reached(counted->second, max != 0 ? max : limits_.per_identity_max)) return false;
    ++counted->second;
    found->second.identity = identity;
    return true;
}

void connection_gate::leave(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    past_half_open(found->second);
    const auto of = addresses_.find(found->second.address);
    if (--of->second.open == 0) addresses_.erase(of);
    if (!found->second.identity.empty()) {
        const auto who = identities_.find(found->second.identity);
        if (--who->second == 0) identities_.erase(who);
    }
    connections_.erase(found);
}

} // namespace wharf::access
