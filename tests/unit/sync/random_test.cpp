// One seed draws the workload, the ERP's faults and the crashes. The ERP keeps its own ledger and
// is the witness: each update once, in order under each key, everything drained, books that agree.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

class faulty_erp {
  public:
    faulty_erp(jitter& random, const journal_model& journal) : random_(random), journal_(journal) {}

    connector_answer serve(const request& q, bool in_order) {
        if (calm) return take(q, in_order);
        const auto fault = random_.below(20);
        if (fault == 0) return refused_connection();
        if (fault == 1) return reset(); // before anything happened
        if (fault == 2) {
            take(q, in_order); // happened, and the answer is lost
            return reset();
        }
        if (fault == 3) {
            take(q, in_order);
            return http(500);
        }
        if (fault == 4) return http(random_.below(2) == 0 ? 503 : 502);
        if (fault == 5) {
            auto out = http(429);
            out.retry_after_us = 1 + random_.below(3'000'000);
            return out;
        }
        if (fault == 6 && q.items.size() > 1) return http(413);
        if (fault == 7 && q.items.size() > 1) return http(422);
        if (fault == 8) return http(409);
        auto out = take(q, in_order);
        if (fault == 9)
            out.items.resize(static_cast<std::size_t>(
                random_.below(static_cast<std::int64_t>(out.items.size() + 1))));
        return out;
    }

    connector_answer take(const request& q, bool in_order) {
        auto out = applied(q);
        bool go_on = true;
        for (std::size_t i = 0; i < q.items.size(); ++i) {
            auto& item = out.items[i];
            const auto number = q.items[i].number;
            if (q.asks) {
                item.status = ledger.contains(number) ? wharf::v1::ITEM_STATUS_ALREADY_APPLIED
                                                      : wharf::v1::ITEM_STATUS_NOT_HELD;
                continue;
            }
            if (ledger.contains(number)) {
                item.status = wharf::v1::ITEM_STATUS_ALREADY_APPLIED;
                continue;
            }
            if (!go_on) {
                item.status = wharf::v1::ITEM_STATUS_NOT_ATTEMPTED;
                continue;
            }
            const auto fault = calm ? 100 : random_.below(40);
            if (fault == 0)
                item = {wharf::v1::ITEM_STATUS_REFUSED, "closed", "no"};
            else if (fault == 1)
                item.status = wharf::v1::ITEM_STATUS_THROTTLED;
            else if (fault == 2)
                item.status = wharf::v1::ITEM_STATUS_ERROR;
            else if (fault == 3) {
                apply(number);
                item.status = wharf::v1::ITEM_STATUS_ERROR;
            } else
                apply(number);
            go_on = !in_order || fault > 3;
        }
        return out;
    }

    bool calm = false;
    std::set<sequence> ledger;
    std::size_t out_of_order = 0;

  private:
    void apply(sequence number) {
        ledger.insert(number);
        // What a person discarded may still arrive with a request that was long under way.
        if (journal_.settled(number) == settlement::discarded) return;
        for (const auto& link : journal_.head(number).links) {
            auto& last = last_of_key_[link.key_hash];
            if (number < last) ++out_of_order;
            last = std::max(last, number);
        }
    }
    jitter& random_;
    const journal_model& journal_;
    std::map<std::uint64_t, sequence> last_of_key_;
};

void crash(rig& r, faulty_erp& erp, jitter& random, std::vector<request>& late) {
    // Some of what the journal was given is durable, nobody was told.
    for (auto durable = random.below(static_cast<std::int64_t>(r.journaling.size()) + 1);
         durable > 0; --durable) {
        r.journal.apply(r.journaling.front());
        r.journaling.pop_front();
    }
    for (const auto& q : r.on_the_way) {
        if (q.asks) continue;
        const auto dice = random.below(3);
        if (dice == 0) erp.serve(q, r.options.in_order);
        if (dice == 1) late.push_back(q); // arrives when nobody expects it
    }
    r.restart();
}

void operate(rig& r, jitter& random, std::uint64_t& command) {
    std::vector<sequence> dead;
    for (const auto& [number, content] : r.journal.all_parked())
        if (content.state() == wharf::v1::PARKED_STATE_DEAD) dead.push_back(number);
    if (dead.empty()) return;
    const auto number =
        dead[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(dead.size())))];
    if (random.below(3) == 0)
        r.machine->discard_dead(++command, number, "test", r.now());
    else
        r.machine->retry_dead(++command, number, r.now());
    r.settle();
}

void one_history(std::uint64_t seed) {
    jitter random(seed);
    delivery_options options;
    options.in_order = random.below(3) == 0;
    options.in_flight_max = static_cast<std::size_t>(1 + random.below(4));
    options.retry_cap_us = 4'000'000;
    options.settle_us = 1'000'000;
    for (auto& lane_options : options.lanes) {
        lane_options.batch_items_max = static_cast<std::size_t>(1 + random.below(8));
        lane_options.dead_blocks = true; // so that order is strict
    }
    rig r(options, seed);
    r.scan_max = static_cast<std::size_t>(1 + random.below(50));
    faulty_erp erp(random, r.journal);
    std::vector<request> late;
    std::uint64_t command = 0;

    for (int step = 0; step < 1500; ++step) {
        const auto dice = random.below(100);
        if (dice < 25) {
            std::vector<std::uint64_t> keys;
            const auto count = 1 + random.below(3);
            while (static_cast<std::int64_t>(keys.size()) < count) {
                const auto key = static_cast<std::uint64_t>(random.below(25));
                if (std::ranges::count(keys, key) == 0) keys.push_back(key);
            }
            const auto in_lane = static_cast<lane>(random.below(k_lane_count));
            if (random.below(10) == 0)
                r.append_silently(in_lane, keys);
            else
                r.append(in_lane, keys);
        } else if (dice < 55) {
            r.commit_one();
        } else if (dice < 85 && !r.on_the_way.empty()) {
            const auto which = static_cast<std::size_t>(
                random.below(static_cast<std::int64_t>(r.on_the_way.size())));
            const auto q = r.on_the_way[which];
            r.answer(q, erp.serve(q, options.in_order));
        } else if (dice < 96) {
            r.now_us += random.below(1'000'000);
            r.machine->on_tick(r.now());
            r.settle();
        } else if (dice < 97) {
            operate(r, random, command);
        } else if (dice < 98) {
            crash(r, erp, random, late);
        } else if (!late.empty()) {
            erp.serve(late.back(), options.in_order);
            late.pop_back();
        }
    }
    // The weather clears: everything drains, and people look after the dead letters.
    erp.calm = true;
    for (int round = 0; round < 200; ++round) {
        r.machine->on_more(r.journal.last(), r.now());
        r.settle();
        r.commit_all();
        r.run([&](const request& q) { return erp.serve(q, options.in_order); }, 3'600'000'000);
        if (r.journal.books().pending == 0 && r.journal.books().dead == 0) break;
        operate(r, random, command);
    }
    const auto books = r.journal.books();
    INFO("seed " << seed << ": pending " << books.pending << " dead " << books.dead);
    CHECK(books.pending == 0);
    CHECK(books.dead == 0);
    CHECK(erp.out_of_order == 0);
    CHECK(r.machine->idle());
    // Applied here and there are the same; a discarded one may have taken effect unseen.
    for (sequence number = 1; number <= r.journal.last(); ++number) {
        if (r.journal.settled(number) == settlement::applied && !erp.ledger.contains(number))
            FAIL_CHECK("seed " << seed << ": " << number << " counts as applied and is not");
        if (r.journal.settled(number) != settlement::applied &&
            r.journal.settled(number) != settlement::discarded)
            FAIL_CHECK("seed " << seed << ": " << number << " has no end");
    }
    CHECK(r.machine->snapshot().blocked_keys == 0);
    CHECK(r.journal.open().empty());
}

} // namespace

TEST_CASE("random histories with faults and crashes: once, in order, drained, books that agree") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        INFO("seed " << seed);
        try {
            one_history(seed);
        } catch (const std::exception& failure) {
            FAIL("seed " << seed << ": " << failure.what());
        }
    }
}
