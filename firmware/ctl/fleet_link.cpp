#include "firmware/ctl/fleet_link.hpp"

#include "firmware/ctl/fleet_select.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/manage/envelope.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/platform/private_file.hpp"

#include <sodium/randombytes.h>

#include <algorithm>
#include <ostream>
#include <thread>

namespace wharf::ctl {

namespace {

using namespace wharf::v1;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// States are retained: all that there are come at once. So long without another: that was all.
constexpr auto k_quiet = milliseconds(700);
// A broker drops what it cannot queue for who asks for many at once: gateways that were seen before
// and are missing are asked for by their names, so many at a time, each time so long.
constexpr std::size_t k_names_at_once = 500;
constexpr auto k_quiet_missing = seconds(3);
constexpr auto k_states_most = seconds(60);
// An order that nothing was heard of is sent again, more and more rarely: under its id it is done
// once.
constexpr auto k_again = seconds(10);
constexpr auto k_again_most = seconds(60);
constexpr auto k_look_again = seconds(1);
constexpr auto k_reach_again = seconds(2);
constexpr auto k_reach_most = seconds(120);
constexpr std::size_t k_id_bytes = 16;
constexpr std::size_t k_filters_few = 16;
constexpr std::size_t k_held_max = 16;
constexpr std::size_t k_events_known = 256;
constexpr std::string_view k_before = "wharf-fleet/1/";
constexpr std::string_view k_state = "/state";
constexpr std::string_view k_event = "/event";

bool is_plain(std::string_view name) {
    return !name.empty() && std::ranges::none_of(name, [](unsigned char c) {
        return c < 0x20 || c == 0x7f || c == '/';
    });
}

// Whose it is is said by its topic; empty: it is none of a gateway's that ends so.
std::string name_in(std::string_view topic, std::string_view end) {
    if (!topic.starts_with(k_before) || !topic.ends_with(end) ||
        topic.size() <= k_before.size() + end.size())
        return {};
    topic.remove_prefix(k_before.size());
    topic.remove_suffix(end.size());
    const auto slash = topic.find('/');
    if (slash == std::string_view::npos || !is_plain(topic.substr(0, slash)) ||
        !is_plain(topic.substr(slash + 1)))
        return {};
    return std::string(topic);
}

} // namespace

result<fleet_link> fleet_link::reach(const fleet_options& how, const console& to, bool patient) {
    fleet_link out(how, to);
    out.patient_ = patient;
    WHARF_TRY_ASSIGN(
        const std::string text,
        read_private_file(how.config_file, {07777, limits::k_config_bytes_max, "is readable"}));
    WHARF_TRY_ASSIGN(out.settings_, parse_operator_config(text, how.config_file));
    WHARF_TRY_ASSIGN(out.known_,
                     known_gateways::read(out.settings_.known_gateways, how.accept_changed_keys));
    WHARF_TRY_ASSIGN(out.broker_, operator_client::connect(out.settings_));
    out.filters_ = {std::string(k_before) + "+/+" + std::string(k_state)};
    WHARF_TRY(out.broker_->subscribe(out.filters_));
    WHARF_TRY(out.collect(k_quiet));
    WHARF_TRY(out.ask_by_name());
    WHARF_TRY(out.known_.write());
    return out;
}

// What is said meanwhile is no sign that more of what was kept is still to come.
status fleet_link::collect(milliseconds quiet) {
    const auto most = clock::now() + k_states_most;
    auto heard = clock::now();
    while (clock::now() < most) {
        const auto left = std::chrono::duration_cast<milliseconds>(heard + quiet - clock::now());
        if (left <= milliseconds(0)) break;
        WHARF_TRY_ASSIGN(const auto message, broker_->next(left));
        if (!message) continue;
        take_state(*message, true);
        if (message->retained) heard = clock::now();
    }
    return ok();
}

status fleet_link::ask_by_name() {
    const auto names = missing();
    for (std::size_t from = 0; from < names.size(); from += k_names_at_once) {
        const auto to = std::min(names.size(), from + k_names_at_once);
        std::vector<std::string> filters;
        for (std::size_t i = from; i < to; ++i)
            filters.push_back(std::string(k_before) + names[i] + std::string(k_state));
        WHARF_TRY(broker_->subscribe_at_once(filters));
        const auto end = clock::now() + k_quiet_missing;
        while (clock::now() < end &&
               !std::all_of(names.begin() + from, names.begin() + to,
                            [&](const std::string& name) { return gateways_.contains(name); }))
            WHARF_TRY(collect(k_quiet));
    }
    return ok();
}

result<std::vector<std::string>> fleet_link::select(const std::vector<std::string>& on) const {
    std::vector<std::string> out;
    for (const auto& [name, seen] : gateways_) {
        WHARF_TRY_ASSIGN(const bool fit, fits(seen.state, on));
        if (fit) out.push_back(name);
    }
    return out;
}

std::vector<std::string> fleet_link::missing() const {
    auto out = known_.names();
    std::erase_if(out, [&](const std::string& name) { return gateways_.contains(name); });
    return out;
}

status fleet_link::read_key() {
    WHARF_TRY_ASSIGN(key_, read_key_file(settings_.operator_key));
    return ok();
}

// --- what gateways say of themselves -------------------------------------------------------------

std::string fleet_link::take_state(const fleet_message& message, bool now) {
    const std::string name = name_in(message.topic, k_state);
    if (name.empty() || message.payload.empty()) return {}; // or one that was cleared
    if (!now && !all_watched_ && !watched_.contains(name)) {
        unread_[name] = message.payload;
        return {};
    }
    read_state(name, message.topic.substr(0, message.topic.size() - k_state.size()),
               message.payload);
    return name;
}

// Of a key by which its state is signed.
std::string fleet_link::key_objection(const std::string& name, const public_key& key,
                                      const GatewayState& state) {
    switch (known_.look_at(name, key.fingerprint(), state.succession())) {
    case known_gateways::standing::other:
        return "its key is not the one it had: if it was replaced, say so with "
               "--accept-changed-keys";
    case known_gateways::standing::succeeded:
        to_.err << "wharfctl: " << printable(name)
                << ": its key is another one, as its former key says: "
                << to_hex(view_of(key.fingerprint())) << "\n";
        break;
    case known_gateways::standing::known:
        break;
    }
    if (state.health() == "gone") return {}; // these words were written before it was reached
    return known_.trail_objection(name, state.audit_number(), state.audit_head());
}

// A state says which key signed it; whether that is this gateway's key is known from before.
void fleet_link::read_state(const std::string& name, const std::string& topic,
                            const std::string& payload) {
    gateway_seen seen;
    SignedReport envelope;
    seen.topic = topic;
    if (!envelope.ParseFromString(payload) || !seen.state.ParseFromString(envelope.report()))
        seen.complaint = "its state cannot be read";
    auto key = public_key::read(seen.state.public_key());
    if (!key.ok()) {
        seen.complaint = "its state has no key";
    } else {
        seen.key = *key;
        if (!manage::is_signed_by(envelope, *key))
            seen.complaint = "its state is not signed by its key";
        else if (seen.state.site() + "/" + seen.state.gateway() != name)
            seen.complaint = "its state is another's, in its place";
        else if (seen.state.ended_at_us() == 0 && known_.is_retired(key->fingerprint()))
            seen.complaint = "its key was retired when the gateway ended: nothing it signs counts";
        else if (seen.state.ended_at_us() != 0)
            seen.ended = known_.look_at(name, key->fingerprint(), seen.state.succession()) !=
                             known_gateways::standing::other &&
                         known_.retire(name, key->fingerprint());
        else
            seen.complaint = key_objection(name, *key, seen.state);
    }
    if (seen.complaint.empty() && seen.state.ended_at_us() != 0 && !seen.ended)
        seen.complaint = "it says that it has ended, and its key is not the one it had";
    const auto slash = name.find('/');
    seen.state.set_site(name.substr(0, slash));
    seen.state.set_gateway(name.substr(slash + 1));
    gateway_seen& last = gateways_[name];
    const bool believed = !last.topic.empty() && last.complaint.empty();
    if (believed && !seen.complaint.empty()) {
        last.complaint = std::move(seen.complaint); // its key and what it said stay
        return;
    }
    // A broker may repeat what it has.
    if (believed && seen.state.health() != "gone" &&
        seen.state.started_at_us() == last.state.started_at_us() &&
        seen.state.number() <= last.state.number() && last.state.health() != "gone")
        return;
    // What was signed by a key that proves to be its next one.
    if (believed && last.key.der() != seen.key.der())
        std::ranges::move(std::exchange(held_, {}), std::back_inserter(again_));
    last = std::move(seen);
}

void fleet_link::watch(const std::vector<std::string>& names) {
    watched_ = {names.begin(), names.end()};
    for (const std::string& name : names)
        if (auto last = unread_.extract(name); !last.empty())
            read_state(name, std::string(k_before) + name, last.mapped());
}

status fleet_link::follow() {
    all_watched_ = true;
    const std::vector<std::string> events = {std::string(k_before) + "+/+" + std::string(k_event)};
    WHARF_TRY(broker_->subscribe(events));
    filters_.insert(filters_.end(), events.begin(), events.end());
    return ok();
}

// The gateway whose event it is. They come at least once, and in their order but for what had to be
// sent again.
std::string fleet_link::take_event(const fleet_message& message, GatewayEvent& out) {
    const std::string name = name_in(message.topic, k_event);
    if (name.empty()) return {};
    const auto found = gateways_.find(name);
    SignedReport envelope;
    const auto refuse = [&](const char* why) {
        to_.err << "wharfctl: " << printable(name) << ": an event is left out: " << why << "\n";
        return std::string();
    };
    if (found == gateways_.end()) return refuse("nothing is known of this gateway");
    if (!found->second.complaint.empty()) return refuse(found->second.complaint.c_str());
    if (!envelope.ParseFromString(message.payload) || !out.ParseFromString(envelope.report()))
        return refuse("it cannot be read");
    if (!manage::is_signed_by(envelope, found->second.key) ||
        out.site() + "/" + out.gateway() != name)
        return refuse("the gateway did not sign it");
    events_heard& heard = events_[name];
    const std::string key(view_of(found->second.key.fingerprint()));
    if (std::exchange(heard.key, key) != key) heard.numbers.clear();
    if (heard.numbers.size() == k_events_known && out.number() < *heard.numbers.begin()) return {};
    if (!heard.numbers.insert(out.number()).second) return {};
    if (heard.numbers.size() > k_events_known) heard.numbers.erase(heard.numbers.begin());
    return name;
}

// --- orders --------------------------------------------------------------------------------------

status fleet_link::sign_and_send(const gateway_seen& at, fleet_order& one) {
    SignedCommand envelope;
    envelope.set_command(one.command.SerializeAsString());
    WHARF_TRY(manage::sign_command(envelope, key_));
    one.bytes = envelope.SerializeAsString();
    one.pause = k_again;
    one.again = clock::now() + one.pause;
    return broker_->post(at.topic + "/cmd", one.bytes);
}

status fleet_link::order(std::map<std::string, Command> commands) {
    orders_.clear();
    names_by_id_.clear();
    // One filter for many: what others order is left out by its id.
    std::vector<std::string> answers;
    for (const auto& [name, command] : commands)
        answers.push_back(gateways_.at(name).topic + "/res");
    if (answers.size() > k_filters_few || patient_) answers = {std::string(k_before) + "+/+/res"};
    std::erase_if(answers, [&](const std::string& filter) {
        return std::ranges::find(filters_, filter) != filters_.end();
    });
    WHARF_TRY(broker_->subscribe(answers));
    filters_.insert(filters_.end(), answers.begin(), answers.end());
    for (auto& [name, command] : commands) {
        const gateway_seen& at = gateways_.at(name);
        fleet_order& one = orders_[name];
        one.command = std::move(command);
        one.command.set_version(1);
        one.command.set_reason(how_->reason);
        std::string id(k_id_bytes, '\0');
        randombytes_buf(id.data(), id.size());
        names_by_id_.emplace(id, name);
        one.command.set_id(std::move(id));
        one.command.set_gateway(std::string(view_of(at.key.fingerprint())));
        one.command.set_nonce(at.state.nonce());
        if (how_->seal) WHARF_TRY(how_->seal(one.command, at.key));
        watched_.insert(name); // its key may change meanwhile
    }
    open_ = orders_.size();
    for (auto& [name, one] : orders_)
        WHARF_TRY(sign_and_send(gateways_.at(name), one));
    return ok();
}

status fleet_link::send_again() {
    const auto now = clock::now();
    if (open_ == 0 || now < looked_ + k_look_again) return ok();
    looked_ = now;
    for (auto& [name, one] : orders_) {
        if (one.answer.step() == COMMAND_STEP_DONE || now < one.again) continue;
        one.pause = std::min<seconds>(2 * one.pause, k_again_most);
        one.again = now + one.pause;
        WHARF_TRY(broker_->post(gateways_.at(name).topic + "/cmd", one.bytes));
    }
    return ok();
}

// A broker may repeat what it has: only what is newer counts.
void fleet_link::take_progress(fleet_order& one, const std::string& name,
                               const CommandReport& report) {
    if (report.json().empty() || report.at_us() <= one.progress_us) return;
    one.progress_us = report.at_us();
    if (!how_->progress) return one.progress.push_back(report.json());
    if (orders_.size() > 1) to_.out << "== " << printable(name) << "\n";
    how_->progress(report, to_.out);
}

// The gateway whose order it ends.
result<std::string> fleet_link::take_answer(const fleet_message& message) {
    SignedReport envelope;
    CommandReport report;
    if (!envelope.ParseFromString(message.payload) || !report.ParseFromString(envelope.report()))
        return std::string();
    const auto found = names_by_id_.find(report.id());
    if (found == names_by_id_.end()) return std::string();
    const std::string& name = found->second;
    const gateway_seen& at = gateways_.at(name);
    fleet_order& one = orders_.at(name);
    if (message.topic != at.topic + "/res" || one.answer.step() == COMMAND_STEP_DONE)
        return std::string();
    if (!manage::is_signed_by(envelope, at.key)) {
        if (held_.size() < k_held_max) held_.push_back(message);
        return std::string();
    }
    if (report.code() == COMMAND_CODE_STALE_NONCE) {
        // An answer to what was sent before: it is signed anew already.
        if (report.nonce() == one.command.nonce()) return std::string();
        one.command.set_nonce(report.nonce());
        WHARF_TRY(sign_and_send(at, one));
        return std::string();
    }
    if (report.step() == COMMAND_STEP_RUNNING) take_progress(one, name, report);
    one.answer = std::move(report);
    if (one.answer.step() != COMMAND_STEP_DONE) return std::string();
    --open_;
    return name;
}

// --- what comes ----------------------------------------------------------------------------------

status fleet_link::reach_again(const error& why) {
    to_.err << "wharfctl: " << why.message << "; trying to reach it again\n";
    const auto end = clock::now() + k_reach_most;
    while (clock::now() < end) {
        std::this_thread::sleep_for(k_reach_again);
        auto made = operator_client::connect(settings_);
        if (!made.ok() || !(*made)->subscribe(filters_).ok()) continue;
        broker_ = std::move(*made);
        // What was on its way may be lost.
        for (auto& [name, one] : orders_)
            one.again = clock::now() + k_look_again;
        return ok();
    }
    return why;
}

result<fleet_news> fleet_link::pump(milliseconds wait) {
    auto took = [&]() -> result<fleet_news> {
        fleet_news out;
        WHARF_TRY(send_again());
        std::optional<fleet_message> message;
        if (again_.empty()) {
            WHARF_TRY_ASSIGN(message, broker_->next(wait));
        } else {
            message = std::move(again_.front());
            again_.pop_front();
        }
        if (!message) return out;
        if (message->topic.ends_with(k_state)) {
            out.state_of = take_state(*message, false);
        } else if (message->topic.ends_with(k_event)) {
            out.event_of = take_event(*message, out.event);
        } else {
            WHARF_TRY_ASSIGN(out.answer_of, take_answer(*message));
        }
        return out;
    }();
    if (took.ok() || !patient_ || took.failure().code != errc::io) return took;
    WHARF_TRY(reach_again(took.failure()));
    return fleet_news{};
}

status fleet_link::await_answers(clock::time_point end) {
    while (open_ > 0 && clock::now() < end) {
        WHARF_TRY_ASSIGN(const auto news, pump(milliseconds(200)));
        static_cast<void>(news);
    }
    for (const fleet_message& one : std::exchange(held_, {}))
        to_.err << "wharfctl: " << printable(one.topic)
                << ": a report that the gateway did not sign is left out\n";
    return ok();
}

} // namespace wharf::ctl
