// Passwords that were found right, so that a site whose handhelds all come back at once does not
// pay for a slow hash each. It holds keyed digests of the password together with the hash it was
// found right against: a changed hash is another entry. The key is drawn at random by each process
// and never leaves it. Bounded; the network thread.
#pragma once

#include "gateway/access/identity.hpp"
#include "gateway/access/recent_table.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/ports/digest.hpp"

#include <string>
#include <string_view>

namespace wharf::access {

class verified_cache {
  public:
    explicit verified_cache(const digest_key& key)
        : key_(key), entries_(limits::k_verified_max / 2) {}

    [[nodiscard]] bool knows(const identity& who, std::string_view password) {
        return entries_.find(view_of(digest_of(who, password))) != nullptr;
    }
    void add(const identity& who, std::string_view password) {
        entries_.get(view_of(digest_of(who, password)), who.name);
    }
    void forget(std::string_view name) {
        entries_.erase_if([name](const std::string& of) { return of == name; });
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    [[nodiscard]] digest128 digest_of(const identity& who, std::string_view password) const;

    digest_key key_;
    recent_table<std::string> entries_; // to the identity's name
};

} // namespace wharf::access
