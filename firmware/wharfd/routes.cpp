#include "firmware/wharfd/routes.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/platform/log/log.hpp"

#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <charconv>

namespace wharf {

namespace {

admin::response refusal(const error& why) {
    return admin::error_response(why.code == errc::not_found ? 404 : 400, why.message);
}

sync_shell::reply done(admin::answer reply) {
    return [reply = std::move(reply)](const std::string& failure) {
        if (failure.empty())
            reply({200, "{}"});
        else
            reply(admin::error_response(409, failure));
    };
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
    commands.handle("POST", "/v1/dead/{destination}/{sequence}/retry",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto which = dead_letter_of(asked);
                        if (!which.ok()) return reply(refusal(which.failure()));
                        with_.sync.retry_dead(which->destination, which->number,
                                              done(std::move(reply)));
                    });
    commands.handle("POST", "/v1/dead/{destination}/{sequence}/discard",
                    [this](const admin::request& asked, admin::answer reply) {
                        auto which = dead_letter_of(asked);
                        if (!which.ok()) return reply(refusal(which.failure()));
                        auto reason = reason_of(asked.body);
                        if (!reason.ok()) return reply(refusal(reason.failure()));
                        log::info("a dead letter is discarded by an operator",
                                  {{"destination", asked.parameters.at("destination")},
                                   {"sequence", std::to_string(which->number)},
                                   {"reason", *reason}});
                        with_.sync.discard_dead(which->destination, which->number, *reason,
                                                done(std::move(reply)));
                    });
    commands.handle(
        "POST", "/v1/quarantine/{number}/discard",
        [this](const admin::request& asked, admin::answer reply) {
            auto number = number_of(asked.parameters.at("number"), "a message");
            if (!number.ok()) return reply(refusal(number.failure()));
            auto reason = reason_of(asked.body);
            if (!reason.ok()) return reply(refusal(reason.failure()));
            log::info("a quarantined message is discarded by an operator",
                      {{"number", std::to_string(*number)}, {"reason", *reason}});
            std::uint64_t token = ++last_discard_;
            discards_.emplace(token, std::move(reply));
            static_cast<void>(with_.writer.submit(quarantine_discard_request{token, *number}));
        });
    for (bool resume : {true, false})
        commands.handle(
            "POST", std::string("/v1/destinations/{destination}/") + (resume ? "resume" : "pause"),
            [this, resume](const admin::request& asked, admin::answer reply) {
                auto number = destination_of(asked);
                if (!number.ok()) return reply(refusal(number.failure()));
                auto then = [this, resume, number = *number,
                             reply = std::move(reply)](const std::string& failure) mutable {
                    boost::asio::post(with_.io, [this, resume, number, failure,
                                                 reply = std::move(reply)]() mutable {
                        if (!failure.empty()) return reply(admin::error_response(409, failure));
                        manage_request request;
                        request.token = ++last_pause_;
                        request.ops.emplace_back(pause_destination{number, !resume});
                        pauses_.emplace(request.token, std::move(reply));
                        static_cast<void>(with_.writer.submit(std::move(request)));
                    });
                };
                if (resume)
                    with_.sync.resume(*number, std::move(then));
                else
                    with_.sync.pause(*number, std::move(then));
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

result<std::uint8_t> operator_routes::destination_of(const admin::request& asked) const {
    const std::string& name = asked.parameters.at("destination");
    for (std::size_t i = 0; i < with_.settings.destinations.size(); ++i)
        if (with_.settings.destinations[i].name == name) return with_.log.destinations()[i];
    return error{errc::not_found, "there is no destination \"" + name + "\""};
}

result<operator_routes::dead_letter>
operator_routes::dead_letter_of(const admin::request& asked) const {
    WHARF_TRY_ASSIGN(std::uint8_t destination, destination_of(asked));
    WHARF_TRY_ASSIGN(sequence number, number_of(asked.parameters.at("sequence"), "an event"));
    return dead_letter{destination, number};
}

bool operator_routes::on_managed(const manage_done& answer) {
    auto asked = pauses_.extract(answer.token);
    if (asked.empty()) return false;
    asked.mapped()({200, "{}"});
    return true;
}

void operator_routes::on_discarded(const quarantine_discarded& answer) {
    auto asked = discards_.extract(answer.token);
    if (asked.empty()) return;
    if (answer.found)
        asked.mapped()({200, "{}"});
    else
        asked.mapped()(admin::error_response(404, "nothing in quarantine under that number"));
}

} // namespace wharf
