#include "tests/unit/manage/office.hpp"

#include "gateway/base/bytes.hpp"

#include <catch2/catch.hpp>

namespace wharf::test {

const private_key& key_named(const std::string& name) {
    static std::map<std::string, private_key> made;
    auto found = made.find(name);
    if (found == made.end()) {
        auto key = private_key::make();
        REQUIRE(key.ok());
        found = made.emplace(name, *key).first;
    }
    return found->second;
}

Operator make_operator(const std::string& name, OperatorRole role) {
    Operator out;
    out.set_name(name);
    out.set_role(role);
    out.set_public_key(key_named(name).half().der());
    return out;
}

manage::roster make_roster(std::vector<Operator> operators, std::vector<std::string> two) {
    OperatorRoster content;
    for (Operator& one : operators)
        *content.add_operators() = std::move(one);
    for (std::string& command : two)
        content.mutable_two_person()->add_commands(std::move(command));
    auto made = manage::roster::make(std::move(content));
    INFO((made.ok() ? std::string() : made.failure().message));
    REQUIRE(made.ok());
    return *made;
}

manage::roster usual_roster() {
    return make_roster({make_operator("ann", OPERATOR_ROLE_ADMIN),
                        make_operator("bob", OPERATOR_ROLE_OPERATOR),
                        make_operator("eve", OPERATOR_ROLE_VIEWER)});
}

office::office(manage::roster operators) {
    journal.open();
    restart(std::move(operators));
    desk->on_link_up();
}

std::string office::fresh_id() {
    std::string id(8, 'i');
    put_big(id, ++ids);
    return id;
}

std::string office::sign(const Command& command, const std::vector<std::string>& by) {
    SignedCommand envelope;
    envelope.set_command(command.SerializeAsString());
    for (const std::string& name : by)
        REQUIRE(manage::sign_command(envelope, key_named(name)).ok());
    return envelope.SerializeAsString();
}

void office::send(const Command& command, const std::vector<std::string>& by) {
    send_bytes(sign(command, by));
}

void office::send_bytes(const std::string& bytes) {
    desk->on_message(bytes, at);
    pump();
}

void office::pump() {
    struct performer {
        office& of;
        void operator()(manage::act::check& one) const {
            std::vector<bool> hold;
            for (const auto& [key, value] : one.signatures)
                hold.push_back(key.verifies(one.bytes, value));
            of.desk->on_checked(one.of, hold, of.at);
        }
        void operator()(manage::act::journal& one) const {
            of.submitted.emplace_back(std::move(one.request));
        }
        void operator()(manage::act::run& one) const { of.runs.push_back(std::move(one)); }
        void operator()(manage::act::publish& one) const {
            if (one.outbound != 0) of.outbound[one.outbound] = one.report;
            if (one.channel == "event")
                REQUIRE(of.events.emplace_back().ParseFromString(one.report));
            else
                REQUIRE(of.reports.emplace_back().ParseFromString(one.report));
        }
        void operator()(manage::act::answer& one) const { of.answers.push_back(std::move(one)); }
        void operator()(manage::act::log& one) const { of.log.push_back(std::move(one.text)); }
        void operator()(manage::act::operators_changed&) const { of.operators_changed = true; }
    };
    for (auto actions = desk->take_actions(); !actions.empty(); actions = desk->take_actions())
        for (manage::desk_action& action : actions)
            std::visit(performer{*this}, action);
}

void office::commit() {
    if (submitted.empty()) return;
    for (const journal_answer& answer : journal.commit(std::exchange(submitted, {})))
        if (const auto* done = std::get_if<manage_done>(&answer))
            desk->on_journaled(done->token, at);
    pump();
}

void office::settle() {
    pump();
    while (!submitted.empty())
        commit();
}

void office::restart(manage::roster first) {
    submitted.clear();
    runs.clear();
    journal.power_cut();
    auto found = read_manage_state(journal.store);
    REQUIRE(found.ok());
    auto operators = manage::operators_of(*found, std::move(first));
    REQUIRE(operators.ok());
    digest_key nonce_key{};
    nonce_key[0] = static_cast<char>(++starts);
    desk = std::make_unique<manage::command_desk>(key_named("gateway").half().fingerprint(),
                                                  nonce_key, *operators, std::move(*found), at);
    pump();
}

const CommandReport& office::last() const {
    REQUIRE_FALSE(reports.empty());
    return reports.back();
}

std::vector<AuditEntry> office::trail() {
    auto records = list_audit(journal.store, 0, 100'000);
    REQUIRE(records.ok());
    std::vector<AuditEntry> out;
    for (audit_record& one : *records)
        out.push_back(std::move(one.entry));
    if (!records->empty()) {
        const audit_record& end = records->back();
        CHECK(head_of(journal.state()) == link_of(end.before, end.number, end.bytes));
        CHECK(journal.state().audit_number() == end.number);
    }
    return out;
}

} // namespace wharf::test
