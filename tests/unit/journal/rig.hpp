// A journal over the model store, with the requests of ingest and delivery in short, and both
// equations of the books checked after every commit.
#pragma once

#include "gateway/journal/journal.hpp"
#include "gateway/journal/view.hpp"
#include "tests/support/identities.hpp"
#include "tests/support/model_store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace wharf::test {

// Holds the books against each other; a Catch2 assertion fails where they do not balance.
void check_balance(const wharf::v1::JournalState& state);

struct event_draft {
    event_draft(std::vector<std::string> identity_keys, std::string text,
                lane which = lane::inventory, std::vector<std::uint64_t> ordered_by = {},
                std::string trigger_key = {},
                double_trigger_policy policy = double_trigger_policy::keep)
        : keys(std::move(identity_keys)), content(std::move(text)), in_lane(which),
          order_keys(std::move(ordered_by)), trigger(std::move(trigger_key)), on_trigger(policy) {}

    std::vector<std::string> keys;
    std::string content;
    lane in_lane;
    std::vector<std::uint64_t> order_keys;
    std::string trigger;
    double_trigger_policy on_trigger;
};
prepared_event make_event(const event_draft& draft);

// One PUBLISH at QoS 1 in the session "client", generation 1, until told otherwise.
prepared_message make_message(std::vector<event_draft> events);
prepared_message make_unreadable(std::string payload);

delivery_request deliver(std::vector<delivery_op> ops, std::uint8_t destination = 0);
wharf::v1::ParkedUpdate parked(wharf::v1::ParkedState state, std::vector<std::uint64_t> keys,
                               lane in_lane = lane::inventory);

class rig {
  public:
    explicit rig(std::vector<std::string> destinations = {"erp"});

    // Ends the journal and opens it again over what the store holds.
    status try_open();
    void open();
    void restart();
    void power_cut();

    // One group: begin, apply each, maintain, commit. The answers of a durable one.
    std::vector<journal_answer> commit(std::vector<journal_request> requests);
    commit_result try_commit(const std::vector<journal_request>& requests);
    void roll_back(const std::vector<journal_request>& requests);

    // Opens a session and returns its answer.
    session_opened connect(const std::string& client = "client", bool clean = false,
                           std::uint32_t expiry_s = 3600);
    ingest_verdict ingest(prepared_message message);
    ingest_verdict ingest_one(event_draft event);

    [[nodiscard]] journal& under_test() { return *journal_; }
    [[nodiscard]] const wharf::v1::JournalState& state() const { return journal_->state(); }
    [[nodiscard]] const wharf::v1::DestinationBooks& books(int destination = 0) const {
        return journal_->state().destinations(destination);
    }
    [[nodiscard]] journal_view view() { return journal_view(store); }
    [[nodiscard]] bool has_event(sequence number);

    model_store store;
    identity_window window;
    journal_options options;
    std::int64_t now_us = 1'000'000;
    std::uint32_t percent = 0;
    std::uint64_t generation = 0; // of "client"

  private:
    std::unique_ptr<journal> journal_;
};

} // namespace wharf::test
