#include "tests/sim/simulation.hpp"

#include "gateway/journal/inspect.hpp"
#include "tests/sim/gateway.hpp"
#include "tests/sim/stranger.hpp"
#include "tests/sim/subscriber.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {

constexpr std::uint64_t k_steps_max = 20'000'000;
constexpr std::int64_t k_drain_us_max = 6 * k_hour;
constexpr std::int64_t k_inspect_us = 20 * k_second;
// By then every connection that fell silent before is missed.
constexpr std::int64_t k_missed_us = 120 * k_second;

class simulation {
  public:
    simulation(std::uint64_t seed, bool print)
        : plan_(draw_plan(seed)), world_(seed, print), random_(world_.random(10)),
          consumers_(world_.random(11)), work_(make_workload(plan_, world_)),
          witness_(world_, plan_, work_), local_(world_, plan_, work_, witness_) {
        for (std::size_t i = 0; i < plan_.erps.size(); ++i)
            erps_.push_back(
                std::make_unique<model_erp>(world_, plan_.erps[i], i, work_.facts, witness_));
        std::vector<const model_erp*> known;
        for (const auto& one : erps_)
            known.push_back(one.get());
        witness_.know(std::move(known));
        gateway_ = std::make_unique<gateway>(world_, plan_, witness_, local_, erps_);
        for (std::size_t i = 0; i < plan_.work.devices; ++i)
            clients_.push_back(std::make_unique<sim_client>(world_, plan_, *gateway_, i,
                                                            work_.messages, link_ids_));
        for (std::size_t i = 0; i < plan_.local.subscribers; ++i) {
            subscribers_.push_back(
                std::make_unique<sim_subscriber>(world_, plan_, *gateway_, local_, i, link_ids_));
            local_.add(*subscribers_.back());
        }
        std::vector<sim_stranger::victim> victims;
        for (const auto& one : clients_)
            victims.push_back({one->name(), [&one] { return one->has_session(); }});
        for (const auto& one : subscribers_)
            victims.push_back({one->name(), [&one] { return one->has_session(); }});
        stranger_ =
            std::make_unique<sim_stranger>(world_, plan_, *gateway_, std::move(victims), link_ids_);
    }

    void run() {
        gateway_->begin();
        for (auto& one : erps_)
            one->begin_outages();
        for (std::size_t i = 0; i < work_.messages.size(); ++i)
            world_.at(work_.messages[i].at_us,
                      [this, i] { clients_[work_.messages[i].device]->produce(i); });
        break_connections(plan_.net.reset_every_us, true);
        break_connections(plan_.net.half_open_every_us, false);
        for (auto& one : subscribers_)
            one->begin(consumers_.between(0, plan_.work.span_us / 2));
        if (!subscribers_.empty()) {
            break_consumers(plan_.net.reset_every_us, true);
            break_consumers(plan_.net.half_open_every_us, false);
        }
        stranger_->begin();
        inspect();
        visit();
        world_.at(plan_.work.span_us + random_.between(0, k_minute), [this] { heal(); });
        while (!over_) {
            if (!world_.step()) violated("drained", "nothing is planned any more");
            if (world_.steps() > k_steps_max) violated("drained", "it does not come to rest");
        }
        witness_.check_end(gateway_->journal_store(), gateway_->destinations());
        if (newcomer_)
            local_.check_end(gateway_->journal_store(), gateway_->queued_bytes(), *newcomer_);
    }

    void tell(outcome& out) const {
        out.hash = world_.hash();
        out.events = witness_.last();
        out.steps = world_.steps();
        out.faults = world_.faults();
    }

  private:
    void break_connections(std::int64_t every_us, bool reset) {
        if (every_us == 0) return;
        world_.after(random_.between(1, 2 * every_us), [this, every_us, reset] {
            if (healed_) return;
            auto& one = *clients_[random_.below(clients_.size())];
            if (reset)
                one.cut();
            else
                one.fall_silent();
            break_connections(every_us, reset);
        });
    }

    void break_consumers(std::int64_t every_us, bool reset) {
        if (every_us == 0) return;
        world_.after(consumers_.between(1, 2 * every_us), [this, every_us, reset] {
            if (healed_) return;
            auto& one = *subscribers_[consumers_.below(subscribers_.size())];
            if (reset)
                one.cut();
            else
                one.fall_silent();
            break_consumers(every_us, reset);
        });
    }

    void inspect() {
        world_.after(k_inspect_us, [this] {
            gateway_->inspect();
            if (healed_) look_whether_over();
            inspect();
        });
    }

    void heal() {
        world_.note("heal");
        healed_ = true;
        healed_us_ = world_.now_us();
        for (auto& one : erps_)
            one->heal();
        gateway_->heal();
        for (auto& one : clients_) {
            one->heal();
            one->leave_when_done();
        }
        for (auto& one : subscribers_)
            one->heal();
        stranger_->heal();
    }

    void look_whether_over() {
        const bool quiet =
            std::ranges::all_of(clients_, [](const auto& one) { return one->done(); });
        const bool settled =
            std::ranges::all_of(subscribers_, [](const auto& one) { return one->settled(); });
        const bool missed =
            subscribers_.empty() ||
            world_.now_us() - std::max(healed_us_, gateway_->up_since_us()) > k_missed_us;
        over_ = quiet && settled && missed && gateway_->drained() &&
                local_.wills().settled(gateway_->up_since_us()) && newcomer_has_seen();
        if (over_ || world_.now_us() - healed_us_ < k_drain_us_max) return;
        std::string words = quiet ? "" : "clients still wait; ";
        for (const auto& one : subscribers_)
            words += one->describe() + "; ";
        for (const auto& books : witness_.state().destinations())
            words += std::to_string(books.pending()) + " pending at " + books.name() + "; ";
        words += gateway_->describe() + "; ";
        violated("drained", words + "six hours after everything was healed");
    }

    // Somebody who comes when all is over is told what is retained.
    bool newcomer_has_seen() {
        if (subscribers_.empty()) return true;
        if (newcomer_) return newcomer_->settled();
        newcomer_ = std::make_unique<sim_subscriber>(world_, plan_, *gateway_, local_,
                                                     sim_subscriber::fresh{}, link_ids_);
        newcomer_->begin(0);
        return false;
    }

    // --- the person who looks after it ----------------------------------------------------------

    void visit() {
        const auto every_us = healed_ ? 20 * k_second : plan_.person_every_us;
        world_.after(random_.between(every_us / 2, every_us), [this] {
            for (std::size_t erp = 0; erp < erps_.size(); ++erp)
                gateway_->command([this, erp] { look_after(erp); });
            if (random_.chance(1000)) gateway_->command([this] { look_at_quarantine(); });
            if (random_.chance(500))
                gateway_->command([this] {
                    world_.fired(fault::checkpoint_asked);
                    gateway_->checkpoint();
                });
            visit();
        });
    }

    void look_after(std::size_t erp) {
        auto& runner = gateway_->runner(erp);
        if (!runner.snapshot().stopped.empty() && (healed_ || random_.chance(7000))) {
            world_.fired(fault::person_resumed);
            runner.resume();
        }
        const auto parked =
            list_parked(gateway_->journal_store(), gateway_->destinations()[erp], 0, 1000);
        if (!parked.ok()) return; // looked at again the next time
        for (const auto& one : *parked)
            if (one.update.state() == wharf::v1::PARKED_STATE_DEAD)
                decide(erp, one.number, one.update);
    }

    // Tries it again, or gives it up. What may have taken effect is looked up at the ERP first.
    void decide(std::size_t erp, sequence number, const wharf::v1::ParkedUpdate& update) {
        auto& there = *erps_[erp];
        auto& runner = gateway_->runner(erp);
        if (!healed_ && !random_.chance(4000)) return;
        if (there.busy_with(number)) return;
        // The machine takes no retry of what it could never tell the outcome of.
        const bool past_help = update.code() == k_code_outcome_unknown &&
                               !plan_.erps[erp].delivery.can_ask && !random_.chance(5000);
        const bool hopeless = there.will_never_pass(number) || there.has_applied(number) ||
                              update.attempts() > 200 || past_help;
        if (healed_ && !update.blocks() && !there.has_applied(number)) return;
        if (hopeless ? healed_ || random_.chance(3000) : random_.chance(plan_.person_discards)) {
            world_.fired(fault::person_discarded);
            return runner.discard_dead(number, nullptr);
        }
        world_.fired(fault::person_retried);
        if (!there.will_never_pass(number)) there.permit(number);
        runner.retry_dead(number, nullptr);
    }

    void look_at_quarantine() {
        const auto count = witness_.state().next_quarantine();
        if (count <= 1) return;
        world_.fired(fault::quarantine_discarded);
        gateway_->submit(quarantine_discard_request{1, 1 + random_.below(count - 1)});
    }

    const plan plan_;
    world world_;
    prng random_;
    prng consumers_;
    workload work_;
    witness witness_;
    std::vector<std::unique_ptr<model_erp>> erps_;
    std::uint64_t link_ids_ = 0;
    std::vector<std::unique_ptr<sim_client>> clients_;
    local_watch local_;
    std::vector<std::unique_ptr<sim_subscriber>> subscribers_;
    std::unique_ptr<sim_subscriber> newcomer_;
    std::unique_ptr<sim_stranger> stranger_;
    std::unique_ptr<gateway> gateway_;
    bool healed_ = false;
    bool over_ = false;
    std::int64_t healed_us_ = 0;
};

} // namespace

outcome simulate(std::uint64_t seed, bool print) {
    outcome out;
    simulation one(seed, print);
    try {
        one.run();
    } catch (const violation& broken) {
        out.good = false;
        out.checker = broken.checker;
        out.words = broken.words;
    }
    one.tell(out);
    return out;
}

} // namespace wharf::sim
