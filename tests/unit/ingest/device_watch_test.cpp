#include "gateway/ingest/device_watch.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

constexpr std::int64_t k_second_us = 1'000'000;

void hear(device_watch& devices, std::string_view name, std::string_view profile = "scanners") {
    auto* heard = devices.watch(name, profile);
    REQUIRE(heard != nullptr);
    *heard = true;
}

device_watch scanners(std::uint32_t silent_after_s = 60, std::size_t devices_max = 8) {
    device_watch out(devices_max);
    out.add_profile("scanners", silent_after_s);
    return out;
}

} // namespace

TEST_CASE("a device is silent when it has not been heard for as long as its profile says") {
    auto devices = scanners();
    hear(devices, "a");
    devices.look(100 * k_second_us);
    devices.look(159 * k_second_us);
    CHECK(devices.silent() == 0);
    devices.look(160 * k_second_us);
    CHECK(devices.silent() == 1);
    const auto silent = devices.silent_devices();
    REQUIRE(silent.size() == 1);
    CHECK(silent[0].device == "a");
    CHECK(silent[0].profile == "scanners");
    CHECK(silent[0].silent_us == 60 * k_second_us);
    CHECK_FALSE(silent[0].never_heard);
    hear(devices, "a");
    devices.look(161 * k_second_us);
    CHECK(devices.silent() == 0);
    CHECK(devices.silent_devices().empty());
}

TEST_CASE("a device that was named and never came is silent from the start on") {
    auto devices = scanners();
    devices.expect("gate-1", "scanners");
    devices.look(5 * k_second_us);
    devices.look(65 * k_second_us);
    REQUIRE(devices.silent_devices().size() == 1);
    CHECK(devices.silent_devices()[0].never_heard);
}

TEST_CASE("the longest silence is told first, and the list is bounded") {
    auto devices = scanners();
    hear(devices, "b");
    devices.look(0);
    hear(devices, "a");
    devices.look(10 * k_second_us);
    devices.look(100 * k_second_us);
    const auto all = devices.silent_devices();
    REQUIRE(all.size() == 2);
    CHECK(all[0].device == "b");
    CHECK(all[1].device == "a");
    CHECK(devices.silent_devices(1).size() == 1);
}

TEST_CASE("what finds no room is counted and not watched") {
    auto devices = scanners(60, 2);
    hear(devices, "a");
    hear(devices, "b");
    CHECK(devices.watch("c", "scanners") == nullptr);
    CHECK(devices.unwatched() == 1);
    CHECK(devices.watched() == 2);
    hear(devices, "a");
}

TEST_CASE(
    "a device that was not named is forgotten after a month, and what pointed to it is void") {
    auto devices = scanners();
    devices.expect("gate-1", "scanners");
    hear(devices, "a");
    devices.look(0);
    const auto before = devices.generation();
    devices.look(std::int64_t{limits::k_device_forgotten_s} * k_second_us - 1);
    CHECK(devices.generation() == before);
    CHECK(devices.watched() == 2);
    devices.look(std::int64_t{limits::k_device_forgotten_s} * k_second_us);
    CHECK(devices.generation() != before);
    CHECK(devices.watched() == 1);
    CHECK(devices.silent_devices()[0].device == "gate-1");
}

TEST_CASE("devices are counted by their profile") {
    auto devices = scanners();
    devices.add_profile("portals", 600);
    hear(devices, "a");
    hear(devices, "p", "portals");
    devices.look(0);
    devices.look(100 * k_second_us);
    const auto counts = devices.counts();
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].profile == "scanners");
    CHECK(counts[0].watched == 1);
    CHECK(counts[0].silent == 1);
    CHECK(counts[1].watched == 1);
    CHECK(counts[1].silent == 0);
}
