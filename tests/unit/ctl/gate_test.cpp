// What the health gate of a roll-out lets through, and what it does not.
#include "firmware/ctl/gate.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

using namespace wharf::ctl;
using Catch::Matchers::Contains;
using json = nlohmann::json;

namespace {

constexpr double k_gate_s = 60;

destination_facts erp(std::uint64_t applied, std::uint64_t waiting = 0, double oldest_s = 0) {
    destination_facts out;
    out.circuit = "closed";
    out.applied = applied;
    out.waiting = waiting;
    out.oldest_waiting_s = oldest_s;
    return out;
}

gateway_facts facts(const destination_facts& at, const std::string& health = "ok",
                    std::uint64_t version = 0) {
    gateway_facts out;
    out.there = true;
    out.health = health;
    out.version = version;
    out.on_trial = version != 0;
    out.destinations["erp"] = at;
    return out;
}

std::string judged(const gateway_facts& before, const gateway_facts& begun,
                   const gateway_facts& now) {
    std::string out;
    for (const auto& one : judge(before, begun, now, k_gate_s))
        out += one + "\n";
    return out;
}

} // namespace

TEST_CASE("facts are read from a state, whatever it says") {
    wharf::v1::GatewayState state;
    state.set_health("degraded");
    state.add_reasons("why");
    state.set_configuration_version(4);
    state.set_configuration_confirm_by_us(9);
    const json lanes = {{"inventory", {{"oldest_waiting_s", 3.5}}},
                        {"count", {{"oldest_waiting_s", nullptr}}}};
    const json destination = {{"name", "erp"},  {"circuit", "open"},        {"pending", 7},
                              {"applied", 40},  {"waiting_behind_dead", 2}, {"dead", 1},
                              {"lanes", lanes}, {"last_error", "no answer"}};
    const json alarms = {{{"code", "journal_full"}, {"severity", "critical"}, {"text", "full"}},
                         {{"code", "clock"}, {"severity", "warning"}, {"text", "off"}}};
    state.set_status_json(
        json{{"destinations", json::array({destination})}, {"alarms", alarms}}.dump());
    const auto out = facts_of(state, "");
    CHECK(out.there);
    CHECK(out.on_trial);
    const auto& at = out.destinations.at("erp");
    CHECK(at.circuit == "open");
    CHECK(at.waiting == 5);
    CHECK(at.applied == 40);
    CHECK(at.oldest_waiting_s == 3.5);
    CHECK(out.critical.size() == 1);
    for (const char* text : {"", "no JSON", "[]", R"({"destinations": 3, "alarms": {}})",
                             R"({"destinations": [1, {}], "alarms": [1, {}]})"}) {
        state.set_status_json(text);
        CHECK(facts_of(state, "").critical.empty());
    }
    state.set_health("gone");
    CHECK_FALSE(facts_of(state, "").there);
    state.set_health("ok");
    CHECK_FALSE(facts_of(state, "its key is another").there);
}

TEST_CASE("what goes on as before is good") {
    const auto before = facts(erp(100));
    CHECK(judged(before, facts(erp(100)), facts(erp(120))).empty());
    // Nothing came, nothing was applied.
    CHECK(judged(before, facts(erp(100)), facts(erp(100))).empty());
    // One that has just come.
    CHECK(judged(before, facts(erp(100)), facts(erp(100, 1, 0.2))).empty());
    // Work that is being done.
    CHECK(judged(before, facts(erp(100, 50, 30)), facts(erp(130, 40, 40))).empty());
    CHECK(judged(facts(erp(1), "degraded"), facts(erp(1)), facts(erp(1), "degraded")).empty());
    CHECK(judged(facts(erp(1), "failing"), facts(erp(1)), facts(erp(1), "degraded")).empty());
}

TEST_CASE("deliveries that stand still are found, and those that did before are not") {
    const auto words = judged(facts(erp(100)), facts(erp(100)), facts(erp(100, 4, 25)));
    CHECK_THAT(words, Contains("destination erp: 4 updates wait and none was applied"));
    // It stood still before, or was away, or an operator paused it.
    CHECK(judged(facts(erp(100, 4, 900)), facts(erp(100)), facts(erp(100, 9, 960))).empty());
    auto away = erp(100);
    away.circuit = "open";
    CHECK(judged(facts(away), facts(erp(100)), facts(erp(100, 9, 960))).empty());
    auto paused = erp(100, 4, 25);
    paused.paused = true;
    CHECK(judged(facts(erp(100)), facts(erp(100)), facts(paused)).empty());
    // A destination that is new and takes nothing.
    auto before = facts(erp(100));
    before.destinations.clear();
    CHECK_THAT(judged(before, facts(erp(0, 3, 1)), facts(erp(0, 3, 50))),
               Contains("3 updates wait"));
}

TEST_CASE("a destination that stops or goes away is found, once it was not so before") {
    auto stopped = erp(100);
    stopped.circuit = "stopped";
    stopped.last_error = "401 Unauthorized";
    auto open = erp(100);
    open.circuit = "open";
    const auto before = facts(erp(100));
    CHECK_THAT(judged(before, before, facts(stopped)),
               Contains("destination erp has stopped: 401 Unauthorized"));
    CHECK_THAT(judged(before, before, facts(open)), Contains("destination erp does not answer"));
    CHECK(judged(facts(stopped), before, facts(stopped)).empty());
    CHECK(judged(facts(open), before, facts(open)).empty());
    CHECK_THAT(judged(facts(open), before, facts(stopped)), Contains("has stopped"));
    CHECK(judged(facts(stopped), before, facts(open)).empty());
}

TEST_CASE("updates that become dead letters, and what waited for a destination that is no more") {
    auto dead = erp(100);
    dead.dead = 3;
    CHECK_THAT(judged(facts(erp(100)), facts(erp(100)), facts(dead)),
               Contains("3 updates became dead letters"));
    dead.applied = 150; // others were applied
    CHECK(judged(facts(erp(100)), facts(erp(100)), facts(dead)).empty());
    auto without = facts(erp(1));
    without.destinations.clear();
    CHECK_THAT(judged(facts(erp(1, 5, 1)), without, without), Contains("5 updates waited for it"));
    CHECK(judged(facts(erp(1)), without, without).empty());
}

TEST_CASE("worse health and new critical alarms are found, with what is new of it") {
    auto before = facts(erp(1), "degraded");
    before.reasons = {"the clock"};
    before.critical["target_missed erp/count"] = "late";
    auto now = before;
    CHECK(judged(before, now, now).empty());
    now.health = "failing";
    now.reasons = {"the clock", "the journal is full"};
    now.critical["journal_full "] = "the journal is full";
    const auto words = judged(before, before, now);
    CHECK_THAT(words, Contains("it was degraded and is failing: the journal is full") &&
                          Contains("new critical alarm: the journal is full"));
    now = before;
    now.there = false;
    CHECK(judged(before, before, now) == "it has gone away\n");
    now.complaint = "its key is another";
    CHECK_THAT(judged(before, before, now), Contains("not believed: its key is another"));
}

TEST_CASE("unwell is what is wrong whatever was before, and no mere warning") {
    CHECK(unwell(facts(erp(5), "ok")).empty());
    CHECK(unwell(facts(erp(5, 3, 2), "degraded")).empty());
    CHECK_FALSE(unwell(facts(erp(5), "failing")).empty());
    CHECK_FALSE(unwell(facts(erp(5, 3, 100), "degraded")).empty());
    auto open = erp(5);
    open.circuit = "open";
    CHECK_FALSE(unwell(facts(open, "degraded")).empty());
    CHECK_FALSE(unwell(gateway_facts{}).empty());
}

TEST_CASE("a wave is good when each was seen, watched and heard of again") {
    wave_watch wave(k_gate_s);
    for (const char* name : {"a", "b"})
        wave.expect(name, facts(erp(10)), 4);
    CHECK_FALSE(wave.all_seen());
    wave.on_state("a", facts(erp(10)), 1); // still the one before
    wave.on_state("stranger", facts(erp(10), "ok", 4), 1);
    CHECK(wave.seen_count() == 0);
    wave.on_state("a", facts(erp(10), "ok", 4), 2);
    wave.on_state("b", facts(erp(10), "ok", 4), 3);
    CHECK(wave.all_seen());
    wave.begin_gate(3);
    wave.on_state("a", facts(erp(20), "ok", 4), 30);
    CHECK_FALSE(wave.watched_long_enough(62));
    CHECK(wave.watched_long_enough(63));
    wave.on_state("a", facts(erp(30), "ok", 4), 64);
    CHECK_FALSE(wave.heard_of_all());
    wave.on_state("b", facts(erp(30), "ok", 4), 65);
    CHECK(wave.heard_of_all());
    wave.end_gate(true);
    CHECK(wave.failures().empty());
    CHECK(wave.version_of("a") == 4);
}

TEST_CASE("who is not seen, not heard of or goes back has failed") {
    wave_watch wave(k_gate_s);
    for (const char* name : {"seen", "silent", "unseen", "back", "refused by itself"})
        wave.expect(name, facts(erp(10)), 4);
    wave.fail("refused", "invalid");
    for (const char* name : {"seen", "silent", "back"})
        wave.on_state(name, facts(erp(10), "ok", 4), 2);
    auto given_up = facts(erp(10));
    given_up.problem = "version 4 ended with exit code 71";
    wave.on_state("refused by itself", given_up, 2);
    CHECK_FALSE(wave.all_seen());
    wave.begin_gate(10);
    CHECK(wave.failures().at("unseen").front() == "it was not seen again with it on trial");
    wave.on_state("back", given_up, 20);
    CHECK_THAT(wave.failures().at("back").front(), Contains("exit code 71"));
    wave.on_state("back", facts(erp(10), "ok", 4), 80);
    CHECK(wave.failures().contains("back"));
    wave.on_state("seen", facts(erp(10), "ok", 4), 80);
    CHECK_FALSE(wave.heard_of_all());
    wave.end_gate(true);
    CHECK(wave.failures().at("silent").front() == "it was not heard of any more");
    CHECK_FALSE(wave.failures().contains("seen"));
    CHECK(wave.failures().size() == 5);
    CHECK(wave.version_of("refused") == 0);
}

TEST_CASE("worse for a moment passes, worse for half of the gate ends it early") {
    wave_watch wave(k_gate_s);
    wave.expect("a", facts(erp(10)), 4);
    wave.on_state("a", facts(erp(10), "degraded", 4), 0); // just begun
    wave.begin_gate(0);
    wave.on_state("a", facts(erp(10), "ok", 4), 10);
    CHECK(wave.failing(40) == 0);
    wave.on_state("a", facts(erp(10), "degraded", 4), 12);
    CHECK(wave.failing(41) == 0);
    CHECK(wave.failing(42) == 1);
    wave.end_gate(false);
    CHECK_THAT(wave.failures().at("a").front(), Contains("it was ok and is degraded"));
}
