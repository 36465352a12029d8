// What a client knows about the session that the server keeps for it, and whether the server's
// Session Present is true. One thread.
#pragma once

#include "tests/sim/harbour.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <string>

namespace wharf::sim {

class session_book {
  public:
    // expiry_s: of a session that outlives its connection; 0: it does not.
    session_book(world& in, harbour& at, std::string who, std::uint32_t expiry_s)
        : world_(in), harbour_(at), who_(std::move(who)), expiry_s_(expiry_s) {}

    // A connection begins; heard_us: when the server was last heard on an earlier one.
    void connecting(std::int64_t heard_us);
    void asked(bool clean_start); // the CONNECT is on its way
    // It was not answered.
    void unanswered();
    // A CONNECT without an answer may have begun the session anew: Session Present does not tell.
    [[nodiscard]] bool may_be_new() const { return may_be_new_; }
    // Checks what the CONNACK says. kept: the session outlives this connection.
    void answered(bool present, bool kept);
    void left(); // in good order
    // It is kept, whatever happened since the server was last heard.
    [[nodiscard]] bool is_kept(std::int64_t heard_us) const;
    [[nodiscard]] bool is_certain() const { return session_ == knowledge::certain; }

  private:
    enum class knowledge { none, maybe, certain };

    world& world_;
    harbour& harbour_;
    const std::string who_;
    const std::uint32_t expiry_s_;
    bool clean_start_ = false;
    bool may_be_new_ = false;
    std::int64_t heard_before_us_ = 0;
    std::uint64_t left_in_life_ = 0; // of the gateway, in good order; 0: not so
    std::int64_t left_open_us_ = 0;
    knowledge session_ = knowledge::none; // what the server keeps of it
};

} // namespace wharf::sim
