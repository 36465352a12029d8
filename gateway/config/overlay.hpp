// What a gateway runs with: its own file, and laid over it, key by key, what the fleet wants.
// Tables are merged, everything else is replaced as a whole, lists of tables too. What the gateway
// is, and needs to be reached as itself, is in its own file alone; so are files, but those that it
// names for the same purpose or that lie in a folder it grants. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct effective_config {
    config settings;
    std::string text; // TOML, its keys in order; parses to the same settings
};

// Fails with everything that is wrong, one line each, named by its key. An empty overlay is none.
[[nodiscard]] result<effective_config> lay_over(std::string_view own, std::string_view own_name,
                                                std::string_view overlay);

// Each value as TOML, by its key as it stands in messages: "destination[0].url".
using flat_config = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] result<flat_config> flattened(std::string_view text, std::string_view name);

struct key_change {
    std::string key;
    std::string before; // empty: it was not there
    std::string after;

    bool operator==(const key_change&) const = default;
};
// In the order of the keys.
[[nodiscard]] std::vector<key_change> difference(const flat_config& before,
                                                 const flat_config& after);

// Whether a running gateway can go over from one to the other without beginning anew.
[[nodiscard]] bool can_change_live(const effective_config& from, const effective_config& to);

} // namespace wharf
