#include "gateway/manage/succession.hpp"

#include "gateway/base/limits.hpp"
#include "tests/unit/manage/office.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

const key_fingerprint& print_of(const std::string& name) {
    return key_named(name).half().fingerprint();
}

// From the first of these to the last.
manage::successions chain(const std::vector<std::string>& names) {
    manage::successions out;
    for (std::size_t i = 1; i < names.size(); ++i) {
        auto link = manage::succeed(key_named(names[i - 1]), key_named(names[i]).half(), 7,
                                    "command " + names[i]);
        REQUIRE(link.ok());
        *out.add_links() = *link;
    }
    return out;
}

} // namespace

TEST_CASE("a chain leads from each key in it to the last, and from no other") {
    const auto links = chain({"one", "two", "three"});
    CHECK(manage::leads(links.links(), print_of("one"), print_of("three")));
    CHECK(manage::leads(links.links(), print_of("two"), print_of("three")));
    CHECK_FALSE(manage::leads(links.links(), print_of("three"), print_of("three")));
    CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("two")));
    CHECK_FALSE(manage::leads(links.links(), print_of("three"), print_of("one")));
    CHECK_FALSE(manage::leads(links.links(), print_of("four"), print_of("three")));
    CHECK_FALSE(manage::leads({}, print_of("one"), print_of("one")));
    CHECK(manage::former_keys(links) ==
          std::vector<key_fingerprint>{print_of("one"), print_of("two")});
    CHECK(manage::ordered_by(links) == "command three");
}

TEST_CASE("a link that the key before did not sign leads nowhere") {
    const auto good = chain({"one", "two"});
    SECTION("another key's") {
        auto forged = manage::succeed(key_named("eve"), key_named("two").half(), 7, "x");
        REQUIRE(forged.ok());
        KeySuccessionStatement what;
        REQUIRE(what.ParseFromString(forged->statement()));
        what.set_former(key_named("one").half().der());
        manage::successions links = good;
        links.mutable_links(0)->set_statement(what.SerializeAsString());
        CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("two")));
        *links.mutable_links(0) = *forged;
        CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("two")));
    }
    SECTION("every bit of it counts") {
        for (std::size_t bit = 0; bit < good.links(0).statement().size() * 8; bit += 37) {
            manage::successions links = good;
            (*links.mutable_links(0)->mutable_statement())[bit / 8] ^= char(1 << (bit % 8));
            CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("two")));
        }
    }
    SECTION("a signature for another purpose") {
        const std::string& statement = good.links(0).statement();
        for (const std::string& bytes :
             {statement, manage::report_to_sign(statement), manage::command_to_sign(statement)}) {
            auto value = key_named("one").sign(bytes);
            REQUIRE(value.ok());
            manage::successions links = good;
            links.mutable_links(0)->mutable_signature()->set_value(*value);
            CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("two")));
        }
    }
    SECTION("a gap, and one that goes on to another key") {
        auto links = chain({"one", "two", "three", "four"});
        links.mutable_links()->DeleteSubrange(1, 1);
        CHECK_FALSE(manage::leads(links.links(), print_of("one"), print_of("four")));
        CHECK(manage::leads(links.links(), print_of("three"), print_of("four")));
        CHECK_FALSE(manage::leads(good.links(), print_of("one"), print_of("four")));
    }
}

TEST_CASE("a chain is cut where it does not lead to the key, and keeps the newest") {
    CHECK(
        manage::leading_to(chain({"one", "two", "three"}), key_named("two").half()).links_size() ==
        1);
    CHECK(manage::leading_to(chain({"one", "two"}), key_named("one").half()).links_size() == 0);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < limits::k_succession_max + 3; ++i)
        names.push_back("key " + std::to_string(i));
    const auto all = chain(names);
    CHECK_FALSE(manage::leads(all.links(), print_of("key 0"), print_of(names.back())));
    const auto kept = manage::leading_to(all, key_named(names.back()).half());
    CHECK(static_cast<std::size_t>(kept.links_size()) == limits::k_succession_max);
    CHECK(manage::leads(kept.links(), print_of(names[2]), print_of(names.back())));
    CHECK_FALSE(manage::leads(kept.links(), print_of(names[1]), print_of(names.back())));
}

TEST_CASE(
    "a command to a former key is refused with words, one that was done under it is answered") {
    office it;
    it.settle();
    const Command done = it.pause();
    it.send(done);
    it.commit();
    REQUIRE(it.runs.size() == 1);
    CHECK(it.desk->is_open(it.runs[0].of));
    it.desk->finish(it.runs[0].of, {}, it.at);
    CHECK(it.desk->is_open(it.runs[0].of));
    it.settle();
    CHECK_FALSE(it.desk->is_open(it.runs[0].of));
    it.desk->use_key(print_of("next"), {print_of("gateway")});
    it.send(it.pause());
    it.settle();
    CHECK(it.runs.size() == 1);
    CHECK(it.last().code() == COMMAND_CODE_INVALID);
    CHECK_THAT(it.last().message(),
               Catch::Matchers::Contains("addressed to a key that this gateway has replaced"));
    CHECK(it.last().gateway() == view_of(print_of("next")));
    it.send(done);
    it.settle();
    CHECK(it.last().code() == COMMAND_CODE_OK);
    CHECK(it.last().step() == COMMAND_STEP_DONE);
    const auto refused = it.desk->counts().refused;
    Command other = it.pause();
    other.set_gateway(std::string(view_of(print_of("stranger"))));
    it.send(other);
    it.settle();
    CHECK(it.desk->counts().refused == refused + 1);
    Command good = it.pause();
    good.set_gateway(std::string(view_of(print_of("next"))));
    it.send(good);
    it.commit();
    CHECK(it.runs.size() == 2);
}
