// Keys of gateways and operators: ECDSA over P-256 with SHA-256 for signatures (deterministic, RFC
// 6979), HPKE (RFC 9180, base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM) for what
// only one key may read. Implemented in gateway/platform/keys over mbedTLS. Any thread; a key is
// immutable once made.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/digest.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace wharf {

// SHA-256 over the key's SubjectPublicKeyInfo (RFC 5480), in DER: what
// `openssl pkey -pubout -outform DER | sha256sum` prints.
using key_fingerprint = sha256_digest;

inline constexpr std::size_t k_signature_bytes = 64; // r and s, 32 bytes each, big-endian

class public_key {
  public:
    // SubjectPublicKeyInfo, in DER or in PEM. Anything but a valid point of P-256 is invalid.
    static result<public_key> read(std::string_view text);

    [[nodiscard]] const std::string& der() const;
    [[nodiscard]] std::string pem() const;
    [[nodiscard]] const key_fingerprint& fingerprint() const;
    [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;
    // Only who has the private half, and knows the same info, opens it. `info` says what it is for.
    // Each call draws a key of its own.
    [[nodiscard]] result<std::string> seal(std::string_view plain, std::string_view info) const;

  private:
    friend class private_key;
    struct parts;
    std::shared_ptr<const parts> parts_;
};

class private_key {
  public:
    // From the system's entropy; fails where there is none.
    static result<private_key> make();
    // PEM, PKCS #8 or SEC 1, without a passphrase. The words of an error never repeat the text.
    static result<private_key> read(std::string_view pem);

    [[nodiscard]] std::string pem() const; // PKCS #8 or SEC 1, as mbedTLS writes it
    [[nodiscard]] const public_key& half() const;
    [[nodiscard]] result<std::string> sign(std::string_view message) const;
    [[nodiscard]] result<std::string> open(std::string_view sealed, std::string_view info) const;

  private:
    friend class public_key;
    [[nodiscard]] result<std::string> seal_to(const public_key& whom, std::string_view plain,
                                              std::string_view info) const;
    struct parts;
    std::shared_ptr<const parts> parts_;
};

} // namespace wharf
