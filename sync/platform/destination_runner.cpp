#include "sync/platform/destination_runner.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace wharf {

namespace {
// Loose dead letters of one page of keys; more are not told.
constexpr std::size_t k_loose_max = 4096;
} // namespace

destination_runner::destination_runner(boost::asio::io_context& io, std::size_t place,
                                       const sync_destination& what, http_connector connector,
                                       store& from, journal_port& journal, clock_port& clock,
                                       std::uint64_t seed, const sync_callbacks& callbacks,
                                       std::function<void()> changed)
    : io_(io), place_(place), tls_(what.client.tls), machine_(what.delivery, seed),
      connector_(std::move(connector)), client_(io, connector_.endpoint(), what.client),
      view_(from), journal_(journal), clock_(clock), callbacks_(callbacks),
      changed_(std::move(changed)), next_span_(seed) {}

// The wall clock may be set back or stand still while we run; the ages of keys must not: journal
// time goes on at least as the monotonic clock does. After a restart the machine compares it with
// what is on record.
instant destination_runner::now() {
    const auto monotonic_us = clock_.monotonic_us();
    if (latest_us_ != 0) latest_us_ += monotonic_us - latest_monotonic_us_;
    latest_monotonic_us_ = monotonic_us;
    latest_us_ = std::max(latest_us_, clock_.wall_us());
    return {monotonic_us, latest_us_};
}

destination_snapshot destination_runner::snapshot() const {
    auto out = machine_.snapshot();
    if (tls_ != nullptr) out.certificate_to_s = tls_->own_end_s();
    return out;
}

status destination_runner::start() {
    WHARF_TRY_ASSIGN(const auto state, view_.delivery(number()));
    machine_.start(state, now());
    drain();
    return ok();
}

void destination_runner::on_appended(const std::vector<event_head>& heads) {
    machine_.on_appended(heads, now());
    drain();
}

void destination_runner::on_more(sequence last) {
    machine_.on_more(last, now());
    drain();
}

void destination_runner::on_journaled(std::uint64_t token) {
    machine_.on_journaled(token, now());
    drain();
}

void destination_runner::on_space(bool full) {
    machine_.on_space(full, now());
    drain();
}

void destination_runner::on_tick() {
    machine_.on_tick(now());
    drain();
}

void destination_runner::retry_dead(sequence number, manage_ops with, sync_shell::reply done) {
    const auto id = next_command_++;
    replies_.emplace(id, std::move(done));
    machine_.retry_dead(id, number, now(), std::move(with));
    drain();
}

void destination_runner::discard_dead(sequence number, const std::string& reason, manage_ops with,
                                      sync_shell::reply done) {
    const auto id = next_command_++;
    replies_.emplace(id, std::move(done));
    machine_.discard_dead(id, number, reason, now(), std::move(with));
    drain();
}

void destination_runner::pause() {
    machine_.pause(now());
    drain();
}

status destination_runner::pause_lane(lane which, bool paused) {
    if (!paused && machine_.snapshot().paused)
        return error{errc::conflict, "the destination is paused as a whole: resume it"};
    machine_.pause_lane(which, paused, now());
    drain();
    return ok();
}

void destination_runner::limit_rate(std::uint32_t requests_per_s, std::uint32_t for_s) {
    machine_.limit_rate(requests_per_s, std::int64_t{for_s} * 1'000'000, now());
    drain();
}

void destination_runner::fence(const std::string& why) {
    machine_.fence(why, now());
    drain();
}

status destination_runner::resume() {
    if (const auto& why = machine_.options().fenced; !why.empty())
        return error{errc::conflict, why +
                                         ". It does not go on by itself: docs/runbooks, a gateway "
                                         "replaced by a spare"};
    machine_.resume(now());
    draining_ = true; // one that fails again is kept for the next time
    for (auto& load : std::exchange(failed_loads_, {}))
        std::visit([&](auto& one) { perform(one); }, load);
    draining_ = false;
    drain();
    return ok();
}

// What is performed may ask for more: a list instead of recursion.
void destination_runner::drain() {
    if (draining_) return;
    draining_ = true;
    for (auto actions = machine_.take_actions(); !actions.empty();
         actions = machine_.take_actions())
        for (auto& what : actions)
            std::visit([&](auto& one) { perform(one); }, what);
    draining_ = false;
    pass_notes();
    changed_();
}

void destination_runner::pass_notes() {
    auto& notes = machine_.notes();
    if (notes.empty()) return;
    if (callbacks_.notes) callbacks_.notes(place_, notes);
    notes.clear();
}

// The destination is stopped; what was to be read is read again when it is resumed.
void destination_runner::failed(action load, const error& why) {
    failed_loads_.push_back(std::move(load));
    machine_.on_failure("the journal cannot be read: " + why.message, now());
}

// --- reading the journal
// --------------------------------------------------------------------------

// A backlog has many pages: between two of them the others have their turn.
void destination_runner::perform(const act::load_heads& what) {
    boost::asio::post(io_, [this, what] {
        auto page = view_.heads(what.in_lane, what.after, what.heads_max, limits::k_head_scan_max);
        if (page.ok())
            machine_.on_heads(what.in_lane, *page, now());
        else
            failed(what, page.failure());
        drain();
    });
}

void destination_runner::perform(const act::load_head& what) {
    auto head = view_.head(what.number);
    if (!head.ok() && head.failure().code != errc::not_found) return failed(what, head.failure());
    machine_.on_head(what.number, head.ok() ? &head.value() : nullptr, now());
}

// The queue of a key holds dead letters that do not block, too: they are passed over.
result<std::optional<sequence>> destination_runner::first_blocking(std::uint64_t key, sequence from,
                                                                   parked_page* page) const {
    const auto destination = machine_.options().destination;
    auto number = std::optional<sequence>(from);
    if (from == k_no_sequence) {
        WHARF_TRY_ASSIGN(number, view_.first_parked(destination, key));
    }
    while (number) {
        WHARF_TRY_ASSIGN(auto content, view_.parked(destination, *number));
        if (content && content->blocks()) break;
        if (content && page != nullptr && page->loose.size() < k_loose_max)
            page->loose.emplace_back(*number, std::move(*content));
        WHARF_TRY_ASSIGN(number, view_.first_parked(destination, key, *number));
    }
    return number;
}

void destination_runner::perform(const act::load_parked_keys& what) {
    auto found = view_.parked_keys(number(), what.from_key_hash, what.count_max);
    if (!found.ok()) return failed(what, found.failure());
    parked_page page;
    for (const auto& key : *found) {
        auto first = first_blocking(key.key_hash, key.first, &page);
        if (!first.ok()) return failed(what, first.failure());
        if (*first) page.blocking.push_back({key.key_hash, **first});
    }
    if (found->size() == what.count_max && found->back().key_hash != UINT64_MAX)
        page.next_from = found->back().key_hash + 1;
    machine_.on_parked_keys(page, now());
}

void destination_runner::perform(const act::load_first_parked& what) {
    auto first = first_blocking(what.key_hash, k_no_sequence, nullptr);
    if (!first.ok()) return failed(what, first.failure());
    machine_.on_first_parked(what.key_hash, *first, now());
}

void destination_runner::perform(const act::load_parked& what) {
    auto content = view_.parked(number(), what.number);
    if (!content.ok()) return failed(what, content.failure());
    const auto& found = content.value();
    machine_.on_parked(what.number, found ? &*found : nullptr, now());
}

// --- batches
// --------------------------------------------------------------------------------------

void destination_runner::perform(const act::render& what) {
    std::vector<sequence> numbers;
    for (const auto& item : what.items)
        numbers.push_back(item.number);
    auto records = view_.events(numbers);
    if (!records.ok())
        return machine_.on_render_failed(what.batch, records.failure().message, now());
    auto request = connector_.render(what.batch, what.items, std::move(*records), what.in_order);
    // Tells whether the same bytes come out again; nobody gains by making others that agree.
    if (!request.ok())
        return machine_.on_render_failed(what.batch, request.failure().message, now());
    const auto digest = hash128(request->body);
    const auto bytes = request->body.size();
    std::vector<event_head> heads;
    for (auto& record : *records)
        heads.push_back(std::move(record.head));
    rendered_[what.batch] = {what.items, std::move(*request)};
    machine_.on_rendered(what.batch, std::string(digest.data(), digest.size()), bytes, heads,
                         now());
}

void destination_runner::perform(const act::forget& what) {
    rendered_.erase(what.batch);
}

void destination_runner::perform(act::journal& what) {
    journal_.submit(journal_request{std::move(what.request)});
}

void destination_runner::perform(const act::send& what) {
    auto& batch = rendered_.at(what.batch);
    http_connector::begin_span(batch.request, hash64(std::to_string(next_span_++)));
    client_.send(batch.request,
                 [this, number = what.batch, items = batch.items](const http_exchange& exchange) {
                     answered(number, items, false, exchange);
                 });
}

void destination_runner::perform(const act::ask& what) {
    client_.send(connector_.render_ask(what.items), [this, what](const http_exchange& exchange) {
        answered(what.batch, what.items, true, exchange);
    });
}

void destination_runner::answered(batch_number batch, const std::vector<batch_item>& items,
                                  bool asked, const http_exchange& exchange) {
    connector_answer answer;
    if (exchange.how == connector_answer::way::answered) {
        answer = connector_.parse(exchange.response, items, asked, clock_.wall_us());
    } else {
        answer.how = exchange.how;
        answer.words = exchange.words;
    }
    machine_.on_answer(batch, answer, now());
    drain();
}

// --- words for people
// -----------------------------------------------------------------------------

void destination_runner::perform(const act::alarm& what) {
    if (callbacks_.alarm)
        callbacks_.alarm(machine_.options().name, what.code, what.text, what.raised);
}

void destination_runner::perform(const act::log& what) {
    if (!callbacks_.log) return;
    log_subject about;
    if (what.number != k_no_sequence) {
        about.sequence = std::to_string(what.number);
        // The line is worth writing without its details too.
        if (const auto record = view_.event(what.number); record.ok()) {
            about.device = record->event.device();
            about.event_id = record->event.event().event_id();
            about.correlation_id = record->event.event().correlation_id();
        }
    }
    callbacks_.log(machine_.options().name, what.text, about);
}

void destination_runner::perform(const act::reply& what) {
    auto node = replies_.extract(what.command);
    if (!node.empty() && node.mapped()) node.mapped()(what.failure);
}

} // namespace wharf
