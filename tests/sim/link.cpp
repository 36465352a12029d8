#include "tests/sim/link.hpp"

#include <algorithm>

namespace wharf::sim {

std::int64_t link::arrival(side to) {
    auto at = world_.now_us() + latency_us_ + random_.between(0, latency_us_ / 4);
    if (to == client) at = std::max(at, stalled_until_us_);
    return last_us_[to] = std::max(at, last_us_[to]);
}

void link::send(side from, std::string bytes) {
    if (silent_ || dead_ || bytes.empty()) return;
    const side to = from == client ? server : client;
    if (bytes.size() > 1 && random_.chance(plan_.pieces)) {
        world_.fired(fault::bytes_in_pieces);
        const auto cut = 1 + random_.below(bytes.size() - 1);
        world_.at(arrival(to), [self = shared_from_this(), to, piece = bytes.substr(0, cut)] {
            self->deliver(to, piece);
        });
        bytes.erase(0, cut);
    }
    world_.at(arrival(to), [self = shared_from_this(), to, bytes = std::move(bytes)] {
        self->deliver(to, bytes);
    });
}

void link::deliver(side to, const std::string& bytes) {
    if (silent_ || dead_) return;
    if (ends_[to] != nullptr) return ends_[to]->arrived(*this, bytes);
    // Nobody is there any more: whoever sent it hears that.
    close(to);
}

void link::close(side from) {
    const side to = from == client ? server : client;
    ends_[from] = nullptr;
    if (silent_ || dead_) return;
    world_.at(arrival(to), [self = shared_from_this(), to] {
        if (self->silent_ || self->dead_ || self->ends_[to] == nullptr) return;
        auto* end = std::exchange(self->ends_[to], nullptr);
        end->ended(*self);
    });
}

void link::reset() {
    if (silent_ || dead_) return;
    dead_ = true;
    for (side to : {client, server}) {
        if (ends_[to] == nullptr) continue;
        world_.after(latency_us_, [self = shared_from_this(), to] {
            if (auto* end = std::exchange(self->ends_[to], nullptr)) end->ended(*self);
        });
    }
}

} // namespace wharf::sim
