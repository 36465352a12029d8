#include "firmware/wharfd/commands.hpp"

#include "firmware/views/audit.hpp"
#include "firmware/views/dead.hpp"
#include "firmware/views/quarantine.hpp"
#include "firmware/wharfd/command_words.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/observe/books.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/platform/log/log.hpp"

#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

constexpr std::uint32_t k_count_default = 100;
constexpr std::uint32_t k_count_max = 1000;
constexpr std::uint32_t k_log_level_s_max = 24 * 3600;

std::uint32_t count_of(std::uint32_t asked) {
    return asked == 0 ? k_count_default : std::min(asked, k_count_max);
}

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

void command_runner::finish(manage::ticket of, CommandCode code, std::string message) {
    desk_->finish(of, {code, std::move(message), {}});
}

void command_runner::answer(manage::ticket of, std::string text) {
    desk_->finish(of, {COMMAND_CODE_OK, {}, std::move(text)});
}

void command_runner::read(manage::ticket of, std::function<result<std::string>(store&)> what) {
    auto found = std::make_shared<result<std::string>>(std::string());
    const bool taken = with_.workers.post(
        [found, what = std::move(what), &from = with_.from] { *found = what(from); },
        [this, of, found] {
            if (found->ok()) return answer(of, std::move(**found));
            finish(of, code_of(found->failure()), found->failure().message);
        });
    if (!taken) finish(of, COMMAND_CODE_BUSY, "too much is under way");
}

void command_runner::run(manage::ticket of, const Command& command) {
    switch (command.what_case()) {
    case Command::kBooks:
        return answer(of, observe::books_json(with_.look().books()));
    case Command::kStatus:
        return answer(of, observe::status_json(with_.look()));
    case Command::kPause:
        return pause(of, command.pause().destination(), command.pause().lane(), true);
    case Command::kResume:
        return pause(of, command.resume().destination(), command.resume().lane(), false);
    case Command::kDeadList:
        return read(of, [asked = command.dead_list()](store& from) -> result<std::string> {
            WHARF_TRY_ASSIGN(const json all, views::dead_list_json(
                                                 from, {asked.after(), count_of(asked.count_max()),
                                                        asked.destination(), false}));
            return dumped(all);
        });
    case Command::kDeadRetry:
        return retry_dead(of, command.dead_retry());
    case Command::kDeadDiscard:
        return discard_dead(of, command.dead_discard(), command.reason());
    case Command::kQuarantineList:
        return read(of, [asked = command.quarantine_list()](store& from) -> result<std::string> {
            WHARF_TRY_ASSIGN(const auto found,
                             list_quarantine(from, asked.after(), count_of(asked.count_max())));
            json all = json::array();
            for (const auto& entry : found)
                all.push_back(views::quarantine_json(entry, false));
            return dumped(all);
        });
    case Command::kQuarantineShow:
        return read(
            of, [number = command.quarantine_show().number()](store& from) -> result<std::string> {
                WHARF_TRY_ASSIGN(const auto found, read_quarantine(from, number));
                return dumped(views::quarantine_json(found, true));
            });
    case Command::kQuarantineDiscard:
        return discard_quarantined(of, command.quarantine_discard().number(), command.reason());
    case Command::kAuditList:
        return read(of, [asked = command.audit_list()](store& from) -> result<std::string> {
            WHARF_TRY_ASSIGN(const auto found,
                             list_audit(from, asked.after(), count_of(asked.count_max())));
            json all = json::array();
            for (const auto& record : found)
                all.push_back(views::audit_json(record));
            return dumped(all);
        });
    case Command::kOperatorsShow:
        return answer(of, dumped(views::operators_json(desk_->operators().content())));
    case Command::kOperatorsChange:
        return change_operators(of, command.operators_change());
    case Command::kLogLevel:
        return set_log_level(of, command.log_level());
    case Command::kReplay:
        return finish(of, COMMAND_CODE_UNSUPPORTED,
                      "this gateway cannot replay: its journal does not keep how each update "
                      "ended");
    case Command::kTrace:
        return trace(of, command.trace());
    case Command::kQuarantineRelease:
        return release_quarantined(of, command.quarantine_release().number());
    case Command::kRateLimit:
        return limit_rate(of, command.rate_limit());
    case Command::kLogTail:
        return tail_log(of, command.log_tail());
    case Command::kSupportBundle:
        return bundle(of);
    case Command::kDescribe:
    case Command::kDrain:
    case Command::kRestart:
    case Command::kReboot:
    case Command::kUpdate:
    case Command::kFactoryReset:
    case Command::kDecommission:
    case Command::kConfigurationGet:
    case Command::kConfigurationValidate:
    case Command::kConfigurationApply:
    case Command::kConfigurationConfirm:
    case Command::kConfigurationRevert:
    case Command::kConfigurationClear:
    case Command::kDeviceList:
    case Command::kDevicePut:
    case Command::kDeviceRemove:
    case Command::kDeviceEnable:
    case Command::kDeviceDisable:
    case Command::kKeyRotate:
    case Command::kCertificateRequest:
    case Command::kCertificateInstall:
    case Command::WHAT_NOT_SET:
        break;
    }
    finish(of, COMMAND_CODE_UNSUPPORTED, "this gateway knows no such command");
}

// --- what changes something
// ------------------------------------------------------------------------

// The reply of the sync thread, here again.
sync_shell::reply command_runner::rides(manage::ticket of) {
    return [this, of](std::string failure) {
        boost::asio::post(with_.io, [this, of, failure = std::move(failure)] {
            if (failure.empty()) return desk_->rode(of);
            finish(of, COMMAND_CODE_FAILED, failure);
        });
    };
}

// Where there is one only it need not be named.
result<std::uint8_t> command_runner::destination(const std::string& name) const {
    const auto& all = with_.settings.destinations;
    if (name.empty() && all.size() == 1) return with_.log.destinations()[0];
    if (name.empty()) {
        std::string names;
        for (const auto& one : all)
            names += (names.empty() ? "" : ", ") + one.name;
        return error{errc::not_found,
                     "which destination? Expected one of: " + (all.empty() ? "(none)" : names)};
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].name == name) return with_.log.destinations()[i];
    return error{errc::not_found, "there is no destination \"" + name + "\""};
}

void command_runner::retry_dead(manage::ticket of, const DeadRetryCommand& what) {
    const auto number = destination(what.destination());
    if (!number.ok()) return finish(of, COMMAND_CODE_NOT_FOUND, number.failure().message);
    with_.sync.retry_dead(*number, what.number(), rides(of), desk_->done_with(of, {}));
}

void command_runner::discard_dead(manage::ticket of, const DeadDiscardCommand& what,
                                  const std::string& reason) {
    const auto number = destination(what.destination());
    if (!number.ok()) return finish(of, COMMAND_CODE_NOT_FOUND, number.failure().message);
    if (!has_reason(of, reason)) return;
    with_.sync.discard_dead(*number, what.number(), reason, rides(of), desk_->done_with(of, {}));
}

bool command_runner::has_reason(manage::ticket of, const std::string& reason) {
    const bool good = !reason.empty() && reason.size() <= limits::k_text_bytes_max;
    if (!good)
        finish(of, COMMAND_CODE_INVALID,
               "reason: expected 1 to " + std::to_string(limits::k_text_bytes_max) + " bytes");
    return good;
}

void command_runner::discard_quarantined(manage::ticket of, std::uint64_t number,
                                         const std::string& reason) {
    if (!has_reason(of, reason)) return;
    quarantine_discard_request request;
    request.token = ++last_token_;
    request.number = number;
    request.with = desk_->done_with(of, {});
    riding_.emplace(request.token, of);
    static_cast<void>(with_.writer.submit(std::move(request)));
}

bool command_runner::on_answer(const quarantine_discarded& answer) {
    const auto found = riding_.extract(answer.token);
    if (found.empty()) return false;
    if (answer.found)
        desk_->rode(found.mapped());
    else
        finish(found.mapped(), COMMAND_CODE_NOT_FOUND, "nothing in quarantine under that number");
    return true;
}

bool command_runner::on_answer(const manage_done& answer) {
    const auto found = riding_.extract(answer.token);
    if (found.empty()) return false;
    desk_->rode(found.mapped());
    return true;
}

void command_runner::change_operators(manage::ticket of, const OperatorsChangeCommand& how) {
    auto next = desk_->operators().changed(how);
    if (!next.ok()) return finish(of, code_of(next.failure()), next.failure().message);
    desk_->change_operators(of, std::move(*next), {});
}

void command_runner::set_log_level(manage::ticket of, const LogLevelCommand& how) {
    const auto named = std::ranges::find(log::k_level_names, how.level());
    if (named == log::k_level_names.end())
        return finish(of, COMMAND_CODE_INVALID,
                      "level: expected trace, debug, info, warn or error");
    if (how.seconds() == 0 || how.seconds() > k_log_level_s_max)
        return finish(of, COMMAND_CODE_INVALID,
                      "seconds: expected 1 to " + std::to_string(k_log_level_s_max));
    log::set_least(static_cast<log::level>(named - log::k_level_names.begin()));
    quiet_.expires_after(std::chrono::seconds(how.seconds()));
    quiet_.async_wait([least = static_cast<log::level>(with_.settings.log.level)](auto ended) {
        if (!ended) log::set_least(least);
    });
    finish(of, COMMAND_CODE_OK, {});
}

} // namespace wharf
