#include "gateway/platform/tls/seat.hpp"

#include "gateway/base/http_url.hpp"
#include "gateway/platform/tls/error.hpp"

#include <boost/asio/ip/address.hpp>

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace wharf::tls {

namespace {

// Forward secrecy and authenticated encryption only. The library calculates AES by tables except on
// x86-64: elsewhere ChaCha20 is faster, and takes the same time for every key.
constexpr int k_ciphersuites[] = {
#if !defined(__x86_64__)
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
#if defined(__x86_64__)
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
#endif
    0};
constexpr mbedtls_ecp_group_id k_curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                             MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
constexpr int k_hashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512,
                            MBEDTLS_MD_NONE};

int system_entropy(void*, unsigned char* to, std::size_t size) {
    while (size > 0) {
        const auto got = ::getrandom(to, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
        to += got;
        size -= static_cast<std::size_t>(got);
    }
    return 0;
}

error refused(const std::string& file, int code) {
    return {errc::invalid, file + ": " + library_words(code)};
}

// The library wants the byte 0 at the end of PEM to be counted.
const unsigned char* pem(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
}

bool same(const mbedtls_x509_buf& a, const mbedtls_x509_buf& b) {
    return a.len == b.len && std::memcmp(a.p, b.p, a.len) == 0;
}

// subjectAltName of the type iPAddress (RFC 5280, section 4.2.1.6).
bool names_address(const mbedtls_x509_crt& one, const std::string& address) {
    constexpr int k_ip = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS;
    for (const auto* at = &one.subject_alt_names; at != nullptr; at = at->next)
        if (at->buf.p != nullptr && at->buf.tag == k_ip && at->buf.len == address.size() &&
            std::memcmp(at->buf.p, address.data(), address.size()) == 0)
            return true;
    return false;
}

std::string bytes_of(const boost::asio::ip::address& address) {
    auto copied = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
    return address.is_v4() ? copied(address.to_v4().to_bytes())
                           : copied(address.to_v6().to_bytes());
}

} // namespace

std::int64_t seconds_of(const mbedtls_x509_time& time) {
    using namespace std::chrono;
    const sys_days day = year{time.year} / month{static_cast<unsigned>(time.mon)} /
                         std::chrono::day{static_cast<unsigned>(time.day)};
    return std::int64_t{day.time_since_epoch().count()} * 86'400 + time.hour * 3600 +
           time.min * 60 + time.sec;
}

status seed(mbedtls_ctr_drbg_context& random) {
    if (int failed = mbedtls_ctr_drbg_seed(&random, system_entropy, nullptr, nullptr, 0);
        failed != 0)
        return error{errc::io, "random numbers: " + library_words(failed)};
    return ok();
}

seat::seat(clock_port& clock) : clock_(clock) {
    mbedtls_ssl_config_init(&config_);
    mbedtls_ctr_drbg_init(&random_);
    mbedtls_x509_crt_init(&own_);
    mbedtls_pk_init(&key_);
    mbedtls_x509_crt_init(&trusted_);
    mbedtls_x509_crl_init(&revoked_);
}

seat::~seat() {
    mbedtls_ssl_config_free(&config_);
    mbedtls_x509_crl_free(&revoked_);
    mbedtls_x509_crt_free(&trusted_);
    mbedtls_pk_free(&key_);
    mbedtls_x509_crt_free(&own_);
    mbedtls_ctr_drbg_free(&random_);
}

status seat::load(const file_contents& from, const file_names& names, bool lenient) {
    WHARF_TRY(load_own(from, names));
    return load_trusted(from, names, lenient);
}

status seat::load_own(const file_contents& from, const file_names& names) {
    if (names.certificate.empty()) return ok();
    int failed = mbedtls_x509_crt_parse(&own_, pem(from.certificate), from.certificate.size() + 1);
    if (failed > 0)
        return error{errc::invalid, names.certificate + ": " + std::to_string(failed) +
                                        " of its certificates cannot be read"};
    if (failed != 0) return refused(names.certificate, failed);
    failed = mbedtls_pk_parse_key(&key_, pem(from.key), from.key.size() + 1, nullptr, 0);
    if (failed != 0) return refused(names.key, failed);
    if (mbedtls_pk_check_pair(&own_.pk, &key_) != 0)
        return error{errc::invalid, names.key + ": is not the key of the first certificate in " +
                                        names.certificate};
    return ok();
}

status seat::load_trusted(const file_contents& from, const file_names& names, bool lenient) {
    if (names.trusted.empty()) return ok();
    int failed = mbedtls_x509_crt_parse(&trusted_, pem(from.trusted), from.trusted.size() + 1);
    if (failed < 0 || trusted_.version == 0) return refused(names.trusted, failed);
    skipped_ = static_cast<std::size_t>(failed);
    if (failed > 0 && !lenient)
        return error{errc::invalid, names.trusted + ": " + std::to_string(failed) +
                                        " of its certificates cannot be read"};
    if (names.revoked.empty()) return ok();
    failed = mbedtls_x509_crl_parse(&revoked_, pem(from.revoked), from.revoked.size() + 1);
    if (failed != 0) return refused(names.revoked, failed);
    // A list that belongs to nobody would be passed over without a word.
    for (const auto* list = &revoked_; list != nullptr; list = list->next) {
        bool known = false;
        for (const auto* one = &trusted_; one != nullptr; one = one->next)
            known = known || same(one->subject_raw, list->issuer_raw);
        if (!known)
            return error{errc::invalid, names.revoked +
                                            ": a list in it is of an authority that is not in " +
                                            names.trusted};
    }
    return ok();
}

status seat::configure(int endpoint) {
    WHARF_TRY(seed(random_));
    int failed = mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    if (failed != 0) return error{errc::io, "TLS: " + library_words(failed)};
    mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_ciphersuites(&config_, k_ciphersuites);
    mbedtls_ssl_conf_curves(&config_, k_curves);
    mbedtls_ssl_conf_sig_hashes(&config_, k_hashes);
    mbedtls_ssl_conf_cert_profile(&config_, &mbedtls_x509_crt_profile_next);
    mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_verify(&config_, on_verify, this);
    if (trusted_.version != 0)
        mbedtls_ssl_conf_ca_chain(&config_, &trusted_, revoked_.version != 0 ? &revoked_ : nullptr);
    if (own_.version != 0) failed = mbedtls_ssl_conf_own_cert(&config_, &own_, &key_);
    if (failed != 0) return error{errc::io, "TLS: " + library_words(failed)};
    return ok();
}

status seat::be_server(const server_options& options, ticket_box* tickets) {
    WHARF_TRY(configure(MBEDTLS_SSL_IS_SERVER));
    tickets_ = tickets;
    mbedtls_ssl_conf_session_tickets_cb(&config_, write_ticket, parse_ticket, this);
    switch (options.from_clients) {
    case client_certificates::none:
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
        break;
    case client_certificates::optional: // engine.cpp refuses one that is shown and does not pass
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_OPTIONAL);
        break;
    case client_certificates::required:
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
        break;
    }
    return ok();
}

status seat::be_client(const std::string& host) {
    WHARF_TRY(configure(MBEDTLS_SSL_IS_CLIENT));
    mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_session_tickets(&config_, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
    boost::system::error_code not_an_address;
    const auto address = boost::asio::ip::make_address(host, not_an_address);
    if (!not_an_address) address_ = bytes_of(address);
    return ok();
}

int seat::on_verify(void* self, mbedtls_x509_crt* one, int depth, std::uint32_t* flags) {
    auto& mine = *static_cast<seat*>(self);
    *flags = mine.judge(*one, depth, *flags);
    if (*flags != 0 && mine.refusal.empty()) mine.refusal = verification_words(*flags);
    return 0;
}

// What the library found, with the dates by our clock instead of its own, which on 32-bit ARM ends
// in 2038, and with the address of a server that has no name.
std::uint32_t seat::judge(const mbedtls_x509_crt& one, int depth, std::uint32_t flags) const {
    constexpr std::uint32_t k_of_time = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
                                        MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE;
    flags &= ~k_of_time;
    const auto now_s = clock_.wall_us() / 1'000'000;
    if (now_s > seconds_of(one.valid_to)) flags |= MBEDTLS_X509_BADCERT_EXPIRED;
    if (now_s < seconds_of(one.valid_from)) flags |= MBEDTLS_X509_BADCERT_FUTURE;
    for (const auto* list = &revoked_; list != nullptr && list->version != 0; list = list->next) {
        if (!same(list->issuer_raw, one.issuer_raw)) continue;
        if (now_s > seconds_of(list->next_update)) flags |= MBEDTLS_X509_BADCRL_EXPIRED;
        if (now_s < seconds_of(list->this_update)) flags |= MBEDTLS_X509_BADCRL_FUTURE;
    }
    if (depth == 0 && !address_.empty() && !names_address(one, address_))
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return flags;
}

bool seat::still_good(const mbedtls_x509_crt& peer) const {
    if (judge(peer, 0, 0) != 0) return false;
    for (const auto* list = &revoked_; list != nullptr && list->version != 0; list = list->next)
        if (same(list->issuer_raw, peer.issuer_raw) &&
            mbedtls_x509_crt_is_revoked(&peer, list) != 0)
            return false;
    return true;
}

// A ticket holds the certificate that was verified when it was given out.
int seat::parse_ticket(void* self, mbedtls_ssl_session* to, unsigned char* bytes,
                       std::size_t size) {
    const auto& mine = *static_cast<seat*>(self);
    if (int failed = mine.tickets_->parse(*to, bytes, size); failed != 0) return failed;
    for (const auto* one = to->peer_cert; one != nullptr; one = one->next)
        if (!mine.still_good(*one)) return MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED;
    return 0;
}

int seat::write_ticket(void* self, const mbedtls_ssl_session* of, unsigned char* from,
                       const unsigned char* end, std::size_t* size, std::uint32_t* lifetime) {
    return static_cast<seat*>(self)->tickets_->write(*of, from, end, *size, *lifetime);
}

} // namespace wharf::tls
