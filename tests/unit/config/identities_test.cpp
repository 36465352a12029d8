// The identities file: read, and changed with the rest left as it was.
#include "gateway/config/identities_edit.hpp"
#include "gateway/config/identities_file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

const std::string k_hash = "$argon2id$v=19$m=7168,t=5,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
                           "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI";
const std::string k_other = "$argon2id$v=19$m=4096,t=3,p=1$/ITga/mf6m1GS2uan4/YaA$"
                            "LMzIpIBXsQFHjwgeUR9tyRCJkoRzVQFw+TXL5SC/FVM";

std::vector<access::identity> good(const std::string& text) {
    auto parsed = parse_identities(text, "i.toml");
    if (!parsed.ok()) FAIL(parsed.failure().message);
    return std::move(parsed).value();
}

std::string errors_of(const std::string& text) {
    auto parsed = parse_identities(text, "i.toml");
    return parsed.ok() ? "no error" : parsed.failure().message;
}

std::string entry(const std::string& lines) {
    return "[[identity]]\nname = \"a\"\n" + lines;
}

const std::string k_file = "# Hall 3, as of May\n"
                           "\n"
                           "[[identity]]           # the old one\n"
                           "name = \"scanner-07\"    # on the forklift\n"
                           "password = \"" +
                           k_hash +
                           "\"\n"
                           "\n"
                           "# Größe: two readers\n"
                           "[[identity]]\n"
                           "name = \"portal-ü\"\n"
                           "certificates = [\"portal.site\"]\n"
                           "enabled = true   # since June\n"
                           "\n"
                           "[[identity]]\n"
                           "name = \"wms\"\n"
                           "publish = [\"wharf/1/{site}/+/#\"]\n"
                           "password = \"" +
                           k_hash + "\"";

} // namespace

TEST_CASE("an entry says all that an identity can be") {
    auto all = good(entry("password = \"" + k_hash +
                          "\"\ncertificates = [\"c1\", \"c2\"]\nneeds = \"both\"\nenabled = false\n"
                          "publish = [\"a/{user}/#\"]\nsubscribe = []\nclients = [\"{user}-*\"]\n"
                          "connections = 2\nmessages_per_s = 100\nbytes_per_s = 4096\n"));
    REQUIRE(all.size() == 1);
    const auto& one = all[0];
    CHECK(one.password == k_hash);
    CHECK(one.certificates.size() == 2);
    CHECK(one.proof == access::needs::both);
    CHECK_FALSE(one.enabled);
    CHECK(one.publish->size() == 1);
    CHECK(one.subscribe->empty());
    CHECK(one.clients == std::vector<std::string>{"{user}-*"});
    CHECK(one.connections == 2);
    CHECK(one.messages_per_s == 100);
    CHECK(one.bytes_per_s == 4096);
    const auto least = good(entry(""));
    CHECK(least[0].enabled);
    CHECK_FALSE(least[0].publish);
    CHECK(good("").empty());
    // And as it is written it is read.
    CHECK(good(identity_text(one)) == all);
    access::identity odd;
    odd.name = "q\"uo\\te'";
    odd.certificates = {"tab\there"};
    CHECK(good(identity_text(odd)) == std::vector{odd});
}

TEST_CASE("what is wrong is named by line, and a password never") {
    CHECK_THAT(errors_of(entry("password = \"tangerine\"\n")),
               Contains("i.toml:3: identity[0].password: expected a hash") &&
                   !Contains("tangerine"));
    CHECK_THAT(errors_of(entry("password = 12345678\n")),
               Contains("expected a hash") && !Contains("12345678"));
    CHECK_THAT(
        errors_of(entry("password = \"$argon2id$v=19$m=9999999,t=5,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
                        "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI\"\n")),
        Contains("at most m="));
    CHECK_THAT(errors_of("[[identity]]\n"), Contains("identity[0].name: is required"));
    CHECK_THAT(errors_of("[[identity]]\nname = \"a/b\"\n"), Contains("without /, +, #"));
    CHECK_THAT(errors_of(entry("") + entry("")), Contains("a second \"a\""));
    CHECK_THAT(errors_of(entry("certificates = [\"c\"]\n") +
                         "[[identity]]\nname = \"b\"\ncertificates = [\"c\"]\n"),
               Contains("stands for \"a\" already"));
    CHECK_THAT(errors_of(entry("needs = \"both\"\n")), Contains("one of them is missing"));
    CHECK_THAT(errors_of(entry("publish = [\"+a\"]\n")), Contains("stand alone"));
    CHECK_THAT(errors_of(entry("clients = [\"{client}\"]\n")), Contains("expected a client"));
    CHECK_THAT(errors_of(entry("pasword = \"x\"\n")), Contains("did you mean password?"));
    CHECK_THAT(errors_of("[[device]]\n"), Contains("unknown key"));
    CHECK_THAT(errors_of("[[identity]\n"), Contains("not TOML"));
}

TEST_CASE("a new entry is put at the end, and the rest stays as it was") {
    access::identity added;
    added.name = "new";
    added.password = k_hash;
    auto out = with_identity(k_file, added, "i.toml");
    REQUIRE(out.ok());
    CHECK(out->starts_with(k_file));
    CHECK(good(*out).size() == 4);
    CHECK(with_identity(*out, added, "i.toml").failure().code == errc::conflict);
    added.name = "x/y";
    CHECK_THAT(with_identity(k_file, added, "i.toml").failure().message,
               Contains("without /, +, #"));
    added.name = "first";
    CHECK(with_identity("", added, "i.toml").ok());
}

TEST_CASE("an entry is removed with its own lines and comments, and no others") {
    auto out = without_identity(k_file, "scanner-07", "i.toml");
    REQUIRE(out.ok());
    CHECK(*out == "# Hall 3, as of May\n\n" + k_file.substr(k_file.find("# Größe")));
    auto middle = without_identity(k_file, "portal-ü", "i.toml");
    REQUIRE(middle.ok());
    CHECK_THAT(*middle, !Contains("portal") && Contains("# on the forklift"));
    auto last = without_identity(k_file, "wms", "i.toml");
    REQUIRE(last.ok());
    CHECK(good(*last).size() == 2);
    CHECK(without_identity(k_file, "nobody", "i.toml").failure().code == errc::not_found);
}

TEST_CASE("a password and the switch are changed where they stand, or added") {
    auto changed = with_password(k_file, "scanner-07", k_other, "i.toml");
    REQUIRE(changed.ok());
    CHECK_THAT(*changed, Contains(k_other) && Contains("# on the forklift"));
    CHECK(changed->size() == k_file.size());
    auto added = with_password(k_file, "portal-ü", k_other, "i.toml");
    REQUIRE(added.ok());
    CHECK(good(*added)[1].password == k_other);
    auto off = with_enabled(k_file, "portal-ü", false, "i.toml");
    REQUIRE(off.ok());
    CHECK_THAT(*off, Contains("enabled = false   # since June"));
    CHECK(*with_enabled(*off, "portal-ü", true, "i.toml") == k_file);
    auto last = with_enabled(k_file, "wms", false, "i.toml");
    REQUIRE(last.ok());
    CHECK_FALSE(good(*last)[2].enabled);
    CHECK(with_enabled(k_file, "nobody", false, "i.toml").failure().code == errc::not_found);
}

TEST_CASE("a layout that cannot be changed safely is refused and not spoilt") {
    const std::string text = "identity = [{name = \"a\"}, {name = \"b\"}]\n";
    CHECK(good(text).size() == 2);
    CHECK(with_enabled(text, "a", false, "i.toml").failure().code == errc::unsupported);
    CHECK(without_identity(text, "a", "i.toml").failure().code == errc::unsupported);
    access::identity added;
    added.name = "c";
    CHECK_FALSE(with_identity(text, added, "i.toml").ok());
}

TEST_CASE("many changes at random leave what was meant") {
    std::mt19937 random(3);
    std::string text = k_file;
    auto meant = good(text);
    for (int round = 0; round < 400; ++round) {
        const auto name = "d-" + std::to_string(random() % 12);
        auto known = std::ranges::find(meant, name, &access::identity::name);
        result<std::string> out = error{};
        if (known == meant.end()) {
            access::identity added;
            added.name = name;
            if (random() % 2 == 0) added.password = k_hash;
            if (random() % 2 == 0) added.publish = {"x/{user}/#"};
            out = with_identity(text, added, "i.toml");
            meant.push_back(added);
        } else if (random() % 3 == 0) {
            out = without_identity(text, name, "i.toml");
            meant.erase(known);
        } else if (random() % 2 == 0) {
            known->password = random() % 2 == 0 ? k_hash : k_other;
            out = with_password(text, name, known->password, "i.toml");
        } else {
            known->enabled = !known->enabled;
            out = with_enabled(text, name, known->enabled, "i.toml");
        }
        REQUIRE(out.ok());
        text = *out;
        REQUIRE(good(text) == meant);
    }
}
