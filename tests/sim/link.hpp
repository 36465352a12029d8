// A TCP connection between a client and the gateway: bytes arrive in order and late, or not at all.
// One thread.
#pragma once

#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace wharf::sim {

class link;

// Either side of it.
class link_end {
  public:
    virtual ~link_end() = default;
    virtual void arrived(link& on, std::string_view bytes) = 0;
    // The other side closed, or the connection was reset.
    virtual void ended(link& on) = 0;
};

class link : public std::enable_shared_from_this<link> {
  public:
    enum side { client = 0, server = 1 };

    link(world& in, const network_plan& with, prng& random, std::uint64_t id, link_end* at_client)
        : world_(in), plan_(with), random_(random), id_(id) {
        ends_[client] = at_client;
        latency_us_ = 50 + random.between(0, with.latency_us_max);
    }

    void accept(link_end* at_server) { ends_[server] = at_server; }
    void send(side from, std::string bytes);
    // This side says no more and hears no more; the other hears of it.
    void close(side from);
    // This side is gone without a word.
    void vanish(side from) { ends_[from] = nullptr; }
    // Both sides hear of it, what is under way is lost.
    void reset();
    // Nothing passes any more, and nobody hears of it.
    void fall_silent() { silent_ = true; }
    [[nodiscard]] bool silent() const { return silent_; }
    // The client does not read for so long.
    void stall(std::int64_t us) { stalled_until_us_ = world_.now_us() + us; }
    [[nodiscard]] std::int64_t stalled_for_us() const {
        return std::max<std::int64_t>(0, stalled_until_us_ - world_.now_us());
    }
    [[nodiscard]] std::int64_t latency_us() const { return latency_us_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }

  private:
    void deliver(side to, const std::string& bytes);
    std::int64_t arrival(side to);

    world& world_;
    const network_plan& plan_;
    prng& random_;
    const std::uint64_t id_;
    std::int64_t latency_us_ = 0;
    std::int64_t last_us_[2] = {0, 0}; // arrival at that side
    std::int64_t stalled_until_us_ = 0;
    link_end* ends_[2] = {nullptr, nullptr};
    bool silent_ = false;
    bool dead_ = false;
};

} // namespace wharf::sim
