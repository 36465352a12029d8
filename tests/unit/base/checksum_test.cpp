#include "gateway/base/crc32c.hpp"
#include "gateway/base/hash.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;

TEST_CASE("CRC-32C has the values of RFC 3720 appendix B.4") {
    std::string rising;
    std::string falling;
    for (int i = 0; i < 32; ++i) {
        rising.push_back(static_cast<char>(i));
        falling.push_back(static_cast<char>(31 - i));
    }
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    CHECK(crc32c(rising) == 0x46dd794e);
    CHECK(crc32c(falling) == 0x113fdb5c);
    CHECK(crc32c("123456789") == 0xe3069283);
    CHECK(crc32c("") == 0);
}

TEST_CASE("CRC-32C goes on where it stopped") {
    const std::string text = "a checksum of a journal record, in two parts";
    for (std::size_t at = 0; at <= text.size(); ++at)
        CHECK(crc32c(text.substr(at), crc32c(text.substr(0, at))) == crc32c(text));
}

TEST_CASE("the stored hash has the published values of XXH3") {
    CHECK(hash64("") == 0x2d06800538d394c2);
    CHECK(hash64("a") != hash64("b"));
}

TEST_CASE("the machine's instruction for CRC-32C and the table agree") {
    std::string text;
    for (int i = 0; i < 70; ++i) {
        CHECK(crc32c(text) == crc32c_by_table(text));
        CHECK(crc32c(text, 0x12345678) == crc32c_by_table(text, 0x12345678));
        CHECK(crc32c(std::string_view(text).substr(text.size() / 3)) ==
              crc32c_by_table(std::string_view(text).substr(text.size() / 3)));
        text.push_back(static_cast<char>(i * 37 + 11));
    }
}
