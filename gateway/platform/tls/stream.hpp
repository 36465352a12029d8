// A connection to a peer, with or without TLS, behind one type: an AsyncReadStream and
// AsyncWriteStream of Asio, so that Beast and asio::async_write work over it. Next is a socket, or
// a stream of Beast with its time-outs. One thread; at most one read and one write at a time, and
// no move while one is under way.
#pragma once

#include "gateway/platform/tls/engine.hpp"

#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <string>
#include <utility>

namespace wharf::tls {

template <class Next> class stream {
  public:
    using next_layer_type = Next;
    using executor_type = typename Next::executor_type;

    explicit stream(Next next) : next_(std::move(next)) {}
    // TLS over it. Before anything is read or written, the engine's handshake has to be done: by
    // async_handshake(), or before.
    stream(Next next, std::unique_ptr<engine> tls) : next_(std::move(next)), tls_(std::move(tls)) {}

    [[nodiscard]] executor_type get_executor() noexcept { return next_.get_executor(); }
    [[nodiscard]] Next& next_layer() noexcept { return next_; }
    // Null where the peer talks in plain text.
    [[nodiscard]] engine* tls() noexcept { return tls_.get(); }
    [[nodiscard]] const peer_certificate* peer() const noexcept {
        return tls_ != nullptr && tls_->peer() ? &*tls_->peer() : nullptr;
    }
    void use(std::unique_ptr<engine> tls) { tls_ = std::move(tls); }

    // The calculations are done on the calling thread: for clients and tests.
    template <class Token> auto async_handshake(Token&& token) {
        return boost::asio::async_compose<Token, void(error_code)>(handshake_operation{*this},
                                                                   token, next_);
    }

    template <class Buffers, class Token> auto async_read_some(const Buffers& to, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, stream* self, const Buffers& into) {
                if (self->tls_ == nullptr)
                    return self->next_.async_read_some(into, std::move(handler));
                boost::asio::async_compose<decltype(handler), void(error_code, std::size_t)>(
                    read_operation<Buffers>{*self, into}, handler, self->next_);
            },
            token, this, to);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, stream* self, const Buffers& of) {
                if (self->tls_ == nullptr)
                    return self->next_.async_write_some(of, std::move(handler));
                boost::asio::async_compose<decltype(handler), void(error_code, std::size_t)>(
                    write_operation<Buffers>{*self, of}, handler, self->next_);
            },
            token, this, from);
    }

    // For thousands of connections that share one buffer: waits until there is something to read,
    // and then reads it at once. REQUIRES: a socket that does not block.
    template <class Token> auto async_readable(Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, stream* self) {
                if (self->tls_ == nullptr || !self->tls_->has_input())
                    return self->next_.async_wait(Next::wait_read, std::move(handler));
                boost::asio::post(
                    self->next_.get_executor(),
                    [handler = std::move(handler)]() mutable { std::move(handler)(error_code{}); });
            },
            token, this);
    }
    // would_block: nothing after all.
    std::size_t read_ready(boost::asio::mutable_buffer to, error_code& failed) {
        if (tls_ == nullptr) return next_.read_some(to, failed);
        // A record may come in pieces, and a peer may send what holds nothing to read for ever.
        for (int i = 0; i < k_pieces_max; ++i) {
            const auto size = tls_->read({static_cast<char*>(to.data()), to.size()}, failed);
            if (failed != boost::asio::error::would_block) return size;
            const auto room = tls_->prepare();
            const auto got = next_.read_some(boost::asio::buffer(room.data(), room.size()), failed);
            tls_->commit(got);
            if (failed == boost::asio::error::eof)
                tls_->end_input();
            else if (failed)
                return 0;
        }
        failed = boost::asio::error::would_block;
        return 0;
    }

    // Between two messages: gives back the memory that an idle connection does not need.
    void rest(spare_buffers& spares) {
        if (tls_ == nullptr) return;
        tls_->rest(spares);
        if (!writing_) std::string().swap(sending_);
    }

    // No more from us; what the peer still sends can be read. REQUIRES: nothing is being written.
    void shutdown_send(error_code& failed) {
        if (tls_ != nullptr) {
            tls_->close();
            send_last_words();
        }
        next_.shutdown(Next::shutdown_send, failed);
    }
    void close() {
        send_last_words();
        error_code ignored; // a socket that is already gone is gone
        next_.shutdown(Next::shutdown_both, ignored);
        next_.close(ignored);
    }

  private:
    static constexpr int k_pieces_max = 4;

    struct handshake_operation {
        stream& on;
        enum class step { begin, sent, received } last = step::begin;

        template <class Self>
        void operator()(Self& self, error_code failed = {}, std::size_t size = 0) {
            if (last == step::received) {
                on.tls_->commit(size);
                if (failed == boost::asio::error::eof) {
                    on.tls_->end_input();
                    failed = {};
                }
            }
            if (failed) return self.complete(failed);
            const auto now = on.tls_->handshake();
            if (!on.tls_->output().empty()) {
                last = step::sent;
                return on.send(std::move(self));
            }
            if (now != progress::wants_input) {
                // Never from inside the call that began it.
                if (last == step::begin) {
                    last = step::sent;
                    return boost::asio::post(on.next_.get_executor(), std::move(self));
                }
                return self.complete(now == progress::done ? error_code{} : on.tls_->failure());
            }
            last = step::received;
            const auto room = on.tls_->prepare();
            on.next_.async_read_some(boost::asio::buffer(room.data(), room.size()),
                                     std::move(self));
        }
    };

    template <class Buffers> struct read_operation {
        stream& on;
        Buffers to;
        enum class step { begin, posted, received } last = step::begin;
        std::size_t got = 0;
        error_code result{};

        template <class Self>
        void operator()(Self& self, error_code failed = {}, std::size_t size = 0) {
            if (last == step::posted) return self.complete(result, got);
            if (last == step::received) {
                on.tls_->commit(size);
                if (failed == boost::asio::error::eof)
                    on.tls_->end_input();
                else if (failed)
                    return self.complete(failed, 0);
            }
            const boost::asio::mutable_buffer first = first_of(to);
            if (first.size() != 0)
                got = on.tls_->read({static_cast<char*>(first.data()), first.size()}, result);
            if (result != boost::asio::error::would_block) {
                if (last == step::received) return self.complete(result, got);
                last = step::posted;
                return boost::asio::post(on.next_.get_executor(), std::move(self));
            }
            last = step::received;
            const auto room = on.tls_->prepare();
            on.next_.async_read_some(boost::asio::buffer(room.data(), room.size()),
                                     std::move(self));
        }
    };

    template <class Buffers> struct write_operation {
        stream& on;
        Buffers from;
        bool begun = false;
        std::size_t taken = 0;
        error_code result{};

        template <class Self> void operator()(Self& self, error_code failed = {}, std::size_t = 0) {
            if (std::exchange(begun, true)) {
                on.writing_ = false;
                if (!result) result = failed;
                return self.complete(result, result ? 0 : taken);
            }
            const auto end = boost::asio::buffer_sequence_end(from);
            for (auto at = boost::asio::buffer_sequence_begin(from); at != end && !result; ++at) {
                const boost::asio::const_buffer part(*at);
                const auto size = std::min(part.size(), limits::k_tls_write_bytes_max - taken);
                on.tls_->write({static_cast<const char*>(part.data()), size}, result);
                taken += size;
                if (taken == limits::k_tls_write_bytes_max) break;
            }
            on.send(std::move(self));
        }
    };

    template <class Buffers> static boost::asio::mutable_buffer first_of(const Buffers& of) {
        const auto end = boost::asio::buffer_sequence_end(of);
        for (auto at = boost::asio::buffer_sequence_begin(of); at != end; ++at)
            if (boost::asio::mutable_buffer(*at).size() != 0) return *at;
        return {};
    }

    // What the engine says meanwhile waits for the next time.
    template <class Self> void send(Self self) {
        writing_ = true;
        sending_.clear();
        sending_.swap(tls_->output());
        boost::asio::async_write(next_, boost::asio::buffer(sending_), std::move(self));
    }

    // An alert, or the close: as far as they go without waiting.
    void send_last_words() {
        if (tls_ == nullptr || writing_ || tls_->output().empty()) return;
        error_code ignored; // the peer has left, or does not read: then it need not know
        next_.write_some(boost::asio::buffer(tls_->output()), ignored);
        tls_->output().clear();
    }

    Next next_;
    std::unique_ptr<engine> tls_;
    std::string sending_;
    bool writing_ = false;
};

// A device's connection.
using device_stream = stream<boost::asio::ip::tcp::socket>;

} // namespace wharf::tls
