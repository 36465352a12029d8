// One thing that makes an event itself, and the digest under which the duplicate window finds it.
#pragma once

#include "gateway/ports/digest.hpp"

#include <string>
#include <utility>

namespace wharf {

struct identity_key {
    identity_key(const digest_key& key, std::string full)
        : hash(keyed_digest(key, full)), text(std::move(full)) {}

    bool operator==(const identity_key&) const = default;
    auto operator<=>(const identity_key&) const = default;

    digest128 hash;
    std::string text;
};

} // namespace wharf
