// Who is meant, in which waves, what is promoted and what is taken back.
#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/rollout_plan.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::ctl;
using Catch::Matchers::Contains;
using names = std::vector<std::string>;

namespace {

const std::string k_night(32, '\x11');
const std::string k_day(32, '\x22');

gateway_view gateway(int number, const std::string& digest = {}, const std::string& health = "ok") {
    gateway_view out;
    out.state.set_site("ber1");
    out.state.set_gateway("g-" + std::string(number < 10 ? "0" : "") + std::to_string(number));
    out.name = out.state.site() + "/" + out.state.gateway();
    out.state.set_health(health);
    out.state.set_configuration_overlay(digest);
    out.state.set_configuration_version(digest.empty() ? 0 : 3);
    return out;
}

std::vector<gateway_view> gateways(int count, const std::string& digest = {}) {
    std::vector<gateway_view> out;
    for (int i = 1; i <= count; ++i)
        out.push_back(gateway(i, digest));
    return out;
}

std::vector<wave_end> waves(std::string_view text) {
    auto out = parse_waves(text);
    if (!out.ok()) FAIL(out.failure().message);
    return *out;
}

std::vector<std::size_t> sizes(const rollout_plan& of) {
    std::vector<std::size_t> out;
    for (const auto& wave : of.waves)
        out.push_back(wave.size());
    return out;
}

rollout_plan planned(const std::vector<gateway_view>& of, std::string_view how, bool back = false) {
    auto out = plan_rollout(of, k_night, back, waves(how));
    if (!out.ok()) FAIL(out.failure().message);
    return *out;
}

bool selects(const gateway_view& one, const names& on) {
    auto out = fits(one.state, on);
    if (!out.ok()) FAIL(out.failure().message);
    return *out;
}

} // namespace

TEST_CASE("selectors fit all together, tags by any of them, configurations by version or digest") {
    auto one = gateway(7, k_night);
    one.state.add_tags("test");
    one.state.add_tags("cold-store");
    CHECK(selects(one, {}));
    CHECK(selects(one, {"tag=test"}));
    CHECK(selects(one, {"tag=cold-*", "site=b*1", "gateway=g-07"}));
    CHECK_FALSE(selects(one, {"tag=test", "tag=production"}));
    CHECK_FALSE(selects(one, {"tag=tes"}));
    CHECK(selects(one, {"configuration=3"}));
    CHECK_FALSE(selects(one, {"configuration=11"}));
    CHECK(selects(one, {"configuration=11111111"}));
    CHECK_FALSE(selects(one, {"configuration=111111112"}));
    CHECK(selects(gateway(1), {"configuration=0"}));
    for (const char* wrong : {"tags=x", "tag", "configuration=", "configuration=xyz",
                              "configuration=abc", "configuration=*"})
        CHECK_FALSE(fits(one.state, {wrong}).ok());
    // Also where another one does not fit already.
    CHECK_FALSE(fits(one.state, {"tag=no", "tags=x"}).ok());
}

TEST_CASE("waves are numbers or percentages that go further and further") {
    const auto three = waves("1,10%,100%");
    REQUIRE(three.size() == 3);
    CHECK((three[0].amount == 1 && !three[0].percent));
    CHECK((three[1].amount == 10 && three[1].percent));
    for (const char* wrong : {"", ",", "1,", "0", "0%", "101%", "5,5", "10%,5%", "x", "1 ,2", "-1",
                              "99999999999", "1%%"})
        CHECK_FALSE(parse_waves(wrong).ok());
}

TEST_CASE("each wave goes as far as it says, and each gateway is in one") {
    CHECK(sizes(planned(gateways(30), "1,10%,100%")) == std::vector<std::size_t>{1, 2, 27});
    CHECK(sizes(planned(gateways(1000), "1,10%,100%")) == std::vector<std::size_t>{1, 99, 900});
    CHECK(sizes(planned(gateways(3), "1,10%,100%")) == std::vector<std::size_t>{1, 2});
    CHECK(sizes(planned(gateways(3), "50")) == std::vector<std::size_t>{3});
    CHECK(sizes(planned(gateways(10), "2,5")) == std::vector<std::size_t>{2, 3});
    CHECK(sizes(planned({}, "100%")).empty());
    const auto plan = planned(gateways(5), "1,100%");
    CHECK(plan.waves[0] == names{"ber1/g-01"});
    CHECK(plan.waves[1] == names{"ber1/g-02", "ber1/g-03", "ber1/g-04", "ber1/g-05"});
    CHECK(plan.to_do() == 5);
}

TEST_CASE("a roll-out that was interrupted goes on where it was") {
    auto of = gateways(30);
    for (int i = 0; i < 3; ++i)
        of[static_cast<std::size_t>(i)] = gateway(i + 1, k_night);
    const auto plan = planned(of, "1,10%,100%");
    CHECK(plan.done.size() == 3);
    CHECK(sizes(plan) == std::vector<std::size_t>{27});
    CHECK(planned(gateways(30, k_night), "1,10%,100%").waves.empty());
}

TEST_CASE("who cannot be asked is left out, healthy gateways come first") {
    auto of = gateways(6);
    of[0] = gateway(1, {}, "degraded");
    of[1] = gateway(2, {}, "gone");
    of[2].complaint = "its key is not the one it had";
    of[3].state.set_configuration_overlay(k_day);
    of[3].state.set_configuration_confirm_by_us(1);
    of[4] = gateway(5, k_night, "gone"); // it runs it already
    const auto plan = planned(of, "1,100%");
    REQUIRE(plan.left.size() == 3);
    CHECK(plan.left[0].why == "it is away");
    CHECK_THAT(plan.left[1].why, Contains("not believed"));
    CHECK_THAT(plan.left[2].why, Contains("on trial"));
    CHECK(plan.done == names{"ber1/g-05"});
    CHECK(plan.waves == std::vector<names>{{"ber1/g-06", "ber1/g-01"}});
}

TEST_CASE("the same on trial somewhere is another roll-out") {
    auto of = gateways(3);
    of[1] = gateway(2, k_night);
    of[1].state.set_configuration_confirm_by_us(1);
    const auto plan = plan_rollout(of, k_night, false, waves("100%"));
    REQUIRE_FALSE(plan.ok());
    CHECK_THAT(plan.failure().message, Contains("ber1/g-02") && Contains("another roll-out"));
}

TEST_CASE("back: those that run it, and nobody else") {
    auto of = gateways(4, k_night);
    of[1] = gateway(2, k_day);
    const auto plan = planned(of, "100%", true);
    CHECK(plan.done == names{"ber1/g-02"});
    CHECK(plan.waves == std::vector<names>{{"ber1/g-01", "ber1/g-03", "ber1/g-04"}});
}

TEST_CASE("promoted is what all run, confirmed and healthy") {
    CHECK(*promoted(gateways(3, k_night)) == k_night);
    const auto refused = [](std::vector<gateway_view> of) {
        auto out = promoted(of);
        REQUIRE_FALSE(out.ok());
        return out.failure().message;
    };
    CHECK_THAT(refused({}), Contains("no gateway fits --from"));
    auto of = gateways(3, k_night);
    of[1] = gateway(2, k_day);
    CHECK_THAT(refused(of), Contains("ber1/g-02 runs sha256 2222") &&
                                Contains("ber1/g-01, ber1/g-03 run sha256 1111"));
    of = gateways(3, k_night);
    of[2].state.set_configuration_confirm_by_us(1);
    CHECK_THAT(refused(of), Contains("ber1/g-03 has version 3 on trial"));
    of = gateways(3, k_night);
    of[0].state.set_health("degraded"); // the clock, say
    CHECK(*promoted(of) == k_night);
    of[0].state.set_health("failing");
    of[0].state.add_reasons("the journal is full");
    CHECK_THAT(refused(of), Contains("ber1/g-01 is not well") && Contains("the journal is full"));
    of = gateways(3, k_night);
    of[0].complaint = "its state cannot be read";
    CHECK_THAT(refused(of), Contains("not believed"));
    CHECK_THAT(refused(gateways(2)), Contains("its own file alone"));
}

TEST_CASE("taken back is what all that can be asked run") {
    auto of = gateways(3, k_night);
    CHECK(*taken_back(of) == k_night);
    of[0] = gateway(1, k_day, "gone");
    CHECK(*taken_back(of) == k_night);
    of[0] = gateway(1, k_day);
    auto out = taken_back(of);
    REQUIRE_FALSE(out.ok());
    CHECK_THAT(out.failure().message, Contains("configuration="));
    CHECK_FALSE(taken_back(gateways(2)).ok());
    CHECK_FALSE(taken_back({}).ok());
}

TEST_CASE("held before is the last other overlay that held") {
    const auto shown = [](int in_effect, const std::string& kept) {
        return held_before(R"({"in_effect": )" + std::to_string(in_effect) + R"(, "kept": [)" +
                           kept + "]}");
    };
    const std::string a = R"({"version": 1, "sha256": "aa", "held": true})";
    const std::string b_failed = R"({"version": 2, "sha256": "bb", "held": false})";
    const std::string c = R"({"version": 3, "sha256": "cc", "held": true})";
    const std::string c_again = R"({"version": 4, "sha256": "cc", "held": true})";
    CHECK(shown(1, a) == 0U);
    CHECK(shown(3, a + "," + b_failed + "," + c) == 1U);
    CHECK(shown(4, a + "," + b_failed + "," + c + "," + c_again) == 1U);
    CHECK(shown(3, b_failed + "," + c) == 0U);
    CHECK_FALSE(shown(5, a)); // it is not kept
    CHECK_FALSE(shown(0, a));
    CHECK_FALSE(held_before("no JSON"));
    CHECK_FALSE(held_before("{}"));
    std::string sixteen = c;
    for (int i = 4; i < 19; ++i)
        sixteen += R"(,{"version": )" + std::to_string(i) + R"(, "sha256": "dd", "held": false})";
    CHECK_FALSE(shown(3, sixteen));
}
