// Who may come in, and how much: [access] and [limits].
#include "gateway/config/parse.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

const std::string k_least = "[gateway]\nname = \"WH7\"\nsite = \"ber1\"\n"
                            "[journal]\npath = \"/var/lib/wharf\"\n";
const std::string k_network = "[listener]\naddress = \"0.0.0.0\"\nplain_text = \"allowed\"\n";

std::string errors_of(const std::string& text) {
    auto parsed = parse_config(k_least + text, "w.toml");
    return parsed.ok() ? "no error" : parsed.failure().message;
}

config good(const std::string& text) {
    auto parsed = parse_config(k_least + text, "w.toml");
    if (!parsed.ok()) FAIL(parsed.failure().message);
    return std::move(parsed).value();
}

} // namespace

TEST_CASE("on this machine alone everybody may come in, unless there are identities") {
    CHECK(good("").access.lets_anonymous_in());
    CHECK_FALSE(good("[access]\nidentities = \"/i.toml\"\n").access.lets_anonymous_in());
    CHECK(good("[access]\nidentities = \"/i.toml\"\nanonymous = \"allowed\"\n")
              .access.lets_anonymous_in());
    CHECK_THAT(errors_of("[access]\nanonymous = \"refused\"\n"), Contains("nobody could come in"));
}

TEST_CASE("a listener that the network reaches says who may come in, or is refused") {
    const auto words = errors_of(k_network);
    CHECK_THAT(words, Contains("listener.address: the network reaches 0.0.0.0"));
    CHECK_THAT(words, Contains("identities = ") && Contains("anonymous = \"allowed\""));
    CHECK(good(k_network + "[access]\nidentities = \"/i.toml\"\n").warnings.size() == 2);
    const auto warnings = good(k_network + "[access]\nanonymous = \"allowed\"\n").warnings;
    REQUIRE(warnings.size() == 3);
    CHECK_THAT(warnings[2], Contains("without a password"));
}

TEST_CASE("rights are filters with known placeholders") {
    auto parsed = good("[access]\npublish = [\"a/{user}/#\", \"b/+\"]\nsubscribe = []\n");
    CHECK(parsed.access.publish == std::vector<std::string>{"a/{user}/#", "b/+"});
    CHECK(parsed.access.subscribe.empty());
    CHECK(good("").access.publish == std::vector<std::string>{"wharf/1/{site}/{user}/#"});
    CHECK_THAT(errors_of("[access]\npublish = [\"a/#/b\"]\n"), Contains("'#' is for the last"));
    CHECK_THAT(errors_of("[access]\npublish = [\"a/{group}\"]\n"), Contains("found \"{group}\""));
    CHECK_THAT(errors_of("[access]\nanonymous = \"yes\"\n"), Contains("expected \"refused\""));
    CHECK_THAT(errors_of("[access]\nidentities = \"i.toml\"\n"), Contains("absolute path"));
}

TEST_CASE("limits have bounds, and 0 is none") {
    auto parsed = good("[limits]\nidentity_messages_per_s = 0\nhalf_open = 7\n"
                       "this_machine_too = true\n");
    CHECK(parsed.limits.identity_messages_per_s == 0);
    CHECK(parsed.limits.half_open == 7);
    CHECK(parsed.limits.this_machine_too);
    CHECK_THAT(errors_of("[limits]\nhalf_open = 0\n"), Contains("from 1 to"));
    CHECK_THAT(errors_of("[limits]\nhalf_opened = 1\n"), Contains("did you mean half_open?"));
    CHECK_THAT(errors_of("[limits]\nburst_s = 61\n"), Contains("from 1 to 60"));
}
