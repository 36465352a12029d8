// The journal: applies groups of requests to the store, each group one transaction with its books.
// Pure policy over the store port. The journal thread owns it; gateway/platform/journal_thread.* is
// its shell.
//
// A group: begin(), apply() for each request, maintain() where there is time, commit(). Only after
// a durable commit are answers() and appended() true. After errc::no_space: roll_back() and apply
// less. After any other error, or commit_outcome::unknown: stop the process.
#pragma once

#include "gateway/identity/window.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/event_block.hpp"
#include "gateway/journal/order_table.hpp"
#include "gateway/journal/requests.hpp"
#include "gateway/journal/triggers.hpp"
#include "gateway/ports/store.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace wharf {

struct journal_options {
    std::string gateway;
    std::vector<std::string> destinations; // by name; at most limits::k_destinations_max ever
    identity_bounds identity;
    std::int64_t retention_us = 0;        // how long settled events stay, in journal time
    std::uint32_t retention_percent = 70; // of the quota; above it settled events go at once
    // Drawn at random by the caller; used for a new journal only.
    std::uint32_t epoch = 0;
    digest_key digests{};
};

// What recovery found.
struct recovery_report {
    bool created = false;
    epochs names; // under which its events have their names
    sequence last_sequence = k_no_sequence;
    std::uint64_t undelivered = 0; // pending at the destination that has the most of them
    std::uint64_t sessions = 0;
};

class journal {
  public:
    // Reads and checks what the journal stands on, and commits once: what was readable after a
    // failed meta write becomes durable before anything is acknowledged. REQUIRES: store and
    // identity outlive the journal. Errors: corrupt, unsupported (a newer format), conflict
    // (another gateway's journal), no_space, io.
    // A configuration that leaves out a destination with pending updates is a conflict too.
    static result<std::unique_ptr<journal>> open(store& in, identity_window& identity,
                                                 journal_options options, std::int64_t wall_us);

    [[nodiscard]] const recovery_report& recovery() const { return recovery_; }
    // With which digests of events given to it are made.
    [[nodiscard]] const digest_key& digests() const { return options_.digests; }
    // Numbers of the configured destinations, in the order of options.destinations.
    [[nodiscard]] const std::vector<std::uint8_t>& destinations() const { return numbers_; }

    status begin(std::int64_t journal_time_us);
    // Called before each apply(group[at]): brings near what apply() of later ones will look at.
    void prefetch(std::span<const journal_request> group, std::size_t at) const;
    status apply(const journal_request& request);
    // Takes away what has had its time: settled events, identities, sessions. Bounded, but never
    // slower than the group appends. bytes_percent: how full the store is. halvings: of the bounds,
    // for a store so full that even deleting has to be done in small steps.
    status maintain(std::uint32_t bytes_percent, unsigned halvings = 0);
    // Whether the open group changes anything. One that does not may be rolled back; its answers
    // promise nothing that has to be durable and are true without a commit.
    [[nodiscard]] bool dirty() const { return dirty_; }
    commit_result commit();
    void roll_back();

    // Of the last committed group, or of an open one that is not dirty.
    [[nodiscard]] std::vector<journal_answer> take_answers() { return std::move(answers_); }
    [[nodiscard]] std::vector<event_head> take_appended() { return std::move(appended_); }
    [[nodiscard]] const wharf::v1::JournalState& state() const { return state_; }
    // Another gateway has taken over: as of the last commit, and for good.
    [[nodiscard]] bool fenced() const { return state_.has_fence(); }
    // It was decommissioned, or is to be as it left the factory: the same, by an operator's word.
    [[nodiscard]] bool ended() const { return state_.has_end(); }
    // Journaled MQTT sessions, connected or not.
    [[nodiscard]] std::uint64_t sessions() const { return sessions_; }

  private:
    journal(store& in, identity_window& identity, journal_options options)
        : store_(in), identity_(identity), options_(std::move(options)) {}

    status recover(std::int64_t wall_us);
    status create(std::int64_t wall_us);
    status check_header();
    status register_destinations();
    status register_anew(int number);
    status open_identities();
    status read_low_water();
    status rebuild_order();
    result<sequence> load_order();
    status end_connections();

    status apply_one(const ingest_request& request);
    status apply_one(const session_open_request& request);
    status apply_one(const session_close_request& request);
    status apply_one(const session_release_request& request);
    status apply_one(const local_request& request);
    status apply_one(const quarantine_discard_request& request);
    status apply_one(const quarantine_release_request& request);
    status apply_one(const delivery_request& request);
    status apply_one(const manage_request& request);
    status apply_one(const end_request& request);
    [[nodiscard]] std::string objection_to_end(const end_request& request) const;

    // What is wrong with a message: one record for all of its events, its payload once.
    struct findings {
        wharf::v1::QuarantinedMessage record;
        std::string last_reason, last_detail;
        status note(const prepared_item& item, const prepared_quarantine& why,
                    sequence contradicts);
    };
    status judge(const prepared_message& message, const prepared_item& item,
                 const prepared_event& event, ingest_verdict& verdict, bool& keyless,
                 findings& bad);
    void add_receipt(const prepared_item& item, const ingest_verdict& before,
                     const ingest_verdict& after, const findings& bad,
                     std::vector<event_receipt>& out) const;
    result<std::optional<bool>> is_redelivery(const prepared_message& message);
    status append(const prepared_event& event, std::uint16_t flags);
    status write_group();
    status write_block();
    status write_order_where_due();
    status write_order(sequence as_of);
    status quarantine(const prepared_message& message, wharf::v1::QuarantinedMessage& record);
    status judge_again(const prepared_message& message, const wharf::v1::QuarantinedMessage& record,
                       findings& bad, quarantine_released& answer);
    status end_release(std::uint64_t number, const wharf::v1::QuarantinedMessage& before,
                       wharf::v1::QuarantinedMessage& left, const ingest_verdict& verdict);
    status note_redelivery_hint(const prepared_message& message, bool keyless);

    status apply_local(const std::vector<local_op>& ops);
    [[nodiscard]] bool is_live(std::uint64_t incarnation) const;
    status apply_op(const put_subscription& op);
    status apply_op(const erase_subscription& op);
    status apply_op(const queue_message& op);
    status apply_op(const release_queued& op);
    status apply_op(const erase_queued& op);
    status apply_op(const put_retained& op);
    status apply_op(const erase_retained& op);
    status apply_op(const erase_will& op);
    void set_live(std::uint64_t incarnation, bool live);
    // Of a session or a will; never used twice.
    std::uint64_t next_local();

    status apply_managed(const manage_ops& ops);
    status apply_op(const put_command& op);
    status apply_op(const erase_command& op);
    status apply_op(const append_audit& op);
    status apply_op(const put_roster& op);
    status apply_op(const put_outbound& op);
    status apply_op(const erase_outbound& op);
    status apply_op(const pause_destination& op);
    status apply_op(const set_drain& op);

    status apply_op(std::uint8_t destination, const seal_batch& op);
    status apply_op(std::uint8_t destination, const close_batch& op);
    status apply_op(std::uint8_t destination, const settle_update& op);
    status apply_op(std::uint8_t destination, const advance_low_water& op);
    status apply_op(std::uint8_t destination, const set_mark& op);
    status apply_op(std::uint8_t destination, const clear_mark& op);
    status apply_op(std::uint8_t destination, const park_update& op);
    status apply_op(std::uint8_t destination, const settle_parked& op);
    status apply_op(std::uint8_t destination, const fence_gateway& op);

    status retain(std::uint32_t bytes_percent, unsigned halvings);
    status cut_block(const std::string& key, const event_block& block,
                     const std::vector<sequence>& kept);
    result<std::vector<sequence>> parked_between(sequence first, sequence last);
    status take_out(sequence number);
    status expire_sessions();
    status wipe_session(std::string_view client_id, std::uint64_t incarnation);
    status wipe_prefix(const std::string& prefix);
    struct connection {
        std::uint64_t generation = 0;
        bool has_hints = false; // redelivery hints of the session may be in the store
    };
    // nullptr where the session was opened again since, or closed.
    [[nodiscard]] const connection* current(const std::string& client_id,
                                            std::uint64_t generation) const;
    void set_connected(const std::string& client_id, std::optional<connection> as);
    [[nodiscard]] bool is_configured(int destination) const;
    [[nodiscard]] bool settled_everywhere(const event_block& block) const;
    void note_shed(std::uint8_t destination, sequence number);
    status hollow(unsigned halvings, std::size_t deletes_max);
    result<std::set<std::pair<std::uint8_t, sequence>>> marked_between(sequence first,
                                                                       sequence last);
    result<std::size_t> hollow_block(const std::string& key, const event_block& block);
    status put(const std::string& key, const google::protobuf::MessageLite& content);
    status put(const std::string& key, std::string_view content);

    using low_waters = std::map<std::uint8_t, std::array<sequence, k_lane_count>>;

    store& store_;
    identity_window& identity_;
    journal_options options_;
    recovery_report recovery_;
    std::vector<std::uint8_t> numbers_;

    std::unique_ptr<store_writer> group_;
    bool dirty_ = false;
    std::int64_t now_us_ = 0;
    wharf::v1::JournalState state_; // as committed
    wharf::v1::JournalState next_;  // of the open group
    low_waters low_water_;
    low_waters next_low_water_;
    event_block_builder block_; // accepted in this group and not yet put
    order_table order_;
    sequence order_written_ = k_no_sequence; // the ordering table was written as of this event
    sequence next_order_written_ = k_no_sequence;
    bool order_due_in_group_ = false;
    unsigned order_pause_groups_ = 0;
    trigger_memory triggers_;
    std::unordered_map<std::string, connection> connected_; // by client id; never iterated
    // What connected_ was before the open group touched it, newest last.
    std::vector<std::pair<std::string, std::optional<connection>>> connected_undo_;
    // Incarnations of the journaled sessions; what is for others is left out. Never iterated.
    std::unordered_set<std::uint64_t> live_;
    std::vector<std::uint64_t> live_undo_; // changed in the open group: each the other way round
    std::uint64_t last_generation_ = 0;    // not taken back: no value is used twice
    std::uint64_t sessions_ = 0;
    std::uint64_t next_sessions_ = 0;
    std::int64_t session_sweep_us_ = 0; // when the next one is due
    std::int64_t next_session_sweep_us_ = 0;
    std::vector<journal_answer> answers_;
    std::vector<event_head> appended_;
    // How far updates were shed in this run, by destination, and how far hollow() has come behind.
    std::map<std::uint8_t, sequence> shed_to_;
    sequence hollowed_ = k_no_sequence;
};

} // namespace wharf
