#include "gateway/base/bytes.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

TEST_CASE("big-endian numbers sort as their bytes do") {
    std::string small;
    std::string large;
    put_big<std::uint64_t>(small, 255);
    put_big<std::uint64_t>(large, 256);
    CHECK(small < large);
    CHECK(to_hex(large) == "0000000000000100");
    CHECK(get_big<std::uint64_t>(large.data()) == 256);
}

TEST_CASE("little-endian numbers come back as they were") {
    std::string bytes;
    put_little<std::uint32_t>(bytes, 0x01020304);
    put_little<std::uint8_t>(bytes, 0xff);
    CHECK(to_hex(bytes) == "04030201ff");
    CHECK(get_little<std::uint32_t>(bytes.data()) == 0x01020304);
}

TEST_CASE("a reader takes values from front to back") {
    std::string bytes;
    put_little<std::uint16_t>(bytes, 7);
    put_big<std::uint32_t>(bytes, 9);
    put_short_string(bytes, "lot");
    bytes += "rest";
    byte_reader in(bytes);
    CHECK(in.little<std::uint16_t>() == 7);
    CHECK(in.big<std::uint32_t>() == 9);
    CHECK(in.short_string() == "lot");
    CHECK_FALSE(in.done());
    CHECK(in.rest() == "rest");
    CHECK(in.take(4) == "rest");
    CHECK(in.done());
}

TEST_CASE("a reader that ran past the end reads nothing more") {
    byte_reader in(std::string_view("\x05\x00"
                                    "abc",
                                    5));
    CHECK(in.short_string().empty());
    CHECK_FALSE(in.ok());
    CHECK_FALSE(in.done());
    CHECK(in.take(0).empty());
    CHECK(in.little<std::uint8_t>() == 0);
    CHECK(in.big<std::uint64_t>() == 0);
}

TEST_CASE("hexadecimal digits are pairs, of either case") {
    CHECK(to_hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
    CHECK(from_hex("007FfF") == std::string("\x00\x7f\xff", 3));
    CHECK(from_hex("").has_value());
    CHECK_FALSE(from_hex("0").has_value());
    CHECK_FALSE(from_hex("0g").has_value());
    CHECK_FALSE(from_hex("0x00").has_value());
}
