// Where commands arrive: checks who may ask, journals what changes something before it is done, has
// it done, journals the outcome together with what it did, and reports. A pure machine: one thread,
// which feeds it what happened and performs its actions in order. docs/formats/fleet.md says the
// order of the checks and who gets an answer.
//
// A command that changes something is on disk before it runs. After a crash it is run `again` until
// its outcome is on disk; whoever runs it makes sure that again does no harm, or lets the outcome
// ride (done_with) in the transaction that makes its effect true.
#pragma once

#include "gateway/access/log_budget.hpp"
#include "gateway/access/token_bucket.hpp"
#include "gateway/journal/manage_state.hpp"
#include "gateway/journal/requests.hpp"
#include "gateway/manage/kinds.hpp"
#include "gateway/manage/late_end.hpp"
#include "gateway/manage/nonces.hpp"
#include "gateway/manage/roster.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace wharf::manage {

struct desk_time {
    std::int64_t now_us = 0; // never goes back
    std::int64_t wall_us = 0;
    bool wall_synchronised = false;
    std::int64_t journal_us = 0;
};

// A command that is on its way; never 0, not used twice in a run.
using ticket = std::uint64_t;

namespace act {
// Which of these signatures hold over `bytes`? Answered by on_checked. Off the desk's thread.
struct check {
    ticket of = 0;
    std::string bytes;
    std::vector<std::pair<public_key, std::string>> signatures;
};
// Answered by on_journaled, once it is durable.
struct journal {
    manage_request request;
};
// Answered by finish(), or by on_rode() after done_with().
struct run {
    ticket of = 0;
    std::shared_ptr<const wharf::v1::Command> command;
    bool again = false; // a run before may have done it
    std::string by;     // who orders it
    bool local = false; // a user of this machine
    std::string begun;  // what that run noted of it
};
// To be signed and sent. `outbound`: kept until on_delivered(it); 0: sent once, or not.
struct publish {
    std::string channel; // "res" or "event"
    std::string report;
    std::uint64_t outbound = 0;
};
// To a user of this machine, who waits.
struct answer {
    ticket of = 0;
    wharf::v1::CommandReport report;
};
struct log {
    bool warning = false;
    std::string text;
};
// The operators changed: it is durable.
struct operators_changed {};
} // namespace act

using desk_action = std::variant<act::check, act::journal, act::run, act::publish, act::answer,
                                 act::log, act::operators_changed>;

// The journal's operators; where it has none yet, the first ones.
[[nodiscard]] result<roster> operators_of(const manage_state& found, roster first);

struct desk_counts {
    std::uint64_t refused = 0;     // not for this gateway, unreadable, or not an operator's
    std::uint64_t overlooked = 0;  // too many to be checked
    std::uint64_t outbound = 0;    // waiting now
    std::uint64_t events_lost = 0; // events that gave way to newer ones before they were sent
    std::uint64_t open = 0;        // commands whose outcome is not known
};

class command_desk {
  public:
    // `operators`: from operators_of(found, ...); journaled where they are the first.
    command_desk(const key_fingerprint& gateway, const digest_key& nonce_key, roster operators,
                 manage_state found, const desk_time& at);

    // A SignedCommand from the fleet broker.
    void on_message(std::string_view bytes, const desk_time& at);
    // In the order of act::check's signatures; empty where nobody could look.
    void on_checked(ticket of, const std::vector<bool>& hold, const desk_time& at);
    // From a user of this machine, whom the system has let in: no signature, nonce or role. The
    // answer has this ticket.
    ticket on_local(wharf::v1::Command command, const std::string& user, const desk_time& at);
    // act::journal is durable.
    void on_journaled(std::uint64_t token, const desk_time& at);

    // The gateway's key is another one. Commands that are addressed to a former one are refused
    // with words; what was ordered under it is answered.
    void use_key(const key_fingerprint& now, std::vector<key_fingerprint> former);
    // Its outcome is not durable yet.
    [[nodiscard]] bool is_open(ticket of) const { return open_.contains(of); }

    // The outcome of a command that ran.
    void finish(ticket of, command_outcome outcome, const desk_time& at);
    // The same, as operations that make it durable together with the effect. Then on_rode(), or
    // finish() where nothing came of it.
    [[nodiscard]] manage_ops done_with(ticket of, command_outcome outcome, const desk_time& at);
    void on_rode(ticket of, const desk_time& at);
    // As done_with(), for who does not know the outcome yet. Then on_rode() with the report that
    // was made of it, or finish() where nothing came of it. Nothing: the command does not run.
    [[nodiscard]] std::optional<late_end> ends_later(ticket of, const desk_time& at);
    void on_rode(ticket of, std::string report, const desk_time& at);
    // Operations that note how it is begun, for a later run: act::run brings it. On the desk's side
    // they are true at once.
    [[nodiscard]] manage_ops begun_with(ticket of, std::string how);
    // To a user of this machine who shall not wait for its end: how it stands.
    void answer_early(ticket of, command_outcome so_far, const desk_time& at);
    // How it goes meanwhile; not kept.
    void tell_progress(ticket of, command_outcome so_far, const desk_time& at);

    // Something that people should hear of.
    void raise(wharf::v1::GatewayEvent event, const desk_time& at);
    // The link stands: what waits is sent, or sent again, some at a time.
    void on_link_up();
    void on_link_down() { link_up_ = false; }
    void on_delivered(std::uint64_t outbound);
    void tick(const desk_time& at);

    [[nodiscard]] std::vector<desk_action> take_actions() { return std::exchange(actions_, {}); }
    [[nodiscard]] std::string nonce(const desk_time& at) const {
        return nonces_.current(at.now_us);
    }
    [[nodiscard]] const roster& operators() const { return operators_; }
    // As finish(), and other operators: true together.
    void change_operators(ticket of, roster next, command_outcome outcome, const desk_time& at);
    [[nodiscard]] desk_counts counts() const;

  private:
    enum class phase : std::uint8_t { checking, receiving, running, ending };
    struct open_command {
        phase now = phase::checking;
        const command_kind* kind = nullptr;
        std::shared_ptr<const wharf::v1::Command> command;
        sha256_digest digest{}; // of its bytes
        wharf::v1::CommandRecord record;
        std::vector<std::string> names;        // of who signed
        std::vector<std::string> fingerprints; // whose signatures are being checked
        bool again = false;
        std::string outcome;             // a serialized CommandReport
        std::uint64_t outbound = 0;      // its number, where it goes to the fleet
        std::optional<roster> operators; // that it brings
    };
    struct known_command {
        sha256_digest content{};
        ticket open = 0;        // 0: it is over
        std::string report;     // a serialized CommandReport, of one that is over
        std::int64_t at_us = 0; // in journal time
    };
    struct waiting {
        std::string channel;
        std::string report;
    };
    // What is true when a request is durable.
    struct on_disk {
        ticket of = 0;
        std::uint64_t outbound = 0; // an event's
        std::string event;
    };

    void restore(manage_state found, const desk_time& at);
    [[nodiscard]] bool is_addressed(const wharf::v1::Command& command) const;
    void decide(ticket of, std::vector<const roster::entry*> signers, const desk_time& at);
    void accept(ticket of, const desk_time& at);
    enum class asking : std::uint8_t { first, again, full };
    [[nodiscard]] asking note_asked(const std::string& id, const desk_time& at);
    void run(ticket of);
    void over(ticket of, const desk_time& at);
    [[nodiscard]] bool answer_known(ticket of, const open_command& it, const desk_time& at);
    void refuse(ticket of, wharf::v1::CommandCode code, std::string message, const desk_time& at);
    void overlook(std::string_view why, const desk_time& at);
    [[nodiscard]] wharf::v1::CommandReport report_of(const open_command& it,
                                                     wharf::v1::CommandStep step,
                                                     command_outcome outcome,
                                                     const desk_time& at) const;
    [[nodiscard]] wharf::v1::AuditEntry
    audit_of(const open_command& it, wharf::v1::CommandStep step, wharf::v1::CommandCode code,
             const std::string& message, const desk_time& at) const;
    [[nodiscard]] static bool is_local(const open_command& it) {
        return !it.record.local_user().empty();
    }
    void report(ticket of, const open_command& it, const wharf::v1::CommandReport& what,
                std::uint64_t outbound);
    void journal(manage_ops ops, on_disk then, bool urgent);
    [[nodiscard]] bool make_room(std::size_t bytes, manage_ops& ops);
    [[nodiscard]] late_end end_of(ticket of, std::size_t bytes, const desk_time& at);
    [[nodiscard]] manage_ops ending(ticket of, command_outcome outcome, const desk_time& at);
    void keep(std::uint64_t number, std::string channel, std::string report);
    void send_next();

    key_fingerprint gateway_;
    std::vector<key_fingerprint> former_; // keys of this gateway
    nonces nonces_;
    roster operators_;
    access::token_bucket checks_;
    std::map<ticket, open_command> open_;
    std::map<std::string, known_command> known_; // by id
    // Ids of commands that look or were forbidden, until their nonces are over.
    std::set<std::string> asked_;
    std::deque<std::pair<std::int64_t, std::string>> asked_in_order_;
    std::map<std::uint64_t, waiting> outbound_;
    std::size_t outbound_bytes_ = 0;
    std::set<std::uint64_t> in_flight_; // of them
    bool link_up_ = false;
    std::map<std::uint64_t, on_disk> journaling_; // by token
    std::vector<desk_action> actions_;
    desk_counts counts_;
    ticket last_ticket_ = 0;
    std::uint64_t last_token_ = 0;
    std::uint64_t last_outbound_ = 0;
    access::log_budget budget_;
};

} // namespace wharf::manage
