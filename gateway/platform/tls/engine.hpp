// TLS over memory: the peer's bytes go in, bytes for the peer come out, and nothing here knows a
// socket or blocks. One connection. One thread at a time: handshake() may be called on a worker
// while nobody else touches the engine.
#pragma once

#include "gateway/platform/tls/context.hpp"
#include "gateway/platform/tls/error.hpp"
#include "gateway/ports/peer_certificate.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace wharf::tls {

// Record buffers that no connection needs at the moment. Outlives the engines that use it; the
// thread of those that have finished their handshake.
class spare_buffers {
  public:
    spare_buffers() = default;
    ~spare_buffers();
    spare_buffers(const spare_buffers&) = delete;
    spare_buffers& operator=(const spare_buffers&) = delete;

  private:
    friend class engine;
    struct pair {
        unsigned char* in = nullptr;
        unsigned char* out = nullptr;
    };
    pair take();
    void give(pair one);
    std::vector<pair> kept_;
};

// What a client keeps of a connection, to spare the next one the dear part of a handshake.
class kept_session;

enum class progress { done, wants_input, failed };

class engine {
  public:
    // errc::io where there is no memory for one.
    static result<std::unique_ptr<engine>> make(std::shared_ptr<const context> with);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    // Where the peer's next bytes go, and how many of them have come. More is not to be fetched
    // before what is there has been used: REQUIRES !has_input().
    [[nodiscard]] std::span<char> prepare();
    void commit(std::size_t size);
    // The peer's stream has ended.
    void end_input() { ended_ = true; }
    [[nodiscard]] bool has_input() const { return taken_ < input_.size() || has_plaintext(); }

    // For the peer, encrypted. Who takes it leaves it empty.
    [[nodiscard]] std::string& output() { return output_; }

    [[nodiscard]] progress handshake();
    // Why it failed, and where the peer's certificate did not pass, why.
    [[nodiscard]] error_code failure() const { return failure_; }
    [[nodiscard]] const std::string& refusal() const { return refusal_; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] bool resumed() const { return !full_; }
    [[nodiscard]] std::string ciphersuite() const;
    // Of the peer that has shown one, once the handshake is done.
    [[nodiscard]] const std::optional<peer_certificate>& peer() const { return peer_; }

    // Whether the peer's certificate, if it has shown one, has not ended, and is not revoked by
    // what another context knows. REQUIRES, for this and the following: done().
    [[nodiscard]] bool peer_still_good(const context& by) const;

    // would_block: the peer has to say more. eof: it has closed. fault::truncated: it broke off.
    std::size_t read(std::span<char> to, error_code& failed);
    // Everything goes into output().
    void write(std::string_view from, error_code& failed);
    void close();

    // Gives back what an idle connection does not need, where nothing is under way.
    void rest(spare_buffers& spares);

    // For clients. REQUIRES: before the first handshake(), and after it, respectively.
    void resume(const kept_session& from);
    [[nodiscard]] std::shared_ptr<const kept_session> session() const;

  private:
    struct state;
    explicit engine(std::shared_ptr<const context> with);
    static int on_send(void* self, const unsigned char* bytes, std::size_t size);
    static int on_receive(void* self, unsigned char* to, std::size_t size);
    [[nodiscard]] bool has_plaintext() const;
    progress fail(error_code why);
    progress finish();
    void wake();

    const std::shared_ptr<const context> context_;
    seat& seat_;
    std::unique_ptr<state> state_;
    std::string input_;
    std::size_t taken_ = 0;
    std::size_t handshake_bytes_ = 0;
    bool ended_ = false;
    std::string output_;
    bool done_ = false;
    bool full_ = false;
    error_code failure_;
    std::string refusal_;
    std::optional<peer_certificate> peer_;
    spare_buffers* spares_ = nullptr;
};

} // namespace wharf::tls
