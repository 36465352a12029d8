// Passwords as they are hashed, and the identities file on the disk.
#include "gateway/config/identities_edit.hpp"
#include "gateway/platform/access/address_key.hpp"
#include "gateway/platform/access/enrolment_file.hpp"
#include "gateway/platform/access/password.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

using namespace wharf;
using namespace wharf::access;
using Catch::Matchers::Contains;

namespace {

using folder = tests::temporary_folder;

unsigned mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

result<std::string> add(std::string_view text, const std::string& name) {
    identity one;
    one.name = name;
    return with_identity(text, one, "i");
}

constexpr hash_parameters k_light{8, 1};

} // namespace

TEST_CASE("a password fits its hash and no other does, and two hashes of it differ") {
    const auto hash = hash_password("tangerine", k_light);
    REQUIRE(hash.ok());
    CHECK(check_password_hash(*hash).empty());
    CHECK(parameters_of(*hash) == k_light);
    CHECK(password_fits(*hash, "tangerine"));
    CHECK_FALSE(password_fits(*hash, "tangerin"));
    CHECK_FALSE(password_fits(*hash, ""));
    CHECK_FALSE(password_fits("tangerine", "tangerine"));
    CHECK_FALSE(password_fits("", ""));
    CHECK(*hash_password("tangerine", k_light) != *hash);
    CHECK(parameters_of(*hash_password("tangerine")) == k_hash_default);
}

TEST_CASE("passwords have bounds, and a hash that would take too much is none") {
    CHECK_FALSE(hash_password("short", k_light).ok());
    CHECK_FALSE(hash_password(std::string(257, 'x'), k_light).ok());
    CHECK_FALSE(hash_password(std::string("with\0nul!", 9), k_light).ok());
    CHECK(hash_password(std::string(256, 'x'), k_light).ok());
    for (const char* bad :
         {"", "tangerine", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
          "$argon2id$v=19$m=8,t=1,p=2$RqYTqy4rnJ6pTd+c1VP3gg$"
          "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI",
          "$argon2id$v=19$m=08,t=1,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
          "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI",
          "$argon2id$v=19$m=65537,t=1,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
          "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI",
          "$argon2id$v=19$m=8,t=17,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
          "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI",
          "$argon2id$v=19$m=99999999999,t=1,p=1$RqYTqy4rnJ6pTd+c1VP3gg$"
          "RTUzwihGTD9QsGl6CYsyeTm3Kn5CakU3VLjeey3mdEI"}) {
        INFO(bad);
        CHECK_FALSE(check_password_hash(bad).empty());
        CHECK_FALSE(password_fits(bad, "tangerine"));
    }
}

TEST_CASE("generated passwords are long, differ, and have no letters that look alike") {
    std::set<std::string> all;
    for (int i = 0; i < 200; ++i) {
        const auto one = generated_password();
        REQUIRE(one.ok());
        CHECK(one->size() == 26);
        CHECK(one->find_first_of("0o1l") == std::string::npos);
        all.insert(*one);
    }
    CHECK(all.size() == 200);
}

TEST_CASE("a new file is its owner's and its group's to read, and keeps what mode it is given") {
    folder at;
    const auto path = at.in("i.toml");
    CHECK(read_enrolment(path).failure().code == errc::not_found);
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "a"); }).ok());
    CHECK(mode_of(path) == 0640);
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "b"); }).ok());
    CHECK(mode_of(path) == 0600);
    CHECK((*load_enrolment(path))->all().size() == 2);
    CHECK_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_CASE("a file that everybody may read, or its group may write, is refused and not changed") {
    folder at;
    const auto path = at.in("i.toml");
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "a"); }).ok());
    for (const unsigned mode : {0644U, 0660U, 0604U, 0750U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK_THAT(read_enrolment(path).failure().message, Contains("expected 0600 or 0640"));
        CHECK_FALSE(change_enrolment(path, [](auto text) { return add(text, "b"); }).ok());
    }
    CHECK(read_enrolment(at.path).failure().code == errc::invalid);
}

TEST_CASE("an edit that fails leaves the file alone, and a link stays one") {
    folder at;
    const auto path = at.in("i.toml");
    const auto link = at.in("link.toml");
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "a"); }).ok());
    const auto before = *read_enrolment(path);
    CHECK_FALSE(change_enrolment(path, [](auto text) { return add(text, "a"); }).ok());
    CHECK(*read_enrolment(path) == before);
    std::filesystem::create_symlink(path, link);
    REQUIRE(change_enrolment(link, [](auto text) { return add(text, "b"); }).ok());
    CHECK(std::filesystem::is_symlink(link));
    CHECK((*load_enrolment(path))->by_name("b") != nullptr);
    // What an interrupted change left is no obstacle.
    std::ofstream(path + ".new") << "half";
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "c"); }).ok());
}

TEST_CASE(
    "changes at the same time are all there in the end, and a reader never sees half a file") {
    folder at;
    const auto path = at.in("i.toml");
    REQUIRE(change_enrolment(path, [](auto text) { return add(text, "first"); }).ok());
    std::atomic<int> wrong{0};
    std::atomic<bool> done{false};
    std::thread reader([&] {
        while (!done)
            if (!load_enrolment(path).ok()) ++wrong;
    });
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w)
        writers.emplace_back([&, w] {
            for (int i = 0; i < 10; ++i)
                if (!change_enrolment(path, [&](auto text) {
                         return add(text, std::to_string(w) + "-" + std::to_string(i));
                     }).ok())
                    ++wrong;
        });
    for (auto& one : writers)
        one.join();
    done = true;
    reader.join();
    CHECK(wrong == 0);
    CHECK((*load_enrolment(path))->all().size() == 41);
}

TEST_CASE("an address counts as itself, and of IPv6 as its network") {
    auto key = [](const char* text) { return address_key(boost::asio::ip::make_address(text)); };
    CHECK(key("10.0.0.7") == "10.0.0.7");
    CHECK(key("::ffff:10.0.0.7") == "10.0.0.7");
    CHECK(key("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
    CHECK(key("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64");
    CHECK(key("2001:db8:1:3::1") != key("2001:db8:1:2::1"));
    CHECK(key("::1") == "::1");
}

TEST_CASE("one entry at a time: what a person does, and the fleet does again after a crash") {
    folder at;
    const std::string path = at.in("identities.toml");
    identity one;
    one.name = "scanner-07";
    one.certificates = {"scanner-07.test"};
    REQUIRE(enrol(path, one).ok());
    CHECK(enrol(path, one).failure().code == errc::conflict);
    CHECK(enrol(path, one, [&](const identity& there) { return there == one; }).ok());
    identity other = one;
    other.clients = {"x"};
    CHECK(
        enrol(path, other, [&](const identity& there) { return there == other; }).failure().code ==
        errc::conflict);
    other.name = "a/b";
    CHECK(enrol(path, other).failure().code == errc::invalid);
    REQUIRE(let_in(path, one.name, false).ok());
    REQUIRE(let_in(path, one.name, false).ok());
    auto all = load_enrolment(path);
    REQUIRE(all.ok());
    CHECK_FALSE((*all)->by_name(one.name)->enabled);
    REQUIRE(unenrol(path, one.name).ok());
    CHECK(unenrol(path, one.name).failure().code == errc::not_found);
    CHECK(let_in(path, one.name, true).failure().code == errc::not_found);
    CHECK(give_password(path, one.name, "x").failure().code == errc::not_found);
}
