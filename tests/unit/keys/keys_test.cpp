#include "gateway/ports/keys.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/platform/keys/ecp.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

std::string bytes(std::string_view hex) {
    auto out = from_hex(hex);
    REQUIRE(out);
    return *out;
}

private_key some_key() {
    auto made = private_key::make();
    REQUIRE(made.ok());
    return *made;
}

// RFC 6979, appendix A.2.5: the key of its examples for P-256.
constexpr std::string_view k_rfc_6979_sec1 =
    "30770201010420c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a00a06082a8648ce"
    "3d030107a1440342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008"
    "b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

} // namespace

TEST_CASE("a signature is the one of RFC 6979, appendix A.2.5") {
    auto key = private_key::read(bytes(k_rfc_6979_sec1));
    REQUIRE(key.ok());
    auto signature = key->sign("sample");
    REQUIRE(signature.ok());
    CHECK(to_hex(*signature) == "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                                "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    CHECK(key->half().verifies("sample", *signature));
    CHECK_FALSE(key->half().verifies("samplf", *signature));
}

TEST_CASE("a signature that is another's, cut, lengthened or zero is none") {
    const private_key key = some_key();
    const std::string good = *key.sign("text");
    CHECK(key.half().verifies("text", good));
    CHECK_FALSE(some_key().half().verifies("text", good));
    CHECK_FALSE(key.half().verifies("text", good.substr(1)));
    CHECK_FALSE(key.half().verifies("text", good + "x"));
    CHECK_FALSE(key.half().verifies("text", ""));
    CHECK_FALSE(key.half().verifies("text", std::string(k_signature_bytes, '\0')));
    CHECK_FALSE(key.half().verifies("text", std::string(k_signature_bytes, '\xff')));
    std::string swapped = good.substr(32) + good.substr(0, 32);
    CHECK_FALSE(key.half().verifies("text", swapped));
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bent = good;
        bent[at] = static_cast<char>(bent[at] ^ 1);
        CHECK_FALSE(key.half().verifies("text", bent));
    }
}

TEST_CASE("what RFC 9180, appendix A.3.1, seals is sealed alike and opened") {
    const std::string recipient =
        bytes("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
    const std::string ephemeral =
        bytes("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb");
    const std::string info = bytes("4f6465206f6e2061204772656369616e2055726e");
    const std::string associated = bytes("436f756e742d30");
    const std::string plain = bytes("4265617574792069732074727574682c20747275746820626561757479");
    auto point = keys::point_of(recipient);
    REQUIRE(point.ok());
    CHECK(to_hex(*point) ==
          "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7"
          "f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0");
    auto sealed = keys::hpke_seal(*point, ephemeral, info, associated, plain);
    REQUIRE(sealed.ok());
    CHECK(to_hex(*sealed) ==
          "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f"
          "951c0900be863c403ce65c9bfcb9382657222d18c4"
          "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f395134"
          "34");
    auto opened = keys::hpke_open(recipient, *point, info, associated, *sealed);
    REQUIRE(opened.ok());
    CHECK(*opened == plain);
}

TEST_CASE("what is sealed is opened by its key for its purpose and by nothing else") {
    const private_key key = some_key();
    auto sealed = key.half().seal("the password", "purpose");
    REQUIRE(sealed.ok());
    CHECK(sealed->find("password") == std::string::npos);
    CHECK(*key.half().seal("the password", "purpose") != *sealed);
    auto opened = key.open(*sealed, "purpose");
    REQUIRE(opened.ok());
    CHECK(*opened == "the password");
    CHECK_FALSE(key.open(*sealed, "another purpose").ok());
    CHECK_FALSE(some_key().open(*sealed, "purpose").ok());
    CHECK_FALSE(key.open("", "purpose").ok());
    for (std::size_t at = 0; at < sealed->size(); ++at) {
        std::string bent = *sealed;
        bent[at] = static_cast<char>(bent[at] ^ 0x40);
        CHECK_FALSE(key.open(bent, "purpose").ok());
        CHECK_FALSE(key.open(std::string_view(*sealed).substr(0, at), "purpose").ok());
    }
    auto empty = key.half().seal("", "");
    REQUIRE(empty.ok());
    CHECK(key.open(*empty, "").ok());
}

TEST_CASE("keys are written and read again") {
    const private_key key = some_key();
    auto again = private_key::read(key.pem());
    REQUIRE(again.ok());
    CHECK(again->half().der() == key.half().der());
    for (const std::string& form : {key.half().der(), key.half().pem()}) {
        auto half = public_key::read(form);
        REQUIRE(half.ok());
        CHECK(half->fingerprint() == key.half().fingerprint());
        CHECK(half->verifies("x", *key.sign("x")));
    }
    CHECK(key.half().fingerprint() == sha256(key.half().der()));
}

TEST_CASE("what is no key of P-256 is refused without being repeated") {
    for (std::string_view text : {"", "-----BEGIN PUBLIC KEY-----", "secret", "\x30\x59"}) {
        auto wrong = public_key::read(text);
        REQUIRE_FALSE(wrong.ok());
        CHECK(wrong.failure().message == "expected a public key of P-256 in PEM or DER");
        auto no_key = private_key::read(text);
        REQUIRE_FALSE(no_key.ok());
        CHECK(no_key.failure().message.find("secret") == std::string::npos);
    }
    const std::string der = some_key().half().der();
    for (std::size_t at = 0; at < der.size(); ++at)
        CHECK_FALSE(public_key::read(std::string_view(der).substr(0, at)).ok());
    std::string off_curve = der;
    off_curve.back() = static_cast<char>(off_curve.back() ^ 1);
    CHECK_FALSE(public_key::read(off_curve).ok());
}
