#include "gateway/platform/machine/probe.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace wharf {

namespace {

// Its first line; nothing where it is not there or cannot be read, as sensors at times cannot.
std::optional<std::string> line_of(const std::string& path) {
    const fd_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) return std::nullopt;
    std::array<char, limits::k_machine_file_bytes_max> bytes{};
    const auto got = ::read(file.get(), bytes.data(), bytes.size());
    if (got <= 0) return std::nullopt;
    const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
    return std::string(text.substr(0, text.find('\n')));
}

// The names in a folder that begin so, in their order.
std::vector<std::string> names_in(const std::string& folder, std::string_view prefix) {
    std::vector<std::string> out;
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir(folder.c_str()), &::closedir);
    if (all == nullptr) return out;
    while (const dirent* one = ::readdir(all.get())) {
        const std::string_view name = one->d_name;
        if (name.starts_with(prefix) && !name.starts_with('.')) out.emplace_back(name);
    }
    std::ranges::sort(out);
    return out;
}

template <class Number> std::optional<Number> number_of(std::string_view text, int base = 10) {
    Number out{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<std::uint32_t> hex_of(std::string_view text) {
    if (!text.starts_with("0x")) return std::nullopt;
    return number_of<std::uint32_t>(text.substr(2), 16);
}

// https://docs.kernel.org/driver-api/thermal/sysfs-api.html: thousandths of a degree.
std::vector<observe::thermal_zone> temperatures(const std::string& root) {
    const auto folder = root + "/sys/class/thermal";
    std::vector<observe::thermal_zone> out;
    for (const auto& name : names_in(folder, "thermal_zone")) {
        if (out.size() == limits::k_thermal_zones_max) break;
        const auto said = line_of(folder + "/" + name + "/temp");
        const auto value = said ? number_of<std::int32_t>(*said) : std::nullopt;
        if (!value) continue;
        out.push_back({name, line_of(folder + "/" + name + "/type").value_or(""),
                       static_cast<double>(*value) / 1000});
    }
    return out;
}

// JEDEC eMMC 5.0, EXT_CSD: DEVICE_LIFE_TIME_EST_TYP_A and _B in tenths of the life, 11 where it is
// over; PRE_EOL_INFO. Zero is "not told", in both.
std::optional<std::uint32_t> worn_percent(std::string_view said) {
    const auto space = said.find(' ');
    if (space == said.npos) return std::nullopt;
    const auto a = hex_of(said.substr(0, space)).value_or(0);
    const auto b = hex_of(said.substr(space + 1)).value_or(0);
    const auto worse = std::max(a, b);
    if (worse == 0 || worse > 11) return std::nullopt;
    return worse * 10;
}

std::vector<observe::flash_device> flash(const std::string& root) {
    const auto folder = root + "/sys/block";
    std::vector<observe::flash_device> out;
    for (const auto& name : names_in(folder, "mmcblk")) {
        if (out.size() == limits::k_flash_devices_max) break;
        observe::flash_device one;
        one.name = name;
        if (const auto said = line_of(folder + "/" + name + "/device/life_time"))
            one.worn_percent = worn_percent(*said);
        if (const auto said = line_of(folder + "/" + name + "/device/pre_eol_info"))
            one.pre_end = hex_of(*said);
        if (one.pre_end && (*one.pre_end < 1 || *one.pre_end > 3)) one.pre_end.reset();
        if (one.worn_percent || one.pre_end) out.push_back(std::move(one));
    }
    return out;
}

std::optional<observe::disk_space> disk(const std::string& path) {
    struct statvfs found {};
    if (::statvfs(path.c_str(), &found) != 0) return std::nullopt;
    const auto unit = static_cast<std::uint64_t>(found.f_frsize);
    return observe::disk_space{found.f_blocks * unit, found.f_bavail * unit};
}

// adjtimex(2): the offset in nanoseconds or microseconds, as a flag says, the error always in
// microseconds. Nothing where nobody keeps the clock.
std::optional<observe::clock_reading> clock_now() {
    timex state{};
    const int discipline = ::adjtimex(&state);
    if (discipline < 0 || discipline == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
        return std::nullopt;
    const double unit = (state.status & STA_NANO) != 0 ? 1e-9 : 1e-6;
    return observe::clock_reading{static_cast<double>(state.offset) * unit,
                                  static_cast<double>(state.maxerror) * 1e-6};
}

} // namespace

observe::machine_snapshot probe_machine(const std::string& path, const std::string& root) {
    return {temperatures(root), flash(root), disk(path), clock_now()};
}

} // namespace wharf
