// The machine's inputs, its pump, and what others may see of it.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::size_t k_parked_page = 1024;
} // namespace

destination_machine::destination_machine(delivery_options options, std::uint64_t jitter_seed)
    : options_(std::move(options)), random_(jitter_seed),
      circuit_(options_.circuit_failures, options_.retry_base_us, options_.retry_cap_us),
      paused_(options_.paused), paused_lanes_(options_.paused_lanes) {
    WHARF_ASSERT(options_.in_flight_max >= 1 &&
                 options_.in_flight_max <= limits::k_batches_in_flight_max);
    for (const auto& lane_options : options_.lanes)
        WHARF_ASSERT(lane_options.batch_items_max >= 1 &&
                     lane_options.batch_items_max <= limits::k_batch_items_max);
}

void destination_machine::start(const delivery_state& state, instant at) {
    std::set<sequence> taken;
    if (WHARF_MUTANT(open_batches_forgotten_at_start)) {
        auto without = state;
        without.open_batches.clear();
        if (!state.open_batches.empty()) return start(without, at);
    }
    for (const auto& sealed : state.open_batches)
        for (const auto& item : sealed.content.items())
            taken.insert(item.sequence());
    lanes_.start(state, taken);
    // Whether an item comes from its lane or from the parked set is looked up; until then nobody
    // may offer it a second time.
    released_known_ = taken;
    for (const auto& sealed : state.open_batches) {
        open_batch b;
        b.number = sealed.batch;
        b.now = open_batch::stage::verifying;
        b.digest = sealed.content.digest();
        b.sealed_at_us = sealed.content.sealed_at_us();
        b.maybe_sent = b.maybe_before = true;
        b.last_sent_us = at.now_us;
        b.held = options_.in_order;
        b.lookups = static_cast<std::size_t>(sealed.content.items_size());
        for (const auto& item : sealed.content.items()) {
            batch_entry e;
            e.item = {item.sequence(), item.revision()};
            b.items.push_back(std::move(e));
            actions_.emplace_back(act::load_parked{item.sequence()});
        }
        if (sealed.content.mapping_revision() != options_.mapping_revision) b.must_ask = true;
        open_items_ += b.items.size();
        const auto number = b.number;
        auto& kept = batches_.emplace(number, std::move(b)).first->second;
        render(kept);
    }
    actions_.emplace_back(act::load_parked_keys{0, k_parked_page});
    if (!options_.fenced.empty()) stop(options_.fenced);
    pump(at);
}

void destination_machine::on_appended(const std::vector<event_head>& heads, instant at) {
    lanes_.on_appended(heads);
    pump(at);
}

void destination_machine::on_more(sequence last, instant at) {
    lanes_.on_more(last);
    pump(at);
}

void destination_machine::on_heads(lane in_lane, const head_page& page, instant at) {
    lanes_.on_heads(in_lane, page);
    pump(at);
}

void destination_machine::on_head(sequence number, const event_head* head, instant at) {
    lanes_.on_head(number, head);
    pump(at);
}

void destination_machine::on_parked_keys(const parked_page& page, instant at) {
    for (const auto& key : page.blocking)
        parked_.load(key.key_hash, key.first);
    for (const auto& [number, content] : page.loose)
        if (!changing_.contains(number)) remember_loose(number, content);
    if (page.next_from)
        actions_.emplace_back(act::load_parked_keys{*page.next_from, k_parked_page});
    else
        keys_loaded_ = true;
    pump(at);
}

void destination_machine::on_first_parked(std::uint64_t key_hash, std::optional<sequence> first,
                                          instant at) {
    parked_.on_first(key_hash, first);
    pump(at);
}

void destination_machine::on_parked(sequence number, const wharf::v1::ParkedUpdate* content,
                                    instant at) {
    for (auto& [batch, b] : batches_) {
        if (b.now != open_batch::stage::verifying || b.lookups == 0) continue;
        for (auto& e : b.items) {
            if (e.item.number != number) continue;
            --b.lookups;
            if (content == nullptr) continue;
            auto found = entry_of(number, *content);
            found.item.revision = e.item.revision;
            e = std::move(found);
        }
        if (b.lookups == 0 && b.have_heads) {
            verify(b, at);
            break; // the batches may have changed
        }
    }
    parked_.on_parked(number, content);
    if (const auto waiting = commands_.find(number); waiting != commands_.end()) {
        auto c = std::move(waiting->second);
        commands_.erase(waiting);
        execute(std::move(c), number, content, at);
    }
    pump(at);
}

void destination_machine::on_journaled(std::uint64_t token, instant at) {
    auto node = journaling_.extract(token);
    WHARF_ASSERT(!node.empty());
    parking_.erase(token);
    if (shedding_ == token) shedding_.reset();
    const auto& done = node.mapped();
    for (auto batch : done.sealed) {
        if (WHARF_MUTANT(sent_before_sealed)) break;
        auto& b = batches_.at(batch);
        WHARF_ASSERT(b.now == open_batch::stage::sealing);
        b.now = open_batch::stage::sealed;
    }
    parked_.durable(done.keys);
    for (auto number : done.changed)
        changing_.erase(number);
    for (auto id : done.commands)
        actions_.emplace_back(act::reply{id, {}});
    pump(at);
}

void destination_machine::on_failure(const std::string& why, instant at) {
    stop(why);
    pump(at);
}

void destination_machine::on_space(bool full, instant at) {
    short_of_space_ = full;
    for (std::size_t i = 0; i < k_lane_count; ++i)
        lanes_.widen(static_cast<lane>(i), full && options_.lanes[i].sheddable);
    pump(at);
}

void destination_machine::on_tick(instant at) {
    pump(at);
}

void destination_machine::retry_dead(std::uint64_t command, sequence number, instant at,
                                     manage_ops with) {
    if (!commands_.emplace(number, pending_command{command, false, {}, std::move(with)}).second) {
        actions_.emplace_back(act::reply{command, "another command for it is under way"});
        return;
    }
    actions_.emplace_back(act::load_parked{number});
    pump(at);
}

void destination_machine::discard_dead(std::uint64_t command, sequence number,
                                       const std::string& reason, instant at, manage_ops with) {
    if (!commands_.emplace(number, pending_command{command, true, reason, std::move(with)})
             .second) {
        actions_.emplace_back(act::reply{command, "another command for it is under way"});
        return;
    }
    actions_.emplace_back(act::load_parked{number});
    pump(at);
}

void destination_machine::pause(instant at) {
    paused_ = true;
    pump(at);
}

void destination_machine::resume(instant at) {
    paused_ = false;
    paused_lanes_ = {};
    if (!options_.fenced.empty()) return pump(at);
    if (!stopped_.empty()) alarm("stopped", "resumed: " + stopped_, false);
    stopped_.clear();
    close_circuit("resumed");
    hold_until_us_ = 0;
    forbidden_batches_.clear();
    for (auto& [number, b] : batches_) {
        b.next_at_us = std::min(b.next_at_us, at.now_us);
        b.forbidden = 0;
        if (b.render_failed) render(b);
    }
    pump(at);
}

void destination_machine::fence(const std::string& why, instant at) {
    if (!options_.fenced.empty()) return;
    options_.fenced = why;
    stopped_.clear(); // whatever stopped it before, this is the reason that stays
    stop(why);
    pump(at);
}

std::vector<action> destination_machine::take_actions() {
    std::vector<action> out;
    out.swap(actions_);
    return out;
}

// --- the pump
// -------------------------------------------------------------------------------------

void destination_machine::pump(instant at) {
    return_delayed(at);
    for (bool more = true; more;) {
        more = false;
        if (keys_loaded_) {
            look_after_parked();
            more = absorb_ready(at);
            shed(at);
        }
        if (running()) {
            more = send_due(at) || more;
            more = compose(at) || more;
        }
    }
    note_passed_marks();
    const auto wants = lanes_.wanted();
    for (const auto& page : wants.pages)
        actions_.emplace_back(act::load_heads{page.in_lane, page.after, page.heads_max});
    for (auto number : wants.heads)
        actions_.emplace_back(act::load_head{number});
    end_shedding(at);
    compute_wake(at);
}

void destination_machine::return_delayed(instant at) {
    while (!delayed_.empty() && delayed_.begin()->first.first <= at.now_us) {
        const auto e = std::move(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
        if (WHARF_MUTANT(delayed_item_lost)) continue;
        if (e.parked)
            released_[index_of(e.in_lane)].insert(e.item.number);
        else
            lanes_.put_back(e.item.number);
    }
}

void destination_machine::wake_at(std::int64_t when_us, instant at) {
    if (when_us <= at.now_us) return; // what is due waits for an input, not for time
    if (!wake_ || when_us < *wake_) wake_ = when_us;
}

void destination_machine::compute_wake(instant at) {
    wake_.reset();
    if (!delayed_.empty()) wake_at(delayed_.begin()->first.first, at);
    if (short_of_space_ && shed_again_us_ != 0) wake_at(shed_again_us_, at);
    if (!short_of_space_ && shed_now_ > 0) wake_at(shed_last_us_ + k_shedding_over_us, at);
    if (!running()) return;
    const auto gate = std::max({hold_until_us_, circuit_.open_until_us(), next_request_us(at)});
    for (const auto& [number, b] : batches_)
        if (b.now == open_batch::stage::sealed) wake_at(std::max(due_us(b, at), gate), at);
    for (std::size_t i = 0; i < k_lane_count; ++i)
        if (waiting_since_us_[i])
            wake_at(std::max(*waiting_since_us_[i] + options_.lanes[i].batch_max_delay_us, gate),
                    at);
}

void destination_machine::submit(draft& d) {
    if (d.request.ops.empty()) return;
    d.request.token = next_token_++;
    d.request.destination = options_.destination;
    journaling_.emplace(d.request.token, std::move(d.after));
    actions_.emplace_back(act::journal{std::move(d.request)});
    d = {};
}

void destination_machine::alarm(const std::string& code, const std::string& text, bool raised) {
    actions_.emplace_back(act::alarm{code, text, raised});
}

void destination_machine::stop(const std::string& why) {
    last_error_ = why;
    if (!stopped_.empty()) return;
    stopped_ = why;
    alarm("stopped", why);
}

// --- what others may see
// --------------------------------------------------------------------------

bool destination_machine::idle() const {
    return batches_.empty() && journaling_.empty() && delayed_.empty() && to_check_.empty() &&
           commands_.empty() &&
           std::ranges::all_of(released_, [](const auto& set) { return set.empty(); });
}

destination_snapshot destination_machine::snapshot() const {
    destination_snapshot out;
    out.name = options_.name;
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        const auto which = static_cast<lane>(i);
        out.pending_in_window[i] = lanes_.pending_in_window(which);
        out.oldest_pending_us[i] = lanes_.oldest_pending_us(which);
        out.low_water[i] = lanes_.low_water(which);
        out.at_tail[i] = lanes_.at_tail(which);
    }
    // Half open or open: a snapshot has no time of its own.
    out.circuit = circuit_.open_until_us() == 0 ? circuit_state::closed : circuit_state::open;
    out.open_batches = batches_.size();
    out.requests_in_flight = requests_in_flight();
    out.items_in_flight = open_items_;
    out.blocked_keys = parked_.size();
    out.applied = applied_;
    out.dead = dead_;
    out.requests = requests_;
    out.retries = retries_;
    out.last_applied_us = last_applied_us_;
    out.paused = paused_;
    out.paused_lanes = paused_lanes_;
    out.requests_per_s_max = requests_per_s_max_;
    out.limited_until_us = limited_until_us_;
    out.stopped = stopped_;
    out.fenced = !options_.fenced.empty();
    out.last_error = last_error_;
    return out;
}

} // namespace wharf
