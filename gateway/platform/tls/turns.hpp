// Who is next where places are few: of those who wait, the oldest of the address that has the
// fewest places, so that a flood from one address waits for itself. Each step takes as long as a
// look into a sorted list, however many wait. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace wharf::tls {

class turns {
  public:
    // number: rises with each one that comes. REQUIRES: it does not wait already.
    void wait(const std::string& address, std::uint64_t number);
    // It has gone, without a place. REQUIRES: it waits.
    void give_up(const std::string& address, std::uint64_t number);
    // It has a place now, and does not wait any more. REQUIRES: !empty().
    [[nodiscard]] std::uint64_t next();
    // One of this address leaves its place.
    void leave(const std::string& address);

    [[nodiscard]] bool empty() const { return order_.empty(); }
    [[nodiscard]] std::size_t places() const { return places_; }

  private:
    struct house {
        std::size_t places = 0;
        std::set<std::uint64_t> waiting;
    };
    using houses = std::map<std::string, house, std::less<>>;
    using place = std::pair<std::size_t, std::uint64_t>; // places, who has waited for longest

    void remove(houses::iterator at);
    void put(houses::iterator at);

    houses houses_;
    std::map<place, houses::iterator> order_; // of those where somebody waits
    std::size_t places_ = 0;
};

} // namespace wharf::tls
