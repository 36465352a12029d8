// The command desk with everything around it: the fleet broker and the gateway's key, where a fleet
// is configured, the journal, workers that verify and sign. Whoever runs commands gets them through
// `run`. Everything is called on the io_context's thread and the callbacks run there.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/manage/desk.hpp"
#include "gateway/manage/succession.hpp"
#include "gateway/platform/fleet/fleet_broker.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/keys.hpp"
#include "gateway/ports/random.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace wharf {

struct fleet_desk_callbacks {
    // Answered by on_answer(manage_done).
    std::function<void(manage_request)> submit;
    // Performs a command: finish(), or done_with() and rode().
    std::function<void(const manage::act::run&)> run;
    // What the gateway says of itself now; the desk adds what it knows.
    std::function<wharf::v1::GatewayState()> look;
    std::function<std::int64_t()> journal_time_us;
    std::function<void(bool warning, const std::string& text)> log;
    // The last words are with the broker, and all that was to be said before them. Perhaps again.
    std::function<void()> last_said;
};

struct fleet_status {
    bool configured = false;
    bool connected = false;
    std::int64_t since_us = 0; // wall clock
    std::string last_error;
    manage::desk_counts commands;
};

class fleet_desk {
  public:
    struct parts {
        boost::asio::io_context& io;
        worker_pool& workers;
        clock_port& clock;
        random_port& random;
        // The gateway has ended: nobody is obeyed over the fleet, and its state is its last words.
        bool ended = false;
    };
    // `found`: of the journal. Where a fleet is configured there has to be a key, and it fails
    // where operators are none. Without one only users of this machine order.
    static result<std::unique_ptr<fleet_desk>>
    make(parts with, const fleet_config& settings, const gateway_config& gateway,
         std::optional<private_key> key, const digest_key& nonce_key, manage::roster first,
         manage_state found, std::string password, fleet_desk_callbacks callbacks);
    ~fleet_desk();
    fleet_desk(const fleet_desk&) = delete;
    fleet_desk& operator=(const fleet_desk&) = delete;

    void start();
    void stop(std::uint32_t wait_ms);

    void on_answer(const manage_done& done);
    void finish(manage::ticket of, manage::command_outcome outcome);
    [[nodiscard]] manage_ops done_with(manage::ticket of, manage::command_outcome outcome);
    void rode(manage::ticket of);
    // The same where the outcome is known only then: rode() gets the report that was made of it.
    [[nodiscard]] std::optional<manage::late_end> ends_later(manage::ticket of);
    void rode(manage::ticket of, std::string report);
    [[nodiscard]] manage_ops begun_with(manage::ticket of, std::string how);
    void answer_early(manage::ticket of, manage::command_outcome so_far);
    // Sent, not kept.
    void tell_progress(manage::ticket of, manage::command_outcome so_far);
    void change_operators(manage::ticket of, manage::roster next, manage::command_outcome outcome);
    [[nodiscard]] const manage::roster& operators() const { return desk_->operators(); }
    // From a user of this machine, under an id that is drawn here; `reply` gets its last report.
    void order(wharf::v1::Command command, const std::string& user,
               std::function<void(const wharf::v1::CommandReport&)> reply);
    // Nobody hears of it where no fleet is configured.
    void raise(wharf::v1::GatewayEvent event);
    // Its outcome is not durable yet.
    [[nodiscard]] bool is_open(manage::ticket of) const { return desk_->is_open(of); }

    // The gateway's key. With another one the link is made anew: its last word is signed by it.
    [[nodiscard]] const std::optional<private_key>& key() const { return key_; }
    void use_key(private_key key, const manage::successions& former);
    // Makes the link anew, with what the files of the settings hold; `done` once the broker has
    // taken a state, or refused it with why. Nothing as long as it is not reached: status() says
    // what is in the way.
    void try_link(std::function<void(const std::string& refused)> done);
    void reconnect();

    // What `look` says is news: it is told soon.
    void want_state();
    [[nodiscard]] fleet_status status() const;

  private:
    fleet_desk(parts with, const fleet_config& settings, const gateway_config& gateway,
               std::optional<private_key> key, fleet_desk_callbacks callbacks);

    [[nodiscard]] manage::desk_time now() const;
    void perform();
    void perform(manage::act::check& one);
    void perform(manage::act::journal& one);
    void perform(manage::act::run& one);
    void perform(manage::act::publish& one);
    void perform(manage::act::answer& one);
    void perform(manage::act::log& one);
    void perform(manage::act::operators_changed& one);
    [[nodiscard]] std::string topic(std::string_view channel) const;
    [[nodiscard]] wharf::v1::GatewayState state_now(bool gone);
    void sign_and_send(std::string channel, std::string report, std::uint64_t number);
    void send_signed();
    // number 0: nobody wants to hear of it.
    void send_state(std::uint64_t number = 0);
    void say_last();
    void proven(const std::string& refused);
    void tick();

    const parts with_;
    const fleet_config settings_;
    const gateway_config gateway_;
    std::optional<private_key> key_;
    std::function<void(const std::string&)> proof_; // waits for the broker's word
    const fleet_desk_callbacks callbacks_;
    std::unique_ptr<manage::command_desk> desk_;
    std::unique_ptr<fleet_broker> broker_; // where one is configured
    boost::asio::steady_timer timer_;
    std::map<manage::ticket, std::function<void(const wharf::v1::CommandReport&)>> waiting_;
    fleet_status status_;
    std::int64_t started_at_us_ = 0; // wall clock
    std::int64_t state_due_us_ = 0;
    std::int64_t state_sent_us_ = 0;
    std::string nonce_told_;
    std::uint64_t states_ = 0;
    bool send_again_ = false; // what waits, from the first
    struct signing {
        std::string channel;
        std::string bytes; // signed, once it is done; empty: that failed
        std::uint64_t number = 0;
        bool done = false;
    };
    std::deque<std::shared_ptr<signing>> signing_; // in the order in which it is sent
    bool stopped_ = false;
    bool last_sent_ = false;                                // the last words, on this connection
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); // for what workers bring back
};

} // namespace wharf
