#include "gateway/codec/base64.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

std::string encoded(std::string_view bytes) {
    std::string out;
    append_base64(bytes, out);
    return out;
}

} // namespace

TEST_CASE("base64 has the vectors of RFC 4648 section 10") {
    const auto [bytes, text] = GENERATE(table<std::string, std::string>({
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    }));
    CHECK(encoded(bytes) == text);
    CHECK(from_base64(text) == bytes);
}

TEST_CASE("text that is not the one encoding of some bytes is not base64") {
    const auto* text =
        GENERATE("Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9v\n", "_-79");
    CAPTURE(text);
    CHECK_FALSE(from_base64(text).has_value());
}
