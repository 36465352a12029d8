#include "gateway/access/verified_cache.hpp"

#include "gateway/access/secret.hpp"

namespace wharf::access {

digest128 verified_cache::digest_of(const identity& who, std::string_view password) const {
    std::string text;
    text.reserve(who.name.size() + who.password.size() + password.size() + 2);
    // Neither a name nor a hash holds a NUL, so that the parts cannot be told apart differently.
    text.append(who.name).append(1, '\0').append(who.password).append(1, '\0').append(password);
    const digest128 out = keyed_digest(key_, text);
    wipe(text);
    return out;
}

} // namespace wharf::access
