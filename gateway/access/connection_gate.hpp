// How many connections there may be: in all, from one address, of one identity, and how many that
// have not signed in yet. Who has not signed in when there are too many of them makes room, the
// oldest first: a device sends its CONNECT at once and is past that before its turn comes. A site
// that comes back all at once is no flood: nobody makes room before a moment of silence, and none
// whose TLS handshake waits for the gateway's own calculations.
//
// The network thread; times are microseconds of any clock that never goes back. What it holds is
// bounded by the connections that are open and by limits::k_watched_max.
#pragma once

#include "gateway/access/recent_table.hpp"
#include "gateway/access/token_bucket.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wharf::access {

struct gate_limits {
    std::size_t connections_max = limits::k_connections_default;
    std::size_t half_open_max = limits::k_half_open_default;
    // 0: no bound, here and below.
    std::size_t half_open_per_address_max = 0;
    std::size_t per_address_max = 0;
    std::size_t per_identity_max = 0;
    rate attempts; // of one address
    // So long a connection may be silent before it makes room.
    std::int64_t patience_us = std::int64_t{limits::k_tls_patience_ms} * 1000;
};

enum class arrival : std::uint8_t { welcome, too_many, too_many_of_address, too_often };

class connection_gate {
  public:
    explicit connection_gate(const gate_limits& with)
        : limits_(with), attempts_(limits::k_watched_max) {}

    struct answer {
        arrival verdict = arrival::welcome;
        // Who has to go so that this one may stay: it has left when the caller has closed it.
        std::optional<std::uint64_t> make_room;
    };
    // A connection that was accepted. limited: the bounds of addresses are for this one.
    // REQUIRES: the id is new. Where it is not welcome nothing is remembered of it.
    [[nodiscard]] answer arrive(std::uint64_t id, std::string_view address, bool limited,
                                std::int64_t now_us);
    // It has signed in. False: the identity has as many as it may have; then it is to be refused.
    // max: the identity's own bound, 0 for that of the settings; an empty name counts for nobody.
    [[nodiscard]] bool sign_in(std::uint64_t id, std::string_view identity, std::size_t max);
    // Its CONNECT has come: what takes time now is our side's.
    void answered(std::uint64_t id);
    // Its TLS handshake has begun and waits for us: until await() it need not make room. For its
    // address it still counts as not signed in.
    void serve(std::uint64_t id);
    // The handshake is done, and the next word is its own: it is among those that make room again,
    // as the newest. Who has to go instead, as above.
    [[nodiscard]] std::optional<std::uint64_t> await(std::uint64_t id, std::int64_t now_us);
    // Who has to go because there are too many that have not signed in, and has been silent by now.
    [[nodiscard]] std::vector<std::uint64_t> too_silent(std::int64_t now_us) const;
    void leave(std::uint64_t id);

    [[nodiscard]] std::size_t open() const { return connections_.size(); }
    [[nodiscard]] std::size_t half_open() const { return half_open_.size(); }

  private:
    struct address_count {
        std::size_t open = 0;
        std::size_t half_open = 0;
    };
    struct known {
        std::string address;
        std::string identity;
        std::uint64_t arrived = 0; // its place in half_open_, 0: it is in none
        bool half_open = true;     // counts as such for its address
    };
    using addresses = std::unordered_map<std::string, address_count, text_hash, std::equal_to<>>;

    void past_half_open(known& one);
    void leave_order(known& one);
    [[nodiscard]] std::optional<std::uint64_t> who_makes_room(std::int64_t now_us) const;

    gate_limits limits_;
    std::unordered_map<std::uint64_t, known> connections_;
    addresses addresses_;
    std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>> identities_;
    struct silent {
        std::uint64_t id = 0;
        std::int64_t since_us = 0;
    };
    std::map<std::uint64_t, silent> half_open_; // by arrival
    std::uint64_t last_arrival_ = 0;
    recent_table<token_bucket> attempts_;
};

} // namespace wharf::access
