// Which call of the program under test is to fail or to be its last: the text of
// WHARF_LOST_WRITES_FAIL or of the control file, parsed. Used by the lost-writes layer under its
// lock. A plan that cannot be read is the test's bug: parsing names it and the layer aborts.
//
//   pwrite:EIO:17            the 17th data write fails, once
//   fdatasync:ENOSPC:3+      the 3rd sync and every later one fail
//   pwrite:SHORT:2           the 2nd data write writes half of what it was given
//   kill_before:pwrite:12    the process kills itself before the 12th data write
//   kill_after:fdatasync:5   ... after the 5th sync has returned, before the caller knows
//
// Calls: pwrite (data writes), meta (writes on an O_DSYNC descriptor), fdatasync (fsync too),
// truncate (ftruncate, fallocate), any (all of them, in one count).
#pragma once

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chaos {

enum class call : std::uint8_t { pwrite = 0, meta = 1, fdatasync = 2, truncate = 3, any = 4 };
inline constexpr std::array<std::string_view, 5> k_call_names = {"pwrite", "meta", "fdatasync",
                                                                 "truncate", "any"};

enum class effect : std::uint8_t { none, fail, half, kill_before, kill_after };

struct fault {
    effect what = effect::none;
    call where = call::any;
    int error = 0;
    std::uint64_t at = 0;
    bool and_later = false;
};

struct verdict {
    effect what = effect::none;
    int error = 0;
};

class fault_plan {
  public:
    static std::optional<fault_plan> parse(std::string_view text, std::string& why) {
        fault_plan plan;
        while (!text.empty()) {
            const std::size_t end = std::min(text.find_first_of(",\n "), text.size());
            const std::string_view entry = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            if (entry.empty()) continue;
            const auto made = parse_entry(entry);
            if (!made) {
                why = "cannot read the fault '" + std::string(entry) + "'";
                return std::nullopt;
            }
            plan.faults_.push_back(*made);
        }
        return plan;
    }

    // To be asked once for each call, in the order of the calls.
    verdict next(call which) {
        const std::uint64_t of_kind = ++counts_[static_cast<std::size_t>(which)];
        const std::uint64_t of_all = ++counts_[static_cast<std::size_t>(call::any)];
        for (const fault& f : faults_) {
            if (f.where != which && f.where != call::any) continue;
            const std::uint64_t count = f.where == call::any ? of_all : of_kind;
            if (count == f.at || (f.and_later && count > f.at)) return {f.what, f.error};
        }
        return {};
    }

  private:
    static std::optional<int> error_named(std::string_view name) {
        constexpr std::array<std::pair<std::string_view, int>, 6> k_errors = {{{"EIO", EIO},
                                                                               {"ENOSPC", ENOSPC},
                                                                               {"EDQUOT", EDQUOT},
                                                                               {"EROFS", EROFS},
                                                                               {"EFBIG", EFBIG},
                                                                               {"EINTR", EINTR}}};
        for (const auto& [known, value] : k_errors) {
            if (known == name) return value;
        }
        return std::nullopt;
    }

    static std::optional<call> call_named(std::string_view name) {
        for (std::size_t i = 0; i < k_call_names.size(); ++i) {
            if (k_call_names[i] == name) return static_cast<call>(i);
        }
        return std::nullopt;
    }

    static std::optional<fault> parse_entry(std::string_view entry) {
        const std::size_t first = entry.find(':');
        const std::size_t second = entry.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) return {};
        std::string_view head = entry.substr(0, first);
        std::string_view middle = entry.substr(first + 1, second - first - 1);
        std::string_view count = entry.substr(second + 1);
        fault made;
        if (head == "kill_before" || head == "kill_after") {
            made.what = head == "kill_before" ? effect::kill_before : effect::kill_after;
            std::swap(head, middle);
        } else if (middle == "SHORT") {
            made.what = effect::half;
        } else {
            const auto error = error_named(middle);
            if (!error) return {};
            made.what = effect::fail;
            made.error = *error;
        }
        const auto where = call_named(head);
        if (!where) return {};
        made.where = *where;
        if (count.ends_with('+')) {
            made.and_later = true;
            count.remove_suffix(1);
        }
        const auto [at, bad] = std::from_chars(count.data(), count.data() + count.size(), made.at);
        if (bad != std::errc{} || at != count.data() + count.size() || made.at == 0) return {};
        return made;
    }

    std::vector<fault> faults_;
    std::array<std::uint64_t, k_call_names.size()> counts_{};
};

} // namespace chaos
