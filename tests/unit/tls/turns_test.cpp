#include "gateway/platform/tls/turns.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace wharf::tls {

TEST_CASE("turns go to the oldest of the address with the fewest places") {
    turns of;
    CHECK(of.empty());
    for (std::uint64_t number : {1, 2, 3})
        of.wait("flood", number);
    of.wait("device", 4);
    of.wait("other", 5);
    CHECK(of.next() == 1);
    CHECK(of.next() == 4);
    CHECK(of.next() == 5);
    CHECK(of.next() == 2);
    CHECK(of.places() == 4);
    of.wait("device", 6);
    of.leave("flood");
    of.leave("flood");
    of.give_up("device", 6);
    CHECK(of.next() == 3);
    CHECK(of.empty());
    CHECK(of.places() == 3);
}

// Against the plain way: a list that is searched each time.
TEST_CASE("turns are the same as in a list that is searched") {
    struct waiting {
        std::string address;
        std::uint64_t number;
    };
    std::mt19937 random(20261122); // the same every time
    turns of;
    std::vector<waiting> list;
    std::map<std::string, std::size_t> places;
    std::uint64_t last = 0;
    for (int step = 0; step < 20'000; ++step) {
        const std::string address(1, static_cast<char>('a' + random() % 5));
        switch (random() % 4) {
        case 0:
        case 1:
            of.wait(address, ++last);
            list.push_back({address, last});
            break;
        case 2:
            if (places[address] == 0) break;
            of.leave(address);
            --places[address];
            break;
        default:
            if (list.empty()) break;
            if (random() % 3 == 0) {
                const auto goes =
                    list.begin() + static_cast<std::ptrdiff_t>(random() % list.size());
                of.give_up(goes->address, goes->number);
                list.erase(goes);
                break;
            }
            const auto best = std::min_element(list.begin(), list.end(), [&](auto& a, auto& b) {
                return places[a.address] < places[b.address];
            });
            REQUIRE(of.next() == best->number);
            ++places[best->address];
            list.erase(best);
        }
        REQUIRE(of.empty() == list.empty());
    }
}

} // namespace wharf::tls
