// One destination, from ready updates to settled ones: batches, seals, answers, retries, dead
// letters. A pure machine of the sync thread: inputs come with the time they happened, actions go
// out through take_actions(). No clock, no socket, no thread; jitter comes from the seed.
//
// What must be durable before what: a batch is sent only after its seal is. Outcomes need not be
// waited for: requests to the journal are applied in order, so the seal of a successor, journaled
// later, implies the settlement of what it follows. A crash before a settlement is durable leaves
// the seal, and the same bytes are sent again under the same keys. So memory goes on as soon as the
// request with the outcome is handed over.
//
// Errors: operating errors become alarms, retries or a stopped destination; a contradiction with
// the journal's contract is an assertion.
#pragma once

#include "gateway/journal/view.hpp"
#include "sync/delivery/actions.hpp"
#include "sync/delivery/answers.hpp"
#include "sync/delivery/backoff.hpp"
#include "sync/delivery/open_batch.hpp"
#include "sync/delivery/options.hpp"
#include "sync/delivery/parked_keys.hpp"
#include "sync/lanes/lane_windows.hpp"

#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wharf {

// When an input happened.
struct instant {
    std::int64_t now_us = 0; // monotonic
    // Goes on over restarts and while the process is away: how old a key is at the ERP. The shell
    // gives the wall clock; the machine asks where it contradicts what is on record.
    std::int64_t journal_us = 0;
};

// What the journal holds under a range of ordering keys.
struct parked_page {
    std::vector<parked_key> blocking; // keys with their first update that blocks
    // Parked under these keys without blocking; no matter if one is told twice.
    std::vector<std::pair<sequence, wharf::v1::ParkedUpdate>> loose;
    std::optional<std::uint64_t> next_from; // where to go on; nothing: that was all
};

// How long something took, of so many updates of a lane at once.
struct delivery_note {
    enum class what : std::uint8_t {
        sent,     // from the commit to the first attempt
        answered, // from the attempt to its answer; of a request, not of updates
        settled,  // from the commit to the ERP's word: applied, or refused for a person to see
    };
    what about = what::sent;
    lane in_lane = lane::shipment;
    std::int64_t took_us = 0;
    std::int64_t committed_us = 0; // monotonic; may be before the start. Of `answered`: 0
    std::uint64_t count = 1;
};

// For metrics, health and wharfctl.
struct destination_snapshot {
    std::string name;
    std::array<std::size_t, k_lane_count> pending_in_window{};
    std::array<std::int64_t, k_lane_count> oldest_pending_us{}; // journal time; 0: nothing pending
    std::array<sequence, k_lane_count> low_water{};
    std::array<bool, k_lane_count> at_tail{};
    circuit_state circuit = circuit_state::closed;
    std::size_t open_batches = 0;
    std::size_t requests_in_flight = 0;
    std::size_t items_in_flight = 0;
    std::size_t blocked_keys = 0;
    std::uint64_t applied = 0; // since the start
    std::uint64_t dead = 0;
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::optional<std::int64_t> last_applied_us; // monotonic; since the start
    bool paused = false;
    std::array<bool, k_lane_count> paused_lanes{};
    std::uint32_t requests_per_s_max = 0; // for a while; 0: as fast as it takes them
    std::int64_t limited_until_us = 0;    // monotonic
    std::string stopped;                  // the reason; empty while it runs
    bool fenced = false;                  // stopped for good: another gateway has taken over
    std::string last_error;
    // Until when the certificate is good that is shown to it, in seconds since 1970; the largest
    // number where none is. The shell's.
    std::int64_t certificate_to_s = std::numeric_limits<std::int64_t>::max();
};

class destination_machine {
  public:
    destination_machine(delivery_options options, std::uint64_t jitter_seed);

    // Once, before anything else.
    void start(const delivery_state& state, instant at);

    void on_appended(const std::vector<event_head>& heads, instant at);
    void on_more(sequence last, instant at);
    void on_heads(lane in_lane, const head_page& page, instant at);
    void on_head(sequence number, const event_head* head, instant at);
    void on_parked_keys(const parked_page& page, instant at);
    void on_first_parked(std::uint64_t key_hash, std::optional<sequence> first, instant at);
    void on_parked(sequence number, const wharf::v1::ParkedUpdate* content, instant at);
    // The bytes are made: their digest and size, and the heads of the items in their order.
    void on_rendered(batch_number batch, std::string digest, std::size_t bytes,
                     const std::vector<event_head>& heads, instant at);
    void on_render_failed(batch_number batch, const std::string& why, instant at);
    void on_journaled(std::uint64_t token, instant at);
    void on_answer(batch_number batch, const connector_answer& answer, instant at);
    // What the journal could not be read for; the shell asks again by itself or stops.
    void on_failure(const std::string& why, instant at);
    // The journal is short of space, or no longer. Meanwhile what becomes ready behind a dead
    // letter stays in its lane: to park it takes space and gives none back. And the oldest updates
    // of lanes that may be shed are, some at a time, until there is space.
    void on_space(bool full, instant at);
    void on_tick(instant at);

    // Commands of an operator; the reply action says what came of them, once it is durable.
    // `with`: true in the same commit as what the command does.
    void retry_dead(std::uint64_t command, sequence number, instant at, manage_ops with = {});
    void discard_dead(std::uint64_t command, sequence number, const std::string& reason, instant at,
                      manage_ops with = {});
    void pause(instant at);
    // Also starts a stopped destination again, but not where another gateway has taken over. All
    // lanes go on.
    void resume(instant at);
    // Nothing of this lane is sent: neither what is new nor what was sealed together with it. What
    // is on its way gets its answer.
    void pause_lane(lane which, bool paused, instant at);
    // At most so many requests a second until then; 0: no bound. A restart ends it.
    void limit_rate(std::uint32_t requests_per_s, std::int64_t for_us, instant at);
    // Another destination heard that another gateway has taken over: nothing is sent any more.
    void fence(const std::string& why, instant at);

    [[nodiscard]] std::vector<action> take_actions();
    // With options.notes: to be read and cleared after each input. They wait for nothing.
    [[nodiscard]] std::vector<delivery_note>& notes() { return notes_; }
    // When on_tick is due though nothing happens; nothing: not before the next input.
    [[nodiscard]] std::optional<std::int64_t> next_wake_us() const { return wake_; }
    [[nodiscard]] destination_snapshot snapshot() const;
    [[nodiscard]] const delivery_options& options() const { return options_; }
    // Nothing open, nothing waiting in memory, nothing with the journal.
    [[nodiscard]] bool idle() const;

  private:
    struct journaled {
        std::vector<batch_number> sealed;
        std::vector<std::uint64_t> keys;
        std::vector<sequence> changed;
        std::vector<std::uint64_t> commands;
    };
    // What an item went through in this process.
    struct trouble {
        std::uint32_t later = 0;
        std::uint32_t unknown = 0;
        std::uint64_t serial = 0;
        bool not_held = false; // the ERP said so after the last attempt
    };
    struct pending_command {
        std::uint64_t id = 0;
        bool discard = false;
        std::string reason;
        manage_ops with;
    };
    // A request that is being put together.
    struct draft {
        delivery_request request;
        journaled after;
    };

    // machine.cpp
    void pump(instant at);
    void compute_wake(instant at);
    void wake_at(std::int64_t when_us, instant at);
    void submit(draft& d);
    void alarm(const std::string& code, const std::string& text, bool raised = true);
    void stop(const std::string& why);
    void return_delayed(instant at);
    [[nodiscard]] bool running() const { return stopped_.empty() && !paused_ && keys_loaded_; }

    // machine_send.cpp
    [[nodiscard]] std::int64_t due_us(const open_batch& b, instant at) const;
    [[nodiscard]] open_batch* next_due(instant at);
    bool send_due(instant at);
    void send_batch(open_batch& b, instant at);
    [[nodiscard]] bool must_ask(const open_batch& b, instant at) const;
    [[nodiscard]] bool sendable(const open_batch& b) const;
    [[nodiscard]] bool waits_for_lane(const open_batch& b) const;
    [[nodiscard]] bool is_paused(const batch_entry& e) const {
        return paused_lanes_[index_of(e.in_lane)];
    }
    [[nodiscard]] std::int64_t next_request_us(instant at) const;
    void count_request(instant at);
    [[nodiscard]] std::size_t requests_in_flight() const;
    [[nodiscard]] std::size_t active_batches(instant at) const;

    // machine_compose.cpp
    bool absorb_ready(instant at);
    void note_passed_marks();
    bool compose(instant at);
    [[nodiscard]] std::size_t open_items_of(lane priority) const;
    bool compose_from(lane priority, instant at);
    [[nodiscard]] bool enough(lane priority) const;
    void pick(lane priority, open_batch& b, bool& full, instant at);
    void pick_released(lane priority, open_batch& b, std::size_t& bytes, bool& full, instant at);
    void pick_followers(lane priority, open_batch& b, std::size_t& bytes);
    [[nodiscard]] bool asks_alone(const batch_entry& e, instant at) const;
    [[nodiscard]] batch_entry entry_of(const event_head& head) const;
    [[nodiscard]] batch_entry entry_of(sequence number,
                                       const wharf::v1::ParkedUpdate& content) const;
    [[nodiscard]] bool any_blocked(const batch_entry& e) const;
    [[nodiscard]] bool any_in_flight(const batch_entry& e) const;
    void claim_number(open_batch& b) const;
    void open(open_batch b, bool fresh);
    void render(open_batch& b);
    void shrink(batch_number batch, instant at);
    void seal(open_batch& b, draft& d, instant at);

    // machine_outcome.cpp
    void on_request_verdict(open_batch& b, const connector_answer& answer, instant at);
    void on_items(open_batch& b, const connector_answer& answer, bool asked, instant at);
    void on_fenced(open_batch& b, const connector_answer& answer, bool asked, instant at);
    void on_forbidden(open_batch& b, const connector_answer& answer, instant at);
    void on_failed(open_batch& b, const connector_answer& answer, instant at);
    item_fate fate_of(open_batch& b, const batch_entry& e, const item_answer& answer, bool moved);
    item_fate fate_of_unknown(const batch_entry& e, const std::string& words);
    [[nodiscard]] bool put_off_too_often(open_batch& b, std::uint32_t times_max,
                                         bool held_up = false);
    void on_put_off(open_batch& b, const connector_answer& answer, std::uint32_t times_max,
                    instant at, bool held_up = false);
    void on_ask_failed(open_batch& b, const connector_answer& answer, instant at);
    [[nodiscard]] instant key_seen(const open_batch& b, const batch_entry& e, instant at) const;
    void again(open_batch& b, std::optional<std::int64_t> retry_after_us, instant at);
    void unlucky(open_batch& b, instant at, bool unreachable = false);
    void lucky();
    void close_circuit(const std::string& why);
    void resolve(batch_number batch, std::vector<item_fate> fates, instant at);
    void divide(open_batch& b, std::vector<item_fate> fates,
                std::vector<std::vector<std::size_t>> groups, instant at);
    void divide_when_rendered(batch_number parent, instant at);
    void apply_fates(open_batch& b, const std::vector<item_fate>& fates, draft& d, instant at);
    void apply_fate(open_batch& b, const batch_entry& e, const item_fate& fate, draft& d,
                    instant at);
    void close(batch_number batch);
    void note(delivery_note::what about, const batch_entry& e, instant at);

    // machine_shed.cpp
    void shed(instant at);
    void end_shedding(instant at);
    void step_aside(instant at);
    [[nodiscard]] bool sheddable(const batch_entry& e) const;
    [[nodiscard]] bool gives_way(lane priority, instant at) const;

    // machine_parked.cpp
    void verify(open_batch& b, instant at);
    void park(const batch_entry& e, wharf::v1::ParkedState state, const std::string& code,
              const std::string& message, std::uint32_t attempts, draft& d, instant at);
    void settle(const batch_entry& e, settlement how, draft& d);
    void look_after_parked();
    [[nodiscard]] bool past_help(const wharf::v1::ParkedUpdate& content, instant at) const;
    void execute(pending_command c, sequence number, const wharf::v1::ParkedUpdate* content,
                 instant at);
    [[nodiscard]] bool waits_for_dead(const batch_entry& e) const;
    void block_behind_dead(const batch_entry& e, draft& d);
    void remember_loose(sequence number, const wharf::v1::ParkedUpdate& content);
    void forget_loose(sequence number);
    [[nodiscard]] bool forgotten_since(std::int64_t since_us, instant at) const;

    delivery_options options_;
    jitter random_;
    circuit_breaker circuit_;
    lane_windows lanes_;
    parked_keys parked_;
    std::map<batch_number, open_batch> batches_;
    std::map<std::uint64_t, std::size_t> keys_in_flight_; // in how many open batches
    std::map<std::uint64_t, journaled> journaling_;
    std::map<sequence, trouble> troubles_;
    // Parked updates to be delivered, by priority, and all that are on their way to it.
    std::array<std::set<sequence>, k_lane_count> released_;
    std::set<sequence> released_known_;
    // Not before this time, monotonic.
    std::map<std::pair<std::int64_t, sequence>, batch_entry> delayed_;
    std::array<std::optional<std::int64_t>, k_lane_count> waiting_since_us_;
    std::set<sequence> to_check_; // became ready, blocked keys not looked at
    // Dead letters that do not block: to be waited for where a refusal says so. Bounded; past the
    // bound the oldest is forgotten, and a refusal behind it is a dead letter of its own.
    std::map<sequence, wharf::v1::ParkedUpdate> loose_dead_;
    std::map<std::uint64_t, std::set<sequence>> loose_keys_;
    std::map<sequence, pending_command> commands_;
    std::set<sequence> changing_;     // parked updates with a change in the journal's queue
    std::set<std::uint64_t> parking_; // tokens of requests that only park
    std::vector<action> actions_;
    std::vector<delivery_note> notes_;
    std::optional<std::int64_t> wake_;
    std::uint64_t next_token_ = 1;
    std::uint64_t successes_ = 0;
    std::set<batch_number> forbidden_batches_;
    std::int64_t hold_until_us_ = 0;
    std::size_t open_items_ = 0;
    bool keys_loaded_ = false;
    std::uint64_t keys_from_ = 0;
    bool paused_ = false;
    std::array<bool, k_lane_count> paused_lanes_{};
    std::uint32_t requests_per_s_max_ = 0; // 0: no bound
    std::int64_t limited_until_us_ = 0;
    std::int64_t next_request_us_ = 0; // not before, while there is a bound
    bool full_ = false;                // of blocked keys
    bool short_of_space_ = false;
    std::optional<std::uint64_t> shedding_; // token of the request that sheds
    std::int64_t shed_again_us_ = 0;        // not before, monotonic
    std::uint64_t shed_now_ = 0;            // since it began; 0: it is over
    std::int64_t shed_last_us_ = 0;
    // Space that comes and goes is one alarm.
    static constexpr std::int64_t k_shedding_over_us = 60'000'000;
    std::string stopped_;
    std::string last_error_;
    std::uint64_t applied_ = 0;
    std::uint64_t dead_ = 0;
    std::uint64_t requests_ = 0;
    std::uint64_t retries_ = 0;
    std::optional<std::int64_t> last_applied_us_;
};

} // namespace wharf
