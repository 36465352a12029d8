// The journal thread with real threads over the model store. Nothing sleeps: a latch holds a commit
// open where a test needs one in flight, and waiting is for a condition with a generous limit.
#include "gateway/base/limits.hpp"
#include "gateway/journal/local_state.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "gateway/platform/system_clock.hpp"
#include "tests/integration/journal/messages.hpp"
#include "tests/support/model_store.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr auto k_patience = std::chrono::seconds(60);

// Holds the commits that enter while it is closed.
class gate {
  public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++inside_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void close() {
        std::lock_guard lock(mutex_);
        open_ = false;
        inside_ = 0;
    }
    void open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    bool wait_until_entered() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, k_patience, [this] { return inside_ > 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = true;
    int inside_ = 0;
};

struct seen {
    std::vector<journal_answer> answers;
    std::vector<event_head> appended;
    std::vector<std::size_t> groups;
    std::vector<bool> space;
    std::string fatal;
    int rooms = 0;
};

class fixture {
  public:
    explicit fixture(std::uint64_t bytes_max = std::uint64_t{1} << 40) : store(bytes_max) {
        journal_options options;
        options.gateway = "WH7";
        options.destinations = {"erp"};
        options.identity = {std::int64_t{1} << 50, 1'000'000};
        options.retention_us = std::int64_t{1} << 50;
        journal_ = std::move(*journal::open(store, window_, options, 0));
        store.before_commit([this] { commits.pass(); });
        thread.emplace(*journal_, store, clock_, callbacks());
        thread->start();
    }
    ~fixture() {
        commits.open();
        thread.reset();
    }

    template <class Condition> bool wait(Condition&& condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, k_patience, [&] { return condition(seen_); });
    }
    bool wait_for_answers(std::size_t count) {
        return wait([count](const seen& s) { return s.answers.size() >= count; });
    }
    seen so_far() {
        std::lock_guard lock(mutex_);
        return seen_;
    }
    std::uint64_t connect() {
        auto before = so_far().answers.size();
        thread->submit(open_session(0, "client"));
        REQUIRE(wait_for_answers(before + 1));
        return std::get<session_opened>(so_far().answers.back()).generation;
    }
    std::vector<std::uint64_t> ingested() {
        std::vector<std::uint64_t> tokens;
        for (const journal_answer& answer : so_far().answers)
            if (const auto* done = std::get_if<ingest_done>(&answer)) tokens.push_back(done->token);
        return tokens;
    }

    model_store store;
    gate commits;
    std::optional<journal_thread> thread;

  private:
    template <class Change> void note(Change&& change) {
        std::lock_guard lock(mutex_);
        change(seen_);
        changed_.notify_all();
    }
    journal_callbacks callbacks() {
        journal_callbacks calls;
        calls.answers = [this](std::vector<journal_answer> got) {
            note([&](seen& s) { s.answers.insert(s.answers.end(), got.begin(), got.end()); });
        };
        calls.appended = [this](std::vector<event_head> got) {
            note([&](seen& s) { s.appended.insert(s.appended.end(), got.begin(), got.end()); });
        };
        calls.room = [this] { note([](seen& s) { ++s.rooms; }); };
        calls.fatal = [this](const error& why) { note([&](seen& s) { s.fatal = why.message; }); };
        calls.space = [this](bool full, const std::string&) {
            note([&](seen& s) { s.space.push_back(full); });
        };
        calls.committed = [this](const group_report& group) {
            note([&](seen& s) { s.groups.push_back(group.requests); });
        };
        return calls;
    }

    system_clock clock_;
    identity_window window_;
    std::unique_ptr<journal> journal_;
    std::mutex mutex_;
    std::condition_variable changed_;
    seen seen_;
};

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (; first <= last; ++first)
        out.push_back(first);
    return out;
}

} // namespace

TEST_CASE("an answer comes only after the commit has returned") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    CHECK(f.ingested().empty());
    CHECK(f.so_far().appended.empty());
    f.commits.open();
    REQUIRE(f.wait_for_answers(2));
    CHECK(f.ingested() == numbers(1, 1));
    CHECK(f.so_far().appended.size() == 1);
}

TEST_CASE("what comes while a commit is on its way goes into the next one, all of it, in order") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    for (std::uint64_t n = 2; n <= 101; ++n)
        f.thread->submit(numbered_event(n, "client", generation));
    f.commits.open();
    REQUIRE(f.wait_for_answers(102));
    CHECK(f.ingested() == numbers(1, 101));
    auto groups = f.so_far().groups;
    REQUIRE(groups.size() == 3); // the session, the first event, all the others
    CHECK(groups[1] == 1);
    CHECK(groups[2] == 100);
}

TEST_CASE("an idle journal commits a single event at once, alone") {
    fixture f;
    auto generation = f.connect();
    for (std::uint64_t n = 1; n <= 3; ++n) {
        f.thread->submit(numbered_event(n, "client", generation));
        REQUIRE(f.wait_for_answers(n + 1));
    }
    CHECK(f.so_far().groups == std::vector<std::size_t>{1, 1, 1, 1});
}

TEST_CASE("what is not urgent rides in the commit of what is") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    f.thread->submit(delivery_request{9, 0, false, {settle_update{1, settlement::applied}}});
    f.thread->submit(numbered_event(2, "client", generation));
    f.commits.open();
    REQUIRE(f.wait_for_answers(4));
    CHECK(f.so_far().groups == std::vector<std::size_t>{1, 1, 2});
}

TEST_CASE("what is not urgent is committed though nothing urgent comes") {
    fixture f;
    auto generation = f.connect();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.wait_for_answers(2));
    f.thread->submit(delivery_request{9, 0, false, {settle_update{1, settlement::applied}}});
    CHECK(f.wait_for_answers(3));
}

TEST_CASE("after a commit whose outcome is unknown nothing is answered any more") {
    fixture f;
    auto generation = f.connect();
    f.store.fail_commit(true, true);
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    f.thread->submit(numbered_event(2, "client", generation));
    f.commits.open();
    REQUIRE(f.wait([](const seen& s) { return !s.fatal.empty(); }));
    f.thread->submit(numbered_event(3, "client", generation));
    f.thread->stop();
    CHECK(f.ingested().empty());
    CHECK(f.so_far().appended.empty());
    CHECK_THAT(f.so_far().fatal, Catch::Contains("the model failed"));
}

TEST_CASE("stopping commits and answers what was submitted") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    for (std::uint64_t n = 2; n <= 20; ++n)
        f.thread->submit(numbered_event(n, "client", generation));
    f.thread->submit(delivery_request{9, 0, false, {settle_update{1, settlement::applied}}});
    f.commits.open();
    f.thread->stop();
    CHECK(f.ingested() == numbers(1, 20));
    CHECK(std::holds_alternative<delivery_done>(f.so_far().answers.back()));
}

TEST_CASE("at its bound the queue says so, and says when there is room") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    std::uint64_t n = 2;
    while (f.thread->submit(numbered_event(n, "client", generation, 1024 * 1024)))
        ++n;
    CHECK(n >= limits::k_journal_queue_bytes_max / (1024 * 1024) - 1);
    CHECK(n <= limits::k_journal_queue_bytes_max / (1024 * 1024) + 2);
    CHECK(f.so_far().rooms == 0);
    f.commits.open();
    REQUIRE(f.wait([](const seen& s) { return s.rooms > 0; }));
    REQUIRE(f.wait_for_answers(n + 1));
    CHECK(f.ingested() == numbers(1, n));
}

TEST_CASE("what a delivery request holds counts for the queue's bytes") {
    fixture over;
    over.commits.close();
    over.thread->submit(session_open_request{1, "a", true, 60}); // its commit stays open
    REQUIRE(over.commits.wait_until_entered());
    delivery_request parks;
    for (sequence number = 1; number <= 1000; ++number) {
        park_update one{number, {}};
        one.content.set_message(std::string(limits::k_dead_message_bytes_max, 'x'));
        parks.ops.emplace_back(std::move(one));
    }
    const std::size_t least = limits::k_dead_message_bytes_max * parks.ops.size();
    bool room = true;
    std::size_t bytes = 0;
    for (; room && bytes <= limits::k_journal_queue_bytes_max; bytes += least)
        room = over.thread->submit(parks);
    CHECK_FALSE(room);
}

TEST_CASE("a refusal for want of sessions is answered though there is nothing to commit") {
    fixture f;
    for (std::size_t i = 0; i < limits::k_sessions_max; ++i)
        f.thread->submit(open_session(i, "c" + std::to_string(i)));
    REQUIRE(f.wait_for_answers(limits::k_sessions_max));
    auto commits = f.store.commits();
    f.thread->submit(open_session(7, "one more"));
    REQUIRE(f.wait_for_answers(limits::k_sessions_max + 1));
    CHECK(std::get<session_opened>(f.so_far().answers.back()).refused);
    CHECK(f.store.commits() == commits);
}

TEST_CASE(
    "at the quota ingest is held, everything else goes on, and what was held keeps its order") {
    constexpr std::uint64_t k_large = 64 * 1024 * 1024;
    fixture f(k_large);
    auto generation = f.connect();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.wait_for_answers(2));
    // The first event that does not fit any more turns it over.
    f.store.set_bytes_max(4096);
    for (std::uint64_t n = 2; n <= 301; ++n)
        f.thread->submit(numbered_event(n, "client", generation, 10 * 1024));
    REQUIRE(f.wait([](const seen& s) { return !s.space.empty() && s.space.back(); }));
    f.thread->submit(delivery_request{9, 0, true, {settle_update{1, settlement::applied}}});
    f.thread->submit(open_session(0, "other"));
    REQUIRE(f.wait_for_answers(4));
    CHECK(f.ingested() == numbers(1, 1));
    // Space comes back, but the store says no once more in the middle of it.
    f.store.refuse_commits(1);
    f.store.set_bytes_max(k_large);
    REQUIRE(f.wait_for_answers(304));
    CHECK(f.ingested() == numbers(1, 301));
    CHECK_FALSE(f.so_far().space.back());
    f.thread->stop();
    CHECK(f.thread->snapshot().held == 0);
}

TEST_CASE("a store that refuses for long is said to be full once, and once to have space again") {
    fixture f;
    const auto generation = f.connect();
    f.store.refuse_commits(3);
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.wait_for_answers(2));
    REQUIRE(f.wait([](const seen& s) { return s.space.size() >= 2; }));
    CHECK(f.so_far().space == std::vector<bool>{true, false});
}

TEST_CASE("at the quota a subscription that is taken back does not overtake its making") {
    constexpr std::uint64_t k_large = 64 * 1024 * 1024;
    fixture f(k_large);
    session_open_request lasting{0, "client", false, 3600, {}};
    f.thread->submit(lasting);
    REQUIRE(f.wait_for_answers(1));
    const auto opened = std::get<session_opened>(f.so_far().answers.back());
    f.store.set_bytes_max(4096);
    for (std::uint64_t n = 1; n <= 10; ++n) // the first that does not fit turns it over
        f.thread->submit(numbered_event(n, "client", opened.generation, 10 * 1024));
    REQUIRE(f.wait([](const seen& s) { return !s.space.empty() && s.space.back(); }));
    put_subscription made{opened.incarnation, 1, {}};
    made.content.set_filter("a");
    f.thread->submit(local_request{21, true, {made}});
    f.thread->submit(local_request{22, true, {erase_subscription{opened.incarnation, 1}}});
    f.thread->submit(open_session(0, "other"));
    REQUIRE(f.wait_for_answers(2)); // nothing but the session
    f.store.set_bytes_max(k_large);
    REQUIRE(f.wait_for_answers(14));
    f.thread->stop();
    const auto kept = read_local_state(f.store);
    REQUIRE(kept.ok());
    REQUIRE(kept->sessions.size() == 2);
    for (const local_session& each : kept->sessions)
        CHECK(each.subscriptions.empty());
}

TEST_CASE("a small journal is looked at often enough for ingest to leave the reserve alone") {
    constexpr std::uint64_t k_quota = 4 * 1024 * 1024;
    fixture f(k_quota);
    const auto generation = f.connect();
    std::uint64_t n = 0;
    while (f.so_far().space.empty()) { // none waits for another: one commit for each
        f.thread->submit(numbered_event(++n, "client", generation, 10 * 1024));
        REQUIRE(f.wait([&](const seen& s) { return s.answers.size() > n || !s.space.empty(); }));
    }
    CHECK(f.so_far().space.back());
    CHECK(f.store.usage()->bytes_used < k_quota / 100 * 93);
}

TEST_CASE("deliveries are not refused for what ingest holds") {
    fixture f(64 * 1024 * 1024);
    auto generation = f.connect();
    f.store.set_bytes_max(1024);
    std::uint64_t n = 1;
    while (f.thread->submit(numbered_event(n, "client", generation, 1024 * 1024)))
        ++n;
    REQUIRE(f.wait([](const seen& s) { return !s.space.empty() && s.space.back(); }));
    f.thread->submit(open_session(0, "other")); // everything before it has been looked at
    REQUIRE(f.wait_for_answers(2));
    CHECK_FALSE(f.thread->submit(numbered_event(++n, "client", generation)));
    CHECK(f.thread->submit(delivery_request{9, 0, true, {}}));
    REQUIRE(f.wait_for_answers(3));
    CHECK(f.so_far().rooms == 0);
}

TEST_CASE("stopping at the quota leaves what is held unacknowledged and does not hang") {
    fixture f(64 * 1024 * 1024);
    auto generation = f.connect();
    f.store.set_bytes_max(1);
    f.thread->submit(numbered_event(1, "client", generation));
    f.thread->submit(open_session(0, "other"));
    REQUIRE(f.wait([](const seen& s) { return !s.space.empty() && s.space.back(); }));
    f.thread->stop();
    CHECK(f.ingested().empty());
}

TEST_CASE("from a fence on events are held and not answered, deliveries go on") {
    fixture f;
    auto generation = f.connect();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.wait_for_answers(2));
    f.thread->submit(delivery_request{1, 0, true, {fence_gateway{"another has it", 5}}});
    REQUIRE(f.wait_for_answers(3));
    f.thread->submit(numbered_event(2, "client", generation));
    f.thread->submit(delivery_request{2, 0, true, {settle_update{1, settlement::applied}}});
    REQUIRE(f.wait_for_answers(4));
    CHECK(f.ingested() == numbers(1, 1));
    CHECK(f.thread->snapshot().held == 1);
    CHECK(f.so_far().space.empty());
    f.thread->stop();
    CHECK(f.ingested() == numbers(1, 1));
}

TEST_CASE("what shares its group with a fence is not answered") {
    fixture f;
    auto generation = f.connect();
    f.commits.close();
    f.thread->submit(numbered_event(1, "client", generation));
    REQUIRE(f.commits.wait_until_entered());
    f.thread->submit(numbered_event(2, "client", generation));
    f.thread->submit(delivery_request{1, 0, true, {fence_gateway{"another has it", 5}}});
    f.commits.open();
    REQUIRE(f.wait_for_answers(3));
    f.thread->stop();
    CHECK(f.ingested() == numbers(1, 1));
    CHECK(f.thread->snapshot().held == 1);
    CHECK(f.thread->snapshot().state.last_sequence() == 1);
    CHECK(f.thread->snapshot().state.has_fence());
}
