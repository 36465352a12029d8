// The end of a gateway: decommissioned, or as it left the factory. One transaction says it for
// good; what follows from it (the last words, the key, the device) is done by the runs after it,
// until it is done.
#include "firmware/wharfd/device_office.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/ports/digest.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

constexpr std::int64_t k_reset_again_us = 60'000'000;
constexpr std::int64_t k_last_words_us = 60'000'000;

manage::command_outcome outcome_of(const GatewayEnd& end) {
    const std::string left = what_is_left(end);
    std::string words = end_words(end);
    if (!left.empty())
        words += end.factory_reset() ? "; lost: " + left
                                     : "; in the export, and not brought to its end here: " + left;
    return {COMMAND_CODE_OK, std::move(words),
            json{{"factory_reset", end.factory_reset()},
                 {end.factory_reset() ? "lost" : "left_to_the_export",
                  {{"pending", end.pending()},
                   {"dead", end.dead()},
                   {"quarantined", end.quarantined()}}},
                 {"export_sha256", to_hex(end.export_sha256())}}
                .dump(-1, ' ', false, json::error_handler_t::replace)};
}

} // namespace

void device_office::decommission(const manage::act::run& what) {
    const DecommissionCommand& asked = what.command->decommission();
    if (asked.name() != with_.settings.gateway.name)
        return finish(what.of, COMMAND_CODE_INVALID, "name: expected this gateway's own");
    end_request request;
    request.only_drained = true;
    if (!asked.export_header().empty() || !asked.export_trailer().empty()) {
        auto& facts = request.exported.emplace();
        if (!facts.header.ParseFromString(asked.export_header()) ||
            !facts.trailer.ParseFromString(asked.export_trailer()))
            return finish(what.of, COMMAND_CODE_INVALID,
                          "export_header, export_trailer: expected those of an export");
    }
    request.content.set_by(what.by);
    request.content.set_reason(what.command->reason());
    end(what.of, std::move(request));
}

void device_office::factory_reset(const manage::act::run& what) {
    const FactoryResetCommand& asked = what.command->factory_reset();
    if (asked.name() != with_.settings.gateway.name)
        return finish(what.of, COMMAND_CODE_INVALID, "name: expected this gateway's own");
    able(what.of, device_ability::factory_reset,
         [this, of = what.of, by = what.by, reason = what.command->reason(),
          may_lose = asked.lose_undelivered()](const device_facts&) {
             end_request request;
             request.may_lose = may_lose;
             request.content.set_factory_reset(true);
             request.content.set_by(by);
             request.content.set_reason(reason);
             end(of, std::move(request));
         });
}

void device_office::end(manage::ticket of, end_request request) {
    auto later = desk_->ends_later(of);
    if (!later) return;
    request.token = ++last_token_;
    request.content.set_at_us(with_.clock.wall_us());
    auto report = std::make_shared<std::string>();
    request.with = [later = std::move(*later), report](const gateway_ended& answer) {
        auto made = later.with(outcome_of(answer.end));
        *report = std::move(made.report);
        return std::move(made.ops);
    };
    ends_.emplace(request.token, ending{of, std::move(report)});
    static_cast<void>(with_.writer.submit(std::move(request)));
}

bool device_office::on_answer(const gateway_ended& answer) {
    const auto found = ends_.extract(answer.token);
    if (found.empty()) return false;
    const ending& it = found.mapped();
    if (!answer.refused.empty()) {
        finish(it.of, COMMAND_CODE_FAILED, "refused: " + answer.refused);
        return true;
    }
    ends_now_ = true;
    with_.end_delivery(end_words(answer.end));
    with_.close_doors();
    desk_->rode(it.of, std::move(*it.report));
    with_.begin_anew("the gateway has ended");
    return true;
}

// By its own end the order has one id, however often it is given.
void device_office::reset_device() {
    reset_again_us_ = with_.clock.monotonic_us() + k_reset_again_us;
    const std::string id = to_hex(view_of(sha256(ended_->SerializeAsString()))).substr(0, 32);
    with_.device.order(
        {id, device_order::factory_reset{}}, [](const device_step&) {},
        [](const device_answer& answer) {
            if (answer.became == device_answer::how::done)
                return log::info("the device is reset and starts anew");
            log::error("the device could not be reset; again in a minute",
                       {{"reason", answer.words}});
        });
}

// The last words of one that is only decommissioned wait for the fleet broker as long as it takes;
// a device that is to be handed on does not.
void device_office::tick_end() {
    if (!ended_ || !ended_->factory_reset()) return;
    const auto now_us = with_.clock.monotonic_us();
    if (!desk_->status().configured) {
        if (now_us >= reset_again_us_) reset_device();
    } else if (now_us - began_us_ >= k_last_words_us) {
        with_.forget_key();
    }
}

} // namespace wharf
