// Random groups against a plain map: reads of writers and readers, power cuts in between.
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace wharf;
using namespace wharf::test;

namespace {

class driver {
  public:
    explicit driver(unsigned seed) : random_(seed) { at_.open(); }

    void step() {
        switch (pick(12)) {
        case 0:
            REQUIRE(at_.store().checkpoint().ok());
            break;
        case 1:
            readers_.clear();
            if (pick(2) == 0)
                at_.power_cut();
            else
                at_.restart();
            break;
        case 2:
            readers_.emplace_back(std::move(*at_.store().begin_read()), at_.expected);
            if (readers_.size() > 4) readers_.erase(readers_.begin());
            break;
        case 3:
            at_.now_us += 4'000'000;
            REQUIRE(at_.store().tick(at_.now_us).ok());
            break;
        default:
            group();
        }
        for (auto& [reader, then] : readers_)
            compare(*reader, then);
        compare(**at_.store().begin_read(), at_.expected);
    }

  private:
    unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
    std::string key() {
        return std::string(1, static_cast<char>('A' + pick(6))) + std::to_string(pick(5));
    }

    void group() {
        auto writer = std::move(*at_.store().begin_write());
        plain_map inside = at_.expected;
        unsigned count = 1 + pick(8);
        for (unsigned i = 0; i < count; ++i) {
            std::string which = key();
            if (pick(3) == 0) {
                REQUIRE(writer->erase(which).ok());
                inside.erase(which);
            } else {
                std::string value =
                    text(pick(20) == 0 ? 13'000 : pick(300), static_cast<char>('a' + pick(26)));
                REQUIRE(writer->put(which, value).ok());
                inside[which] = value;
            }
            compare(*writer, inside);
        }
        if (pick(6) == 0) return; // rolled back
        REQUIRE(writer->commit().outcome == commit_outcome::durable);
        at_.expected = std::move(inside);
    }

    void compare(store_reader& in, const plain_map& with) {
        std::string start = pick(4) == 0 ? "" : key();
        auto found = in.get(start);
        auto known = with.find(start);
        REQUIRE(found->has_value() == (known != with.end()));
        if (*found) REQUIRE(**found == known->second);
        unsigned steps = 1 + pick(20);
        auto next = with.lower_bound(start);
        unsigned left = steps;
        REQUIRE(in.scan(start, [&](std::string_view at, std::string_view value) {
                      REQUIRE(next != with.end());
                      REQUIRE(at == next->first);
                      REQUIRE(value == next->second);
                      ++next;
                      return --left > 0;
                  }).ok());
        if (left > 0) REQUIRE(next == with.end());
        auto before = with.lower_bound(start);
        left = steps;
        REQUIRE(in.scan_back(start, [&](std::string_view at, std::string_view value) {
                      REQUIRE(before != with.begin());
                      --before;
                      REQUIRE(at == before->first);
                      REQUIRE(value == before->second);
                      return --left > 0;
                  }).ok());
        if (left > 0) REQUIRE(before == with.begin());
    }

    std::mt19937 random_;
    ring_rig at_;
    std::vector<std::pair<std::unique_ptr<store_reader>, plain_map>> readers_;
};

} // namespace

TEST_CASE("random groups, readers, checkpoints and power cuts agree with a plain map") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        INFO("seed " << seed);
        driver one(seed);
        for (int i = 0; i < 120; ++i)
            one.step();
    }
}
