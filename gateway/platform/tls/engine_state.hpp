// What of an engine is the library's, and how an idle connection does without its record buffers:
// two of 16.7 kB each, of which nothing but a counter means anything between records. (The library
// itself does the like where it is built with MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH, which Debian's is
// not.) Only for this folder.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/platform/tls/engine.hpp"
#include "gateway/platform/tls/seat.hpp"

#include <boost/asio/error.hpp>

#include <mbedtls/ssl_internal.h>
#include <mbedtls/version.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace wharf::tls {

static_assert(MBEDTLS_VERSION_NUMBER >> 16 == 0x021C, "engine_state.hpp knows mbedTLS 2.28");
static_assert(MBEDTLS_SSL_IN_BUFFER_LEN < 65'536 && MBEDTLS_SSL_OUT_BUFFER_LEN < 65'536);
#if defined(MBEDTLS_SSL_DTLS_CONNECTION_ID) || defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH)
#error "engine_state.hpp does not know this build of mbedTLS"
#endif

class kept_session {
  public:
    kept_session() { mbedtls_ssl_session_init(&kept); }
    ~kept_session() { mbedtls_ssl_session_free(&kept); }
    kept_session(const kept_session&) = delete;
    kept_session& operator=(const kept_session&) = delete;
    mbedtls_ssl_session kept;
};

struct engine::state {
    state() { mbedtls_ssl_init(&ssl); }
    ~state() { mbedtls_ssl_free(&ssl); }
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    [[nodiscard]] bool resting() const { return ssl.in_buf == nullptr; }

    // Between records, with nothing of one read, and none on its way out.
    [[nodiscard]] bool can_rest() const {
        return !resting() && ssl.state == MBEDTLS_SSL_HANDSHAKE_OVER && ssl.handshake == nullptr &&
               ssl.in_left == 0 && ssl.in_offt == nullptr && ssl.in_msglen == 0 &&
               ssl.in_hslen == 0 && ssl.keep_current_message == 0 && ssl.out_left == 0 &&
               ssl.in_ctr == ssl.in_buf;
    }

    spare_buffers::pair take_buffers() {
        std::memcpy(received.data(), ssl.in_ctr, received.size());
        each_pointer([this](unsigned char*& at, unsigned char* base, std::size_t i) {
            offsets[i] = static_cast<std::uint16_t>(at - base);
            at = nullptr;
        });
        spare_buffers::pair out{ssl.in_buf, ssl.out_buf};
        ssl.in_buf = ssl.out_buf = nullptr;
        return out;
    }

    void give_buffers(spare_buffers::pair buffers) {
        ssl.in_buf = buffers.in;
        ssl.out_buf = buffers.out;
        each_pointer([this](unsigned char*& at, unsigned char* base, std::size_t i) {
            at = base + offsets[i];
        });
        std::memcpy(ssl.in_ctr, received.data(), received.size());
    }

    mbedtls_ssl_context ssl;

  private:
    // Every pointer of the context into one of its buffers.
    template <class F> void each_pointer(F each) {
        unsigned char** const into_in[] = {&ssl.in_ctr, &ssl.in_hdr, &ssl.in_len, &ssl.in_iv,
                                           &ssl.in_msg};
        unsigned char** const into_out[] = {&ssl.out_ctr, &ssl.out_hdr, &ssl.out_len, &ssl.out_iv,
                                            &ssl.out_msg};
        static_assert(std::size(into_in) + std::size(into_out) == k_pointers);
        std::size_t i = 0;
        for (auto* one : into_in)
            each(*one, ssl.in_buf, i++);
        for (auto* one : into_out)
            each(*one, ssl.out_buf, i++);
    }

    static constexpr std::size_t k_pointers = 10;
    std::array<std::uint16_t, k_pointers> offsets{};
    std::array<unsigned char, 8> received{}; // the number of the next record, RFC 5246, section 6.1
};

} // namespace wharf::tls
