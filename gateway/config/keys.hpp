// What may be done with each key of wharfd's configuration: one table. A key that is not in it is
// neither for the fleet nor put in effect live. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

// In an overlay of the fleet.
enum class key_reach : std::uint8_t {
    free,
    file, // names one: overlay.hpp
    own,  // in the gateway's own file alone
};

struct key_rule {
    std::string_view pattern; // [] for any place in a list, * for any name of a table's key
    key_reach reach = key_reach::own;
    bool live = false; // a change needs no new run
};

// nullptr: it is not known. key: "destination[0].url".
[[nodiscard]] const key_rule* find_key_rule(std::string_view key);
// "destination[].url".
[[nodiscard]] std::string without_places(std::string_view key);

// Every key that reading this configuration looks for, for the test that the table is whole.
[[nodiscard]] result<std::vector<std::string>> keys_read(std::string_view text);

} // namespace wharf
