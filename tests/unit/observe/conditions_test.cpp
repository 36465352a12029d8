#include "gateway/observe/conditions.hpp"

#include "gateway/observe/health.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::observe;

namespace {

gateway_snapshot well() {
    gateway_snapshot now;
    now.listener.listening = true;
    now.destinations.emplace_back().books.name = "erp";
    return now;
}

// The only one.
condition only(const gateway_snapshot& now) {
    const auto all = conditions_of(now);
    REQUIRE(all.size() == 1);
    return all[0];
}

} // namespace

TEST_CASE("a gateway that works has no conditions") {
    CHECK(conditions_of(well()).empty());
}

TEST_CASE("a missed target is a warning while it burns slowly and critical while it burns fast") {
    auto now = well();
    auto& lane = now.destinations[0].lanes[0];
    lane.aim = service_target{5'000'000, 0.99};
    CHECK(conditions_of(now).empty());
    lane.target.level = burn::slow;
    lane.target.windows[k_6h].due = 100;
    lane.target.windows[k_6h].late = 7;
    CHECK(only(now).code == alarm_code::target_missed);
    CHECK(only(now).subject == "erp/shipment");
    CHECK(only(now).level == severity::warning);
    CHECK(only(now).text == "destination erp: 7 of 100 updates of lane shipment in 6 hours were "
                            "not there within 5 s; the target is 99 %");
    lane.target.level = burn::fast;
    CHECK(only(now).level == severity::critical);
    CHECK_FALSE(only(now).failing);
    CHECK(judge(now).state == health_state::degraded);
}

TEST_CASE("a certificate is a warning when it ends soon and critical when it has ended") {
    auto now = well();
    now.destinations[0].certificate_left_s = 15 * 24 * 3600.0;
    CHECK(conditions_of(now).empty());
    now.destinations[0].certificate_left_s = 13 * 24 * 3600.0;
    CHECK(only(now).code == alarm_code::certificate);
    CHECK(only(now).level == severity::warning);
    CHECK(only(now).text == "the TLS certificate shown to destination erp ends in 312 hours");
    now.destinations[0].certificate_left_s = -1.0;
    CHECK(only(now).level == severity::critical);
    CHECK(only(now).text == "the TLS certificate shown to destination erp has ended");
}

TEST_CASE("a destination that is being tried has not come back yet") {
    auto now = well();
    now.destinations[0].state = circuit::half_open;
    CHECK(only(now).code == alarm_code::destination_away);
}

TEST_CASE("identities that cannot be read again are said in the words of who tried") {
    auto now = well();
    now.access_refused = "the identities stay as they were";
    CHECK(only(now).code == alarm_code::access_refused);
    CHECK(only(now).text == "the identities stay as they were");
}

TEST_CASE("silent devices are counted by profile") {
    auto now = well();
    now.silence.profiles = {{"rfid", 10, 2}, {"scanners", 5, 0}};
    CHECK(only(now).subject == "rfid");
    CHECK(only(now).text ==
          "2 devices of profile rfid have been silent for too long (wharfctl status)");
}

TEST_CASE("flash, heat and a full disk are told before it is too late") {
    auto now = well();
    now.machine.flash = {{"mmcblk0", 70, 1}};
    now.machine.temperatures = {{"thermal_zone0", "cpu", 84.9}};
    now.machine.disk = disk_space{100 << 20, 6 << 20};
    CHECK(conditions_of(now).empty());

    auto worn = now;
    worn.machine.flash[0].worn_percent = 80;
    CHECK(only(worn).text == "the flash mmcblk0 is wearing out: up to 80 % of its life is used");
    CHECK(only(worn).level == severity::warning);
    worn.machine.flash[0].worn_percent = 110;
    CHECK(only(worn).level == severity::critical);
    worn.machine.flash[0] = {"mmcblk0", std::nullopt, 2};
    CHECK(only(worn).text == "the flash mmcblk0 is wearing out: its spare blocks run out");
    worn.machine.flash[0].pre_end = 3;
    CHECK(only(worn).level == severity::critical);

    auto hot = now;
    hot.machine.temperatures[0].celsius = 85;
    CHECK(only(hot).code == alarm_code::temperature);
    CHECK(only(hot).level == severity::warning);
    hot.machine.temperatures[0].celsius = 95;
    CHECK(only(hot).level == severity::critical);

    auto full = now;
    full.machine.disk = disk_space{1000 << 20, 49 << 20};
    CHECK(only(full).text == "the journal's file system has 49 MiB left");
    CHECK(only(full).level == severity::warning);
    full.machine.disk = disk_space{1000 << 20, 9 << 20};
    CHECK(only(full).level == severity::critical);
}

TEST_CASE("what only an event tells is a reason of health as well") {
    auto now = well();
    now.alarms.raised = {{alarm_code::tls_files, "erp", severity::warning, "no PEM"}};
    CHECK(judge(now).state == health_state::degraded);
    CHECK(judge(now).reasons == std::vector<std::string>{"no PEM"});
}

TEST_CASE("a journal that is nearly full escalates") {
    auto now = well();
    now.journal.hours_left = 23;
    CHECK(only(now).level == severity::warning);
    now.journal.hours_left = 1;
    CHECK(only(now).level == severity::critical);
}

TEST_CASE("a gateway that another has taken over from says that alone") {
    auto now = well();
    now.fenced = "takeover 1 of WH7 holds";
    now.listener.listening = false;
    now.destinations[0].state = circuit::stopped;
    now.destinations[0].lanes[0].oldest_waiting_s = 1e6; // for good
    CHECK(only(now).code == alarm_code::fenced);
    CHECK(only(now).level == severity::critical);
    CHECK(only(now).failing);
    CHECK(judge(now).state == health_state::failing);
    CHECK(only(now).text ==
          "nothing is taken and nothing is delivered, for good: takeover 1 of WH7 holds");
}

TEST_CASE("a gateway that is drained, or has ended, says that and takes nothing") {
    auto now = well();
    now.listener.listening = false;
    now.drained.emplace();
    now.drained->pending = 2;
    CHECK(only(now).code == alarm_code::drained);
    CHECK(only(now).level == severity::warning);
    CHECK(judge(now).state == health_state::failing);
    CHECK(only(now).text.ends_with("2 updates pending"));
    now.ended = "it was decommissioned by ann";
    now.destinations[0].state = circuit::stopped;
    CHECK(only(now).code == alarm_code::ended);
    CHECK(judge(now).state == health_state::failing);
}
