#include "tests/fuzz/broker/play.hpp"

#include "tests/unit/mqtt/wire.hpp"

#include <algorithm>

namespace wharf::fuzz {

namespace wire = mqtt::wire;

namespace {

constexpr std::array<std::string_view, 8> k_topics = {
    "a/1", "a/2", "a/x/y", "b/1", "b", "$d/1", "wharf/1/ber1/d/stock", "no"};
constexpr std::array<std::string_view, 14> k_filters = {
    "a/1", "a/2", "a/+",  "a/#", "#",  "+/1",          "b/1",
    "b/#", "+",   "$d/#", "r/#", "no", "$share/g/a/1", "wharf/1/ber1/d/receipts"};
constexpr std::string_view k_receipts = "wharf/1/ber1/d/receipts";
constexpr std::array<std::uint32_t, 4> k_expiries = {0, 5, 3600, 0xffffffff};
constexpr std::array<std::size_t, 4> k_sizes = {0, 5, 300, 20'000};
constexpr std::array<std::int64_t, 6> k_times = {250'000,    1'000'000,     6'000'000,
                                                 61'000'000, 3'601'000'000, 700'000'000'000};

site_options options_from(input& from) {
    site_options out;
    const auto bounds = from.next();
    out.broker.site = "ber1";
    out.broker.queue_messages_max = std::array<std::size_t, 4>{10'000, 1, 4, 40}[bounds & 3];
    out.broker.queues_bytes_max =
        std::array<std::size_t, 4>{1 << 20, 1 << 10, 1 << 14, 1 << 22}[(bounds >> 2) & 3];
    out.broker.inflight_max = std::array<std::uint16_t, 4>{256, 1, 2, 20}[(bounds >> 4) & 3];
    if ((bounds & 64) != 0) out.broker.retained.messages_max = 2;
    if ((bounds & 128) != 0) out.broker.retained.bytes_max = 700;
    const auto limits = from.next();
    out.session.receive_maximum = std::array<std::uint16_t, 4>{100, 1, 2, 1024}[limits & 3];
    if ((limits & 4) != 0) out.session.packet_bytes_max = 1024;
    if ((limits & 8) != 0) out.session.topic_alias_maximum = 1;
    if ((limits & 16) != 0) out.session.unacknowledged_bytes_max = 64;
    if ((limits & 32) != 0) out.session.output_bytes_max = 64;
    if ((limits & 64) != 0) out.session.session_expiry_s_max = 3000;
    return out;
}

std::string number_property(unsigned id, std::string value) {
    return static_cast<char>(id) + std::move(value);
}

std::string property_bytes(const properties& from) {
    std::string out;
    for (const auto& [id, value] : from.numbers)
        out += number_property(id, id == 0x01   ? std::string(1, static_cast<char>(value))
                                   : id == 0x23 ? wire::u16(value)
                                                : wire::u32(value));
    for (const auto& [id, value] : from.texts)
        out += number_property(id, wire::text(value));
    for (const auto& [name, value] : from.user)
        out += number_property(0x26, wire::text(name) + wire::text(value));
    return out;
}

} // namespace

play::play(input& from) : from_(from), at_(options_from(from)) {
    const auto modes = from.next();
    at_once_ = (modes & 1) == 0;
    polite_ = (modes & 2) == 0;
    owners_ = (modes & 4) != 0;
    if (owners_) at_.known.may_lose_sessions();
    at_.known.asks_receipts(std::string(k_receipts));
    at_.on_said = [this](peer& by, const said& what) {
        if (polite_)
            answer(by, what);
        else if ((what.type == 3 && what.qos() > 0) || what.type == 6)
            owed_[by.seen.id].push_back(what);
    };
}

peer* play::pick_peer() {
    const auto slot = slots_.find(from_.next() % 4);
    if (slot == slots_.end()) return nullptr;
    for (auto& each : at_.peers())
        if (each->seen.id == slot->second && !each->gone) return each.get();
    return nullptr;
}

void play::connect() {
    const auto slot = from_.next();
    const auto flags = from_.next();
    const auto more = from_.next();
    static const std::array<std::string, 4> names = {"a", "b", "c", ""};
    connection what;
    what.version = (flags & 1) != 0 ? 4 : 5;
    what.clean = (flags & 2) != 0;
    what.client_id = names[(flags >> 2) & 3];
    what.expiry_s = k_expiries[(flags >> 4) & 3];
    const auto longest = at_.options().session.session_expiry_s_max;
    std::string list;
    if (what.version == 4) {
        what.expiry_s = what.clean ? 0 : longest;
        what.inflight_max = at_.options().broker.inflight_max;
    } else {
        if (what.expiry_s != 0) list += number_property(0x11, wire::u32(what.expiry_s));
        what.expiry_s = std::min(what.expiry_s, longest);
        if (const auto maximum = std::array{0u, 1u, 2u, 20u}[more & 3]; maximum != 0) {
            list += number_property(0x21, wire::u16(maximum));
            what.inflight_max = maximum;
        }
        if (const auto maximum = std::array{0u, 0u, 45u, 200u}[(more >> 2) & 3]; maximum != 0) {
            list += number_property(0x27, wire::u32(maximum));
            what.packet_max = maximum;
        }
        what.aliases_max = std::array{0u, 0u, 1u, 10u}[(more >> 4) & 3];
        if (what.aliases_max != 0) list += number_property(0x22, wire::u16(what.aliases_max));
    }
    const auto keep_alive = std::array{0u, 2u}[(more >> 6) & 1];
    unsigned connect_flags = what.clean ? 2 : 0;
    std::string will;
    if ((flags & 64) != 0) {
        const auto how = from_.next();
        record left;
        left.is_will = true;
        left.topic = k_topics[how % k_topics.size()];
        left.qos = (how >> 3) % 3;
        left.retain = (how & 32) != 0;
        left.payload = "mwill";
        left.from = what.client_id;
        if (what.version == 5) {
            what.will_delay_s = std::array{0u, 3u, 100u, 0u}[(how >> 6) & 3];
            if ((how & 128) != 0) left.more.numbers[0x02] = 30;
        }
        record& made = at_.known.make_record(std::move(left));
        what.will = made.number;
        connect_flags |= 4 | made.qos << 3 | (made.retain ? 32u : 0u);
        auto properties = property_bytes(made.more);
        if (what.will_delay_s != 0)
            properties += number_property(0x18, wire::u32(what.will_delay_s));
        if (what.version == 5) will += wire::list(properties);
        will += wire::text(made.topic) + wire::text(made.payload);
    }
    what.will_delay_s = std::min(what.will_delay_s, what.expiry_s);
    std::optional<std::string> owner;
    if (owners_) owner = from_.pick(std::array<std::string, 4>{"", "x", "y", "gone"});
    const auto packet = wire::packet(
        0x10,
        wire::connect_body(what.version, connect_flags, keep_alive, what.client_id, list) + will);
    for (auto& each : at_.peers())
        if (slots_.contains(slot % 4) && each->seen.id == slots_[slot % 4] && (more & 128) == 0)
            each->cut();
    slots_[slot % 4] = at_.connect(std::move(what), std::move(owner), packet).seen.id;
}

void play::send_publish(peer& by, record& what, unsigned packet_id, bool dup, unsigned alias) {
    std::string topic = what.topic;
    properties with = what.more;
    if (alias != 0) {
        auto& known = aliases_[by.seen.id][alias];
        if (known == topic)
            topic.clear();
        else
            known = topic;
        with.numbers[0x23] = alias;
    }
    auto packet = wire::publish(by.seen.version, what.qos, packet_id, what.payload, dup, topic,
                                property_bytes(with));
    if (what.retain) packet[0] = static_cast<char>(packet[0] | 1);
    auto number = what.number;
    by.send(std::move(packet), [this, &by, number, packet_id] {
        at_.known.publishing(by.seen, at_.known.at(number), packet_id);
    });
}

void play::publish() {
    peer* by = pick_peer();
    const auto how = from_.next();
    const auto id = 1 + from_.next() % 7;
    const auto with = from_.next();
    if (by == nullptr) return;
    record what;
    what.topic = k_topics[how % k_topics.size()];
    what.qos = (how >> 3) % 3;
    what.retain = (how & 32) != 0;
    const auto size = k_sizes[(how >> 6) & 3];
    // What is empty and retained takes the retained message away.
    what.payload = size == 0 && what.retain ? std::string() : "m" + std::string(size, 'x');
    what.from = by->seen.client_id;
    what.connection = by->seen.id;
    if (by->seen.version == 5) {
        if (const auto expiry = std::array{0u, 0u, 1u, 30u}[with & 3]; expiry != 0)
            what.more.numbers[0x02] = expiry;
        if ((with & 4) != 0) what.more.numbers[0x01] = 1;
        if ((with & 8) != 0) what.more.texts[0x03] = "text/plain";
        if ((with & 16) != 0) {
            what.more.texts[0x08] = "r/1";
            what.more.texts[0x09] = "c";
            at_.known.asks_receipts("r/1");
        }
        if ((with & 32) != 0) what.more.user = {{"k", "v"}, {"k", "w"}};
    }
    const auto alias = by->seen.version == 5 ? with >> 6 : 0;
    record& made = at_.known.make_record(std::move(what));
    if (made.qos == 1) last_[by->seen.id] = {made.number, id};
    send_publish(*by, made, id, false, alias);
}

// What the client does not know to have arrived.
void play::publish_again() {
    peer* by = pick_peer();
    const auto which = from_.next();
    if (by == nullptr || !by->seen.opened) return;
    auto& own = at_.known.session_of(by->seen.client_id).own;
    if ((which & 1) != 0 || own.empty()) {
        const auto found = last_.find(by->seen.id);
        if (found == last_.end()) return;
        return send_publish(*by, at_.known.at(found->second.first), found->second.second, true, 0);
    }
    auto at = std::next(own.begin(), static_cast<std::ptrdiff_t>((which >> 1) % own.size()));
    if (at->second.released) return;
    record& what = at_.known.at(at->second.number);
    // Sent in the other version it would be another message.
    if (by->seen.version == 4 && !property_bytes(what.more).empty()) return;
    send_publish(*by, what, at->first, true, 0);
}

void play::subscribe() {
    peer* by = pick_peer();
    const auto how = from_.next();
    const auto id = ++last_id_;
    const auto count = 1 + (how & 1);
    std::vector<subscription> wanted;
    const auto identifier = by != nullptr && by->seen.version == 5 ? (how >> 1) & 3 : 0;
    std::string body = wire::u16(id);
    if (by != nullptr && by->seen.version == 5)
        body += wire::list(identifier != 0 ? number_property(0x0b, wire::varint(identifier)) : "");
    for (unsigned n = 0; n < count; ++n) {
        subscription one;
        one.filter = from_.pick(k_filters);
        auto options = from_.next();
        options = (options & 3) % 3 | (options & 12) | ((options >> 4) & 3) % 3 << 4;
        if (by != nullptr && by->seen.version == 4) options &= 3;
        if (one.filter.starts_with("$share")) options &= ~4u;
        one.qos = options & 3;
        one.no_local = (options & 4) != 0;
        one.identifier = identifier;
        body += wire::text(one.filter) + static_cast<char>(options);
        wanted.push_back(std::move(one));
    }
    if (by == nullptr) return;
    by->send(wire::packet(0x82, body),
             [this, by, id, wanted] { at_.known.subscribing(by->seen, id, wanted); });
}

void play::unsubscribe() {
    peer* by = pick_peer();
    const auto id = ++last_id_;
    const std::string filter(from_.pick(k_filters));
    if (by == nullptr) return;
    by->send(wire::packet(0xa2, wire::u16(id) +
                                    (by->seen.version == 5 ? wire::list() : std::string()) +
                                    wire::text(filter)),
             [this, by, id, filter] { at_.known.unsubscribing(by->seen, id, {filter}); });
}

void play::acknowledge(peer& by, unsigned type, unsigned packet_id, unsigned code) {
    std::string body = wire::u16(packet_id);
    if (by.seen.version == 5 && code != 0) body += static_cast<char>(code);
    by.send(wire::packet(type << 4 | (type == 6 ? 2u : 0u), body),
            [this, &by, type, packet_id, code] {
                at_.known.acknowledging(by.seen, type, packet_id, by.seen.version == 5 ? code : 0);
            });
}

void play::answer(peer& by, const said& what) {
    if (what.type == 3 && what.qos() == 1) acknowledge(by, 4, what.packet_id, 0);
    if (what.type == 3 && what.qos() == 2) acknowledge(by, 5, what.packet_id, 0);
    if (what.type == 6) acknowledge(by, 7, what.packet_id, 0);
    // The publisher's side.
    if (what.type == 5 && what.code < 0x80) acknowledge(by, 6, what.packet_id, 0);
}

void play::acknowledge() {
    peer* by = pick_peer();
    const auto how = from_.next();
    if (by == nullptr) return;
    const auto type = 4 + (how >> 2) % 4;
    const auto code = std::array{0u, 0x10u, 0x80u, 0u}[(how >> 4) & 3];
    if ((how & 3) == 3) return acknowledge(*by, type, 1 + (how >> 6), code); // of whatever
    if ((how & 3) == 2) { // PUBREL for what it has sent
        const auto& own = at_.known.session_of(by->seen.client_id).own;
        if (!own.empty()) acknowledge(*by, 6, own.begin()->first, 0);
        return;
    }
    auto& owed = owed_[by->seen.id];
    if (owed.empty()) return;
    const auto at = (how & 1) != 0 ? (how >> 6) % owed.size() : 0;
    const said what = owed[at];
    owed.erase(owed.begin() + static_cast<std::ptrdiff_t>(at));
    if (what.type == 3 && what.qos() == 2 && code >= 0x80 && by->seen.version == 5)
        return acknowledge(*by, 5, what.packet_id, code);
    answer(*by, what);
}

void play::disconnect() {
    peer* by = pick_peer();
    const auto how = from_.next();
    if (by == nullptr) return;
    const auto code = std::array{0u, 4u, 0u, 0x80u}[how & 3];
    const bool changes = (how & 4) != 0;
    const auto expiry = k_expiries[(how >> 3) & 3];
    std::string body;
    const bool five = by->seen.version == 5;
    if (five && (code != 0 || changes)) body += static_cast<char>(code);
    if (five && changes) body += wire::list(number_property(0x11, wire::u32(expiry)));
    by->send(wire::packet(0xe0, body), [this, by, code, changes, expiry, five] {
        at_.known.saying_good_bye(by->seen, five ? code : 0, five && changes ? &expiry : nullptr);
    });
}

void play::other(unsigned kind) {
    if (kind == 0) {
        if (peer* by = pick_peer()) by->cut();
    } else if (kind == 1) {
        at_.advance(from_.pick(k_times));
    } else if (kind == 2) {
        at_.commit(1 + from_.next() % 8);
    } else if (kind == 3) {
        at_.answer(1 + from_.next() % 8);
    } else if (kind == 4) {
        at_.settle();
    } else if (kind == 5) {
        const auto how = from_.next();
        if ((how & 3) == 0) at_.set_full((how & 4) != 0);
        if ((how & 3) == 1) at_.refuse_put_after(how >> 2);
        if ((how & 3) == 2) at_.refuse_commit();
        if ((how & 3) == 3) at_.hold_publishes((how & 4) != 0);
    } else if (kind == 6) {
        const auto how = from_.next();
        if ((how & 1) == 0)
            at_.restart((how & 2) != 0);
        else
            at_.fail_commit((how & 2) != 0, (how & 2) != 0 && (how & 4) != 0);
    } else if (kind == 7) {
        peer* by = pick_peer();
        const auto bytes = from_.take(from_.next() % 64);
        if (by == nullptr) return;
        at_.known.anything_goes();
        by->send(std::string(bytes));
    } else if (kind == 8) {
        if (peer* by = pick_peer()) by->reads = !by->reads;
    } else if (kind == 9) {
        if (peer* by = pick_peer()) by->send(wire::pingreq());
    } else {
        peer* by = pick_peer();
        const auto bytes = from_.next();
        if (by == nullptr) return;
        if (bytes % 2 == 0)
            by->go_on();
        else
            by->stop_after(bytes / 2);
    }
}

void play::step() {
    const auto kind = from_.next() % 32;
    trace("step " + std::to_string(kind));
    if (kind < 4)
        connect();
    else if (kind < 10)
        publish();
    else if (kind < 14)
        subscribe();
    else if (kind == 14)
        unsubscribe();
    else if (kind < 18)
        acknowledge();
    else if (kind == 18)
        publish_again();
    else if (kind == 19)
        disconnect();
    else
        other(kind - 20);
    if (at_once_)
        at_.settle();
    else
        at_.run();
}

} // namespace wharf::fuzz
