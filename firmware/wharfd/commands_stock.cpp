// Commands that are about stock on its way: pausing, slowing down, tracing, and reading again what
// is in quarantine.
#include "firmware/views/trace.hpp"
#include "firmware/wharfd/command_words.hpp"
#include "firmware/wharfd/commands.hpp"
#include "gateway/base/limits.hpp"

#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

result<std::optional<lane>> lane_of(const std::string& name) {
    if (name.empty()) return std::optional<lane>();
    const auto found = std::ranges::find(k_lane_names, name);
    if (found == k_lane_names.end())
        return error{errc::invalid,
                     "lane: expected shipment, inventory, count or telemetry, or none for all"};
    return std::optional(static_cast<lane>(found - k_lane_names.begin()));
}

// What became of a quarantined message that was read again.
manage::command_outcome outcome_of(std::uint64_t number, const quarantine_released& answer) {
    json events = json::array();
    for (const event_receipt& one : answer.receipts) {
        json& event = events.emplace_back();
        if (one.index) event["index"] = *one.index;
        event["fate"] = one.fate == event_fate::accepted    ? "accepted"
                        : one.fate == event_fate::duplicate ? "duplicate"
                                                            : "quarantined";
        if (one.fate == event_fate::accepted) event["number"] = one.number;
        if (one.fate != event_fate::quarantined) continue;
        event["reason"] = one.reason;
        event["detail"] = one.detail;
    }
    const ingest_verdict& verdict = answer.verdict;
    std::string words = std::to_string(verdict.accepted) + " accepted, " +
                        std::to_string(verdict.duplicate) + " duplicate, " +
                        std::to_string(verdict.quarantined) + " quarantined again";
    const auto bad =
        std::ranges::find(answer.receipts, event_fate::quarantined, &event_receipt::fate);
    if (bad != answer.receipts.end()) words += ": " + bad->reason + ": " + bad->detail;
    return {COMMAND_CODE_OK, std::move(words),
            dumped({{"number", number},
                    {"still_in_quarantine", verdict.quarantined > 0},
                    {"accepted", verdict.accepted},
                    {"duplicate", verdict.duplicate},
                    {"quarantined", verdict.quarantined},
                    {"events", std::move(events)}})};
}

} // namespace

// First it is so, then it is so after a restart too: a power cut between them only undoes what was
// not reported.
void command_runner::pause(manage::ticket of, const std::string& name, const std::string& lane_name,
                           bool paused) {
    const auto number = destination(name);
    if (!number.ok()) return finish(of, COMMAND_CODE_NOT_FOUND, number.failure().message);
    const auto only = lane_of(lane_name);
    if (!only.ok()) return finish(of, COMMAND_CODE_INVALID, only.failure().message);
    auto then = [this, of, number = *number, only = *only, paused](const std::string& failure) {
        boost::asio::post(with_.io, [this, of, number, only, paused, failure] {
            if (!failure.empty()) return finish(of, COMMAND_CODE_FAILED, failure);
            manage_request request;
            request.token = ++last_token_;
            request.ops = desk_->done_with(of, {});
            request.ops.emplace_back(pause_destination{number, paused, only});
            riding_.emplace(request.token, of);
            static_cast<void>(with_.writer.submit(std::move(request)));
        });
    };
    if (*only)
        with_.sync.pause_lane(*number, **only, paused, std::move(then));
    else if (paused)
        with_.sync.pause(*number, std::move(then));
    else
        with_.sync.resume(*number, std::move(then));
}

// Not for good: a restart ends it, as it ends a log level.
void command_runner::limit_rate(manage::ticket of, const RateLimitCommand& how) {
    const auto number = destination(how.destination());
    if (!number.ok()) return finish(of, COMMAND_CODE_NOT_FOUND, number.failure().message);
    if (how.requests_per_s() > limits::k_requests_per_s_max)
        return finish(of, COMMAND_CODE_INVALID,
                      "requests_per_s: expected at most " +
                          std::to_string(limits::k_requests_per_s_max));
    const bool ends = how.requests_per_s() == 0;
    if (!ends && (how.seconds() == 0 || how.seconds() > limits::k_rate_limit_s_max))
        return finish(of, COMMAND_CODE_INVALID,
                      "seconds: expected 1 to " + std::to_string(limits::k_rate_limit_s_max));
    with_.sync.limit_rate(
        *number, how.requests_per_s(), how.seconds(), [this, of](const std::string& failure) {
            boost::asio::post(with_.io, [this, of, failure] {
                finish(of, failure.empty() ? COMMAND_CODE_OK : COMMAND_CODE_FAILED, failure);
            });
        });
}

// --- traces
// --------------------------------------------------------------------------------------

void command_runner::trace(manage::ticket of, const TraceCommand& asked) {
    auto made = views::tracer::make(with_.from, asked);
    if (!made.ok()) return finish(of, code_of(made.failure()), made.failure().message);
    trace_further(of, std::make_shared<views::tracer>(std::move(*made)));
}

// A page at a time: between two of them the workers do what others wait for.
void command_runner::trace_further(manage::ticket of, std::shared_ptr<views::tracer> by) {
    struct page {
        std::optional<error> failure;
        std::string answer; // empty: there is more
    };
    auto read = std::make_shared<page>();
    const bool taken = with_.workers.post(
        [by, read] {
            auto done = by->step();
            if (!done.ok()) {
                read->failure = done.failure();
            } else if (*done) {
                auto answer = by->answer();
                if (answer.ok())
                    read->answer = dumped(*answer);
                else
                    read->failure = answer.failure();
            }
        },
        [this, of, by, read] {
            if (read->failure) return finish(of, code_of(*read->failure), read->failure->message);
            if (read->answer.empty()) return trace_further(of, by);
            answer(of, std::move(read->answer));
        });
    if (!taken) finish(of, COMMAND_CODE_BUSY, "too much is under way");
}

// --- quarantine
// ----------------------------------------------------------------------------------

void command_runner::release_quarantined(manage::ticket of, std::uint64_t number) {
    auto found = std::make_shared<result<quarantine_entry>>(quarantine_entry{});
    const bool taken = with_.workers.post(
        [found, number, &from = with_.from] { *found = read_quarantine(from, number); },
        [this, of, found] {
            if (found->ok()) return submit_release(of, **found);
            finish(of, code_of(found->failure()), found->failure().message);
        });
    if (!taken) finish(of, COMMAND_CODE_BUSY, "too much is under way");
}

// As if it had just arrived, but when and from whom it came stays what it was.
void command_runner::submit_release(manage::ticket of, const quarantine_entry& entry) {
    const QuarantinedMessage& record = entry.message;
    std::vector<user_property> properties;
    for (const auto& one : record.user_properties())
        properties.push_back({one.name(), one.value()});
    publish_view message{.topic = record.topic(), .payload = record.payload()};
    message.client_id = record.client_id();
    message.bridge = record.bridge();
    message.content_type = record.content_type();
    message.user_properties = properties;
    message.released_from = entry.number;
    quarantine_release_request request;
    request.token = ++last_token_;
    request.number = entry.number;
    request.message =
        with_.reads.prepare(message, record.received_at_us(), !record.clock_unsynchronised());
    request.message.without_session = true;
    // Who releases it has looked at it: it is no accidental second trigger.
    for (prepared_item& item : request.message.items)
        if (auto* event = std::get_if<prepared_event>(&item.what)) event->trigger_key.clear();
    auto end = desk_->ends_later(of);
    if (!end) return;
    auto report = std::make_shared<std::string>();
    request.with = [end = std::move(*end), number = entry.number,
                    report](const quarantine_released& answer) {
        auto made = end.with(outcome_of(number, answer));
        *report = std::move(made.report);
        return std::move(made.ops);
    };
    riding_.emplace(request.token, of);
    released_.emplace(request.token, std::move(report));
    static_cast<void>(with_.writer.submit(std::move(request)));
}

bool command_runner::on_answer(const quarantine_released& answer) {
    const auto found = riding_.extract(answer.token);
    if (found.empty()) return false;
    const auto report = released_.extract(answer.token);
    if (!answer.found)
        finish(found.mapped(), COMMAND_CODE_NOT_FOUND, "nothing in quarantine under that number");
    else if (!answer.refused.empty())
        finish(found.mapped(), COMMAND_CODE_FAILED, answer.refused);
    else
        desk_->rode(found.mapped(), std::move(*report.mapped()));
    return true;
}

} // namespace wharf
