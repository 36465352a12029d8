// Which gateways an operator's tool believes, and which never again.
#include "firmware/ctl/known_gateways.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using ctl::known_gateways;

namespace {

key_fingerprint key(unsigned char which) {
    key_fingerprint out{};
    out.fill(which);
    return out;
}

known_gateways read(const std::string& path, bool accept = false) {
    auto found = known_gateways::read(path, accept);
    REQUIRE(found.ok());
    return std::move(*found);
}

} // namespace

TEST_CASE("the key of a gateway that has ended is never believed again, under no name") {
    tests::temporary_folder folder;
    const std::string path = folder.in("known_gateways");
    {
        auto known = read(path);
        CHECK(known.look_at("ber 1/dock-1", key(1), {}) != known_gateways::standing::other);
        CHECK(known.retire("ber 1/dock-1", key(1)));
        REQUIRE(known.write().ok());
    }
    auto known = read(path);
    CHECK(known.is_retired(key(1)));
    CHECK_FALSE(known.is_retired(key(2)));
    // Another one under its name is a person's matter.
    CHECK(known.look_at("ber 1/dock-1", key(2), {}) == known_gateways::standing::other);
    auto accepting = read(path, true);
    CHECK(accepting.look_at("ber 1/dock-1", key(2), {}) != known_gateways::standing::other);
    REQUIRE(accepting.write().ok());
    CHECK(read(path).look_at("ber 1/dock-1", key(2), {}) != known_gateways::standing::other);
    CHECK(read(path).is_retired(key(1)));
}

TEST_CASE("nobody retires another's key") {
    tests::temporary_folder folder;
    auto known = read(folder.in("known_gateways"));
    CHECK(known.look_at("ber1/dock-1", key(1), {}) != known_gateways::standing::other);
    CHECK_FALSE(known.retire("ber1/dock-1", key(2)));
    CHECK_FALSE(known.is_retired(key(2)));
    CHECK_FALSE(known.is_retired(key(1)));
    CHECK(known.look_at("ber1/dock-1", key(1), {}) != known_gateways::standing::other);
}
