#include "firmware/wharfd/routes.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/manage/kinds.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/observe/metrics.hpp"

#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <charconv>

namespace wharf {

namespace {

using namespace wharf::v1;

admin::response refusal(const error& why) {
    return admin::error_response(why.code == errc::not_found ? 404 : 400, why.message);
}

admin::response response_to(const CommandReport& report) {
    switch (report.code()) {
    case COMMAND_CODE_OK:
        return {200, report.json().empty() ? "{}" : report.json()};
    case COMMAND_CODE_NOT_FOUND:
        return admin::error_response(404, report.message());
    case COMMAND_CODE_INVALID:
        return admin::error_response(400, report.message());
    case COMMAND_CODE_BUSY:
        return admin::error_response(503, report.message());
    default:
        return admin::error_response(409, report.message());
    }
}

result<std::uint64_t> number_of(const std::string& text, std::string_view what) {
    std::uint64_t number = 0;
    auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number == 0)
        return error{errc::invalid,
                     "expected the number of " + std::string(what) + ", got \"" + text + "\""};
    return number;
}

result<std::string> reason_of(const std::string& body) {
    auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("reason") || !parsed["reason"].is_string())
        return error{errc::invalid, "expected {\"reason\": \"why it will not be applied\"}"};
    auto reason = parsed["reason"].get<std::string>();
    if (reason.empty() || reason.size() > limits::k_text_bytes_max)
        return error{errc::invalid, "reason: expected 1 to " +
                                        std::to_string(limits::k_text_bytes_max) + " bytes"};
    return reason;
}

// No body: all lanes.
result<std::string> lane_of(const std::string& body) {
    if (body.empty()) return std::string();
    auto parsed = nlohmann::json::parse(body, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("lane") || !parsed["lane"].is_string())
        return error{errc::invalid, "expected no body, or {\"lane\": \"its name\"}"};
    return parsed["lane"].get<std::string>();
}

} // namespace

void operator_routes::add_to(admin::router& commands, admin::router& pages) {
    commands.handle_now("GET", "/v1/books", [this](const admin::request&) {
        return admin::response{200, observe::books_json(with_.look().books())};
    });
    commands.handle_now("GET", "/v1/status", [this](const admin::request&) {
        return admin::response{200, observe::status_json(with_.look())};
    });
    commands.handle("POST", "/v1/access/reload",
                    [this](const admin::request&, admin::answer reply) {
                        with_.access.reload([reply = std::move(reply)](const status& how) {
                            if (how.ok()) return reply({200, "{}"});
                            reply(refusal(how.failure()));
                        });
                    });
    commands.handle("POST", "/v1/journal/checkpoint",
                    [this](const admin::request&, admin::answer reply) {
                        with_.writer.checkpoint([this, reply = std::move(reply)] {
                            boost::asio::post(with_.io, [reply] { reply({200, "{}"}); });
                        });
                    });
    // Any order, as it would come over the fleet: `what` and `reason` count. Answers the report.
    commands.handle(
        "POST", "/v1/commands", [this](const admin::request& asked, admin::answer reply) {
            Command command;
            if (!command.ParseFromString(asked.body))
                return reply(admin::error_response(400, "expected a serialized wharf.v1.Command"));
            // Who may open the socket keeps stock moving; it takes more to say who is obeyed.
            const auto* kind = manage::kind_of(command);
            if (kind != nullptr && kind->role == OPERATOR_ROLE_ADMIN && !asked.owner)
                return reply(admin::error_response(
                    403, std::string(kind->name) +
                             ": on the gateway itself only root and wharfd's own user may"));
            with_.order(std::move(command), asked.user,
                        [reply = std::move(reply)](const CommandReport& report) {
                            reply({200, report.SerializeAsString(), "application/x-protobuf"});
                        });
        });
    commands.handle("POST", "/v1/dead/{destination}/{sequence}/retry",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto number = number_of(asked.parameters.at("sequence"), "an event");
                        if (!number.ok()) return reply(refusal(number.failure()));
                        Command command;
                        auto& what = *command.mutable_dead_retry();
                        what.set_destination(asked.parameters.at("destination"));
                        what.set_number(*number);
                        order(std::move(command), asked, std::move(reply));
                    });
    commands.handle("POST", "/v1/dead/{destination}/{sequence}/discard",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto number = number_of(asked.parameters.at("sequence"), "an event");
                        if (!number.ok()) return reply(refusal(number.failure()));
                        auto reason = reason_of(asked.body);
                        if (!reason.ok()) return reply(refusal(reason.failure()));
                        Command command;
                        command.set_reason(*reason);
                        auto& what = *command.mutable_dead_discard();
                        what.set_destination(asked.parameters.at("destination"));
                        what.set_number(*number);
                        order(std::move(command), asked, std::move(reply));
                    });
    commands.handle("POST", "/v1/quarantine/{number}/discard",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto number = number_of(asked.parameters.at("number"), "a message");
                        if (!number.ok()) return reply(refusal(number.failure()));
                        auto reason = reason_of(asked.body);
                        if (!reason.ok()) return reply(refusal(reason.failure()));
                        Command command;
                        command.set_reason(*reason);
                        command.mutable_quarantine_discard()->set_number(*number);
                        order(std::move(command), asked, std::move(reply));
                    });
    commands.handle("POST", "/v1/destinations/{destination}/pause",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto lane = lane_of(asked.body);
                        if (!lane.ok()) return reply(refusal(lane.failure()));
                        Command command;
                        command.mutable_pause()->set_destination(
                            asked.parameters.at("destination"));
                        command.mutable_pause()->set_lane(*lane);
                        order(std::move(command), asked, std::move(reply));
                    });
    commands.handle("POST", "/v1/destinations/{destination}/resume",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto lane = lane_of(asked.body);
                        if (!lane.ok()) return reply(refusal(lane.failure()));
                        Command command;
                        command.mutable_resume()->set_destination(
                            asked.parameters.at("destination"));
                        command.mutable_resume()->set_lane(*lane);
                        order(std::move(command), asked, std::move(reply));
                    });
    pages.handle_now("GET", "/healthz", [this](const admin::request&) {
        observe::health health = observe::judge(with_.look());
        return admin::response{health.http_status(), observe::health_json(health)};
    });
    pages.handle_now("GET", "/metrics", [this](const admin::request&) {
        return admin::response{200, observe::render_metrics(with_.look()),
                               std::string(observe::k_metrics_content_type)};
    });
}

void operator_routes::order(Command command, const admin::request& asked, admin::answer reply) {
    with_.order(
        std::move(command), asked.user,
        [reply = std::move(reply)](const CommandReport& report) { reply(response_to(report)); });
}

} // namespace wharf
