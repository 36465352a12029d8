// What clients of a site do, each step read from the fuzzer's bytes.
#pragma once

#include "tests/fuzz/broker/site.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string_view>

namespace wharf::fuzz {

class input {
  public:
    input(const std::uint8_t* data, std::size_t size) : at_(data), left_(size) {}
    [[nodiscard]] bool empty() const { return left_ == 0; }
    unsigned next() {
        if (left_ == 0) return 0;
        --left_;
        return *at_++;
    }
    template <class Value, std::size_t Count>
    const Value& pick(const std::array<Value, Count>& from) {
        return from[next() % Count];
    }
    std::string_view take(std::size_t most) {
        const auto count = std::min(most, left_);
        const std::string_view out(reinterpret_cast<const char*>(at_), count);
        at_ += count;
        left_ -= count;
        return out;
    }

  private:
    const std::uint8_t* at_;
    std::size_t left_;
};

class play {
  public:
    explicit play(input& from);
    void step();
    // Everybody reads what there is, and everything is held against what was promised.
    void finish();

  private:
    peer* pick_peer();
    void connect();
    void publish();
    void publish_again();
    void send_publish(peer& by, record& what, unsigned packet_id, bool dup, unsigned alias);
    void subscribe();
    void unsubscribe();
    void acknowledge();
    void acknowledge(peer& by, unsigned type, unsigned packet_id, unsigned code);
    void answer(peer& by, const said& what);
    void disconnect();
    void other(unsigned kind);
    void drain();
    void probe();
    void end_all();

    input& from_;
    bool at_once_ = false; // the journal answers at once
    bool polite_ = false;  // clients acknowledge what they get at once
    bool owners_ = false;
    unsigned last_id_ = 20; // of SUBSCRIBE and UNSUBSCRIBE: none is used twice
    site at_;
    std::map<std::size_t, std::uint64_t> slots_;
    std::map<std::uint64_t, std::deque<said>> owed_; // to acknowledge, by connection
    std::map<std::uint64_t, std::map<unsigned, std::string>> aliases_; // clients' own
    std::map<std::uint64_t, std::pair<std::size_t, unsigned>> last_;   // QoS 1: message, identifier
};

} // namespace wharf::fuzz
