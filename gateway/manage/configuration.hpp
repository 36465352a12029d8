// Which overlay of the fleet is in effect over the gateway's own configuration. A new one is on
// trial in one run of the process at most: unless it is confirmed there in time, the one before
// holds again, whatever ends the run. A pure machine: one thread, which feeds it what happened and
// performs its actions in order. Nothing of it fails; what could not be kept is told to who ordered
// it.
//
// What is kept is one record, replaced as a whole. An order may be run `again` where the process
// ended between the record and the outcome in the journal: the record knows what was done.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/manage/desk.hpp"
#include "wharf/v1/configuration.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace wharf::manage {

using configuration_record = wharf::v1::ConfigurationRecord;

// The record's file: with a checksum.
[[nodiscard]] std::string bytes_of(const configuration_record& record);
[[nodiscard]] result<configuration_record> read_record(std::string_view bytes);
// nullptr: it is not kept.
[[nodiscard]] const wharf::v1::OverlayVersion* find_version(const configuration_record& in,
                                                            std::uint64_t version);

// How a run of the process begins.
struct configuration_run {
    configuration_record record;
    std::uint64_t use = 0;
    bool on_trial = false;
    bool changed = false; // the record: a trial begins only when that it began is durable
};
// how_it_ended: the run before, where that is known.
[[nodiscard]] configuration_run plan_run(configuration_record found, std::string_view how_it_ended);
// The trial cannot be: the one before it holds.
[[nodiscard]] configuration_run without_trial(configuration_run plan, const std::string& why);

struct configuration_time {
    std::int64_t now_us = 0; // never goes back
    std::int64_t wall_us = 0;
};

// Who orders it.
struct configuration_order {
    ticket of = 0;
    std::string id; // of the command
    std::string by;
    std::string reason;
    bool again = false; // a run before may have done it
    bool local = false; // not over the fleet
};

struct overlay_proposal {
    std::string overlay;
    std::uint32_t confirm_within_s = 0;
    std::optional<std::uint64_t> over_version;
    bool live = false;   // it needs no new run
    std::string invalid; // what is wrong with it, a line each; empty: nothing
};

namespace configure {
// To be durable in this order: the text under its version, then these versions away, then the
// record. Answered by on_kept.
struct keep {
    configuration_record record;
    std::uint64_t version = 0; // 0: no new text
    std::string text;
    std::vector<std::uint64_t> drop;
};
// From now on this one: without a new run, or by one, as soon as what is said of it has left.
struct use {
    std::uint64_t version = 0;
    bool live = false;
};
struct done {
    ticket of = 0;
    wharf::v1::CommandCode code = wharf::v1::COMMAND_CODE_OK;
    std::string message;
};
struct tell {
    bool warning = false;
    std::string text;
};
} // namespace configure
using configuration_action =
    std::variant<configure::keep, configure::use, configure::done, configure::tell>;

class configuration_machine {
  public:
    // set_aside: why what holds is not in effect in this run; then it runs on its own file.
    configuration_machine(const configuration_run& run, std::string set_aside,
                          const configuration_time& at);

    void apply(configuration_order by, overlay_proposal what, const configuration_time& at);
    void confirm(configuration_order by, std::uint64_t version, const configuration_time& at);
    // True: an earlier version, or 0, is to be applied anew by apply(), with its text.
    [[nodiscard]] bool revert(configuration_order by, std::uint64_t version);
    // From this machine: the gateway's own file holds from now on, alone.
    void clear(configuration_order by);
    void on_kept(const std::string& failure, const configuration_time& at);
    void tick(const configuration_time& at);

    [[nodiscard]] std::vector<configuration_action> take_actions() {
        return std::exchange(actions_, {});
    }
    [[nodiscard]] const configuration_record& record() const { return record_; }
    [[nodiscard]] std::uint64_t in_effect() const { return in_effect_; }
    // SHA-256 of the overlay in effect; empty: there is none.
    [[nodiscard]] std::string digest() const;
    // Until when, by now_us; 0: confirmed.
    [[nodiscard]] std::int64_t confirm_by_us() const { return on_trial_ ? confirm_by_us_ : 0; }
    [[nodiscard]] const std::string& problem() const {
        return set_aside_.empty() ? record_.problem() : set_aside_;
    }
    // A new run is on its way.
    [[nodiscard]] bool leaving() const { return leaving_; }

  private:
    enum class change : std::uint8_t { apply, confirm, revert, expire, look, clear };
    struct pending {
        change what = change::apply;
        configuration_order by;
        configuration_record record;
        bool live = false;
    };
    void finish(const configuration_order& by, wharf::v1::CommandCode code, std::string message);
    void keep(pending next, configure::keep how);
    [[nodiscard]] bool answer_known(const configuration_order& by);
    [[nodiscard]] bool refuse_busy(const configuration_order& by, bool trial_too);
    void go_back();
    void applied(const pending& done, const configuration_time& at);

    configuration_record record_;
    std::uint64_t in_effect_ = 0;
    std::string set_aside_;
    bool on_trial_ = false;
    bool trial_live_ = false; // it came without a new run
    bool leaving_ = false;
    std::int64_t confirm_by_us_ = 0;
    std::optional<pending> keeping_;
    std::vector<configuration_action> actions_;
};

} // namespace wharf::manage
