// The wills that devices leave with the gateway, and what has to become of each: published once
// where its connection was lost, never where its device left in good order. One thread.
#pragma once

#include "tests/sim/harbour.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wharf::sim {

struct left_will {
    std::string topic;
    std::string payload; // of no other
    std::uint8_t qos = 1;
    bool retain = false;
    std::uint32_t delay_s = 0;
    // Of its connection:
    bool kept = false;     // its CONNACK came
    bool over = false;     // its device knows that it has ended
    bool lost = false;     // and did not say good-bye
    bool followed = false; // by another one of its device
    std::int64_t over_us = 0;
    std::uint64_t left_in_life = 0; // of the gateway, in good order; 0: not so
    bool taken_back = false;        // and that is on record
};

class will_book {
  public:
    will_book(world& in, const plan& with) : world_(in), plan_(with), random_(in.random(22)) {}

    // A device connects; 0: without a will.
    std::size_t draw(const std::string& client, int version, std::uint32_t expiry_s);
    void kept(std::size_t which);
    // Its connection has ended, for all that its device knows.
    void lost(std::size_t which);
    // silent: nobody may have heard the good-bye.
    void left(std::size_t which, harbour& at, bool silent);

    [[nodiscard]] const left_will& at(std::size_t which) const { return wills_[which - 1]; }
    // 0: it is no will's.
    [[nodiscard]] std::size_t find(const std::string& payload) const;
    [[nodiscard]] bool must_come(std::size_t which) const;
    [[nodiscard]] bool must_not_come(std::size_t which, std::uint64_t life) const;
    // None can come any more that has not come, with a gateway that runs since then.
    [[nodiscard]] bool settled(std::int64_t up_since_us) const;

  private:
    world& world_;
    const plan& plan_;
    prng random_;
    std::vector<left_will> wills_; // the first is number 1
    std::map<std::string, std::size_t> by_payload_;
    std::map<std::string, std::size_t> last_of_; // by client
};

} // namespace wharf::sim
