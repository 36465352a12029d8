// What a stranger can send to the listener's TLS, in pieces: it never gets in, a failure stays one,
// and what goes back is bounded. And what somebody on the way can do to a device's bytes: the
// server reads a beginning of what the device has sent, or nothing.
//
// The first byte holds options (bit 0: on the way, bit 1: the server asks for certificates, bit 2:
// the stream ends after the bytes); the second is the size of the pieces. Then come the stranger's
// bytes; or edits of four bytes each: how many bytes to leave alone (two), what to do, and an
// argument.
#include "gateway/base/assert.hpp"
#include "gateway/platform/tls/engine.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

using namespace wharf;
using namespace wharf::tls;

namespace {

class fixed_clock : public clock_port {
  public:
    std::int64_t wall_us() override { return wall_s * 1'000'000; }
    std::int64_t monotonic_us() override { return 1; }
    bool wall_synchronised() override { return true; }
    std::int64_t wall_s = 0;
};

std::string file(const char* name) {
    return std::string(WHARF_TEST_CERTIFICATES "/") + name;
}

struct stage {
    stage() {
        const auto plain = make(client_certificates::none);
        clock.wall_s = plain->own_period().from_s + 3600;
        servers[0] = plain;
        servers[1] = make(client_certificates::optional);
        auto made = context::make_client(
            {file("device.pem"), file("device.key"), file("authority.pem"), ""}, "localhost",
            clock);
        WHARF_ASSERT(made.ok());
        client = *made;
    }
    std::shared_ptr<const context> make(client_certificates asked) {
        auto made = context::make_server(
            {file("server.pem"), file("server.key"), file("authority.pem"), file("revoked.crl")},
            {.from_clients = asked}, clock);
        WHARF_ASSERT(made.ok());
        return *made;
    }
    fixed_clock clock;
    std::shared_ptr<const context> servers[2];
    std::shared_ptr<const context> client;
};

std::unique_ptr<engine> engine_of(const std::shared_ptr<const context>& with) {
    auto made = engine::make(with);
    WHARF_ASSERT(made.ok());
    return std::move(made).value();
}

// Once the handshake is done what is read goes to `got`.
void feed(engine& to, std::string_view bytes, std::size_t piece, std::string& got) {
    while (!bytes.empty() && !to.failure()) {
        auto room = to.prepare();
        const auto size = std::min({room.size(), bytes.size(), piece});
        bytes.copy(room.data(), size);
        to.commit(size);
        bytes.remove_prefix(size);
        if (!to.done()) static_cast<void>(to.handshake());
        error_code failed;
        char buffer[512];
        while (to.done() && !failed) {
            const auto count = to.read(buffer, failed);
            if (!failed) got.append(buffer, count);
        }
    }
}

void stranger(engine& server, std::string_view bytes, std::size_t piece, bool ends) {
    std::string got;
    feed(server, bytes, piece, got);
    if (ends) {
        server.end_input();
        WHARF_ASSERT(server.handshake() == progress::failed);
    }
    WHARF_ASSERT(!server.done() && got.empty());
    WHARF_ASSERT(server.output().size() < 32 * 1024);
    const bool failed = static_cast<bool>(server.failure());
    if (failed) WHARF_ASSERT(server.handshake() == progress::failed);
}

// What somebody on the way makes of bytes.
class meddler {
  public:
    explicit meddler(std::string_view edits) : edits_(edits) {}
    std::string pass(std::string bytes) {
        std::string out;
        for (char byte : bytes) {
            if (left_ == 0) next();
            if (left_ > 0 && --left_ == 0)
                apply(byte, out);
            else
                out.push_back(byte);
        }
        return out;
    }

  private:
    void next() {
        if (edits_.size() < 4) return;
        left_ = 1 + static_cast<unsigned char>(edits_[0]) * 256U +
                static_cast<unsigned char>(edits_[1]);
        what_ = edits_[2];
        with_ = edits_[3];
        edits_.remove_prefix(4);
    }
    void apply(char byte, std::string& out) const {
        switch (what_ & 3) {
        case 0:
            out.push_back(static_cast<char>(byte ^ with_));
            break;
        case 1: // left out
            break;
        case 2:
            out.push_back(byte);
            out.push_back(with_);
            break;
        default: // everything so far, once more
            out.push_back(byte);
            out += std::string(out);
        }
    }
    std::string_view edits_;
    std::size_t left_ = 0;
    char what_ = 0;
    char with_ = 0;
};

void on_the_way(engine& server, engine& client, std::string_view edits, std::size_t piece) {
    meddler meddles(edits);
    std::string sent;
    std::string got;
    std::string back;
    error_code failed;
    for (int i = 0; i < 12; ++i) {
        if (!client.done()) static_cast<void>(client.handshake());
        if (client.done() && sent.size() < 4000) {
            const std::string words(100 + i * 37, static_cast<char>('a' + i));
            client.write(words, failed);
            sent += words;
        }
        feed(server, meddles.pass(std::exchange(client.output(), {})), piece, got);
        feed(client, std::exchange(server.output(), {}), piece, back);
    }
    WHARF_ASSERT(sent.starts_with(got));
    WHARF_ASSERT(back.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static stage all;
    if (size < 2) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t piece = 1 + data[1] * std::size_t{16};
    auto server = engine_of(all.servers[(data[0] >> 1) & 1]);
    if ((data[0] & 1) == 0) {
        stranger(*server, rest, piece, (data[0] & 4) != 0);
    } else {
        auto client = engine_of(all.client);
        on_the_way(*server, *client, rest, piece);
    }
    return 0;
}
