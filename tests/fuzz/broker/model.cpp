// What clients and the journal do, as the model sees it.
#include "tests/fuzz/broker/model.hpp"

#include <algorithm>
#include <charconv>

namespace wharf::fuzz {

namespace {
constexpr std::int64_t k_second_us = 1'000'000;

std::size_t number_of(std::string_view payload) {
    if (!payload.starts_with('m')) return 0;
    std::size_t out = 0;
    std::from_chars(payload.data() + 1, payload.data() + payload.size(), out);
    return out;
}
} // namespace

record& model::make_record(record what) {
    what.number = records_.size() + 1;
    if (what.payload.starts_with('m'))
        what.payload = "m" + std::to_string(what.number) + ";" + what.payload.substr(1);
    records_.push_back(std::move(what));
    return records_.back();
}

// Nothing is expected for it any more; what may still come stays possible.
void model::forget(session& what) {
    what.expected.clear();
    for (subscription& each : what.subscriptions)
        each.stands = 0;
}

void model::connecting(connection& by, std::int64_t now_us) {
    session& in = session_of(by.client_id);
    if (by.packet_max != 0) in.bounded = true;
    if (by.clean || by.expiry_s == 0) in.certain = false;
    if (by.clean || in.ends_with != 0) forget(in);
    in.ends_with = by.expiry_s == 0 ? by.id : 0;
    if (in.connected == 0 && now_us + k_second_us >= in.alive_until_us) in.certain = false;
    in.expiry_s = std::min(in.expiry_s, by.expiry_s);
    // It may have been in time.
    if (in.delayed_will != 0) at(std::exchange(in.delayed_will, 0)).is_due = false;
}

void model::publishing(connection& by, record& what, unsigned packet_id) {
    if (what.sends++ == 0) what.sent = ++now_;
    if (number_of(what.payload) == 0) by.nameless.push_back(what.number);
    if (what.qos == 0) return;
    by.acks.push_back({what.qos == 1 ? 4u : 5u, packet_id, what.number});
    if (what.qos == 1) return;
    auto& own = session_of(by.client_id).own;
    const auto [at, fresh] = own.try_emplace(packet_id);
    if (!fresh && at->second.number != what.number) what.maybe_nothing = true;
    at->second = {what.number, by.id, !fresh && at->second.released};
}

void model::acknowledging(connection& by, unsigned type, unsigned packet_id, unsigned code) {
    session& in = session_of(by.client_id);
    const auto at = in.awaiting.find(packet_id);
    const bool known = at != in.awaiting.end();
    if (type == 6) {
        by.acks.push_back({7, packet_id, 0});
        if (const auto own = in.own.find(packet_id); own != in.own.end())
            own->second.released = true;
    } else if (type == 4) {
        if (!known || at->second.qos != 1) in.careless = true;
        if (known && at->second.qos == 1) in.awaiting.erase(at);
        by.inflight.erase(packet_id);
    } else if (type == 5) {
        if (!known || at->second.qos != 2) {
            if (!in.releasing.contains(packet_id)) in.careless = true;
        } else if (code >= 0x80) {
            --in.exactly[at->second.number];
            in.awaiting.erase(at);
            by.inflight.erase(packet_id);
        } else {
            at->second.received = true;
        }
    } else {
        if (in.releasing.erase(packet_id) == 0) in.careless = true;
        by.inflight.erase(packet_id);
    }
}

void model::subscribing(connection& by, unsigned packet_id, std::vector<subscription> what) {
    session& in = session_of(by.client_id);
    std::vector<std::size_t> places;
    for (subscription& each : what) {
        for (subscription& other : in.subscriptions)
            if (other.filter == each.filter) other.stands = 0;
        each.connection = by.id;
        each.since = ++now_;
        places.push_back(in.subscriptions.size());
        in.subscriptions.push_back(std::move(each));
    }
    by.subscribing.emplace_back(packet_id, std::move(places));
}

void model::unsubscribing(connection& by, unsigned packet_id, std::vector<std::string> filters) {
    for (subscription& each : session_of(by.client_id).subscriptions)
        if (std::ranges::find(filters, each.filter) != filters.end()) each.stands = 0;
    by.unsubscribing.push_back({packet_id, ++now_, std::move(filters)});
}

void model::saying_good_bye(connection& by, unsigned code, const std::uint32_t* expiry_s) {
    session& in = session_of(by.client_id);
    if (code == 0) by.said_good_bye = true;
    if (expiry_s == nullptr) return;
    by.good_bye_expiry_s = std::min(by.good_bye_expiry_s, *expiry_s);
    in.expiry_s = std::min(in.expiry_s, *expiry_s);
    if (*expiry_s == 0) in.certain = false;
}

void model::ended(connection& which, std::int64_t now_us, bool by_good_bye) {
    session& in = session_of(which.client_id);
    const bool goes_on = which.stale && which.will_delay_s > 0;
    if (which.will != 0 && which.opened) {
        record& will = at(which.will);
        if (by_good_bye && which.said_good_bye) will.taken_back = true;
        if (!which.said_good_bye && !goes_on) will.is_due = true;
        if (will.is_due && which.will_delay_s > 0) in.delayed_will = which.will;
    }
    if (in.ends_with == which.id) forget(in);
    if (in.connected != which.id) return;
    in.connected = 0;
    in.alive_until_us = now_us + std::int64_t{in.expiry_s} * k_second_us;
    if (in.expiry_s > 0) return;
    in.certain = false;
    forget(in);
}

std::size_t model::taken(connection* by, std::string_view topic, std::string_view payload,
                         std::int64_t now_us, bool not_retained) {
    if (wild_) return 0;
    auto number = number_of(payload);
    if (number == 0 && by != nullptr) {
        const auto found = std::ranges::find_if(by->nameless, [&](std::size_t each) {
            return at(each).topic == topic && at(each).payload == payload;
        });
        expect(found != by->nameless.end(), "a message was taken that nobody sent");
        number = *found;
        by->nameless.erase(found);
    }
    expect(number > 0 && number <= records_.size(), "a message was taken that nobody sent");
    record& what = at(number);
    expect(what.topic == topic && what.payload == payload, "a message was altered");
    expect(what.is_will == (by == nullptr), "a will and a message were taken for each other");
    if (what.is_will) {
        expect(what.committed == 0 || what.maybe_nothing, "a will was published twice");
        expect(!what.taken_back || restarted_, "a will was published after a good-bye");
    }
    what.taken = ++now_;
    what.taken_us = now_us;
    what.not_retained = not_retained;
    return number;
}

void model::committed(std::size_t number) {
    record& what = at(number);
    what.committed = ++now_;
    if (!what.retain || what.not_retained) return;
    unsure_.erase(what.topic);
    if (what.payload.empty()) {
        retained_.erase(what.topic);
        return;
    }
    const auto expiry = what.more.numbers.find(0x02);
    retained_[what.topic] = {
        number, expiry == what.more.numbers.end()
                    ? 0
                    : std::max<std::int64_t>(1, what.taken_us +
                                                    std::int64_t{expiry->second} * k_second_us)};
}

void model::in_doubt(std::size_t number) {
    record& what = at(number);
    what.maybe_nothing = true;
    if (what.committed == 0) what.committed = ++now_;
    if (what.retain) unsure_.insert(what.topic);
}

// What was not committed by then never was.
void model::restarted(std::int64_t committed_us) {
    restarted_ = true;
    for (auto& [name, each] : sessions_) {
        const auto until = committed_us + std::int64_t{each.expiry_s} * k_second_us;
        each.alive_until_us = each.connected != 0 ? until : std::min(each.alive_until_us, until);
        each.connected = 0;
        if (each.expiry_s > 0) continue;
        each.certain = false;
        forget(each);
    }
}

void model::expect_delivery(const record& of) {
    // What is empty is not told from another one.
    if (of.maybe_nothing || of.qos == 0 || of.payload.empty() || loses_sessions_) return;
    for (auto& [name, each] : sessions_) {
        if (each.careless || each.seen.contains(of.number)) continue;
        for (const subscription& one : each.subscriptions) {
            if (one.stands == 0 || one.stands > of.sent || one.qos == 0) continue;
            if (one.no_local && name == of.from) continue;
            if (fits(one.filter, of.topic)) each.expected.insert(of.number);
        }
    }
}

void model::check_retained(const std::map<std::string, std::string>& seen,
                           std::int64_t now_us) const {
    if (wild_) return;
    std::map<std::string, std::string> wanted;
    for (const auto& [topic, each] : retained_)
        if (!unsure_.contains(topic) && (each.expires_us == 0 || each.expires_us > now_us))
            wanted[topic] = records_.at(each.number - 1).payload;
    for (const auto& [topic, payload] : wanted)
        expect(seen.contains(topic) && seen.at(topic) == payload,
               "the retained message of " + topic + " is not the last one");
    for (const auto& [topic, payload] : seen)
        expect(wanted.contains(topic) || unsure_.contains(topic),
               "a retained message of " + topic + " that is none");
}

std::size_t model::missing() const {
    std::size_t out = 0;
    for (const auto& [name, each] : sessions_)
        if (!each.careless) out += each.expected.size();
    return out;
}

void model::check_wills() const {
    if (wild_) return;
    for (const record& each : records_)
        if (each.is_will && each.is_due)
            expect(each.committed != 0, "will " + std::to_string(each.number) + " was lost");
}

} // namespace wharf::fuzz
