// What must hold, whatever happens: the checkers. They know what clients and ERPs know, and look at
// the journal after each commit as a stranger would. A broken promise throws `violation`. One
// thread.
#pragma once

#include "gateway/ports/store.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/erp.hpp"
#include "wharf/v1/journal.pb.h"

#include <map>
#include <vector>

namespace wharf::sim {

class witness final : public effect_watch {
  public:
    witness(world& in, const plan& with, workload& work);

    // A commit was durable. up_us: how long the gateway has been up in all its lives.
    void durable(store& in, std::int64_t up_us);
    // The gateway has opened its journal: what is in it is durable now.
    void recovered(store& in, std::int64_t up_us);

    // A PUBLISH was put on a link; bytes are handed to it by the gateway.
    void published(std::uint64_t link, int version, std::uint16_t packet_id, std::size_t message);
    void leaving(std::uint64_t link, std::string_view bytes);

    void applied(std::size_t erp, sequence number, fact_id fact) override;
    void know(std::vector<const model_erp*> erps) { erps_ = std::move(erps); }

    // While the ERP is well: nothing that may be sent waits for longer than k_starving_us.
    void check_starving(store& in, std::size_t erp, std::uint8_t destination,
                        std::int64_t well_since_us);
    // Everything is drained: the books, the journal, clients and ERPs agree.
    void check_end(store& in, const std::vector<std::uint8_t>& destinations);
    void check_journal(store& in) const;
    // Each of its events is in the journal or in quarantine.
    void check_promise(const message& m, const std::string& when) const;

    [[nodiscard]] const wharf::v1::JournalState& state() const { return state_; }
    [[nodiscard]] sequence last() const { return by_number_.size() - 1; }

    static constexpr std::int64_t k_starving_us = 10 * k_minute;

  private:
    struct accepted {
        fact_id fact = 0;
        std::int64_t at_us = 0;
    };
    struct quarantined {
        std::uint64_t payload = 0;
        std::uint32_t events = 0;
    };
    struct link_record {
        int version = 4;
        std::map<std::uint16_t, std::size_t> messages;
        std::string rest;
    };

    void read_events(store& in);
    void read_quarantine(store& in);
    [[nodiscard]] bool identity_is_exact() const;
    void accept(sequence number, fact_id fact);
    void forget_after(sequence last, std::uint64_t next_quarantine);
    void check_promises(const std::string& when) const;
    void check_device_order(fact_id fact);
    void check_order(std::size_t erp, sequence number, const fact& what);
    void check_destination(store& in, std::size_t erp, std::uint8_t destination);

    world& world_;
    const plan& plan_;
    workload& work_;
    std::vector<const model_erp*> erps_;
    wharf::v1::JournalState state_;
    std::vector<accepted> by_number_; // the first is unused
    std::vector<sequence> of_fact_;   // where it was accepted last; 0: nowhere
    std::vector<sequence> of_group_;
    std::vector<std::uint32_t> tellings_;                       // of a fact, in how many messages
    std::vector<std::size_t> told_in_;                          // the last of them
    std::vector<quarantined> quarantine_;                       // by number; the first is unused
    std::map<std::uint64_t, std::uint64_t> quarantined_events_; // by payload
    std::map<std::uint64_t, link_record> links_;
    std::vector<std::map<key_id, sequence>> last_of_key_; // by ERP
    std::map<std::pair<std::size_t, sequence>, std::int64_t> waiting_since_us_;
};

} // namespace wharf::sim
