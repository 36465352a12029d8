// A desk over the real journal over the model store, with operators who have real keys.
#pragma once

#include "gateway/manage/desk.hpp"
#include "gateway/manage/envelope.hpp"
#include "tests/unit/journal/rig.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wharf::test {

using namespace wharf::v1;

// Made once: keys cost time.
const private_key& key_named(const std::string& name);
Operator make_operator(const std::string& name, OperatorRole role);
manage::roster make_roster(std::vector<Operator> operators, std::vector<std::string> two = {});
manage::roster usual_roster(); // "ann" admin, "bob" operator, "eve" viewer

struct office {
    explicit office(manage::roster operators = usual_roster());

    // Of "gateway", under a fresh id, with the desk's nonce.
    Command make(auto fill) {
        Command out;
        out.set_version(1);
        out.set_gateway(std::string(view_of(key_named("gateway").half().fingerprint())));
        out.set_id(fresh_id());
        out.set_nonce(desk->nonce(at));
        fill(out);
        return out;
    }
    Command books() {
        return make([](Command& c) { c.mutable_books(); });
    }
    Command pause() {
        return make([](Command& c) { c.mutable_pause()->set_destination("erp"); });
    }
    static std::string sign(const Command& command, const std::vector<std::string>& by);
    void send(const Command& command, const std::vector<std::string>& by = {"ann"});
    void send_bytes(const std::string& bytes);

    // Performs the desk's actions; what it wants journaled waits for commit().
    void pump();
    void commit();
    // Until nothing moves any more.
    void settle();
    // A power cut, and another desk over what was durable.
    void restart(manage::roster first = {});

    [[nodiscard]] const CommandReport& last() const;
    [[nodiscard]] std::vector<AuditEntry> trail();
    std::string fresh_id();

    rig journal;
    manage::desk_time at{1'000'000, 5'000'000, true, 1'000'000};
    std::unique_ptr<manage::command_desk> desk;
    std::vector<journal_request> submitted;
    std::vector<manage::act::run> runs;
    std::vector<CommandReport> reports; // published on "res"
    std::vector<GatewayEvent> events;
    std::map<std::uint64_t, std::string> outbound; // as published, by number
    std::vector<manage::act::answer> answers;
    std::vector<std::string> log;
    bool operators_changed = false;
    std::uint64_t starts = 0;
    std::uint64_t ids = 0;
};

} // namespace wharf::test
