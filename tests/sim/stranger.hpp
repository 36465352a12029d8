// Somebody with rights of its own who connects under the client identifiers of others. It must
// neither be given their sessions nor cost them any. One thread.
#pragma once

#include "tests/sim/harbour.hpp"
#include "tests/sim/wire.hpp"
#include "tests/sim/world.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wharf::sim {

class sim_stranger final : public link_end {
  public:
    // Whose identifier it takes; whether that one has a session for sure.
    struct victim {
        std::string name;
        std::function<bool()> has_session;
    };

    sim_stranger(world& in, const plan& with, harbour& at, std::vector<victim> victims,
                 std::uint64_t& link_ids);

    void begin() { try_later(); }
    // It goes, and does not come back.
    void heal();

    void arrived(link& on, std::string_view bytes) override;
    void ended(link& on) override;

  private:
    void try_later();
    void connect();
    void open(const std::shared_ptr<link>& on);
    void on_connack(const wire::answer& packet);
    void leave();

    world& world_;
    const plan& plan_;
    harbour& harbour_;
    const std::vector<victim> victims_;
    std::uint64_t& link_ids_;
    prng random_;
    std::shared_ptr<link> link_;
    std::size_t which_ = 0;
    bool had_session_ = false;
    int version_ = 5;
    std::string input_;
    bool healed_ = false;
};

} // namespace wharf::sim
