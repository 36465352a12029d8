// The local broker, its clients and its journal under any sequence of what clients, the disk and
// the clock do. Whatever they do: no crash, every bound holds, what is said is well formed, and
// what a client can know is true: order, QoS 2 once, nothing without a subscription, nothing before
// it is durable, retained messages, wills, and that what was acknowledged arrives or is counted.
//
// Three bytes of options, then steps (play.cpp).
#include "tests/fuzz/broker/play.hpp"

#include "tests/unit/mqtt/wire.hpp"

namespace wharf::fuzz {

namespace wire = mqtt::wire;

// Every session that ought to be there gets what waits for it.
void play::drain() {
    at_.hold_publishes(false);
    polite_ = true;
    for (auto& each : at_.peers())
        each->cut();
    at_.heal();
    std::vector<std::string> names;
    for (const auto& [name, each] : at_.known.sessions())
        if (each.certain && at_.now_us() + 1'000'000 < each.alive_until_us) names.push_back(name);
    std::uint64_t expected = 0;
    for (const std::string& name : names) {
        connection what;
        what.client_id = name;
        what.expiry_s = 3600;
        // What the session's client had not acknowledged in another way than by this connection.
        at_.connect(what, owners_ ? std::optional<std::string>("x") : std::nullopt,
                    wire::connect(5, 0, 60, name, "\x11" + wire::u32(3600)));
        at_.settle();
        const session& in = at_.known.session_of(name);
        // What the client holds half done it brings to its end.
        const auto releasing = in.releasing;
        for (auto& each : at_.peers())
            if (each->seen.client_id == name && !each->gone)
                for (const unsigned id : releasing)
                    acknowledge(*each, 7, id, 0);
        at_.settle();
        if (in.careless) continue;
        expected += in.expected.size();
        for (const std::size_t each : in.expected)
            trace("  " + name + " has not got message " + std::to_string(each));
    }
    if (at_.known.is_wild()) return;
    expect(expected <= at_.dropped(), std::to_string(expected) + " messages did not arrive, and " +
                                          std::to_string(at_.dropped()) + " are counted as lost");
}

// Who subscribes to everything sees the retained messages. By QoS 0: a queue may have no room.
void play::probe() {
    std::map<std::string, std::string> seen;
    connection what;
    what.client_id = "probe";
    what.clean = true;
    peer& by = at_.connect(what, std::nullopt, wire::connect(5, 2, 60, "probe"));
    const auto id = by.seen.id;
    std::vector<subscription> wanted(2);
    wanted[0].filter = "#";
    wanted[1].filter = "$d/#";
    by.send(wire::packet(0x82, wire::u16(1) + wire::list() + wire::text("#") + '\0' +
                                   wire::text("$d/#") + '\0'),
            [this, &by, wanted] { at_.known.subscribing(by.seen, 1, wanted); });
    at_.on_said = [&, id](peer& to, const said& what) {
        if (to.seen.id == id && what.type == 3 && what.retain()) {
            expect(seen.emplace(what.topic, what.payload).second,
                   "two retained messages of " + what.topic);
        }
        answer(to, what);
    };
    at_.settle();
    at_.on_said = nullptr;
    at_.known.check_retained(seen, at_.now_us());
}

// Everybody goes, and in time everything is gone but what is retained.
void play::end_all() {
    for (auto& each : at_.peers())
        each->cut();
    at_.settle();
    expect(at_.known.publishes_heard() == at_.delivered(),
           std::to_string(at_.known.publishes_heard()) + " messages came, " +
               std::to_string(at_.delivered()) + " are counted");
    for (int round = 0; round < 4; ++round) {
        at_.advance(std::int64_t{8} * 24 * 3600 * 1'000'000);
        at_.commit(100);
        at_.settle();
    }
    at_.known.check_wills();
    expect(at_.left_over().empty(), "left over:" + at_.left_over());
}

void play::finish() {
    drain();
    // What is due is published before anybody looks: sessions end by a sweep of the journal's.
    for (int round = 0; round < 3; ++round) {
        at_.advance(61'000'000);
        at_.commit(100);
        at_.settle();
    }
    probe();
    end_all();
}

} // namespace wharf::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    wharf::fuzz::input from(data, size);
    wharf::fuzz::play one(from);
    for (int steps = 0; steps < 300 && !from.empty(); ++steps)
        one.step();
    one.finish();
    return 0;
}
