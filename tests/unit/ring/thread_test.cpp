// Readers on other threads while groups are committed: each sees one moment. For the thread
// sanitizer as much as for itself.
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace wharf;
using namespace wharf::test;

namespace {

// Every group writes its number under three keys, and under one of its own that the next but one
// takes away. False: what a reader saw was no single moment.
bool is_one_moment(store_reader& in) {
    std::vector<std::string> numbers;
    std::size_t marks = 0;
    bool fine = in.scan({}, [&](std::string_view key, std::string_view value) {
                      if (key.front() == 'N') numbers.emplace_back(value.substr(0, 8));
                      if (key.front() == 'M') ++marks;
                      return true;
                  }).ok();
    auto again = in.get("Na");
    fine = fine && again.ok() && again->has_value() && numbers.size() == 3;
    if (!fine) return false;
    return numbers[0] == numbers[1] && numbers[1] == numbers[2] &&
           (**again).substr(0, 8) == numbers[0] && marks <= 2;
}

std::string number_text(int number) {
    std::string digits = std::to_string(number);
    return std::string(8 - digits.size(), '0') + digits;
}

} // namespace

TEST_CASE("readers on other threads see one moment each") {
    ring_rig at;
    at.open();
    auto write = [&](int number) {
        std::string value = number_text(number);
        if (number % 17 == 0) value += text(13'000);
        changes all{
            {"Na", value}, {"Nm", value}, {"Nz", value}, {"M" + std::to_string(number), ""}};
        if (number >= 2) all["M" + std::to_string(number - 2)] = std::nullopt;
        return at.try_commit(all).outcome == commit_outcome::durable;
    };
    REQUIRE(write(0));
    std::atomic<bool> done{false};
    std::atomic<int> looks{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!done || looks < 50) {
                auto reader = at.store().begin_read();
                if (!reader.ok() || !is_one_moment(**reader) || !is_one_moment(**reader)) ++wrong;
                ++looks;
            }
        });
    bool all_durable = true;
    for (int number = 1; number <= 1500; ++number) {
        all_durable = write(number) && all_durable;
        if (number % 11 == 0) all_durable = at.store().checkpoint().ok() && all_durable;
    }
    done = true;
    for (std::thread& one : readers)
        one.join();
    CHECK(all_durable);
    CHECK(wrong == 0);
    CHECK(looks > 0);
}
