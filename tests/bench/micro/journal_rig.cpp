#include "tests/bench/micro/journal_rig.hpp"

#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/system_clock.hpp"

#include <cstdio>
#include <cstdlib>

namespace bench {

namespace {

constexpr std::int64_t k_hour_us = 3'600'000'000;

std::int64_t monotonic_us() {
    return wharf::system_clock().monotonic_us();
}

std::unique_ptr<wharf::store> open_store(const journal_place& at) {
    wharf::system_random random;
    wharf::journal_store_options options;
    options.lmdb = {at.path, at.size_mb << 20};
    options.ring.ring_bytes = at.ring_mb << 20;
    return taken(wharf::open_journal_store(options, random)).over;
}

} // namespace

void die(const std::string& why) {
    std::fprintf(stderr, "bench: %s\n", why.c_str());
    std::exit(3);
}

void check(const wharf::status& done) {
    if (!done.ok()) die(done.failure().message);
}

journal_rig::journal_rig(const journal_place& at)
    : ingest_(taken(wharf::make_intake({.site = "ber1"}))), over_(open_store(at)) {
    wharf::journal_options options;
    options.gateway = "WH7";
    options.destinations = at.destinations;
    options.identity = {720 * k_hour_us, at.identities_max};
    options.retention_us = 168 * k_hour_us;
    options.digests = {'b', 'e', 'n', 'c', 'h'};
    log_ = taken(wharf::journal::open(*over_, window_, options, wharf::system_clock().wall_us()));
    ingest_.use_digests(log_->digests());
    opened_us_ = monotonic_us() - log_->state().journal_time_us();
    const wharf::journal_request open = wharf::session_open_request{0, k_client, true, 0};
    check(log_->begin(monotonic_us() - opened_us_));
    check(log_->apply(open));
    if (log_->dirty() && log_->commit().outcome != wharf::commit_outcome::durable)
        die("the session's commit failed");
    auto answers = log_->take_answers();
    generation_ = std::get<wharf::session_opened>(answers.at(0)).generation;
    if (!log_->dirty()) log_->roll_back();
}

wharf::journal_request journal_rig::prepare(std::uint64_t event) const {
    static const std::string topic = topic_of(payload_kind::protobuf, 0);
    std::string payload = event_.bytes();
    event_.number(payload.data(), event);
    wharf::publish_view view;
    view.topic = topic;
    view.payload = payload;
    view.client_id = k_client;
    view.qos = 1;
    view.packet_id = static_cast<std::uint16_t>(event % 1000 + 1);
    wharf::ingest_request request{event, ingest_.prepare(view, 1'772'445'600'000'000, true)};
    request.message.generation = generation_;
    return request;
}

void journal_rig::close() {
    check(over_->checkpoint());
    check(over_->close());
}

void journal_rig::apply(const wharf::journal_request* first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        log_->prefetch({first, count}, i);
        check(log_->apply(first[i]));
    }
}

void journal_rig::begin() {
    check(log_->begin(monotonic_us() - opened_us_));
}

void journal_rig::end() {
    check(log_->maintain(0));
    const wharf::commit_result done = log_->commit();
    if (done.outcome != wharf::commit_outcome::durable) die("commit: " + done.message);
    check(over_->tick(monotonic_us()));
}

void journal_rig::commit(const wharf::journal_request* first, std::size_t count) {
    begin();
    apply(first, count);
    end();
    const auto answers = log_->take_answers();
    const auto appended = log_->take_appended();
    if (answers.size() != count || appended.size() != count)
        die("expected " + std::to_string(count) + " accepted events, got " +
            std::to_string(appended.size()));
}

std::size_t journal_rig::stored_bytes() const {
    const auto request = prepare(1);
    const auto& item = std::get<wharf::ingest_request>(request).message.items.at(0);
    return std::get<wharf::prepared_event>(item.what).stored.size();
}

} // namespace bench
