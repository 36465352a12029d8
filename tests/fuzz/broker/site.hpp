// A site on one thread: the product's broker, its clients and its journal over a store in memory,
// with a journal thread that works when it is told to. What comes out goes to the model.
#pragma once

#include "gateway/broker/broker.hpp"
#include "gateway/broker/client.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/journal/journal.hpp"
#include "tests/fuzz/broker/model.hpp"
#include "tests/support/model_store.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wharf::fuzz {

class site;

// One connection and the client behind it.
class peer final : public broker::client_shell {
  public:
    peer(site& at, connection what, std::optional<std::string> owner);
    ~peer() override { machine.retire(); }

    // A packet, and what the client has done once it is sent whole.
    void send(std::string bytes, std::function<void()> done = {});
    // No more than so many of the bytes that wait are sent for now.
    void stop_after(std::size_t bytes) { allowed_ = bytes; }
    void go_on() { allowed_ = std::string::npos; }
    void cut();

    void wake() override {}
    void close(std::string_view why) override;
    void answered(std::int64_t) override {}
    void published(std::uint8_t) override {}
    void sign_in(const mqtt::open_request&) override { machine.signed_in(mqtt::reason::success); }
    [[nodiscard]] std::optional<std::string> owner() const override { return owner_; }
    [[nodiscard]] bool knows_owner(std::string_view name) const override { return name != "gone"; }
    void session_is_anothers() override {}
    [[nodiscard]] bool may_publish(std::string_view topic) override { return topic != "no"; }
    [[nodiscard]] bool may_subscribe(std::string_view filter) override { return filter != "no"; }
    [[nodiscard]] bool may_receive(std::string_view) override { return true; }

    site& of;
    connection seen;
    broker::client machine;
    bool reads = true;
    bool gone = false; // its connection is over

  private:
    friend class site;
    [[nodiscard]] std::string name() const;
    bool feed();  // true: something was read
    bool write(); // true: something was written
    void lose();
    [[nodiscard]] std::int64_t ended_us() const;
    void check_bounds() const;

    std::optional<std::string> owner_;
    struct waiting {
        std::size_t end;
        std::function<void()> done;
    };
    std::string outbox_;
    std::deque<waiting> packets_;
    std::size_t allowed_ = std::string::npos;
    bool closing_ = false;
    std::int64_t closed_us_ = 0;
    bool good_bye_ = false;
};

struct site_options {
    broker::broker_options broker;
    mqtt::session_limits session;
};

class site {
  public:
    explicit site(site_options options);
    ~site();

    peer& connect(connection what, std::optional<std::string> owner, std::string packet);
    // Until nobody has anything to say.
    void run();
    void advance(std::int64_t us);
    // One group of at most so many requests. Its answers wait.
    void commit(std::size_t requests_max);
    void answer(std::size_t most);
    // Commits and answers until nothing is left.
    void settle();
    // The same, and the disk refuses nothing any more.
    void heal();
    void set_full(bool full) { full_ = full; }
    void refuse_put_after(unsigned puts) { store_.refuse_put_after(puts); }
    void refuse_commit() { store_.refuse_commits(1); }
    // The process ends in the middle of a commit, and starts again.
    void fail_commit(bool readable, bool durable);
    // The process ends and starts again; in good order nothing that was asked for is lost.
    void restart(bool in_order);
    void hold_publishes(bool hold);
    // What the journal holds of sessions, queues and wills.
    [[nodiscard]] std::string left_over() const;

    [[nodiscard]] std::vector<std::unique_ptr<peer>>& peers() { return peers_; }
    [[nodiscard]] std::int64_t now_us() const { return now_us_; }
    [[nodiscard]] const site_options& options() const { return options_; }
    [[nodiscard]] const broker::broker& machine() const { return *broker_; }
    // What the broker counts as lost for a subscriber, over all its lives.
    [[nodiscard]] std::uint64_t dropped() const;
    [[nodiscard]] std::uint64_t delivered() const {
        return delivered_before_ + broker_->counters().delivered;
    }

    model known;
    std::function<void(peer&, const said&)> on_said;

  private:
    friend class peer;
    void start();
    void end_process();
    void look();
    void submit(journal_request request);
    status apply(const std::vector<journal_request>& group);
    bool try_commit(std::vector<journal_request>& group);
    void hold_back(std::vector<journal_request>& group, bool in_front);
    void check_bounds() const;

    site_options options_;
    test::model_store store_;
    std::unique_ptr<identity_window> window_;
    std::unique_ptr<journal> journal_;
    std::unique_ptr<broker::broker> broker_;
    std::vector<std::unique_ptr<peer>> peers_;
    std::deque<journal_request> queue_, held_;
    std::deque<journal_answer> answers_;
    std::map<std::uint64_t, std::size_t> messages_; // by token
    std::uint64_t refused_before_ = 0;
    std::uint64_t dropped_before_ = 0;
    std::uint64_t delivered_before_ = 0;
    std::size_t restored_bytes_ = 0; // of queues, when the process started
    std::uint64_t last_id_ = 0;
    std::int64_t now_us_ = 1'000'000;
    std::int64_t committed_us_ = 0;
    bool full_ = false;
    bool publishes_held_ = false;
};

} // namespace wharf::fuzz
