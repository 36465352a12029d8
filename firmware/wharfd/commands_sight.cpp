// Commands that let somebody far away see: the log as it is written, and all that is asked for
// first, in one piece.
#include "firmware/views/bundle.hpp"
#include "firmware/wharfd/commands.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/platform/log/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

// Lines go together: each report is signed.
constexpr auto k_tail_pause = std::chrono::milliseconds(500);
constexpr std::size_t k_tail_lines_max = limits::k_log_tail_lines_per_s_max / 2;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

struct command_runner::log_tail {
    explicit log_tail(boost::asio::io_context& io) : timer(io) {}

    boost::asio::steady_timer timer;
    std::chrono::steady_clock::time_point end;
    log::level least = log::level::info;
    std::uint64_t after = 0;
    std::uint64_t told = 0;
    std::uint64_t left_out = 0;
};

command_runner::command_runner(parts with) : with_(std::move(with)), quiet_(with_.io) {}
command_runner::~command_runner() = default;

void command_runner::tail_log(manage::ticket of, const LogTailCommand& how) {
    const std::string level = how.level().empty() ? "info" : how.level();
    const auto named = std::ranges::find(log::k_level_names, level);
    if (named == log::k_level_names.end())
        return finish(of, COMMAND_CODE_INVALID,
                      "level: expected trace, debug, info, warn or error");
    if (how.seconds() == 0 || how.seconds() > limits::k_log_tail_s_max)
        return finish(of, COMMAND_CODE_INVALID,
                      "seconds: expected 1 to " + std::to_string(limits::k_log_tail_s_max));
    auto tail = std::make_unique<log_tail>(with_.io);
    tail->end = std::chrono::steady_clock::now() + std::chrono::seconds(how.seconds());
    tail->least = static_cast<log::level>(named - log::k_level_names.begin());
    tail->after = log::last_kept();
    tails_.emplace(of, std::move(tail));
    tail_further(of);
}

// What is written faster than lines are told, or than they are kept, is counted.
void command_runner::tail_further(manage::ticket of) {
    const auto found = tails_.find(of);
    if (found == tails_.end()) return;
    log_tail& tail = *found->second;
    json lines = json::array();
    std::uint64_t left_out = 0;
    for (const log::kept_line& line : log::kept_since(tail.after)) {
        left_out += line.number - tail.after - 1;
        tail.after = line.number;
        if (line.at < tail.least) continue;
        if (lines.size() < k_tail_lines_max)
            lines.push_back(line.text);
        else
            ++left_out;
    }
    tail.told += lines.size();
    tail.left_out += left_out;
    if (!lines.empty() || left_out > 0)
        desk_->tell_progress(
            of,
            {COMMAND_CODE_OK, {}, dumped({{"lines", std::move(lines)}, {"left_out", left_out}})});
    if (std::chrono::steady_clock::now() >= tail.end) {
        const auto least = log::least_level();
        json said = {{"lines", tail.told}, {"left_out", tail.left_out}};
        if (least && *least > tail.least)
            said["written_from"] = log::k_level_names[static_cast<std::size_t>(*least)];
        tails_.erase(found);
        return answer(of, dumped(said));
    }
    tail.timer.expires_after(k_tail_pause);
    tail.timer.async_wait([this, of](auto ended) {
        if (!ended) tail_further(of);
    });
}

// What belongs to this thread is collected here, what is in the journal by a worker.
void command_runner::bundle(manage::ticket of) {
    const auto now = with_.look();
    const JournalState state = with_.writer.snapshot().state;
    views::bundle_parts all;
    all.software = WHARF_VERSION;
    all.status = observe::status_json(now);
    all.books = observe::books_json(now.books());
    all.metrics = observe::render_metrics(now);
    all.configuration = with_.configuration();
    all.audit_number = state.audit_number();
    all.audit_head = to_hex(state.audit_head());
    for (log::kept_line& line : log::kept_since(0))
        all.log.push_back(std::move(line.text));
    read(of, [all = std::move(all)](store& from) { return views::bundle_json(from, all); });
}

} // namespace wharf
