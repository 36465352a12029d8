#include "gateway/platform/file.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace wharf;

// 32-bit ARM as well: cross/armhf.cmake. What is a library's own is its own.
static_assert(sizeof(off_t) == 8);
static_assert(sizeof(time_t) == 8);

namespace {

using folder = tests::temporary_folder;

std::string file_of(const std::string& path, std::int64_t bytes) {
    int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640);
    REQUIRE(fd >= 0);
    REQUIRE(::ftruncate(fd, bytes) == 0);
    ::close(fd);
    return path;
}

void change_at(const std::string& path, std::int64_t seconds) {
    const timespec at{static_cast<time_t>(seconds), 0};
    const timespec both[] = {at, at};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), both, 0) == 0);
}

} // namespace

TEST_CASE("sizes beyond 4 GiB are whole") {
    folder in;
    CHECK(*file_size(file_of(in.path + "/large", 5'000'000'001)) == 5'000'000'001);
    CHECK(*file_size(file_of(in.path + "/none", 0)) == 0);
    CHECK(file_size(in.path + "/absent").failure().code == errc::not_found);
    CHECK(file_size(in.path + "/none/below").failure().code == errc::io);
}

TEST_CASE("a file gets its blocks and keeps what it holds") {
    folder in;
    const auto blocks = [](const std::string& path) {
        struct stat is {};
        REQUIRE(::stat(path.c_str(), &is) == 0);
        return is.st_blocks * 512;
    };
    REQUIRE(allocate_file(in.path + "/new", 8192).ok());
    CHECK(*file_size(in.path + "/new") == 8192);
    CHECK(blocks(in.path + "/new") >= 8192);
    const auto path = file_of(in.path + "/sparse", 16384); // as a power cut may leave it
    std::ofstream(path, std::ios::in) << "kept";
    REQUIRE(allocate_file(path, 8192).ok());
    CHECK(*file_size(path) == 16384);
    CHECK(blocks(path) >= 8192);
    std::string begins(4, ' ');
    std::ifstream(path).read(begins.data(), 4);
    CHECK(begins == "kept");
    CHECK(allocate_file(in.path + "/absent/file", 8192).failure().code == errc::not_found);
}

TEST_CASE("a file changed after January 2038 can be looked at") {
    folder in;
    const auto path = file_of(in.path + "/late", 7);
    change_at(path, 2'208'988'800); // 2040
    change_at(in.path, 2'208'988'800);
    CHECK(*file_size(path) == 7);
    CHECK((*file_mode(path) & 0700) == 0600);
    CHECK_FALSE(*make_folder(in.path));
}

TEST_CASE("a folder is made with those above it, and is its owner's alone") {
    folder in;
    CHECK(*make_folder(in.path + "/a/b/c/"));
    CHECK(*file_mode(in.path + "/a/b/c") == 0700);
    CHECK((*file_mode(in.path + "/a") & 0700) == 0700);
    CHECK_FALSE(*make_folder(in.path + "/a/b/c"));
    file_of(in.path + "/file", 0);
    CHECK_FALSE(make_folder(in.path + "/file").ok());
    CHECK_FALSE(make_folder(in.path + "/file/below").ok());
    CHECK_FALSE(make_folder("").ok());
}

TEST_CASE("the folder above a path") {
    CHECK(folder_above("/var/lib/wharf") == "/var/lib");
    CHECK(folder_above("/var/lib/wharf//") == "/var/lib");
    CHECK(folder_above("/var") == "/");
    CHECK(folder_above("/") == "/");
    CHECK(folder_above("wharf") == ".");
}
