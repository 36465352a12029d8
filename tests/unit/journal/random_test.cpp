// Random requests, roll-backs, refusals and crashes against a plain model: maps and vectors that
// follow the rules directly. One seed decides everything.
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

using namespace wharf;
using namespace wharf::test;

namespace {

enum class place { pending, settled, waiting, dead };

struct modelled_event {
    std::vector<std::string> keys;
    std::string content;
    lane in_lane = lane::inventory;
    std::set<std::uint64_t> order_keys;
    place at = place::pending;
};

// A message of which some events are in quarantine.
struct modelled_message {
    std::vector<event_draft> drafts;
    std::set<std::uint32_t> apart; // which of them
};

struct model {
    std::map<std::string, std::string> identities; // key -> content
    std::vector<modelled_event> events;            // by sequence - 1
    std::array<sequence, k_lane_count> low_water{};
    std::uint64_t received = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t applied = 0;
    std::uint64_t dead = 0;
    std::map<std::uint64_t, modelled_message> apart; // by number
    std::uint64_t next_apart = 1;
};

class walker {
  public:
    explicit walker(unsigned seed) : random_(seed) {
        rig_.options.retention_us = 50;
        rig_.restart();
        rig_.connect();
    }

    void step() {
        rig_.now_us += 10;
        model after = model_;
        std::vector<journal_request> group;
        for (std::uint64_t i = below(6); i > 0; --i)
            group.push_back(below(3) == 0   ? delivery(after)
                            : below(4) == 0 ? release(after)
                                            : ingest(after));
        switch (below(12)) {
        case 0:
            rig_.roll_back(group);
            break;
        case 1:
            refused(group, std::move(after));
            break;
        case 2:
            crash(group, std::move(after));
            break;
        default:
            rig_.commit(group);
            model_ = std::move(after);
        }
        compare();
    }

    void check_all() {
        check_links();
        auto checked = verify(rig_.store);
        REQUIRE(checked.ok());
        for (const finding& one : checked->findings)
            UNSCOPED_INFO(one.where << ": " << one.what);
        REQUIRE(checked->findings_total == 0);
        for (const auto& [key, content] : model_.identities) {
            auto reader = rig_.store.begin_read();
            auto match = rig_.window.find(**reader, keys_of({key}), content_of(content));
            REQUIRE(match->what == identity_match::kind::same);
        }
    }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    void judge(model& to, const event_draft& draft) {
        ++to.received;
        bool same = false;
        for (const std::string& key : draft.keys) {
            auto known = to.identities.find(key);
            if (known == to.identities.end()) continue;
            if (known->second != draft.content) {
                ++to.quarantined;
                return;
            }
            same = true;
        }
        if (same) {
            ++to.duplicate;
            return;
        }
        for (const std::string& key : draft.keys)
            to.identities[key] = draft.content;
        modelled_event event{draft.keys, draft.content, draft.in_lane, {}, place::pending};
        event.order_keys.insert(draft.order_keys.begin(), draft.order_keys.end());
        to.events.push_back(std::move(event));
    }

    // Reads a message again in which something was mended: what was taken of it stays as it is.
    journal_request release(model& to) {
        quarantine_release_request out;
        out.number = 1 + below(to.next_apart);
        out.message.without_session = true;
        const auto found = to.apart.find(out.number);
        if (found == to.apart.end()) {
            out.message = make_message({event_draft({"never"}, "taken")});
            return out;
        }
        modelled_message& message = found->second;
        std::set<std::uint32_t> left;
        for (const std::uint32_t index : message.apart) {
            event_draft& draft = message.drafts[index];
            if (below(2) == 0) draft.keys = {"n" + std::to_string(below(400))};
            const std::uint64_t before = to.quarantined--;
            --to.received;
            judge(to, draft);
            if (to.quarantined == before) left.insert(index);
        }
        out.message = make_message(message.drafts);
        out.message.without_session = true;
        message.apart = std::move(left);
        if (message.apart.empty()) to.apart.erase(found);
        return out;
    }

    journal_request ingest(model& to) {
        modelled_message noted;
        std::vector<event_draft> drafts;
        for (std::uint64_t i = 1 + below(3); i > 0; --i) {
            event_draft draft({}, "c" + std::to_string(below(3)));
            if (below(8) != 0) draft.keys.push_back("n" + std::to_string(below(400)));
            if (!draft.keys.empty() && below(2) == 0)
                draft.keys.push_back("b" + std::to_string(below(400)));
            std::set<std::uint64_t> order_keys;
            for (std::uint64_t k = below(4); k > 0; --k)
                order_keys.insert(below(6) + (below(4) == 0 ? 64 * 1024 : 0));
            draft.order_keys.assign(order_keys.begin(), order_keys.end());
            draft.in_lane = static_cast<lane>(below(4));
            const std::uint64_t before = to.quarantined;
            judge(to, draft);
            if (to.quarantined > before)
                noted.apart.insert(static_cast<std::uint32_t>(drafts.size()));
            drafts.push_back(std::move(draft));
        }
        if (!noted.apart.empty()) {
            noted.drafts = drafts;
            to.apart[to.next_apart++] = std::move(noted);
        }
        auto message = make_message(drafts);
        message.generation = rig_.generation;
        return ingest_request{1, std::move(message)};
    }

    // Settles or parks some of what is there, and moves the low-water marks as far as they go.
    journal_request delivery(model& to) {
        std::vector<delivery_op> ops;
        for (std::size_t tries = below(8); tries > 0 && !to.events.empty(); --tries) {
            std::size_t at =
                to.events.size() - 1 - below(std::min<std::size_t>(to.events.size(), 40));
            finish(to, at, ops);
        }
        for (std::size_t i = 0; i < k_lane_count; ++i) {
            sequence mark = to.low_water[i];
            while (mark < to.events.size() && (to.events[mark].in_lane != static_cast<lane>(i) ||
                                               to.events[mark].at != place::pending))
                ++mark;
            if (std::exchange(to.low_water[i], mark) != mark)
                ops.emplace_back(advance_low_water{static_cast<lane>(i), mark});
        }
        return deliver(std::move(ops));
    }

    void finish(model& to, std::size_t at, std::vector<delivery_op>& ops) {
        modelled_event& event = to.events[at];
        sequence number = at + 1;
        std::vector<std::uint64_t> keys(event.order_keys.begin(), event.order_keys.end());
        auto park = [&](wharf::v1::ParkedState state) {
            ops.emplace_back(park_update{number, parked(state, keys, event.in_lane)});
        };
        if (event.at == place::pending && below(4) == 0) {
            event.at = below(2) == 0 ? place::dead : place::waiting;
            if (event.at == place::dead) ++to.dead;
            park(event.at == place::dead ? wharf::v1::PARKED_STATE_DEAD
                                         : wharf::v1::PARKED_STATE_WAITING);
        } else if (event.at == place::pending) {
            event.at = place::settled;
            ++to.applied;
            ops.emplace_back(settle_update{number, settlement::applied});
            ops.emplace_back(set_mark{event.in_lane, number});
            ops.emplace_back(clear_mark{event.in_lane, number});
        } else if (event.at != place::settled) {
            if (event.at == place::dead) --to.dead;
            event.at = place::settled;
            ++to.applied;
            ops.emplace_back(settle_parked{number, settlement::applied});
        }
    }

    void refused(const std::vector<journal_request>& group, model after) {
        if (below(2) == 0)
            rig_.store.refuse_commits(1);
        else
            rig_.store.refuse_put_after(below(30));
        if (rig_.try_commit(group).outcome == commit_outcome::durable) model_ = std::move(after);
        rig_.store.restart(); // a refusal that a short group did not come to
    }

    void crash(const std::vector<journal_request>& group, model after) {
        bool durable = below(2) == 0;
        bool readable = below(2) == 0;
        bool power = below(2) == 0;
        rig_.store.fail_commit(readable, durable);
        REQUIRE(rig_.try_commit(group).outcome == commit_outcome::unknown);
        if (power ? durable : readable) model_ = std::move(after);
        if (power)
            rig_.power_cut();
        else
            rig_.restart();
        check_links();
        rig_.connect();
    }

    void compare() {
        const auto& state = rig_.state();
        REQUIRE(state.last_sequence() == model_.events.size());
        REQUIRE(state.intake().received() == model_.received);
        REQUIRE(state.intake().duplicate() == model_.duplicate);
        REQUIRE(state.intake().quarantined() == model_.quarantined);
        REQUIRE(state.next_quarantine() == model_.next_apart);
        REQUIRE(state.next_quarantine() - 1 - state.quarantine_released() == model_.apart.size());
        REQUIRE(state.next_identity() - state.oldest_identity() == model_.identities.size());
        REQUIRE(rig_.books().applied() == model_.applied);
        REQUIRE(rig_.books().dead() == model_.dead);
        REQUIRE(rig_.books().pending() == model_.events.size() - model_.applied - model_.dead);
    }

    // Every earlier pending event of a key must be reached by following `previous`.
    void check_links() {
        std::map<sequence, std::set<sequence>> reach;
        auto view = rig_.view();
        for (sequence n = 1; n <= model_.events.size(); ++n) {
            const modelled_event& event = model_.events[n - 1];
            auto head = view.head(n);
            if (event.at != place::settled) REQUIRE(head.ok()); // retention takes no such event
            if (!head.ok()) continue;
            REQUIRE(head->links.size() == event.order_keys.size());
            for (const order_link& link : head->links) {
                std::set<sequence>& reached = reach[n];
                if (link.previous == k_no_sequence) continue;
                reached.insert(link.previous);
                reached.insert(reach[link.previous].begin(), reach[link.previous].end());
                REQUIRE(link.previous_lane == model_.events[link.previous - 1].in_lane);
            }
            if (event.at != place::pending) continue;
            for (sequence before = 1; before < n; ++before) {
                const modelled_event& other = model_.events[before - 1];
                if (other.at != place::pending) continue;
                for (std::uint64_t key : other.order_keys)
                    if (event.order_keys.contains(key)) REQUIRE(reach[n].contains(before));
            }
        }
    }

    std::mt19937 random_;
    rig rig_;
    model model_;
};

} // namespace

TEST_CASE("the journal does what a plain model does, through roll-backs and crashes") {
    for (unsigned seed = 1; seed <= 12; ++seed) {
        INFO("seed " << seed);
        walker w(seed);
        for (int step = 0; step < 150; ++step) {
            INFO("step " << step);
            w.step();
        }
        w.check_all();
    }
}
