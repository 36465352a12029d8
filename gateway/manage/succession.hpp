// How a gateway's key came from those that it had before: each says, signed, which one took its
// place. Pure. Any thread.
#pragma once

#include "gateway/ports/keys.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::manage {

using successions = wharf::v1::KeySuccessions;

[[nodiscard]] result<wharf::v1::KeySuccession> succeed(const private_key& former,
                                                       const public_key& next, std::int64_t at_us,
                                                       std::string_view command);

// At most limits::k_succession_max links, the newest, and only as far as they lead to this key: a
// link that did not come into effect is left out.
[[nodiscard]] successions leading_to(const successions& links, const public_key& key);
// Whether every step from the one key to the other is said and signed by the key before it. Of
// links that anybody may have written.
[[nodiscard]] bool leads(const google::protobuf::RepeatedPtrField<wharf::v1::KeySuccession>& links,
                         const key_fingerprint& from, const key_fingerprint& to);
// Of the keys that it had before.
[[nodiscard]] std::vector<key_fingerprint> former_keys(const successions& links);
// The id of the command that ordered the newest; empty: there is none.
[[nodiscard]] std::string ordered_by(const successions& links);

} // namespace wharf::manage
