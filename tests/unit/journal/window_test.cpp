#include "gateway/identity/window.hpp"
#include "tests/support/model_store.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using kind = identity_match::kind;

namespace {

struct fixture {
    test::model_store store;
    tree_identity_window window;
    identity_state state;
    std::unique_ptr<store_writer> open = std::move(*store.begin_write());

    identity_match find(const std::vector<std::string>& keys, const std::string& content) {
        auto found = window.find(*open, keys, sha256(content));
        REQUIRE(found.ok());
        return *found;
    }
    void remember(const std::vector<std::string>& keys, const std::string& content, sequence number,
                  std::int64_t at_us) {
        REQUIRE(window.remember(*open, state, keys, sha256(content), number, at_us).ok());
    }
    void expire(std::int64_t age_us, std::uint64_t count, std::int64_t now_us,
                std::size_t keys = 100) {
        REQUIRE(window.expire(*open, state, {age_us, count}, now_us, keys).ok());
    }
    std::size_t records() {
        std::size_t count = 0;
        REQUIRE(open->scan({}, [&](auto, auto) { return ++count > 0; }).ok());
        return count;
    }
};

} // namespace

TEST_CASE("the window tells unknown, same and conflicting, and names the original") {
    fixture f;
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    f.remember({"a", "b"}, "x", 7, 0);
    CHECK(f.find({"a"}, "x").what == kind::same);
    CHECK(f.find({"b"}, "x").original == 7);
    CHECK(f.find({"c", "b"}, "y").what == kind::conflict);
    CHECK(f.find({"c", "b"}, "y").original == 7);
    CHECK(f.find({}, "x").what == kind::unknown);
    CHECK(f.find({std::string("a\0", 2)}, "x").what == kind::unknown);
}

TEST_CASE("a conflict on any key outweighs a match on another") {
    fixture f;
    f.remember({"a"}, "x", 1, 0);
    f.remember({"b"}, "y", 2, 0);
    CHECK(f.find({"a", "b"}, "x").what == kind::conflict);
    CHECK(f.find({"b", "a"}, "x").what == kind::conflict);
}

TEST_CASE("keys age with their event and leave nothing behind") {
    fixture f;
    f.remember({"a", "b"}, "x", 1, 100);
    f.remember({}, "keyless", 2, 150);
    f.remember({"c"}, "y", 3, 200);
    CHECK(f.state.count == 3);
    f.expire(100, 1000, 200);
    CHECK(f.find({"a"}, "x").what == kind::same);
    f.expire(100, 1000, 201);
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    CHECK(f.find({"c"}, "y").what == kind::same);
    CHECK(f.state.count == 1);
    CHECK(f.state.evicted_early == 0);
    f.expire(100, 1000, 301);
    CHECK(f.state.count == 0);
    CHECK(f.records() == 0);
}

TEST_CASE("the count takes the oldest first and is counted as early") {
    fixture f;
    for (sequence n = 1; n <= 10; ++n)
        f.remember({"k" + std::to_string(n)}, "x", n, 0);
    f.expire(1000, 4, 1);
    CHECK(f.state.count == 4);
    CHECK(f.state.evicted_early == 6);
    CHECK(f.find({"k6"}, "x").what == kind::unknown);
    CHECK(f.find({"k7"}, "x").what == kind::same);
}

TEST_CASE("expiry is bounded and goes on where it stopped") {
    fixture f;
    for (sequence n = 1; n <= 10; ++n)
        f.remember({"k" + std::to_string(n)}, "x", n, 0);
    f.expire(1, 1000, 100, 3);
    CHECK(f.state.count == 7);
    f.expire(1, 1000, 100, 100);
    CHECK(f.records() == 0);
}

TEST_CASE("keys that are added to an event later age with it") {
    fixture f;
    f.remember({"a"}, "x", 1, 100);
    f.remember({"b"}, "y", 2, 200);
    f.remember({"late"}, "z", 1, 300);
    CHECK(f.find({"late"}, "z").original == 1);
    f.expire(100, 1000, 201);
    CHECK(f.find({"late"}, "z").what == kind::unknown);
    CHECK(f.find({"b"}, "y").what == kind::same);
    f.expire(100, 1000, 1000);
    // Also where the window has passed the event already.
    f.remember({"later"}, "z", 1, 2000);
    f.expire(100, 1000, 2101);
    CHECK(f.records() == 0);
    CHECK(f.state.count == 0);
}

TEST_CASE("an aborted transaction leaves no trace") {
    fixture f;
    f.remember({"a"}, "x", 1, 0);
    f.open.reset();
    f.open = std::move(*f.store.begin_write());
    CHECK(f.find({"a"}, "x").what == kind::unknown);
}

TEST_CASE("damaged entries are errors, not unknown keys") {
    fixture f;
    f.remember({"a"}, "x", 1, 0);
    REQUIRE(f.open->commit().outcome == commit_outcome::durable);
    for (const auto& [key, value] : f.store.read_all()) {
        std::string damaged = value;
        damaged.back() = static_cast<char>(damaged.back() ^ 1);
        f.store.plant(key, damaged);
    }
    f.open = std::move(*f.store.begin_write());
    CHECK(f.window.find(*f.open, {"a"}, sha256("x")).failure().code == errc::corrupt);
    CHECK(f.window.expire(*f.open, f.state, {1, 1}, 100, 10).failure().code == errc::corrupt);
}

TEST_CASE("an age record whose entries are gone is damage") {
    fixture f;
    f.remember({"a"}, "x", 1, 0);
    REQUIRE(f.open->commit().outcome == commit_outcome::durable);
    auto all = f.store.read_all();
    f.store.remove(all.begin()->first);
    f.open = std::move(*f.store.begin_write());
    CHECK(f.window.expire(*f.open, f.state, {1, 1}, 100, 10).failure().code == errc::corrupt);
}
