#include "tests/sim/local_watch.hpp"

#include "gateway/broker/outbox.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "tests/sim/subscriber.hpp"
#include "tests/sim/witness.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {

local_state must_read(store& in) {
    auto kept = read_local_state(in);
    if (!kept.ok()) violated("journal", "local state: " + kept.failure().message);
    return std::move(kept).value();
}

const local_session* session_of(const local_state& kept, const std::string& client_id) {
    const auto found = std::ranges::find(kept.sessions, client_id, &local_session::client_id);
    return found == kept.sessions.end() ? nullptr : &*found;
}

const wharf::v1::QueuedMessage* queued_under(const local_session& in, std::uint16_t packet_id) {
    for (const auto& [number, record] : in.queue)
        if (broker::outbox::packet_id_of(number) == packet_id) return &record;
    return nullptr;
}

bool is_of(const wharf::v1::QueuedMessage& record, const std::string& topic,
           const std::string& payload) {
    wharf::v1::LocalMessage message;
    return message.ParseFromString(record.message()) && message.topic() == topic &&
           message.payload() == payload;
}

} // namespace

local_watch::local_watch(world& in, const plan& with, const workload& work, const witness& events)
    : world_(in), plan_(with), work_(work), events_(events), wills_(in, with) {
    for (std::size_t i = 0; i < work.messages.size(); ++i) {
        const auto& payload = work.messages[i].payload;
        const auto [at, fresh] = by_payload_.try_emplace(payload, i);
        if (!fresh || payload.empty()) at->second = k_none;
    }
}

std::size_t local_watch::message_of(const std::string& payload) const {
    const auto found = by_payload_.find(payload);
    return found == by_payload_.end() ? k_none : found->second;
}

void local_watch::linked(const link& on, const sim_subscriber& who, bool journaled) {
    links_[on.id()] = {&who, journaled, {}};
}

void local_watch::published(std::size_t which) {
    if (work_.messages[which].times_sent != 1) return;
    for (sim_subscriber* one : subscribers_)
        one->expect(which);
}

std::size_t local_watch::leave_will(const std::string& client, int version,
                                    std::uint32_t expiry_s) {
    const auto which = wills_.draw(client, version, expiry_s);
    if (which == 0) return 0;
    for (sim_subscriber* one : subscribers_)
        one->expect_will(which);
    return which;
}

bool local_watch::leaving(store& in, std::uint64_t link, std::string_view bytes) {
    const auto found = links_.find(link);
    if (found == links_.end()) return false;
    auto& record = found->second;
    record.rest += bytes;
    while (const auto packet = wire::take(record.rest, record.who->version()))
        if (packet->what == wire::kind::publish) check_delivery(in, record, *packet);
    return true;
}

void local_watch::check_delivery(store& in, const link_record& to,
                                 const wire::answer& packet) const {
    const auto which = message_of(packet.payload);
    if (which != k_none)
        events_.check_promise(work_.messages[which], "when it was handed to a consumer");
    if (packet.qos == 0 || !to.journaled) return;
    const auto kept = must_read(in);
    const auto* session = session_of(kept, to.who->name());
    const auto* record = session == nullptr ? nullptr : queued_under(*session, packet.packet_id);
    if (record == nullptr || !is_of(*record, packet.topic, packet.payload))
        violated("durable before delivered",
                 "packet id " + std::to_string(packet.packet_id) + " to " + to.who->name() + ": " +
                     (session == nullptr  ? "it has no session in the journal"
                      : record == nullptr ? "the journal does not have it"
                                          : "the journal has another message there"));
}

void local_watch::recovered(store& in) const {
    if (subscribers_.empty()) return;
    const auto kept = must_read(in);
    for (const sim_subscriber* one : subscribers_) {
        const auto* session = session_of(kept, one->name());
        if (!one->session_is_certain() || session == nullptr) continue; // Session Present will tell
        for (const auto& [packet_id, what] : one->owed()) {
            const auto* record = queued_under(*session, packet_id);
            const bool held =
                record != nullptr &&
                (record->released() ? what.recorded : is_of(*record, what.topic, what.payload));
            if (!held && !what.expires)
                violated("durable before delivered",
                         "packet id " + std::to_string(packet_id) + " was delivered to " +
                             one->name() + ", is not acknowledged and not in the journal");
        }
    }
}

// --- the end -------------------------------------------------------------------------------------

void local_watch::check_end(store& in, std::size_t queued_bytes,
                            const sim_subscriber& newcomer) const {
    for (const sim_subscriber* one : subscribers_)
        one->check_end();
    const auto kept = must_read(in);
    for (const local_session& each : kept.sessions)
        check_session(each);
    check_leftovers(in, kept);
    check_connected(in);
    if (queued_bytes > 0)
        violated("leftovers", std::to_string(queued_bytes) + " bytes count as queued");
    check_retained(newcomer);
}

void local_watch::check_session(const local_session& kept) const {
    const auto found = std::ranges::find(subscribers_, kept.client_id,
                                         [](const auto* one) { return one->name(); });
    if (!kept.queue.empty())
        violated("leftovers", std::to_string(kept.queue.size()) + " messages are queued for " +
                                  kept.client_id + ", which acknowledged everything");
    std::map<std::string, std::uint8_t> filters;
    for (const auto& [number, record] : kept.subscriptions)
        filters[record.filter()] = static_cast<std::uint8_t>(record.qos());
    const bool same = found == subscribers_.end() ? filters.empty() : filters == (*found)->held();
    if (!same || filters.size() != kept.subscriptions.size())
        violated("subscriptions", "the journal has others than " + kept.client_id);
}

// A session that counts as connected never expires.
void local_watch::check_connected(store& in) const {
    const std::string prefix(1, format::k_session);
    const auto looked = walk(in, prefix, [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(prefix)) return false;
        wharf::v1::SessionRecord record;
        if (!format::unseal(key, value, record).ok())
            violated("journal", "a session's record cannot be read");
        const bool is_there = std::ranges::any_of(
            subscribers_, [&](const auto* one) { return one->name() == record.client_id(); });
        if (record.disconnected_at_us() == 0 && !is_there)
            violated("leftovers", record.client_id() + " counts as connected, and went long ago");
        return true;
    });
    if (!looked.ok()) violated("journal", "sessions: " + looked.failure().message);
}

// Of sessions that are no more.
void local_watch::check_leftovers(store& in, const local_state& kept) const {
    std::size_t subscriptions = 0;
    std::size_t queued = 0;
    for (const local_session& each : kept.sessions) {
        subscriptions += each.subscriptions.size();
        queued += each.queue.size();
    }
    const auto all = totals(in);
    if (!all.ok()) violated("journal", "totals: " + all.failure().message);
    for (const auto& kind : *all) {
        const auto expect =
            kind.kind == format::kind_of(std::string(1, format::k_subscription)) ? subscriptions
            : kind.kind == format::kind_of(std::string(1, format::k_queued))     ? queued
            : kind.kind == format::kind_of(std::string(1, format::k_will))
                ? 0
                : static_cast<std::size_t>(kind.records);
        if (kind.records != expect)
            violated("leftovers", std::to_string(kind.records) + " records of kind " + kind.kind +
                                      ", " + std::to_string(expect) +
                                      " of sessions that are there");
    }
}

// By topic: the last one that its device retained there, where nothing stood in its way.
void local_watch::check_retained(const sim_subscriber& newcomer) const {
    std::map<std::string, std::vector<const message*>> told;
    for (const auto& m : work_.messages)
        if (m.retain) told[m.topic].push_back(&m);
    const auto wrong = [](const std::string& topic, const std::string& words) {
        violated("retained", "on " + topic + ": " + words);
    };
    for (const auto& [topic, payload] : newcomer.retained())
        if (std::ranges::none_of(told[topic],
                                 [&](const message* m) { return m->payload == payload; }))
            wrong(topic, "what nobody retained there");
    for (const auto& [topic, all] : told) {
        const auto& last = *all.back();
        if (!plan_.local.ample || last.qos == 0) continue;
        const auto got = newcomer.retained().find(topic);
        const bool none = got == newcomer.retained().end();
        if (none && last.expiry_s > 0) continue;
        if (none != last.payload.empty() || (!none && got->second != last.payload))
            wrong(topic, none ? "nothing, the last one was " + last.payload.substr(0, 20)
                              : "\"" + got->second.substr(0, 20) + "\", the last one was \"" +
                                    last.payload.substr(0, 20) + "\"");
    }
}

} // namespace wharf::sim
