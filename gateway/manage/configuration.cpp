#include "gateway/manage/configuration.hpp"

#include "gateway/base/frame.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/ports/digest.hpp"

#include <algorithm>

namespace wharf::manage {

namespace {

using namespace wharf::v1;

constexpr std::string_view k_frame_key = "wharf configuration";
constexpr std::int64_t k_second_us = 1'000'000;

// On one line, of bounded length, and good UTF-8.
std::string in_words(const std::string& text, std::size_t bytes_max) {
    std::string out;
    for (const char c : text.substr(0, bytes_max))
        out += c == '\n' ? std::string("; ") : std::string(1, c);
    return printable(out);
}

std::string named(std::uint64_t version) {
    return version == 0 ? "the gateway's own file alone"
                        : "version " + std::to_string(version) + " of the configuration";
}

OverlayVersion* find_version(configuration_record& in, std::uint64_t version) {
    for (auto& one : *in.mutable_kept())
        if (one.version() == version) return &one;
    return nullptr;
}

// Those that hold or are on trial stay.
std::vector<std::uint64_t> drop_oldest(configuration_record& from) {
    std::vector<std::uint64_t> out;
    auto& kept = *from.mutable_kept();
    while (static_cast<std::size_t>(kept.size()) > limits::k_overlays_kept_max) {
        const auto oldest = std::ranges::find_if(kept, [&](const OverlayVersion& one) {
            return one.version() != from.confirmed() && one.version() != from.trial().version();
        });
        out.push_back(oldest->version());
        kept.erase(oldest);
    }
    return out;
}

} // namespace

std::string bytes_of(const configuration_record& record) {
    return frame(k_frame_key, record.SerializeAsString());
}

result<configuration_record> read_record(std::string_view bytes) {
    const auto content = unframe(k_frame_key, bytes);
    configuration_record out;
    if (!content || !out.ParseFromArray(content->data(), static_cast<int>(content->size())))
        return error{errc::corrupt, "is damaged"};
    const bool sound = static_cast<std::size_t>(out.kept_size()) <= limits::k_overlays_kept_max &&
                       (out.confirmed() == 0 || find_version(out, out.confirmed()) != nullptr) &&
                       (!out.has_trial() || find_version(out, out.trial().version()) != nullptr) &&
                       std::ranges::all_of(out.kept(), [&](const OverlayVersion& one) {
                           return one.version() > 0 && one.version() <= out.last_version();
                       });
    if (!sound) return error{errc::corrupt, "does not agree with itself"};
    return out;
}

const OverlayVersion* find_version(const configuration_record& in, std::uint64_t version) {
    for (const auto& one : in.kept())
        if (one.version() == version) return &one;
    return nullptr;
}

configuration_run plan_run(configuration_record found, std::string_view how_it_ended) {
    configuration_run out{std::move(found), 0, false, false};
    out.use = out.record.confirmed();
    if (!out.record.has_trial()) return out;
    const std::string name = named(out.record.trial().version());
    if (out.record.trial().begun())
        return without_trial(std::move(out), name + " was on trial when the gateway ended" +
                                                 (how_it_ended.empty() ? "" : " ") +
                                                 std::string(how_it_ended));
    out.use = out.record.trial().version();
    out.on_trial = true;
    out.changed = true;
    out.record.mutable_trial()->set_begun(true);
    return out;
}

configuration_run without_trial(configuration_run plan, const std::string& why) {
    plan.record.clear_trial();
    plan.record.set_problem(in_words(why, limits::k_dead_message_bytes_max));
    plan.use = plan.record.confirmed();
    plan.on_trial = false;
    plan.changed = true;
    return plan;
}

configuration_machine::configuration_machine(const configuration_run& run, std::string set_aside,
                                             const configuration_time& at)
    : record_(run.record), in_effect_(set_aside.empty() ? run.use : 0),
      set_aside_(std::move(set_aside)), on_trial_(run.on_trial) {
    if (on_trial_) confirm_by_us_ = at.now_us + record_.trial().confirm_within_s() * k_second_us;
}

std::string configuration_machine::digest() const {
    const auto* found = manage::find_version(record_, in_effect_);
    return found == nullptr ? std::string() : found->sha256();
}

void configuration_machine::finish(const configuration_order& by, CommandCode code,
                                   std::string message) {
    if (by.of != 0) actions_.emplace_back(configure::done{by.of, code, std::move(message)});
}

void configuration_machine::keep(pending next, configure::keep how) {
    how.record = next.record;
    keeping_ = std::move(next);
    actions_.emplace_back(std::move(how));
}

bool configuration_machine::refuse_busy(const configuration_order& by, bool trial_too) {
    if (keeping_ || leaving_) {
        finish(by, COMMAND_CODE_BUSY,
               leaving_ ? "the gateway is about to begin anew with another configuration"
                        : "the configuration is being changed");
        return true;
    }
    if (!trial_too || !record_.has_trial()) return false;
    finish(by, COMMAND_CODE_BUSY,
           named(record_.trial().version()) + " is on trial: confirm it or revert it first");
    return true;
}

// True: this command made a version already.
bool configuration_machine::answer_known(const configuration_order& by) {
    if (!by.again) return false;
    const auto known = std::ranges::find(record_.kept(), by.id, &OverlayVersion::command_id);
    if (known == record_.kept().end()) return false;
    const std::uint64_t version = known->version();
    if (on_trial_ && record_.trial().version() == version)
        finish(by, COMMAND_CODE_OK, named(version) + " is on trial");
    else if (record_.confirmed() == version)
        finish(by, COMMAND_CODE_OK, named(version) + " holds");
    else
        finish(by, COMMAND_CODE_FAILED,
               named(version) + " was on trial and is not in effect any more" +
                   (record_.problem().empty() ? "" : ": " + record_.problem()));
    return true;
}

void configuration_machine::apply(configuration_order by, overlay_proposal what,
                                  const configuration_time& at) {
    if (answer_known(by) || refuse_busy(by, true)) return;
    if (what.over_version && *what.over_version != in_effect_)
        return finish(by, COMMAND_CODE_FAILED,
                      "conflict: expected version " + std::to_string(*what.over_version) +
                          " to be in effect, found " + std::to_string(in_effect_));
    if (what.confirm_within_s < limits::k_confirm_s_min ||
        what.confirm_within_s > limits::k_confirm_s_max)
        return finish(by, COMMAND_CODE_INVALID,
                      "confirm_within_s: expected " + std::to_string(limits::k_confirm_s_min) +
                          " to " + std::to_string(limits::k_confirm_s_max) + ", found " +
                          std::to_string(what.confirm_within_s));
    if (!what.invalid.empty()) return finish(by, COMMAND_CODE_INVALID, std::move(what.invalid));
    pending next{change::apply, std::move(by), record_, what.live};
    const std::uint64_t version = record_.last_version() + 1;
    next.record.set_last_version(version);
    next.record.clear_problem();
    auto& trial = *next.record.mutable_trial();
    trial.set_version(version);
    trial.set_confirm_within_s(what.confirm_within_s);
    trial.set_begun(what.live); // this run is the one
    auto& entry = *next.record.add_kept();
    entry.set_version(version);
    entry.set_sha256(std::string(view_of(sha256(what.overlay))));
    entry.set_at_us(at.wall_us);
    entry.set_by(in_words(next.by.by, limits::k_text_bytes_max));
    entry.set_reason(in_words(next.by.reason, limits::k_text_bytes_max));
    entry.set_command_id(next.by.id);
    configure::keep how;
    how.version = version;
    how.text = std::move(what.overlay);
    how.drop = drop_oldest(next.record);
    keep(std::move(next), std::move(how));
}

void configuration_machine::confirm(configuration_order by, std::uint64_t version,
                                    const configuration_time& at) {
    const bool tried = on_trial_ && record_.trial().version() == version;
    if (!tried && version == record_.confirmed())
        return finish(by, COMMAND_CODE_OK, named(version) + " holds already");
    if (refuse_busy(by, false)) return;
    if (!tried)
        return finish(by, COMMAND_CODE_FAILED,
                      named(version) + " is not on trial" +
                          (record_.problem().empty() ? "" : ": " + record_.problem()));
    // That it was heard in this run is what is to be shown.
    if (by.again || by.local)
        return finish(by, COMMAND_CODE_FAILED,
                      named(version) +
                          (by.local ? " is confirmed over the fleet, not from here"
                                    : " is not confirmed: this was ordered in a run before"));
    if (at.now_us >= confirm_by_us_)
        return finish(by, COMMAND_CODE_FAILED, named(version) + ": its time is over");
    pending next{change::confirm, std::move(by), record_, false};
    next.record.set_confirmed(version);
    next.record.clear_trial();
    next.record.clear_problem();
    find_version(next.record, version)->set_confirmed(true);
    keep(std::move(next), {});
}

bool configuration_machine::revert(configuration_order by, std::uint64_t version) {
    if (answer_known(by)) return false;
    const bool tried = record_.has_trial() && record_.trial().version() == version;
    if (refuse_busy(by, !tried)) return false;
    if (tried || version == in_effect_) {
        // A person looked: what was wrong is no news.
        pending next{tried ? change::revert : change::look, std::move(by), record_, false};
        next.record.clear_trial();
        next.record.clear_problem();
        keep(std::move(next), {});
        return false;
    }
    if (version == 0) return true;
    const auto* found = manage::find_version(record_, version);
    if (found == nullptr) {
        finish(by, COMMAND_CODE_NOT_FOUND, named(version) + " is not kept");
    } else if (!found->confirmed()) {
        // What is ordered again may have been about its trial.
        finish(by, by.again ? COMMAND_CODE_OK : COMMAND_CODE_FAILED,
               by.again ? named(version) + " is not in effect"
                        : named(version) + " never held: it cannot be gone back to");
    } else {
        return true;
    }
    return false;
}

void configuration_machine::clear(configuration_order by) {
    if (!by.local)
        return finish(by, COMMAND_CODE_INVALID,
                      "only a user of the gateway itself clears; over the fleet: revert 0");
    if (keeping_ || leaving_) {
        static_cast<void>(refuse_busy(by, false));
        return;
    }
    pending next{change::clear, std::move(by), record_, false};
    next.record.clear_trial();
    next.record.clear_problem();
    next.record.set_confirmed(0);
    keep(std::move(next), {});
}

void configuration_machine::tick(const configuration_time& at) {
    if (!on_trial_ || keeping_ || leaving_ || at.now_us < confirm_by_us_) return;
    pending next{change::expire, {}, record_, false};
    next.record.clear_trial();
    next.record.set_problem(named(record_.trial().version()) + " was not confirmed within " +
                            std::to_string(record_.trial().confirm_within_s()) + " s");
    keep(std::move(next), {});
}

// Of a trial: whether or not that could be kept, it is over with this run.
void configuration_machine::go_back() {
    on_trial_ = false;
    const bool live = std::exchange(trial_live_, false);
    if (live) in_effect_ = set_aside_.empty() ? record_.confirmed() : 0;
    leaving_ = !live;
    actions_.emplace_back(configure::use{record_.confirmed(), live});
}

void configuration_machine::applied(const pending& done, const configuration_time& at) {
    const auto& trial = record_.trial();
    finish(done.by, COMMAND_CODE_OK, named(trial.version()) + " is on trial");
    actions_.emplace_back(
        configure::tell{false, done.by.by + " puts " + named(trial.version()) + " on trial for " +
                                   std::to_string(trial.confirm_within_s()) + " s"});
    leaving_ = !done.live;
    if (done.live) {
        on_trial_ = trial_live_ = true;
        in_effect_ = trial.version();
        confirm_by_us_ = at.now_us + trial.confirm_within_s() * k_second_us;
    }
    actions_.emplace_back(configure::use{trial.version(), done.live});
}

void configuration_machine::on_kept(const std::string& failure, const configuration_time& at) {
    if (!keeping_) return;
    const pending done = *std::exchange(keeping_, std::nullopt);
    const bool ends_trial = done.what == change::revert || done.what == change::expire;
    if (!failure.empty()) {
        actions_.emplace_back(
            configure::tell{true, "what the configuration is could not be kept: " + failure});
        // That the trial has begun is on disk: it has no second run.
        if (!ends_trial) return finish(done.by, COMMAND_CODE_FAILED, failure);
    }
    record_ = done.record;
    switch (done.what) {
    case change::apply:
        return applied(done, at);
    case change::confirm:
        on_trial_ = trial_live_ = false;
        set_aside_.clear();
        actions_.emplace_back(
            configure::tell{false, done.by.by + " confirms " + named(in_effect_)});
        return finish(done.by, COMMAND_CODE_OK, named(in_effect_) + " holds");
    case change::revert:
        actions_.emplace_back(configure::tell{
            false, done.by.by + " takes back what was on trial: " + named(record_.confirmed()) +
                       " holds"});
        finish(done.by, COMMAND_CODE_OK, named(record_.confirmed()) + " holds");
        return go_back();
    case change::expire:
        actions_.emplace_back(configure::tell{
            true, record_.problem() + ": " + named(record_.confirmed()) + " holds again"});
        return go_back();
    case change::look:
        return finish(done.by, COMMAND_CODE_OK, named(in_effect_) + " is in effect");
    case change::clear:
        on_trial_ = trial_live_ = false;
        leaving_ = true;
        actions_.emplace_back(
            configure::tell{true, done.by.by + " clears what the fleet laid over the "
                                               "configuration: the gateway's own file holds"});
        finish(done.by, COMMAND_CODE_OK, named(0) + " holds");
        actions_.emplace_back(configure::use{0, false});
        return;
    }
}

} // namespace wharf::manage
