// Draining and beginning anew: what an operator orders of the process as a whole.
#include "firmware/wharfd/device_office.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/observe/health.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

// What is not at its end, and why.
struct leftovers {
    std::uint64_t pending = 0;
    std::uint64_t dead = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t held = 0;
    std::string words;
    json destinations = json::array();
};

std::string why_it_waits(const observe::destination_snapshot& at) {
    if (at.paused) return "paused";
    if (at.state != observe::circuit::closed)
        return std::string(at.state == observe::circuit::stopped ? "stopped" : "does not answer") +
               (at.last_error.empty() ? "" : ": " + at.last_error);
    std::string lanes;
    for (std::size_t i = 0; i < k_lane_count; ++i)
        if (at.paused_lanes[i]) lanes += (lanes.empty() ? "" : ", ") + std::string(k_lane_names[i]);
    if (!lanes.empty()) return "paused in lane " + lanes;
    return at.books.dead > 0 ? "behind its dead letters, or under way" : "under way";
}

leftovers left_of(const observe::gateway_snapshot& now, std::uint64_t held) {
    leftovers out;
    out.quarantined = now.quarantine_open;
    out.held = held;
    std::string where;
    for (const auto& one : now.destinations) {
        out.pending += one.books.pending;
        out.dead += one.books.dead;
        if (one.books.pending == 0 && one.books.dead == 0) continue;
        json lanes = json::object();
        for (std::size_t i = 0; i < k_lane_count; ++i)
            if (one.lanes[i].pending > 0)
                lanes[std::string(k_lane_names[i])] = one.lanes[i].pending;
        const std::string why = one.books.pending > 0 ? why_it_waits(one) : std::string();
        out.destinations.push_back({{"destination", one.books.name},
                                    {"pending", one.books.pending},
                                    {"dead", one.books.dead},
                                    {"lanes", std::move(lanes)},
                                    {"why", why}});
        if (one.books.pending > 0)
            where += (where.empty() ? " (" : "; ") + one.books.name + ": " +
                     std::to_string(one.books.pending) + ", " + why;
    }
    if (!where.empty()) where += ")";
    out.words = "pending: " + std::to_string(out.pending) + where +
                ", dead letters: " + std::to_string(out.dead) +
                ", in quarantine: " + std::to_string(out.quarantined);
    if (held > 0) out.words += ", taken and waiting for space: " + std::to_string(held);
    return out;
}

json json_of(const leftovers& left, bool doors_shut) {
    return {{"doors_shut", doors_shut}, {"pending", left.pending},
            {"dead", left.dead},        {"quarantined", left.quarantined},
            {"held", left.held},        {"destinations", left.destinations}};
}

std::optional<std::int64_t> number_in(const std::string& text) {
    std::int64_t out = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

} // namespace

// That it is drained is durable before a door is closed; until when the command waits, with it.
void device_office::drain(const manage::act::run& what) {
    const DrainCommand& asked = what.command->drain();
    if (asked.end()) return end_drain(what.of);
    if (asked.within_s() == 0 || asked.within_s() > limits::k_drain_s_max)
        return finish(what.of, COMMAND_CODE_INVALID,
                      "within_s: expected 1 to " + std::to_string(limits::k_drain_s_max));
    const auto journal_us = with_.writer.journal_time_us();
    const auto noted = number_in(what.begun);
    const auto until_us = noted.value_or(journal_us + std::int64_t{asked.within_s()} * 1'000'000);
    drains_.push_back({what.of, until_us, {}});
    if (noted) return with_.close_doors();
    manage_ops ops = desk_->begun_with(what.of, std::to_string(until_us));
    if (!drain_) {
        drain_.emplace();
        drain_->set_at_us(with_.clock.wall_us());
        drain_->set_since_us(journal_us);
        drain_->set_by(what.by);
        drain_->set_reason(what.command->reason());
        ops.emplace_back(set_drain{drain_});
    }
    submit(std::move(ops), [this, of = what.of] {
        with_.close_doors();
        go_on_alone(of);
        desk_->want_state();
    });
}

// Together: it takes again, and who waited for it to be drained waits in vain. Doors are opened by
// a new run.
void device_office::end_drain(manage::ticket of) {
    if (!drain_) return finish(of, COMMAND_CODE_OK, "it takes events");
    manage_ops ops = {set_drain{}};
    std::vector<manage::ticket> over;
    for (const waiting_drain& one : std::exchange(drains_, {})) {
        over.push_back(one.of);
        for (auto& op : desk_->done_with(one.of, {COMMAND_CODE_FAILED, "the drain was ended", {}}))
            ops.push_back(std::move(op));
    }
    drain_.reset();
    submit(std::move(ops), [this, of, over] {
        for (const manage::ticket one : over)
            desk_->rode(one);
        go_on_alone(of);
        with_.begin_anew("the drain was ended");
    });
}

void device_office::tick_drains() {
    if (drains_.empty()) return;
    const auto left = left_of(with_.look(), with_.writer.snapshot().held);
    const bool shut = with_.doors_shut();
    const std::string text = dumped(json_of(left, shut));
    const bool done = shut && left.pending == 0 && left.held == 0;
    work_ = "drain: " + left.words;
    for (waiting_drain& one : std::exchange(drains_, {})) {
        if (done) {
            finish(one.of, COMMAND_CODE_OK, "drained; " + left.words, text);
        } else if (with_.writer.journal_time_us() >= one.until_us) {
            finish(one.of, COMMAND_CODE_FAILED,
                   "it is drained and stays so, but its time is over; " + left.words, text);
        } else {
            if (std::exchange(one.told, text) != text)
                desk_->tell_progress(one.of, {COMMAND_CODE_OK, left.words, text});
            drains_.push_back(std::move(one));
        }
    }
    if (drains_.empty()) work_.clear();
}

// A run that finds it again is the new one.
void device_office::restart(const manage::act::run& what) {
    if (what.again) return finish(what.of, COMMAND_CODE_OK, "a new run has begun");
    go_on_alone(what.of);
    with_.begin_anew("an operator ordered it");
}

} // namespace wharf
