#include "gateway/manage/roster.hpp"

#include "gateway/base/limits.hpp"
#include "tests/unit/manage/office.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using Catch::Matchers::Contains;

namespace {

std::string refusal(std::vector<Operator> operators, std::vector<std::string> two = {}) {
    OperatorRoster content;
    for (Operator& one : operators)
        *content.add_operators() = std::move(one);
    for (std::string& command : two)
        content.mutable_two_person()->add_commands(std::move(command));
    auto made = manage::roster::make(std::move(content));
    return made.ok() ? "" : made.failure().message;
}

std::string fingerprint(const std::string& name) {
    return std::string(view_of(key_named(name).half().fingerprint()));
}

} // namespace

TEST_CASE("operators that make no sense are refused with the field") {
    const Operator ann = make_operator("ann", OPERATOR_ROLE_ADMIN);
    CHECK(refusal({ann}).empty());
    CHECK_THAT(refusal({}), Contains("at least one admin"));
    CHECK_THAT(refusal({make_operator("bob", OPERATOR_ROLE_OPERATOR)}), Contains("admin"));
    Operator odd = ann;
    odd.set_name("an n");
    CHECK_THAT(refusal({odd}), Contains("name: expected"));
    odd = ann;
    odd.set_role(OPERATOR_ROLE_UNSPECIFIED);
    CHECK_THAT(refusal({odd}), Contains("operator ann: role: expected viewer, operator or admin"));
    odd = ann;
    odd.set_public_key("key");
    CHECK_THAT(refusal({odd}), Contains("operator ann: key: expected a public key"));
    CHECK_THAT(refusal({ann, ann}), Contains("there already"));
    odd = ann;
    odd.set_name("other");
    CHECK_THAT(refusal({ann, odd}), Contains("there already"));
    CHECK_THAT(refusal({ann}, {"dance"}), Contains("there is no command \"dance\""));
    CHECK_THAT(refusal({ann}, {"pause"}), Contains("needs two operators"));
    CHECK_THAT(refusal(std::vector<Operator>(limits::k_operators_max + 1, ann)),
               Contains("at most"));
}

TEST_CASE("a change is whole or refused, and the last admin stays") {
    const manage::roster usual = usual_roster();
    OperatorsChangeCommand how;
    how.add_remove(fingerprint("ann"));
    auto changed = usual.changed(how);
    REQUIRE_FALSE(changed.ok());
    CHECK_THAT(changed.failure().message, Contains("at least one admin has to be left"));
    *how.add_add() = make_operator("dan", OPERATOR_ROLE_ADMIN);
    changed = usual.changed(how);
    REQUIRE(changed.ok());
    CHECK(changed->find(fingerprint("ann")) == nullptr);
    CHECK(changed->find(fingerprint("dan"))->role == OPERATOR_ROLE_ADMIN);
    CHECK(changed->content().revision() == usual.content().revision() + 1);
    how.add_remove(std::string(32, 'x'));
    CHECK_FALSE(usual.changed(how).ok());
}

TEST_CASE("a key that is there already gets another name and role") {
    OperatorsChangeCommand how;
    Operator bob = make_operator("bob", OPERATOR_ROLE_ADMIN);
    bob.set_name("robert");
    bob.set_public_key(key_named("bob").half().pem());
    *how.add_add() = bob;
    auto changed = usual_roster().changed(how);
    REQUIRE(changed.ok());
    CHECK(changed->content().operators_size() == 3);
    CHECK(changed->find(fingerprint("bob"))->name == "robert");
    CHECK(changed->find(fingerprint("bob"))->role == OPERATOR_ROLE_ADMIN);
}
