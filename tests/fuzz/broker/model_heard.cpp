// What the server says, held against what is known.
#include "tests/fuzz/broker/model.hpp"

#include <algorithm>
#include <charconv>

namespace wharf::fuzz {

namespace {
constexpr std::int64_t k_second_us = 1'000'000;
}

std::vector<said> model::hear(connection& by, std::string_view bytes, std::int64_t now_us) {
    std::vector<said> out;
    by.from_server += bytes;
    while (auto packet = take_said(by.from_server, by.version)) {
        said& what = *packet;
        if (what.type == 3) ++publishes_heard_;
        expect((what.type == 2) == !by.answered, "CONNACK is not the first packet, or came twice");
        by.answered = true;
        expect(by.packet_max == 0 || what.bytes <= by.packet_max,
               "a packet above the client's Maximum Packet Size");
        if (what.type == 2 && what.code == 0) by.opened = true;
        expect(by.opened || what.type == 2, "a refused connection was told more");
        if (what.type == 3 && what.topic.empty()) {
            const auto known = by.aliases.find(what.more.numbers.at(0x23));
            expect(known != by.aliases.end(), "a Topic Alias without a topic");
            what.topic = known->second;
        } else if (what.type == 3 && what.more.numbers.contains(0x23)) {
            const auto alias = what.more.numbers.at(0x23);
            expect(alias > 0 && alias <= by.aliases_max, "a Topic Alias above the maximum");
            by.aliases[alias] = what.topic;
        }
        if (!by.stale && !wild_) {
            if (what.type == 2) heard_connack(by, what, now_us);
            if (what.type == 3) heard_publish(by, what);
            if (what.type == 4 || what.type == 5 || what.type == 7) heard_acknowledgement(by, what);
            if (what.type == 6) heard_pubrel(by, what);
            if (what.type == 9 || what.type == 11) heard_suback(by, what);
        }
        out.push_back(std::move(what));
    }
    return out;
}

void model::heard_connack(connection& by, const said& what, std::int64_t now_us) {
    if (what.code != 0) return;
    session& in = session_of(by.client_id);
    if (by.clean) expect(!what.session_present, "Session Present after a clean start");
    const bool alive = in.connected != 0 || now_us + k_second_us < in.alive_until_us;
    if (in.certain && alive) expect(what.session_present, "a session was lost");
    if (!what.session_present) {
        session fresh;
        for (subscription& each : in.subscriptions)
            if (each.connection == by.id) fresh.subscriptions.push_back(std::move(each));
        // The places of what is asked for on this connection.
        std::size_t place = 0;
        for (auto& [id, places] : by.subscribing)
            for (std::size_t& each : places)
                each = place++;
        for (const auto& [id, each] : in.own)
            if (each.connection == by.id) fresh.own[id] = each;
        fresh.bounded = by.packet_max != 0;
        in = std::move(fresh);
    }
    if (what.more.numbers.contains(0x11)) by.expiry_s = what.more.numbers.at(0x11);
    by.expiry_s = std::min(by.expiry_s, by.good_bye_expiry_s);
    in.certain = by.expiry_s > 0 && !loses_sessions_;
    in.expiry_s = by.expiry_s;
    in.connected = by.id;
}

void model::heard_publish(connection& by, said& what) {
    session& in = session_of(by.client_id);
    std::size_t number = 0;
    if (what.payload.starts_with('m'))
        std::from_chars(what.payload.data() + 1, what.payload.data() + what.payload.size(), number);
    if (number == 0) {
        const bool receipt = receipt_topics_.contains(what.topic);
        expect(what.payload.empty() || receipt, "a message that nobody sent");
        expect(std::ranges::any_of(in.subscriptions,
                                   [&](const auto& each) { return fits(each.filter, what.topic); }),
               "a message on " + what.topic + " for which there was no subscription");
    } else {
        expect(number <= records_.size(), "a message that nobody sent");
        const record& of = at(number);
        check_content(by, what, of);
        check_subscribed(by, what, of);
        if (!in.seen.contains(number)) check_order(in, what, of);
    }
    check_identifier(by, in, what, number);
    if (number == 0) return;
    in.seen.insert(number);
    in.expected.erase(number);
}

void model::check_content(connection& by, const said& what, const record& of) {
    const auto name = "message " + std::to_string(of.number) + ": ";
    expect(what.topic == of.topic && what.payload == of.payload, name + "altered");
    expect(what.qos() <= of.qos, name + "above its QoS");
    expect(of.committed != 0, name + "was sent before it was durable");
    expect(!what.retain() || of.retain, name + "RETAIN though it was not");
    if (by.version != 5) return;
    for (const unsigned id : {0x03u, 0x08u, 0x09u})
        expect(what.more.text(id) == of.more.text(id), name + "a property was altered");
    expect(what.more.numbers.contains(0x01) == of.more.numbers.contains(0x01),
           name + "its Payload Format Indicator was altered");
    expect(what.more.user == of.more.user, name + "its User Properties were altered");
    expect(what.more.numbers.contains(0x02) == of.more.numbers.contains(0x02) &&
               (!what.more.numbers.contains(0x02) ||
                what.more.numbers.at(0x02) <= of.more.numbers.at(0x02)),
           name + "its Message Expiry Interval was altered");
}

void model::check_subscribed(connection& by, const said& what, const record& of) {
    bool any = false;
    unsigned qos = 0;
    std::set<std::uint32_t> identifiers;
    for (const subscription& each : session_of(by.client_id).subscriptions) {
        if (!fits(each.filter, of.topic)) continue;
        // A retained message comes with a subscription, another one is routed by it.
        const bool live = each.since <= of.taken && each.until >= of.sent &&
                          !(each.no_local && of.from == by.client_id);
        if (!live && !what.retain()) continue;
        any = true;
        qos = std::max(qos, each.qos);
        identifiers.insert(each.identifier);
    }
    const auto name = "message " + std::to_string(of.number) + " on " + of.topic + ": ";
    expect(any, name + "there was no subscription for it");
    expect(what.qos() <= qos, name + "above the subscription's QoS");
    for (const auto each : what.more.identifiers)
        expect(identifiers.contains(each), name + "another subscription's identifier");
}

// What one connection publishes under one topic comes in its order, for each way it takes here.
void model::check_order(session& in, const said& what, const record& of) {
    if (what.retain() || of.sends != 1 || of.is_will) return;
    std::size_t& newest =
        in.order[std::to_string(of.connection) + (what.qos() > 0 ? "q" : " ") + of.topic];
    expect(newest < of.number, "message " + std::to_string(of.number) + " on " + of.topic +
                                   " came after " + std::to_string(newest));
    newest = of.number;
}

void model::check_identifier(connection& by, session& in, const said& what, std::size_t number) {
    std::size_t most = k_never;
    if (number != 0) {
        const record& of = at(number);
        most = of.qos == 2 || of.is_will ? 1 : of.sends;
        // Each subscription may bring it as a retained message.
        if (of.retain)
            most += static_cast<std::size_t>(std::ranges::count_if(
                in.subscriptions, [&](const auto& each) { return fits(each.filter, of.topic); }));
    }
    const auto name = "message " + std::to_string(number) + ": ";
    if (number != 0 && !what.dup() && !in.careless)
        expect(++in.firsts[number] <= most, name + "sent again as new");
    if (what.qos() == 0) return;
    const auto id = what.packet_id;
    if (!in.careless) {
        expect(!by.inflight.contains(id), name + "its identifier is in use on this connection");
        expect(!in.releasing.contains(id), name + "its identifier awaits its PUBCOMP");
    }
    by.inflight.insert(id);
    expect(by.inflight.size() <= by.inflight_max, "more than the client's Receive Maximum");
    const auto before = in.awaiting.find(id);
    if (before != in.awaiting.end() && !in.careless && !in.bounded) {
        expect(before->second.number == number && before->second.qos == what.qos(),
               name + "its identifier is that of message " + std::to_string(before->second.number));
        expect(what.dup(), name + "sent again without DUP");
    }
    const bool known = before != in.awaiting.end() && before->second.number == number;
    if (what.qos() == 2 && !known && number != 0 && !in.careless)
        expect(++in.exactly[number] <= most, name + "of QoS 2 came twice");
    const bool received = known && before->second.received;
    in.awaiting[id] = {number, what.qos(), received, by.id};
}

void model::heard_acknowledgement(connection& by, const said& what) {
    expect(!by.acks.empty(), "an acknowledgement of nothing");
    const auto owed = by.acks.front();
    by.acks.pop_front();
    expect(owed.type == what.type && owed.packet_id == what.packet_id,
           "an acknowledgement out of order");
    session& in = session_of(by.client_id);
    if (what.type == 7) {
        in.own.erase(what.packet_id);
        return;
    }
    record& of = at(owed.number);
    if (what.code >= 0x80) {
        if (what.type == 5 && !of.maybe_nothing) in.own.erase(what.packet_id);
        return;
    }
    if (of.maybe_nothing) return;
    expect(of.committed != 0,
           "message " + std::to_string(of.number) + " was acknowledged before it was durable");
    expect_delivery(of);
}

void model::heard_pubrel(connection& by, const said& what) {
    session& in = session_of(by.client_id);
    const auto at = in.awaiting.find(what.packet_id);
    if (at == in.awaiting.end()) return;
    expect(at->second.received || in.careless || in.bounded, "a PUBREL before its PUBREC");
    in.awaiting.erase(at);
    in.releasing.insert(what.packet_id);
}

void model::heard_suback(connection& by, const said& what) {
    session& in = session_of(by.client_id);
    if (what.type == 11) {
        const auto found =
            std::ranges::find(by.unsubscribing, what.packet_id, &connection::going::packet_id);
        expect(found != by.unsubscribing.end(), "an UNSUBACK of nothing");
        for (subscription& each : in.subscriptions)
            if (std::ranges::find(found->filters, each.filter) != found->filters.end() &&
                each.until == k_never && each.since < found->sent)
                each.until = ++now_;
        by.unsubscribing.erase(found);
        return;
    }
    const auto found = std::ranges::find(by.subscribing, what.packet_id,
                                         [](const auto& each) { return each.first; });
    expect(found != by.subscribing.end(), "a SUBACK of nothing");
    expect(what.codes.size() == found->second.size(), "a SUBACK with another number of codes");
    for (std::size_t n = 0; n < found->second.size(); ++n) {
        subscription& each = in.subscriptions.at(found->second[n]);
        const auto code = static_cast<unsigned char>(what.codes[n]);
        if (code >= 0x80) {
            each.until = 0;
            continue;
        }
        expect(code == each.qos, "a SUBACK with another QoS");
        // Nothing that was sent meanwhile changes it.
        const bool last = std::ranges::none_of(in.subscriptions, [&](const auto& other) {
            return other.filter == each.filter && other.since > each.since;
        });
        const bool going = std::ranges::any_of(by.unsubscribing, [&](const auto& one) {
            return std::ranges::find(one.filters, each.filter) != one.filters.end();
        });
        if (last && !going) each.stands = ++now_;
    }
    by.subscribing.erase(found);
}

} // namespace wharf::fuzz
