#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

namespace wharf::test {

void check_balance(const wharf::v1::JournalState& state) {
    const auto& in = state.intake();
    CHECK(in.received() == in.refused() + in.quarantined() + in.duplicate() + in.accepted());
    CHECK(in.accepted() == state.last_sequence());
    for (const auto& d : state.destinations()) {
        INFO(d.ShortDebugString());
        CHECK(in.accepted() == d.filtered() + d.pending() + d.superseded() + d.applied() +
                                   d.handed_over() + d.dead() + d.discarded() + d.shed());
    }
}

prepared_event make_event(const event_draft& draft) {
    prepared_event event;
    event.in_lane = draft.in_lane;
    event.identity_keys = keys_of(draft.keys);
    event.content = content_of(draft.content);
    event.order_keys = draft.order_keys;
    event.trigger_key = draft.trigger;
    event.on_double_trigger = draft.on_trigger;
    event.double_trigger_window_us = 1'000'000;
    wharf::v1::StoredEvent stored;
    stored.set_site("ber1");
    stored.set_device("scanner-1");
    stored.set_stream(draft.content);
    event.stored = stored.SerializeAsString();
    return event;
}

prepared_message make_message(std::vector<event_draft> events) {
    prepared_message message;
    message.client_id = "client";
    message.site = "ber1";
    message.device = "scanner-1";
    message.topic = "wharf/1/ber1/scanner-1/stock";
    message.received_at_us = 1'700'000'000'000'000;
    message.qos = 1;
    message.packet_id = 1;
    message.generation = 1;
    message.persistent_session = true;
    std::uint32_t index = 0;
    for (const event_draft& draft : events) {
        message.payload += draft.content;
        message.items.push_back({index++, make_event(draft)});
    }
    return message;
}

prepared_message make_unreadable(std::string payload) {
    prepared_message message = make_message({});
    message.payload = std::move(payload);
    message.items.push_back({std::nullopt, prepared_quarantine{"unreadable", "not JSON", 1}});
    return message;
}

delivery_request deliver(std::vector<delivery_op> ops, std::uint8_t destination) {
    return {7, destination, true, std::move(ops)};
}

wharf::v1::ParkedUpdate parked(wharf::v1::ParkedState state, std::vector<std::uint64_t> keys,
                               lane in_lane) {
    wharf::v1::ParkedUpdate out;
    out.set_state(state);
    out.set_lane(static_cast<std::uint32_t>(in_lane));
    for (std::uint64_t key : keys)
        out.add_order_keys(key);
    out.set_code("blocked_location");
    return out;
}

rig::rig(std::vector<std::string> destinations) {
    options.gateway = "WH7";
    options.destinations = std::move(destinations);
    options.identity = {std::int64_t{3600} * 1'000'000, 1'000'000};
    options.retention_us = std::int64_t{3600} * 1'000'000;
    options.epoch = 42;
    options.digests = k_digests;
    open();
}

status rig::try_open() {
    journal_.reset();
    auto opened = journal::open(store, window, options, 1'700'000'000'000'000);
    if (!opened.ok()) return std::move(opened).failure();
    journal_ = std::move(*opened);
    check_balance(journal_->state());
    return ok();
}

void rig::open() {
    status opened = try_open();
    if (!opened.ok()) FAIL(opened.failure().message);
}

void rig::restart() {
    journal_.reset();
    store.restart();
    open();
}

void rig::power_cut() {
    journal_.reset();
    store.power_cut();
    open();
}

commit_result rig::try_commit(const std::vector<journal_request>& requests) {
    auto refused = [&](const error& why) {
        journal_->roll_back();
        return commit_result{why.code == errc::no_space ? commit_outcome::no_space
                                                        : commit_outcome::unknown,
                             why.message};
    };
    if (auto begun = journal_->begin(now_us); !begun.ok()) return refused(begun.failure());
    for (const journal_request& request : requests)
        if (auto applied = journal_->apply(request); !applied.ok())
            return refused(applied.failure());
    if (auto kept = journal_->maintain(percent); !kept.ok()) return refused(kept.failure());
    commit_result result = journal_->commit();
    check_balance(journal_->state());
    return result;
}

std::vector<journal_answer> rig::commit(std::vector<journal_request> requests) {
    commit_result result = try_commit(requests);
    INFO(result.message);
    REQUIRE(result.outcome == commit_outcome::durable);
    return journal_->take_answers();
}

void rig::roll_back(const std::vector<journal_request>& requests) {
    REQUIRE(journal_->begin(now_us).ok());
    for (const journal_request& request : requests)
        REQUIRE(journal_->apply(request).ok());
    REQUIRE(journal_->maintain(percent).ok());
    journal_->roll_back();
}

session_opened rig::connect(const std::string& client, bool clean, std::uint32_t expiry_s) {
    auto answers = commit({session_open_request{1, client, clean, expiry_s}});
    REQUIRE(answers.size() == 1);
    auto opened = std::get<session_opened>(answers.front());
    if (client == "client") generation = opened.generation;
    return opened;
}

ingest_verdict rig::ingest(prepared_message message) {
    if (message.client_id == "client" && message.generation == 1) message.generation = generation;
    auto answers = commit({ingest_request{1, std::move(message)}});
    REQUIRE(answers.size() == 1);
    return std::get<ingest_done>(answers.front()).verdict;
}

ingest_verdict rig::ingest_one(event_draft event) {
    return ingest(make_message({std::move(event)}));
}

bool rig::has_event(sequence number) {
    return view().head(number).ok();
}

} // namespace wharf::test
