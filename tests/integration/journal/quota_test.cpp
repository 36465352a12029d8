// The quota on the real store, through the real journal thread: ingest is held, everything else
// goes on, deliveries make retention free space, and what was held is committed.
#include "gateway/journal/inspect.hpp"
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "gateway/platform/system_clock.hpp"
#include "tests/integration/journal/child.hpp"
#include "tests/integration/journal/messages.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr auto k_patience = std::chrono::seconds(90);

struct witness {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t generation = 0;
    std::uint64_t acknowledged = 0;
    bool in_order = true;
    int delivered = 0;
    int opened = 0;
    bool full = false;
    std::string fatal;

    template <class Condition> bool wait(Condition&& condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, k_patience, [&] { return condition() || !fatal.empty(); }) &&
               fatal.empty();
    }
};

journal_callbacks callbacks_to(witness& w) {
    journal_callbacks calls;
    calls.answers = [&w](std::vector<journal_answer> answers) {
        std::lock_guard lock(w.mutex);
        for (const journal_answer& answer : answers) {
            if (const auto* opened = std::get_if<session_opened>(&answer)) {
                w.generation = opened->generation;
                ++w.opened;
            } else if (const auto* done = std::get_if<ingest_done>(&answer)) {
                w.in_order = w.in_order && done->token == w.acknowledged + 1;
                w.acknowledged = done->token;
            } else {
                ++w.delivered;
            }
        }
        w.changed.notify_all();
    };
    calls.appended = [](std::vector<event_head>) {};
    calls.space = [&w](bool full, const std::string&) {
        std::lock_guard lock(w.mutex);
        w.full = full;
        w.changed.notify_all();
    };
    calls.fatal = [&w](const error& why) {
        std::lock_guard lock(w.mutex);
        w.fatal = why.message;
        w.changed.notify_all();
    };
    return calls;
}

} // namespace

TEST_CASE("at a full quota ingest waits, deliveries free space, and nothing held is lost") {
    temporary_folder in;
    journal_store_options files;
    files.lmdb = {in.journal(), 16 * 1024 * 1024};
    files.ring.ring_bytes = GENERATE(0, 4 * 1024 * 1024);
    system_random random;
    auto store = std::move(open_journal_store(files, random)->over);
    identity_window window;
    journal_options options;
    options.gateway = "WH7";
    options.destinations = {"erp"};
    options.identity = {std::int64_t{1} << 50, 1'000'000};
    options.retention_us = std::int64_t{1} << 50;
    auto log = std::move(*journal::open(*store, window, options, 0));
    system_clock clock;
    witness w;
    constexpr std::uint64_t k_events = 1600; // of 12 KiB: more than fits
    {
        journal_thread thread(*log, *store, clock, callbacks_to(w));
        thread.start();
        thread.submit(open_session(0, "client"));
        REQUIRE(w.wait([&] { return w.opened == 1; }));
        for (std::uint64_t n = 1; n <= k_events; ++n)
            thread.submit(numbered_event(n, "client", w.generation, 12 * 1024));
        REQUIRE(w.wait([&] { return w.full; }));
        // A session is opened and deliveries are taken while ingest waits.
        thread.submit(open_session(0, "other"));
        REQUIRE(w.wait([&] { return w.opened == 2; }));
        CHECK(thread.snapshot().full);
        std::uint64_t settled = 0;
        int requests = 0;
        while (settled < k_events) {
            const std::uint64_t there = thread.snapshot().state.last_sequence();
            std::vector<delivery_op> ops;
            while (settled < there)
                ops.emplace_back(settle_update{++settled, settlement::applied});
            ops.emplace_back(advance_low_water{lane::inventory, settled});
            thread.submit(delivery_request{1, 0, true, std::move(ops)});
            ++requests;
            REQUIRE(w.wait([&] { return w.delivered == requests; }));
        }
        REQUIRE(w.wait([&] { return w.acknowledged == k_events; }));
        CHECK(w.in_order);
        thread.stop();
        CHECK(w.fatal.empty());
    }
    CHECK(log->state().last_sequence() == k_events);
    CHECK(log->state().destinations(0).applied() == k_events);
    auto checked = verify(*store);
    REQUIRE(checked.ok());
    CHECK(checked->findings_total == 0);
}
