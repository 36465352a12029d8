#include "gateway/platform/fleet/device_key.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

using namespace wharf;

namespace {

struct place {
    tests::temporary_folder folder;
    device_key_files files{folder.in("device.key")};

    [[nodiscard]] device_key open() const {
        auto found = files.open();
        INFO((found.ok() ? std::string() : found.failure().message));
        REQUIRE(found.ok());
        return std::move(*found);
    }
    [[nodiscard]] device_key rotate(const device_key& now, std::string_view command) const {
        auto made = files.rotate(now, command, 5);
        REQUIRE(made.ok());
        return std::move(*made);
    }
};

bool same(const device_key& a, const device_key& b) {
    return a.key.half().fingerprint() == b.key.half().fingerprint();
}

bool leads(const device_key& from, const device_key& to) {
    return manage::leads(to.former.links(), from.key.half().fingerprint(),
                         to.key.half().fingerprint());
}

} // namespace

TEST_CASE("a rotated key is on the disk, and the former one says so") {
    place it;
    const auto first = it.open();
    CHECK(first.former.links_size() == 0);
    const auto second = it.rotate(first, "a");
    const auto third = it.rotate(second, "b");
    CHECK_FALSE(same(first, second));
    const auto found = it.open();
    CHECK(same(found, third));
    CHECK(found.note.empty());
    CHECK(leads(first, found));
    CHECK(leads(second, found));
    struct stat seen {};
    REQUIRE(::stat(it.folder.in("device.key").c_str(), &seen) == 0);
    CHECK((seen.st_mode & 07777) == 0600);
    CHECK_FALSE(std::filesystem::exists(it.files.next_path()));
}

TEST_CASE("the same command again rotates no further") {
    place it;
    const auto first = it.open();
    const auto second = it.rotate(first, "a");
    CHECK(same(it.rotate(it.open(), "a"), second));
    CHECK_FALSE(same(it.rotate(it.open(), "b"), second));
}

TEST_CASE("a process that ends between any two steps leaves the one key that holds") {
    place it;
    const auto first = it.open();
    // What each step leaves, taken from a rotation elsewhere of the same key.
    place other;
    std::filesystem::copy_file(it.folder.in("device.key"), other.folder.in("device.key"));
    const auto next = other.rotate(other.open(), "a");
    const int step = GENERATE(1, 2, 3);
    std::filesystem::copy_file(other.folder.in("device.key"), it.files.next_path());
    if (step >= 2)
        std::filesystem::copy_file(other.files.succession_path(), it.files.succession_path());
    if (step >= 3) std::filesystem::rename(it.files.next_path(), it.folder.in("device.key"));
    const auto found = it.open();
    CHECK(same(found, step < 3 ? first : next));
    CHECK(found.former.links_size() == (step < 3 ? 0 : 1));
    CHECK_FALSE(std::filesystem::exists(it.files.next_path()));
    // Its command is run again.
    const auto done = it.rotate(found, "a");
    CHECK_FALSE(same(done, first));
    CHECK(leads(first, it.open()));
    CHECK(same(done, it.open()));
}

TEST_CASE("a damaged or missing chain is said and loses no key") {
    place it;
    const auto second = it.rotate(it.open(), "a");
    std::ofstream(it.files.succession_path()) << "\xff\xff nonsense";
    auto found = it.open();
    CHECK(same(found, second));
    CHECK(found.former.links_size() == 0);
    CHECK_THAT(found.note, Catch::Matchers::Contains("is damaged"));
    // Another key by hand: the chain does not lead to it.
    const auto third = it.rotate(found, "b");
    std::filesystem::remove(it.folder.in("device.key"));
    found = it.open();
    CHECK_FALSE(same(found, third));
    CHECK(found.former.links_size() == 0);
}

TEST_CASE("where the next key cannot be written the present one stays") {
    place it;
    const auto first = it.open();
    std::filesystem::create_directories(it.files.next_path() + ".new/x");
    const auto made = it.files.rotate(first, "a", 5);
    CHECK_FALSE(made.ok());
    std::filesystem::remove_all(it.files.next_path() + ".new");
    CHECK(same(it.open(), first));
}
