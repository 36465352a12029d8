// What must hold for the local broker, whatever happens: what is handed to a consumer is durable,
// what it has not acknowledged is not forgotten, and at the end nothing is left over. Looks at the
// journal as a stranger would. A broken promise throws `violation`. One thread.
#pragma once

#include "gateway/journal/local_state.hpp"
#include "gateway/ports/store.hpp"
#include "tests/sim/events.hpp"
#include "tests/sim/link.hpp"
#include "tests/sim/will_book.hpp"
#include "tests/sim/wire.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::sim {

class sim_subscriber;
class witness;

class local_watch {
  public:
    static constexpr std::size_t k_none = std::numeric_limits<std::size_t>::max();

    local_watch(world& in, const plan& with, const workload& work, const witness& events);

    void add(sim_subscriber& one) { subscribers_.push_back(&one); }
    // A consumer connects; journaled: with a session that outlives the connection.
    void linked(const link& on, const sim_subscriber& who, bool journaled);
    // A device put this message on its link.
    void published(std::size_t which);
    // A device connects; its will's number, 0: without one.
    std::size_t leave_will(const std::string& client, int version, std::uint32_t expiry_s);
    [[nodiscard]] will_book& wills() { return wills_; }
    // Bytes are handed to the network by the gateway. False: they are for no consumer.
    bool leaving(store& in, std::uint64_t link, std::string_view bytes);
    // The gateway has opened its journal again.
    void recovered(store& in) const;
    void check_end(store& in, std::size_t queued_bytes, const sim_subscriber& newcomer) const;

    [[nodiscard]] const message& message_at(std::size_t which) const {
        return work_.messages[which];
    }
    // Which message has this payload; k_none: none, or several.
    [[nodiscard]] std::size_t message_of(const std::string& payload) const;

  private:
    struct link_record {
        const sim_subscriber* who = nullptr;
        bool journaled = false;
        std::string rest;
    };

    void check_delivery(store& in, const link_record& to, const wire::answer& packet) const;
    void check_session(const local_session& kept) const;
    void check_connected(store& in) const;
    void check_leftovers(store& in, const local_state& kept) const;
    void check_retained(const sim_subscriber& newcomer) const;

    world& world_;
    const plan& plan_;
    const workload& work_;
    const witness& events_;
    will_book wills_;
    std::vector<sim_subscriber*> subscribers_;
    std::map<std::string, std::size_t> by_payload_;
    std::map<std::uint64_t, link_record> links_;
};

} // namespace wharf::sim
