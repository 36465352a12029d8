#include "gateway/platform/keys/key_file.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace wharf;

TEST_CASE("a key is made once, for its owner alone, and found again") {
    tests::temporary_folder folder;
    const std::string path = folder.in("device.key");
    auto made = read_or_make_key_file(path);
    REQUIRE(made.ok());
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
    auto again = read_or_make_key_file(path);
    REQUIRE(again.ok());
    CHECK(again->half().fingerprint() == made->half().fingerprint());
}

TEST_CASE("a key that others may read is refused, and so is what is none; neither is replaced") {
    tests::temporary_folder folder;
    const std::string path = folder.in("device.key");
    REQUIRE(read_or_make_key_file(path).ok());
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    auto open = read_or_make_key_file(path);
    REQUIRE_FALSE(open.ok());
    CHECK(open.failure().message ==
          path + " has mode 0640: expected 0600, because it holds a private key (chmod 0600 " +
              path + ")");
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    std::ofstream(path) << "something";
    auto wrong = read_or_make_key_file(path);
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.failure().message.starts_with(path + ": expected a private key"));
    auto none = read_key_file(folder.in("none"));
    REQUIRE_FALSE(none.ok());
    CHECK(none.failure().code == errc::not_found);
}

TEST_CASE("a key that is destroyed is gone from its blocks and its folder; once more is no harm") {
    tests::temporary_folder folder;
    const std::string path = folder.in("device.key");
    REQUIRE(read_or_make_key_file(path).ok());
    const std::string seen = folder.in("other name");
    REQUIRE(::link(path.c_str(), seen.c_str()) == 0);
    REQUIRE(destroy_key_file(path).ok());
    CHECK(read_key_file(path).failure().code == errc::not_found);
    std::ifstream file(seen, std::ios::binary);
    const std::string left((std::istreambuf_iterator<char>(file)), {});
    CHECK_FALSE(left.empty());
    CHECK(left.find_first_not_of('\0') == std::string::npos);
    CHECK(destroy_key_file(path).ok());
    // A link is not followed.
    REQUIRE(::symlink(seen.c_str(), path.c_str()) == 0);
    CHECK_FALSE(destroy_key_file(path).ok());
}
