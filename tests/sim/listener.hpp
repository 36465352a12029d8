// gateway/platform/listener.* and connection.* again, over simulated links: the same calls in the
// same order. What changes there has to change here; clients and broker are the product's own. One
// thread.
#pragma once

#include "gateway/broker/client.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/ingest/mqtt/session.hpp"
#include "tests/sim/link.hpp"
#include "tests/sim/process.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace wharf::sim {

class sim_connection;

struct listener_calls {
    std::function<bool(std::vector<journal_request>)> submit;
    // Bytes are handed to the network.
    std::function<void(const link&, std::string_view)> leaving;
};

class sim_listener {
  public:
    sim_listener(world& in, process& of, const plan& with, const intake& prepare,
                 mqtt::session_limits limits, broker::broker_options broker, listener_calls calls);
    ~sim_listener();
    sim_listener(const sim_listener&) = delete;
    sim_listener& operator=(const sim_listener&) = delete;

    // Before anything else: what the journal kept.
    status restore(local_state from, std::int64_t journal_offset_us);
    void accept(const std::shared_ptr<link>& on);
    // From the journal's thread.
    void on_answers(std::vector<journal_answer> answers);
    void on_room();
    void on_spent(std::vector<journal_request>& requests);
    void stop(std::int64_t wait_us, std::function<void()> done);
    // The process dies: its sockets are closed by the kernel, or fall silent with the machine.
    void drop_links(bool silently);
    [[nodiscard]] std::size_t queued_bytes() const { return broker_.queued_bytes(); }
    // Every bound of a connection.
    void check_bounds() const;

  private:
    friend class sim_connection;
    void submit(journal_request request);
    void hand_over();
    prepared_message take_spent();
    void shrink_spent();
    void retire(std::uint64_t id);
    void look_at_clock();
    void tick();
    void finish_stop();
    [[nodiscard]] std::int64_t now_ms() const { return process_.monotonic_us() / 1000; }

    world& world_;
    process& process_;
    process::way to_here_;
    const plan& plan_;
    const mqtt::session_limits limits_;
    const listener_calls calls_;
    prng random_;
    broker::broker broker_;
    std::vector<journal_request> requests_; // of this turn
    bool hand_over_posted_ = false;
    std::vector<journal_request> newly_spent_;
    std::vector<journal_request> spent_;
    std::size_t spent_least_ = 0;
    bool room_ = true;
    bool ticking_ = false;
    bool stopping_ = false;
    std::int64_t stop_by_us_ = 0;
    std::function<void()> stopped_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, std::shared_ptr<sim_connection>> connections_;
};

class sim_connection final : public broker::client_shell,
                             public link_end,
                             public std::enable_shared_from_this<sim_connection> {
  public:
    sim_connection(sim_listener& owner, std::uint64_t id, std::shared_ptr<link> on);

    void start();
    void pump();
    void tick();
    void on_answer(const journal_answer& answer) { client_.on_answer(answer); }
    void end(mqtt::reason why);
    void hold_publishes(bool hold) { client_.session().hold_publishes(hold); }
    void lost();
    void retire() { client_.retire(); }
    void drop_link(bool silently);
    [[nodiscard]] bool idle() const { return client_.session().owed_count() == 0 && !writing_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    void check_bounds() const;

    void arrived(link& on, std::string_view bytes) override;
    void ended(link& on) override;

  private:
    void wake() override;
    void close(std::string_view why) override;
    void answered(std::int64_t) override {}
    void published(std::uint8_t) override {}
    void sign_in(const mqtt::open_request&) override;
    [[nodiscard]] std::optional<std::string> owner() const override;
    [[nodiscard]] bool knows_owner(std::string_view) const override { return true; }
    void session_is_anothers() override {}
    [[nodiscard]] bool may_publish(std::string_view) override { return true; }
    [[nodiscard]] bool may_subscribe(std::string_view) override { return true; }
    [[nodiscard]] bool may_receive(std::string_view) override { return true; }

    void read();
    void write();
    void finish();

    sim_listener& owner_;
    const std::uint64_t id_;
    std::shared_ptr<link> link_;
    broker::client client_;
    std::string inbox_; // the socket's buffer
    std::string identity_;
    bool woken_ = false;
    bool writing_ = false;
    bool closing_ = false;
    bool finished_ = false;
    bool peer_gone_ = false;
};

} // namespace wharf::sim
