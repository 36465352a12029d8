#include "tests/sim/witness.hpp"

#include "gateway/base/hash.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/journal/view.hpp"

#include <algorithm>
#include <set>

namespace wharf::sim {

namespace {

template <class T> T must(result<T> got, const char* what) {
    if (!got.ok()) violated("journal", std::string(what) + ": " + got.failure().message);
    return std::move(got).value();
}

std::string name_of(sequence number) {
    return "event " + std::to_string(number);
}

} // namespace

witness::witness(world& in, const plan& with, workload& work)
    : world_(in), plan_(with), work_(work), by_number_(1), of_fact_(work.facts.size()),
      of_group_(work.facts.size()), tellings_(work.facts.size()), told_in_(work.facts.size()),
      quarantine_(1), last_of_key_(with.erps.size()) {
    for (std::size_t i = 0; i < work.messages.size(); ++i)
        for (fact_id fact : work.messages[i].facts) {
            ++tellings_[fact];
            told_in_[fact] = i;
        }
}

// --- the journal
// ----------------------------------------------------------------------------------

void witness::durable(store& in, std::int64_t up_us) {
    const auto before = state_;
    state_ = must(read_state(in), "books");
    if (const auto wrong = check_books(state_); !wrong.empty())
        violated("books", wrong.front().where + ": " + wrong.front().what);
    if (state_.last_sequence() < last() || state_.next_quarantine() < quarantine_.size())
        violated("durable", "the journal went back to " + name_of(state_.last_sequence()));
    // It counts the time in which the journal was open, no other.
    if (state_.journal_time_us() < before.journal_time_us() || state_.journal_time_us() > up_us)
        violated("journal time", std::to_string(state_.journal_time_us()) + " us, open for " +
                                     std::to_string(up_us) + " us, before it was " +
                                     std::to_string(before.journal_time_us()));
    if (state_.oldest_sequence() > before.oldest_sequence() && before.oldest_sequence() > 0)
        world_.fired(fault::retention_took_events);
    for (int i = 0; i < std::min(state_.destinations_size(), before.destinations_size()); ++i)
        if (state_.destinations(i).shed() > before.destinations(i).shed())
            world_.fired(fault::updates_shed);
    if (state_.hollow_to() > before.hollow_to()) world_.fired(fault::shed_updates_given_up);
    read_quarantine(in);
    read_events(in);
    const auto identities = state_.next_identity() - state_.oldest_identity();
    if (!plan_.gateway.identity_is_exact && plan_.gateway.identity_count < 1000 &&
        identities > plan_.gateway.identity_count + 8192)
        violated("bounds", "identity keys " + std::to_string(identities));
    if (plan_.gateway.identity_is_exact && plan_.machine.store_bytes_max >= k_ample_bytes &&
        state_.identities_evicted_early() > 0)
        violated("bounds", "identities were forgotten before their time");
    world_.note("commit", state_.last_sequence(), state_.next_quarantine(),
                state_.intake().duplicate());
}

void witness::read_events(store& in) {
    if (state_.last_sequence() == last()) return;
    std::vector<sequence> numbers;
    for (auto number = last() + 1; number <= state_.last_sequence(); ++number)
        numbers.push_back(number);
    wharf::v1::Event event;
    for (const auto& record : must(journal_view(in).events(numbers), "new events")) {
        if (!event.ParseFromString(record.event.event()))
            violated("journal", name_of(record.head.number) + " is not an event");
        accept(record.head.number, fact_of(event));
    }
}

// In a small journal the window gives way: the books count what it forgot.
bool witness::identity_is_exact() const {
    return plan_.gateway.identity_is_exact && state_.identities_evicted_early() == 0;
}

void witness::accept(sequence number, fact_id id) {
    if (id == 0 || id >= work_.facts.size())
        violated("durable", name_of(number) + " is none that anybody told");
    const auto& fact = work_.facts[id];
    by_number_.push_back({id, world_.now_us()});
    if (fact.keyless) {
        const auto& m = work_.messages[told_in_[id]];
        if (of_fact_[id] != 0 && !m.sent_anew)
            violated("accepted once", name_of(number) + " and " + name_of(of_fact_[id]) +
                                          " are one message without identity");
    } else if (of_group_[fact.group] != 0 && identity_is_exact()) {
        violated("accepted once", name_of(number) + " and " + name_of(of_group_[fact.group]) +
                                      " are the same or contradict each other");
    }
    check_device_order(id);
    of_fact_[id] = of_group_[fact.group] = number;
}

// What a device tells once is accepted in the order in which it was told.
void witness::check_device_order(fact_id id) {
    if (tellings_[id] != 1 || of_fact_[id] != 0) return;
    const auto told = told_in_[id];
    const auto device = work_.messages[told].device;
    for (auto number = last() - 1; number > 0 && number + 32 > last(); --number) {
        const auto other = by_number_[number].fact;
        if (tellings_[other] != 1 || work_.messages[told_in_[other]].device != device) continue;
        if (told_in_[other] > told && of_group_[work_.facts[other].group] == number)
            violated("device order", "a later message of " + device_name(device) +
                                         " was accepted before " + name_of(last()));
        return;
    }
}

void witness::read_quarantine(store& in) {
    if (state_.next_quarantine() == quarantine_.size()) return;
    for (const auto& entry : must(
             list_quarantine(in, quarantine_.size() - 1, state_.next_quarantine()), "quarantine")) {
        if (entry.number != quarantine_.size())
            violated("quarantine", "number " + std::to_string(quarantine_.size()) + " is missing");
        const quarantined one{hash64(entry.message.payload()), entry.message.events()};
        quarantine_.push_back(one);
        quarantined_events_[one.payload] += one.events;
    }
    if (state_.next_quarantine() != quarantine_.size())
        violated("quarantine", "number " + std::to_string(quarantine_.size()) + " is missing");
}

void witness::recovered(store& in, std::int64_t up_us) {
    const auto now = must(read_state(in), "books");
    forget_after(now.last_sequence(), now.next_quarantine());
    state_.set_journal_time_us(std::min(state_.journal_time_us(), now.journal_time_us()));
    state_.set_oldest_sequence(0);
    durable(in, up_us);
    for (std::size_t erp = 0; erp < erps_.size(); ++erp)
        if (const auto& effects = erps_[erp]->effects();
            !effects.empty() && effects.rbegin()->first > last())
            violated("durable before sent",
                     name_of(effects.rbegin()->first) + " is at the ERP and not in the journal");
    check_promises("after a recovery");
}

// What was readable or on its way and is gone.
void witness::forget_after(sequence last, std::uint64_t next_quarantine) {
    while (by_number_.size() - 1 > last) {
        const auto id = by_number_.back().fact;
        const auto number = by_number_.size() - 1;
        if (of_fact_[id] == number) of_fact_[id] = 0;
        if (of_group_[work_.facts[id].group] == number) of_group_[work_.facts[id].group] = 0;
        by_number_.pop_back();
    }
    while (quarantine_.size() > std::max<std::uint64_t>(next_quarantine, 1)) {
        quarantined_events_[quarantine_.back().payload] -= quarantine_.back().events;
        quarantine_.pop_back();
    }
}

void witness::check_journal(store& in) const {
    const auto found = must(verify(in), "verify");
    if (found.findings_total > 0)
        violated("verify", found.findings.front().where + ": " + found.findings.front().what);
}

// --- acknowledgements
// -----------------------------------------------------------------------------

void witness::published(std::uint64_t link, int version, std::uint16_t packet_id,
                        std::size_t message) {
    auto& record = links_[link];
    record.version = version;
    record.messages[packet_id] = message;
}

void witness::leaving(std::uint64_t link, std::string_view bytes) {
    auto& record = links_[link];
    record.rest += bytes;
    // The version of a connection that has not published yet does not matter: only a CONNACK left.
    while (const auto answer = wire::take(record.rest, record.version)) {
        if (answer->what != wire::kind::puback && answer->what != wire::kind::pubrec) continue;
        if (answer->reason >= 0x80) continue;
        const auto at = record.messages.find(answer->packet_id);
        if (at == record.messages.end())
            violated("acknowledgement", "of packet id " + std::to_string(answer->packet_id) +
                                            ", which was not published on this connection");
        auto& m = work_.messages[at->second];
        check_promise(m, "when its acknowledgement left");
        world_.note("acknowledged", at->second);
    }
}

void witness::check_promise(const message& m, const std::string& when) const {
    if (m.local) return;
    std::uint64_t elsewhere = m.facts.empty() ? 1 : 0;
    for (fact_id id : m.facts)
        if (of_fact_[id] == 0) ++elsewhere;
    if (elsewhere == 0) return;
    const auto at = quarantined_events_.find(hash64(m.payload));
    if (at != quarantined_events_.end() && at->second >= elsewhere) return;
    violated("acknowledged means durable",
             "message " + std::to_string(&m - work_.messages.data()) + " (QoS " +
                 std::to_string(m.qos) + "): " + std::to_string(elsewhere) + " of its " +
                 std::to_string(m.facts.size()) + " events are not in the journal " + when);
}

void witness::check_promises(const std::string& when) const {
    for (const auto& m : work_.messages)
        if (m.acknowledged) check_promise(m, when);
}

// --- the ERP
// --------------------------------------------------------------------------------------

void witness::applied(std::size_t erp, sequence number, fact_id id) {
    if (number == 0 || number > last() || by_number_[number].fact != id)
        violated("durable before sent", name_of(number) + " is at the ERP and not in the journal");
    const auto& fact = work_.facts.at(id);
    if (identity_is_exact() && !fact.keyless && of_group_[fact.group] != number)
        violated("once at the ERP", name_of(number) + " is there under another number already");
    check_order(erp, number, fact);
}

void witness::check_order(std::size_t erp, sequence number, const fact& what) {
    // A dead letter that holds nobody back is overtaken; tried again, it comes late.
    const auto& lanes = plan_.erps[erp].delivery.lanes;
    const bool overtaken = !lanes[index_of(what.in_lane)].dead_blocks &&
                           (erps_[erp]->refused(number) || erps_[erp]->has_seen(number));
    for (key_id key : what.keys) {
        auto& last_of = last_of_key_[erp][key];
        if (last_of > number && !overtaken)
            violated("order", name_of(number) + " took effect after " + name_of(last_of) +
                                  ", which has a key in common");
        last_of = std::max(last_of, number);
    }
}

void witness::check_starving(store& in, std::size_t erp, std::uint8_t destination,
                             std::int64_t well_since_us) {
    const auto now = world_.now_us();
    const auto delivery = must(journal_view(in).delivery(destination), "delivery");
    std::array<std::set<sequence>, k_lane_count> marks;
    for (std::size_t i = 0; i < k_lane_count; ++i)
        marks[i].insert(delivery.marks[i].begin(), delivery.marks[i].end());
    const auto oldest = std::ranges::min(delivery.low_water) + 1;
    for (auto number = oldest; number <= last(); ++number) {
        const auto lane_index = index_of(work_.facts[by_number_[number].fact].in_lane);
        if (number <= delivery.low_water[lane_index] || marks[lane_index].contains(number))
            continue;
        const auto since = std::max(by_number_[number].at_us, well_since_us);
        if (now - since > k_starving_us)
            violated("starving", name_of(number) + " of lane " +
                                     std::string(k_lane_names[lane_index]) + " waits since " +
                                     std::to_string((now - since) / k_second) +
                                     " s, and nothing is in its way");
        break; // it is the first: what comes later may wait for it
    }
    // Parked ones that are not dead, with nothing before them under any of their keys.
    std::set<std::uint64_t> taken;
    for (const auto& parked : must(list_parked(in, destination, 0, 100'000), "parked")) {
        const auto& keys = parked.update.order_keys();
        const bool free = std::ranges::none_of(keys, [&](auto key) { return taken.contains(key); });
        const auto name = std::pair(erp, parked.number);
        if (parked.update.blocks()) taken.insert(keys.begin(), keys.end());
        if (!free || parked.update.state() == wharf::v1::PARKED_STATE_DEAD) {
            waiting_since_us_.erase(name);
            continue;
        }
        auto& since = waiting_since_us_.try_emplace(name, now).first->second;
        since = std::max(since, well_since_us);
        if (now - since > k_starving_us)
            violated("starving", "parked " + name_of(parked.number) + " waits since " +
                                     std::to_string((now - since) / k_second) +
                                     " s, and nothing is in its way");
    }
}

// --- the end
// --------------------------------------------------------------------------------------

void witness::check_end(store& in, const std::vector<std::uint8_t>& destinations) {
    check_journal(in);
    check_promises("at the end");
    std::uint64_t told = 0;
    for (const auto& m : work_.messages) {
        if (m.qos > 0 && !m.acknowledged)
            violated("nothing is lost", "a message was never acknowledged");
        if (m.acknowledged && !m.local) told += std::max<std::size_t>(m.facts.size(), 1);
    }
    const auto& books = state_.intake();
    if (books.received() < told)
        violated("books", "received " + std::to_string(books.received()) + ", but " +
                              std::to_string(told) + " were acknowledged");
    if (books.accepted() != last()) violated("books", "accepted is not what was seen");
    std::uint64_t seen = 0;
    for (const auto& one : quarantine_)
        seen += one.events;
    if (books.quarantined() != seen)
        violated("books", "quarantined " + std::to_string(books.quarantined()) + ", seen " +
                              std::to_string(seen));
    for (std::size_t erp = 0; erp < destinations.size(); ++erp)
        check_destination(in, erp, destinations[erp]);
}

void witness::check_destination(store& in, std::size_t erp, std::uint8_t destination) {
    const auto& books = state_.destinations(destination);
    const auto& there = erps_[erp]->effects();
    std::uint64_t neither = 0;     // not at the ERP and not a dead letter: a person gave it up, or
    std::uint64_t may_be_shed = 0; // a full journal
    std::set<sequence> dead;
    for (const auto& parked : must(list_parked(in, destination, 0, 1'000'000), "parked")) {
        dead.insert(parked.number);
        // What was sealed when the gateway died may have been sent, for all that it knows; an ERP
        // that cannot be asked leaves it at that.
        const bool unclear = parked.update.code() == "outcome_unknown";
        const bool may_be =
            erps_[erp]->has_seen(parked.number) || !plan_.erps[erp].delivery.can_ask;
        if (unclear ? !may_be : !erps_[erp]->refused(parked.number))
            violated("dead letters", name_of(parked.number) + " is one (" + parked.update.code() +
                                         "), but the ERP never refused it");
    }
    for (sequence number = 1; number <= last(); ++number)
        if (!there.contains(number) && !dead.contains(number)) {
            ++neither;
            if (plan_.gateway.sheddable[index_of(work_.facts[by_number_[number].fact].in_lane)])
                ++may_be_shed;
        }
    const auto compare = [](const char* what, std::uint64_t is, std::uint64_t low,
                            std::uint64_t high) {
        if (is < low || is > high)
            violated("books", std::string(what) + " " + std::to_string(is) + ", by the ERP " +
                                  std::to_string(low) + " to " + std::to_string(high));
    };
    compare("pending", books.pending(), 0, 0);
    compare("dead", books.dead(), dead.size(), dead.size());
    // Dead letters of unknown outcome may be at the ERP all the same, and so may what was
    // discarded.
    compare("shed", books.shed(), 0, may_be_shed);
    compare("discarded", books.discarded() + books.shed(), neither, last());
    compare("applied, discarded and shed", books.applied() + books.discarded() + books.shed(),
            last() - dead.size(), last() - dead.size());
    compare("applied", books.applied(), 0, there.size());
    const auto delivery = must(journal_view(in).delivery(destination), "delivery");
    if (!delivery.open_batches.empty()) violated("drained", "a sealed batch is left over");
    for (std::size_t i = 0; i < k_lane_count; ++i)
        if (!delivery.marks[i].empty())
            violated("drained", "marks are left over in lane " + std::string(k_lane_names[i]));
}

} // namespace wharf::sim
