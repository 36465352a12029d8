// Against a /sys of its own.
#include "gateway/platform/machine/probe.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace wharf;
namespace fs = std::filesystem;

namespace {

class own_root {
  public:
    own_root() : path_(fs::temp_directory_path() / ("wharf-machine-" + std::to_string(getpid()))) {
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    ~own_root() { fs::remove_all(path_); }
    void put(const std::string& file, const std::string& text) const {
        fs::create_directories((path_ / file).parent_path());
        std::ofstream(path_ / file) << text;
    }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    fs::path path_;
};

} // namespace

TEST_CASE("a machine that tells nothing has nothing but its disk") {
    const own_root root;
    const auto seen = probe_machine(root.path(), root.path());
    CHECK(seen.temperatures.empty());
    CHECK(seen.flash.empty());
    REQUIRE(seen.disk);
    CHECK(seen.disk->total_bytes > 0);
    CHECK(seen.disk->free_bytes <= seen.disk->total_bytes);
    CHECK_FALSE(probe_machine(root.path() + "/nowhere", root.path()).disk);
}

TEST_CASE("temperatures are read in thousandths of a degree, by zone") {
    const own_root root;
    root.put("sys/class/thermal/thermal_zone0/temp", "48250\n");
    root.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
    root.put("sys/class/thermal/thermal_zone1/temp", "-5000\n");
    root.put("sys/class/thermal/thermal_zone2/temp", "no number\n");
    root.put("sys/class/thermal/cooling_device0/temp", "1000\n");
    const auto seen = probe_machine(root.path(), root.path());
    REQUIRE(seen.temperatures.size() == 2);
    CHECK(seen.temperatures[0].name == "thermal_zone0");
    CHECK(seen.temperatures[0].type == "cpu-thermal");
    CHECK(seen.temperatures[0].celsius == Approx(48.25));
    CHECK(seen.temperatures[1].celsius == Approx(-5));
    CHECK(seen.temperatures[1].type.empty());
}

TEST_CASE("no more zones and devices are read than may become labels") {
    const own_root root;
    for (int i = 10; i < 40; ++i) {
        const auto number = std::to_string(i);
        root.put("sys/class/thermal/thermal_zone" + number + "/temp", "1000\n");
        root.put("sys/block/mmcblk" + number + "/device/life_time", "0x01 0x01\n");
    }
    const auto seen = probe_machine(root.path(), root.path());
    CHECK(seen.temperatures.size() == limits::k_thermal_zones_max);
    CHECK(seen.flash.size() == limits::k_flash_devices_max);
}

TEST_CASE("an eMMC tells its wear in tenths, the worse of two parts, and its spare blocks") {
    const own_root root;
    const auto worn = [&](const std::string& life, const std::string& spare) {
        root.put("sys/block/mmcblk0/device/life_time", life);
        root.put("sys/block/mmcblk0/device/pre_eol_info", spare);
        root.put("sys/block/sda/device/life_time", "0x09 0x09\n");
        return probe_machine(root.path(), root.path()).flash;
    };
    auto seen = worn("0x02 0x05\n", "0x01\n");
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].name == "mmcblk0");
    CHECK(seen[0].worn_percent == 50u);
    CHECK(seen[0].pre_end == 1u);
    seen = worn("0x0b 0x01\n", "0x03\n");
    CHECK(seen.at(0).worn_percent == 110u);
    CHECK(seen.at(0).pre_end == 3u);
    seen = worn("0x00 0x00\n", "0x02\n"); // not told
    CHECK_FALSE(seen.at(0).worn_percent);
    CHECK(worn("0x00 0x00\n", "0x00\n").empty());
    CHECK(worn("garbage\n", "0xff\n").empty());
}
