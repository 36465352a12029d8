#include "tests/sim/erp.hpp"

#include "gateway/codec/json_codec.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {

http_response status_only(int status) {
    http_response out;
    out.status = status;
    return out;
}

} // namespace

model_erp::model_erp(world& in, const erp_plan& with, std::size_t number,
                     const std::vector<fact>& facts, effect_watch& watch)
    : world_(in), plan_(with), number_(number), facts_(facts), watch_(watch),
      random_(in.random(60 + number)), marks_(in.random(70 + number)) {}

void model_erp::trouble(fault what) {
    world_.fired(what);
    healthy_since_us_ = world_.now_us();
}

bool model_erp::marked(sequence number, std::uint64_t concern, std::uint32_t rate) const {
    return marks_.split(number * 16 + concern).chance(rate);
}

template <class Message> Message model_erp::read(const std::string& body) const {
    Message out;
    const bool good = plan_.format == http_format::json ? message_from_json(body, out).ok()
                                                        : out.ParseFromString(body);
    if (!good) violated("request", "the ERP cannot read what it was sent");
    return out;
}

http_response model_erp::written(const wharf::v1::BatchAnswer& answer) const {
    auto out = status_only(200);
    if (plan_.format == http_format::json)
        message_to_json(answer, out.body);
    else
        out.body = answer.SerializeAsString();
    return out;
}

// --- outages
// --------------------------------------------------------------------------------------

void model_erp::begin_outages() {
    plan_outage();
    plan_restart();
}

void model_erp::plan_outage() {
    if (plan_.away_every_us == 0) return;
    world_.after(random_.between(1, 2 * plan_.away_every_us), [this] {
        if (healed_) return;
        trouble(fault::erp_away);
        away_until_us_ = world_.now_us() + random_.between(k_second, plan_.away_us_max);
        healthy_since_us_ = away_until_us_;
        plan_outage();
    });
}

void model_erp::plan_restart() {
    if (plan_.restart_every_us == 0) return;
    world_.after(random_.between(1, 2 * plan_.restart_every_us), [this] {
        if (healed_) return;
        trouble(fault::erp_restarted);
        ++run_;
        plan_restart();
    });
}

void model_erp::heal() {
    healed_ = true;
    away_until_us_ = 0;
    healthy_since_us_ = world_.now_us();
}

// --- requests
// -------------------------------------------------------------------------------------

void model_erp::answer_later(reply to, http_response response) {
    const auto after = random_.between(1, plan_.service_us_max);
    world_.after(after, [this, run = run_, to = std::move(to), response = std::move(response)] {
        if (run == run_) return to(transport::answered, response);
        to(transport::cut, {});
    });
}

void model_erp::receive(const http_request& request, reply to) {
    if (request.target.ends_with("/query"))
        return away() ? to(transport::refused, {}) : query(request, to);
    const auto batch = read<wharf::v1::UpdateBatch>(request.body);
    check_batch(batch);
    if (away()) return to(transport::refused, {});
    if (!healed_ && misbehave(request, batch, to)) return;
    if (refuse_whole(batch, to)) return;
    serve(batch, to);
}

// The work is done at once, the answer comes later: in between it may be lost.
void model_erp::serve(const wharf::v1::UpdateBatch& batch, const reply& to) {
    wharf::v1::BatchAnswer answer;
    auto done = batch;
    if (!healed_ && random_.chance(plan_.item_missing)) {
        trouble(fault::erp_item_missing); // never got to the last ones
        const auto count = random_.below(static_cast<std::uint64_t>(batch.items_size()));
        done.mutable_items()->DeleteSubrange(static_cast<int>(count),
                                             batch.items_size() - static_cast<int>(count));
    }
    apply_batch(done, answer);
    const bool uneven = std::ranges::any_of(answer.items(), [](const wharf::v1::ItemAnswer& one) {
        return one.status() != wharf::v1::ITEM_STATUS_APPLIED;
    });
    // Trouble comes in company.
    if (!healed_ && answer.items_size() > 0 &&
        random_.chance(plan_.item_missing * (uneven ? 20 : 1))) {
        trouble(fault::erp_item_missing); // lost while the answer was written
        for (int i = answer.items_size(); i-- > 0;) {
            if (!random_.chance(3000)) continue;
            answer.mutable_items()->SwapElements(i, answer.items_size() - 1);
            answer.mutable_items()->RemoveLast();
        }
    }
    // In any order: the key says which one is meant.
    for (int i = answer.items_size() - 1; i > 0; --i)
        answer.mutable_items()->SwapElements(
            i, static_cast<int>(random_.below(static_cast<std::uint64_t>(i) + 1)));
    if (!healed_ && random_.chance(plan_.lost_answer)) {
        trouble(fault::erp_lost_answer);
        if (random_.chance(5000)) return; // until the gateway's time-out
        return to(transport::cut, {});
    }
    answer_later(to, written(answer));
}

// Nobody hears of it.
void model_erp::apply_later(const wharf::v1::UpdateBatch& batch) {
    for (const auto& item : batch.items())
        ++under_way_[item.idempotency_key()], ++late_[item.id().sequence()];
    const auto most = std::min(plan_.delivery.settle_us, plan_.timeout_us * 2);
    world_.after(random_.between(plan_.timeout_us / 2, most * 9 / 10 + plan_.timeout_us / 2),
                 [this, batch] {
                     for (const auto& item : batch.items()) {
                         if (--under_way_[item.idempotency_key()] == 0)
                             under_way_.erase(item.idempotency_key());
                         if (--late_[item.id().sequence()] == 0) late_.erase(item.id().sequence());
                     }
                     wharf::v1::BatchAnswer unheard;
                     apply_batch(batch, unheard);
                 });
}

bool model_erp::misbehave(const http_request& request, const wharf::v1::UpdateBatch& batch,
                          const reply& to) {
    const auto with_retry_after = [this](int status) {
        auto out = status_only(status);
        if (random_.chance(3000)) out.retry_after = std::to_string(random_.between(0, 20));
        return out;
    };
    if (random_.chance(plan_.lost_request)) {
        trouble(fault::erp_lost_request);
        if (random_.chance(5000)) to(transport::cut, {});
        return true;
    }
    if (random_.chance(plan_.applied_late)) {
        trouble(fault::erp_applied_late);
        apply_later(batch);
        return true;
    }
    if (random_.chance(plan_.throttled)) {
        trouble(fault::erp_throttled);
        answer_later(to, with_retry_after(429));
        return true;
    }
    if (random_.chance(plan_.unavailable)) {
        trouble(fault::erp_unavailable);
        answer_later(to, with_retry_after(random_.chance(5000) ? 503 : 504));
        return true;
    }
    if (random_.chance(plan_.failed)) {
        trouble(fault::erp_failed);
        if (random_.chance(5000)) {
            wharf::v1::BatchAnswer unheard;
            apply_batch(batch, unheard);
        }
        answer_later(to, status_only(500));
        return true;
    }
    if (random_.chance(plan_.nonsense)) {
        trouble(fault::erp_nonsense);
        auto response = status_only(200);
        response.body = random_.chance(5000) ? "{\"items\": [" : std::string("\xff\xfe\x01", 3);
        answer_later(to, response);
        return true;
    }
    if (random_.chance(plan_.credentials)) {
        trouble(fault::erp_credentials);
        answer_later(to, status_only(random_.chance(5000) ? 401 : 404));
        return true;
    }
    (void)request;
    return false;
}

// Answers for the request as a whole that come from what is in it.
bool model_erp::refuse_whole(const wharf::v1::UpdateBatch& batch, const reply& to) {
    const auto count = static_cast<std::size_t>(batch.items_size());
    if (plan_.items_max > 0 && count > plan_.items_max) {
        world_.fired(fault::erp_too_large);
        if (count == 1) refused_.insert(batch.items(0).id().sequence());
        answer_later(to, status_only(413));
        return true;
    }
    for (const auto& item : batch.items()) {
        const auto number = item.id().sequence();
        if (permitted_.contains(number) || has_applied(number)) continue;
        if (marked(number, 1, plan_.forbidden)) {
            trouble(fault::erp_forbade);
            refused_.insert(number);
            answer_later(to, status_only(403));
            return true;
        }
        if (!healed_ && marked(number, 2, plan_.poison)) {
            trouble(fault::erp_failed);
            answer_later(to, status_only(500));
            return true;
        }
        if (plan_.refuses_whole &&
            (marked(number, 3, plan_.refused) || marked(number, 4, plan_.refused_for_good))) {
            trouble(fault::erp_refused_request);
            refused_.insert(number);
            answer_later(to, status_only(422));
            return true;
        }
    }
    return false;
}

void model_erp::apply_batch(const wharf::v1::UpdateBatch& batch, wharf::v1::BatchAnswer& answer) {
    bool stopped = false;
    std::vector<int> order(static_cast<std::size_t>(batch.items_size()));
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = static_cast<int>(i);
    // Where the batch asks for no order, there is none.
    for (std::size_t i = order.size(); !batch.in_order() && i > 1; --i)
        std::swap(order[i - 1], order[random_.below(i)]);
    for (int i : order) {
        const auto& item = batch.items(i);
        auto& out = *answer.add_items();
        out.set_idempotency_key(item.idempotency_key());
        if (stopped) {
            world_.fired(fault::erp_not_attempted);
            out.set_status(wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
            continue;
        }
        const auto what = apply(item);
        out.set_status(what.status);
        out.set_code(what.code);
        stopped = batch.in_order() && what.status != wharf::v1::ITEM_STATUS_APPLIED &&
                  what.status != wharf::v1::ITEM_STATUS_ALREADY_APPLIED;
    }
}

// Whether it still knows the key. Keys have their time.
bool model_erp::remembered(const std::string& key) {
    const auto horizon = plan_.delivery.remembers_keys_for_us + plan_.memory_margin_us;
    const auto known = keys_.find(key);
    if (known == keys_.end()) return false;
    if (world_.now_us() - known->second.since_us <= horizon) return true;
    world_.fired(fault::erp_forgot_keys);
    keys_.erase(known);
    return false;
}

model_erp::verdict model_erp::apply(const wharf::v1::Update& item) {
    const auto number = item.id().sequence();
    const auto content = item.event().SerializeAsString();
    const auto known = remembered(item.idempotency_key());
    if (known) return {wharf::v1::ITEM_STATUS_ALREADY_APPLIED, ""};
    if (!permitted_.contains(number)) {
        if (marked(number, 4, plan_.refused_for_good) || marked(number, 3, plan_.refused)) {
            trouble(fault::erp_refused_item);
            refused_.insert(number);
            return {wharf::v1::ITEM_STATUS_REFUSED,
                    marked(number, 5, 5000) ? "insufficient_stock" : "closed_period"};
        }
        if (!healed_ && random_.chance(plan_.in_progress)) {
            trouble(fault::erp_item_in_progress);
            if (random_.chance(5000)) return {wharf::v1::ITEM_STATUS_THROTTLED, ""};
            // It means what it says, or somebody else had it and gave it up.
            if (random_.chance(5000)) {
                wharf::v1::UpdateBatch alone;
                *alone.add_items() = item;
                apply_later(alone);
            }
            return {wharf::v1::ITEM_STATUS_IN_PROGRESS, ""};
        }
        if (!healed_ && random_.chance(plan_.item_error)) {
            trouble(fault::erp_item_error);
            if (random_.chance(5000)) effect(item, content);
            return {wharf::v1::ITEM_STATUS_ERROR, ""};
        }
    }
    effect(item, content);
    return {};
}

void model_erp::effect(const wharf::v1::Update& item, const std::string& content) {
    const auto number = item.id().sequence();
    const auto fact = fact_of(item.event());
    world_.note("applied", number_, number, fact);
    if (effects_.contains(number))
        violated("once at the ERP", item.idempotency_key() + " took effect a second time");
    watch_.applied(number_, number, fact);
    effects_.emplace(number, fact);
    last_effect_us_ = world_.now_us();
    keys_.emplace(item.idempotency_key(), held_key{content, world_.now_us()});
}

// The same key has the same content for ever, and the same batch the same items.
void model_erp::check_batch(const wharf::v1::UpdateBatch& batch) {
    std::string made_of;
    std::set<key_id> touched;
    for (const auto& item : batch.items()) {
        made_of += item.idempotency_key() + ",";
        const auto [name, first] = names_.try_emplace(item.id().sequence(), item.idempotency_key());
        if (!first && name->second != item.idempotency_key())
            violated("one name", item.idempotency_key() + " was " + name->second + " before");
        auto [at, fresh] =
            content_.try_emplace(item.idempotency_key(), item.event().SerializeAsString());
        if (!fresh && at->second != item.event().SerializeAsString())
            violated("request", item.idempotency_key() + " came with other content than before");
        if (batch.in_order()) continue;
        for (auto key : facts_.at(fact_of(item.event())).keys)
            if (!touched.insert(key).second)
                violated("order", "two items of a batch that has no order share a key: " +
                                      item.idempotency_key());
    }
    auto [at, fresh] = batches_.try_emplace(batch.batch_id(), made_of);
    if (!fresh && at->second != made_of)
        violated("request", "batch " + batch.batch_id() + " was made anew");
}

bool model_erp::busy_with(sequence number) const {
    return late_.contains(number);
}

// From its books, which remember longer than its keys do.
void model_erp::query(const http_request& request, const reply& to) {
    world_.fired(fault::erp_asked);
    const auto asked = read<wharf::v1::BatchAnswer>(request.body);
    if (!healed_ && random_.chance(plan_.unavailable + plan_.lost_answer)) {
        trouble(fault::erp_lost_answer);
        if (random_.chance(5000)) return to(transport::cut, {});
        return answer_later(to, status_only(503));
    }
    wharf::v1::BatchAnswer answer;
    for (const auto& item : asked.items()) {
        auto& out = *answer.add_items();
        const auto& key = item.idempotency_key();
        out.set_idempotency_key(key);
        const auto digits = key.substr(key.size() - 22, 20);
        static_cast<void>(remembered(key));
        const bool held = has_applied(std::stoull(digits));
        out.set_status(held ? wharf::v1::ITEM_STATUS_ALREADY_APPLIED
                       : under_way_.contains(key) && random_.chance(5000)
                           ? wharf::v1::ITEM_STATUS_IN_PROGRESS
                           : wharf::v1::ITEM_STATUS_NOT_HELD);
    }
    answer_later(to, written(answer));
}

} // namespace wharf::sim
