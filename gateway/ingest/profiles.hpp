// What an installation knows about its devices and their messages do not say. Any thread after it
// was made; a profile that makes no sense is an error when the table is made.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/journal/requests.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct device_profile {
    std::string name;
    // Which devices and which of their streams, any of each: names in which '*' stands for any text
    // and '?' for one byte. No pattern at all is any.
    std::vector<std::string> devices = {};
    std::vector<std::string> streams = {};
    // A second trigger of the same device, code and task within the window.
    double_trigger_policy on_double_trigger = double_trigger_policy::keep;
    std::uint32_t double_trigger_window_ms = 1000;
    // A packet id that comes again with DUP is a redelivery, never another message.
    bool packet_ids_not_reused = false;
    // A device that is not heard for so long is silent; 0: nobody asks.
    std::uint32_t silent_after_s = 0;
};

[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text) noexcept;

class profile_table {
  public:
    // The one of that name where the route gives one, else the first that fits, else one that keeps
    // everything as it comes. Lives as long as the table.
    [[nodiscard]] const device_profile& find(std::string_view name, std::string_view device,
                                             std::string_view stream) const noexcept;
    [[nodiscard]] bool has(std::string_view name) const noexcept;

  private:
    friend result<profile_table> make_profiles(std::vector<device_profile> profiles);
    std::vector<device_profile> profiles_;
    device_profile otherwise_;
};

[[nodiscard]] result<profile_table> make_profiles(std::vector<device_profile> profiles);

} // namespace wharf
