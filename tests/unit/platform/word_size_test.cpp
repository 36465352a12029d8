// What a journal may be depends on the size of a word: docs/cross.md. These tests run on both.
#include "gateway/base/limits.hpp"
#include "gateway/platform/lmdb_store.hpp"

#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

constexpr bool k_wide = sizeof(void*) == 8;
constexpr std::uint64_t k_mib = 1 << 20;

using folder = tests::temporary_folder;

// The first page of an LMDB file made where words have so many bytes, as far as it tells.
void make_file(const std::string& path, std::size_t word_bytes) {
    std::string page(4096, '\0');
    page.replace(word_bytes + 8, 4, "\xDE\xC0\xEF\xBE");
    page[word_bytes + 12] = 1;
    std::ofstream(path + "/data.mdb", std::ios::binary) << page << page;
}

} // namespace

TEST_CASE("the largest journal fits into the address space and into its library's offsets") {
    const std::uint64_t most = limits::k_journal_mb_max * k_mib;
    CHECK(most == (k_wide ? 65'536 * k_mib : 1'024 * k_mib));
    // Debian 12 builds LMDB with a 32-bit off_t where words have 32 bits.
    if (!k_wide) CHECK(most < std::uint64_t{1} << 31);
    CHECK(most < SIZE_MAX / 2);
}

TEST_CASE("a journal of the other word size is refused by name and stays as it is") {
    folder in;
    make_file(in.path, k_wide ? 4 : 8);
    const auto before = std::filesystem::file_size(in.path + "/data.mdb");
    auto opened = open_lmdb({in.path, 16 * k_mib});
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::unsupported);
    CHECK_THAT(opened.failure().message, Contains(k_wide ? "of 32 bits" : "of 64 bits"));
    CHECK(open_lmdb_read_only(in.path).failure().code == errc::unsupported);
    CHECK(std::filesystem::file_size(in.path + "/data.mdb") == before);
}

TEST_CASE("what is no journal at all is not taken for one of the other word size") {
    folder in;
    std::ofstream(in.path + "/data.mdb") << std::string(8192, 'x');
    CHECK(open_lmdb({in.path, 16 * k_mib}).failure().code == errc::corrupt);
}

#if __SIZEOF_POINTER__ == 4
TEST_CASE("a size that no pointer reaches is refused before anything is made of it") {
    folder in;
    auto opened = open_lmdb({in.path, std::uint64_t{5} << 30});
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::invalid);
    CHECK_FALSE(std::filesystem::exists(in.path + "/data.mdb"));
}
#endif
