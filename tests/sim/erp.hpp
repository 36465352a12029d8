// The model ERP: idempotency keys, effects, and the ways in which a real one misbehaves. What it
// did is the truth that the checkers compare with. One thread.
#pragma once

#include "sync/connectors/http/http_connector.hpp"
#include "tests/sim/events.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wharf::sim {

// Is told of every effect before it counts.
class effect_watch {
  public:
    virtual ~effect_watch() = default;
    virtual void applied(std::size_t erp, sequence number, fact_id fact) = 0;
};

class model_erp {
  public:
    model_erp(world& in, const erp_plan& with, std::size_t number, const std::vector<fact>& facts,
              effect_watch& watch);

    enum class transport { answered, refused, cut };
    using reply = std::function<void(transport, http_response)>;
    // A request that has arrived. The reply comes later, or never.
    void receive(const http_request& request, reply to);
    [[nodiscard]] bool away() const { return world_.now_us() < away_until_us_; }

    void begin_outages();
    void heal();
    // Since when nothing went wrong, as far as it is concerned.
    [[nodiscard]] std::int64_t healthy_since_us() const { return healthy_since_us_; }
    [[nodiscard]] std::int64_t last_effect_us() const { return last_effect_us_; }
    [[nodiscard]] const erp_plan& plan() const { return plan_; }

    // The person at the ERP: this update may pass from now on.
    void permit(sequence number) { permitted_.insert(number); }
    [[nodiscard]] bool has_applied(sequence number) const { return effects_.contains(number); }
    [[nodiscard]] const std::map<sequence, fact_id>& effects() const { return effects_; }
    // A request with it may still arrive.
    [[nodiscard]] bool busy_with(sequence number) const;
    [[nodiscard]] bool will_never_pass(sequence number) const {
        return marked(number, 4, plan_.refused_for_good);
    }
    // It said no to this update.
    [[nodiscard]] bool refused(sequence number) const { return refused_.contains(number); }
    // It came: since then what became of it may be unclear to the gateway.
    [[nodiscard]] bool has_seen(sequence number) const { return names_.contains(number); }

  private:
    struct held_key {
        std::string content;
        std::int64_t since_us = 0;
    };
    struct verdict {
        wharf::v1::ItemStatus status = wharf::v1::ITEM_STATUS_APPLIED;
        std::string code;
    };

    void trouble(fault what);
    void plan_outage();
    void plan_restart();
    bool misbehave(const http_request& request, const wharf::v1::UpdateBatch& batch,
                   const reply& to);
    bool refuse_whole(const wharf::v1::UpdateBatch& batch, const reply& to);
    void serve(const wharf::v1::UpdateBatch& batch, const reply& to);
    void apply_batch(const wharf::v1::UpdateBatch& batch, wharf::v1::BatchAnswer& answer);
    void apply_later(const wharf::v1::UpdateBatch& batch);
    verdict apply(const wharf::v1::Update& item);
    bool remembered(const std::string& key);
    void effect(const wharf::v1::Update& item, const std::string& content);
    void query(const http_request& request, const reply& to);
    void check_batch(const wharf::v1::UpdateBatch& batch);
    [[nodiscard]] http_response written(const wharf::v1::BatchAnswer& answer) const;
    void answer_later(reply to, http_response response);
    // A property of the update, the same whenever it is asked.
    [[nodiscard]] bool marked(sequence number, std::uint64_t concern, std::uint32_t rate) const;
    template <class Message> Message read(const std::string& body) const;

    world& world_;
    const erp_plan& plan_;
    const std::size_t number_;
    const std::vector<fact>& facts_;
    effect_watch& watch_;
    prng random_;
    const prng marks_;
    std::map<std::string, held_key> keys_;
    std::map<std::string, std::string> batches_;     // by id: what it was made of
    std::map<std::string, std::uint32_t> under_way_; // late requests, by key
    std::map<sequence, std::uint32_t> late_;         // the same, by number
    std::map<sequence, fact_id> effects_;
    std::map<std::string, std::string> content_; // of every key ever seen
    std::map<sequence, std::string> names_;      // the key of every update ever seen
    std::map<sequence, std::uint32_t> in_progress_;
    std::set<sequence> permitted_;
    std::set<sequence> refused_;
    std::int64_t away_until_us_ = 0;
    std::int64_t healthy_since_us_ = 0;
    std::int64_t last_effect_us_ = 0;
    std::uint64_t run_ = 1; // a restart ends it, with what is under way
    bool healed_ = false;
};

} // namespace wharf::sim
