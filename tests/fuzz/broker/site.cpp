#include "tests/fuzz/broker/site.hpp"

#include "gateway/journal/format.hpp"
#include "gateway/journal/request_bytes.hpp"

#include <algorithm>

namespace wharf::fuzz {

namespace {

constexpr std::int64_t k_wall_us = 1'772'445'600'000'000;

intake& shared_intake() {
    static intake made = [] {
        intake_options options;
        options.site = "ber1";
        options.local = {"a/#", "b/#", "$d/#", "no"};
        return std::move(make_intake(std::move(options))).value();
    }();
    return made;
}

bool is_gone(const std::unique_ptr<peer>& one) {
    return one->gone;
}

} // namespace

site::site(site_options options) : options_(std::move(options)) {
    start();
}

site::~site() {
    peers_.clear();
}

void site::start() {
    identity_tuning tuning;
    tuning.table_min = 256;
    tuning.table_slack = 256;
    window_ = std::make_unique<identity_window>(tuning);
    journal_options how;
    how.gateway = "WH7";
    how.destinations = {"erp"};
    how.identity = {std::int64_t{3600} * 1'000'000, 1000};
    how.retention_us = std::int64_t{3600} * 1'000'000;
    how.epoch = 42;
    auto opened = journal::open(store_, *window_, how, k_wall_us);
    expect(opened.ok(), "the journal was not opened");
    journal_ = std::move(opened).value();
    shared_intake().use_digests(journal_->digests());
    broker_ = std::make_unique<broker::broker>(
        options_.broker, shared_intake(),
        broker::broker_calls{[this](journal_request request) { submit(std::move(request)); },
                             [] { return prepared_message(); }, [](notice, const std::string&) {}});
    look();
    auto kept = read_local_state(store_);
    expect(kept.ok(), "the journal was not read");
    expect(broker_->restore(std::move(*kept), 0).ok(), "the broker was not restored");
    refused_before_ = 0;
    restored_bytes_ = broker_->queued_bytes();
}

void site::look() {
    broker_->look({k_wall_us + now_us_, now_us_, true});
}

peer& site::connect(connection what, std::optional<std::string> owner, std::string packet) {
    what.id = ++last_id_;
    if (what.client_id.empty()) what.client_id = "assigned-" + std::to_string(what.id);
    for (auto& each : peers_)
        if (each->seen.client_id == what.client_id) each->seen.stale = true;
    known.connecting(what, now_us_);
    peers_.push_back(std::make_unique<peer>(*this, std::move(what), std::move(owner)));
    peer& made = *peers_.back();
    made.machine.session().hold_publishes(publishes_held_);
    made.send(std::move(packet));
    return made;
}

void site::run() {
    for (bool again = true; again;) {
        again = false;
        look();
        // What it is asked may bring no more connections.
        for (std::size_t n = 0; n < peers_.size(); ++n)
            again = peers_[n]->feed() || peers_[n]->write() || again;
        std::erase_if(peers_, is_gone);
    }
    check_bounds();
}

void site::advance(std::int64_t us) {
    trace("  time passes: " + std::to_string(us / 1000) + " ms");
    now_us_ += us;
    look();
    for (std::size_t n = 0; n < peers_.size(); ++n)
        if (!peers_[n]->gone) peers_[n]->machine.session().on_tick(now_us_ / 1000);
    broker_->on_tick();
    run();
}

void site::hold_publishes(bool hold) {
    publishes_held_ = hold;
    for (std::size_t n = 0; n < peers_.size(); ++n)
        peers_[n]->machine.session().hold_publishes(hold);
}

// --- the journal's thread
// --------------------------------------------------------------------------

void site::submit(journal_request request) {
    if (const auto* ingest = std::get_if<ingest_request>(&request)) {
        const auto& message = ingest->message;
        if (tracing())
            trace("  taken: " + message.topic + " " + message.payload.substr(0, 12) +
                  (message.without_session ? " of nobody" : ""));
        const auto id = broker::client::id_of(ingest->token);
        connection* by = nullptr;
        for (auto& each : peers_)
            if (each->seen.id == id) by = &each->seen;
        const auto refused = broker_->counters().retained_refused;
        const bool not_retained = std::exchange(refused_before_, refused) != refused;
        const auto number = known.taken(by, message.topic, message.payload, now_us_, not_retained);
        if (number != 0) messages_[ingest->token] = number;
    }
    count_bytes(request);
    queue_.push_back(std::move(request));
}

status site::apply(const std::vector<journal_request>& group) {
    WHARF_TRY(journal_->begin(now_us_));
    for (const journal_request& request : group)
        WHARF_TRY(journal_->apply(request));
    return journal_->maintain(0);
}

void site::hold_back(std::vector<journal_request>& group, bool in_front) {
    std::vector<journal_request> held, others;
    for (journal_request& request : group) {
        const bool hold = takes_space(request);
        (hold ? held : others).push_back(std::move(request));
    }
    group = std::move(others);
    held_.insert(in_front ? held_.begin() : held_.end(), std::make_move_iterator(held.begin()),
                 std::make_move_iterator(held.end()));
}

// False: there was no space.
bool site::try_commit(std::vector<journal_request>& group) {
    const auto applied = apply(group);
    if (!applied.ok()) {
        expect(applied.failure().code == errc::no_space, applied.failure().message);
        journal_->roll_back();
        return false;
    }
    const bool dirty = journal_->dirty();
    if (dirty) {
        const auto outcome = journal_->commit().outcome;
        expect(outcome != commit_outcome::unknown, "a commit failed");
        if (outcome == commit_outcome::no_space) return false;
        committed_us_ = now_us_;
        trace("  commit of " + std::to_string(group.size()));
    }
    for (journal_answer& each : journal_->take_answers()) {
        const auto token = std::visit([](const auto& one) { return one.token; }, each);
        if (const auto found = messages_.find(token); found != messages_.end()) {
            if (tracing()) trace("  done: message " + std::to_string(found->second));
            if (std::holds_alternative<ingest_done>(each)) known.committed(found->second);
            messages_.erase(found);
        }
        answers_.push_back(std::move(each));
    }
    (void)journal_->take_appended();
    if (!dirty) journal_->roll_back();
    return true;
}

// As gateway/platform/journal_thread.cpp does it.
void site::commit(std::size_t requests_max) {
    std::vector<journal_request> group;
    while (!queue_.empty() && group.size() < requests_max) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    if (full_ || !held_.empty()) hold_back(group, false);
    while (!full_ && !held_.empty() && group.size() < requests_max) {
        group.push_back(std::move(held_.front()));
        held_.pop_front();
    }
    if (try_commit(group)) return;
    full_ = true;
    hold_back(group, true);
    while (!try_commit(group)) {
    }
}

void site::answer(std::size_t most) {
    look();
    for (; most > 0 && !answers_.empty(); --most) {
        const journal_answer each = std::move(answers_.front());
        answers_.pop_front();
        if (broker_->on_answer(each)) continue;
        const auto id =
            broker::client::id_of(std::visit([](const auto& one) { return one.token; }, each));
        for (auto& one : peers_)
            if (one->seen.id == id && !one->gone) one->machine.on_answer(each);
    }
    run();
}

void site::settle() {
    run();
    while (!queue_.empty() || !answers_.empty() || (!held_.empty() && !full_)) {
        commit(limits::k_group_requests_max);
        answer(std::string::npos);
    }
}

void site::heal() {
    store_.refuse_nothing();
    full_ = false;
    settle();
}

// --- the process's ends
// ----------------------------------------------------------------------------

void site::end_process() {
    trace("  the process ends");
    for (auto& each : peers_) {
        if (!each->gone) known.ended(each->seen, each->ended_us(), each->good_bye_);
        each->lose();
        each->machine.retire();
    }
    peers_.clear();
    dropped_before_ = dropped();
    delivered_before_ += broker_->counters().delivered;
    broker_.reset();
    journal_.reset();
    queue_.clear();
    held_.clear();
    answers_.clear();
    messages_.clear();
    known.restarted(committed_us_);
}

void site::fail_commit(bool readable, bool durable) {
    std::vector<journal_request> group;
    for (auto* from : {&held_, &queue_})
        for (journal_request& each : *from)
            group.push_back(std::move(each));
    queue_.clear();
    held_.clear();
    for (const auto& each : group)
        if (const auto* ingest = std::get_if<ingest_request>(&each))
            if (const auto found = messages_.find(ingest->token); found != messages_.end())
                known.in_doubt(found->second);
    store_.fail_commit(readable, durable);
    if (apply(group).ok() && journal_->dirty()) (void)journal_->commit();
    end_process();
    store_.power_cut();
    start();
    run();
}

void site::restart(bool in_order) {
    if (in_order) {
        full_ = false;
        for (auto& each : peers_) {
            each->reads = true;
            if (!each->gone) each->machine.session().end(mqtt::reason::server_shutting_down);
        }
        settle();
        broker_->flush();
        settle();
    }
    end_process();
    store_.restart();
    start();
    run();
}

// --- looking
// ---------------------------------------------------------------------------------------

std::uint64_t site::dropped() const {
    const auto& now = broker_->counters();
    return dropped_before_ + now.dropped_queue + now.dropped_expired + now.dropped_too_large;
}

void site::check_bounds() const {
    const auto& with = options_.broker;
    std::size_t connected = 0;
    for (const auto& each : peers_) {
        each->check_bounds();
        ++connected;
    }
    // Each that is connected has its share. Acknowledgements that no commit had taken along yet are
    // forgotten by a restart: what comes back with it may be more. Identifiers of subscriptions are
    // counted and not asked room for.
    const auto share = (connected + 8) * (with.queues_bytes_max / 256);
    const auto identifiers = broker_->queued_bytes() / 128 * 16;
    expect(broker_->queued_bytes() <= with.queues_bytes_max + share + restored_bytes_ + identifiers,
           "queues above their bound");
    expect(broker_->retained_count() <= with.retained.messages_max,
           "retained messages above their bound");
}

std::string site::left_over() const {
    std::string out;
    for (const auto& [key, value] : store_.read_all())
        if (std::string("PRSUVW").find(key.front()) != std::string::npos)
            out += " " + format::describe_key(key);
    if (broker_->queued_bytes() != 0) out += " queued bytes";
    if (broker_->subscriptions_count() != 0) out += " subscriptions";
    return out;
}

} // namespace wharf::fuzz
