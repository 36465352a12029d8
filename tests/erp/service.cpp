#include "tests/erp/service.hpp"

#include "tests/erp/canonical_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <string_view>

namespace erp {
namespace {

using namespace wharf::v1;
using nlohmann::json;

constexpr std::size_t k_key_bytes_max = 128;
constexpr std::int64_t k_applied_rows_max = 10'000;

reply error_reply(unsigned status, const std::string& message) {
    reply out;
    out.status = status;
    out.body = json{{"error", message}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    return out;
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool readable_key(std::string_view key) {
    if (key.empty() || key.size() > k_key_bytes_max) return false;
    for (const char c : key) {
        if (c <= ' ' || c > '~') return false;
    }
    return true;
}

template <typename message>
std::optional<std::string> parse(const http_request& request, bool as_json, message& out) {
    if (as_json) {
        std::string error;
        if (from_json(request.body, out, error)) return std::nullopt;
        return error;
    }
    if (!out.ParseFromString(request.body)) return "the body is not this message in protobuf";
    if (has_unknown_fields(out)) return "the body has fields that are not in the schema";
    return std::nullopt;
}

ItemStatus status_named(std::string_view name) {
    if (name == "forbidden") return ITEM_STATUS_FORBIDDEN;
    if (name == "error") return ITEM_STATUS_ERROR;
    if (name == "in_progress") return ITEM_STATUS_IN_PROGRESS;
    return ITEM_STATUS_THROTTLED;
}

std::int64_t parameter(std::string_view target, std::string_view name, std::int64_t otherwise) {
    std::string_view rest = target.substr(std::min(target.find('?'), target.size()));
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(pair.size());
        if (!pair.starts_with(name) || pair.substr(name.size(), 1) != "=") continue;
        const std::string_view text = pair.substr(name.size() + 1);
        std::int64_t number = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
        return fault == std::errc{} && end == text.data() + text.size() ? number : -1;
    }
    return otherwise;
}

} // namespace

service::service(store& kept, misbehaviour& faults, std::string token, std::string base)
    : store_(kept), faults_(faults), token_(std::move(token)), base_(std::move(base)),
      counters_(store_.read_counters()) {}

bool service::is_apply(const http_request& request) const {
    return path_of(request.target) == base_ + "/v1/updates";
}

bool service::is_query(const http_request& request) const {
    return path_of(request.target) == base_ + "/v1/updates/query";
}

bool service::misbehaves(const http_request& request) const {
    return is_apply(request) || (is_query(request) && faults_.query_too());
}

bool service::strikes(fault what) {
    if (!faults_.strikes(what)) return false;
    count("fault_" + std::string(fault_name(what)));
    return true;
}

std::uint64_t service::delay_before_ms(const http_request& request) {
    if (!misbehaves(request) || !strikes(fault::delay_ms)) return 0;
    return faults_.delay_draw(fault::delay_ms);
}

reply service::too_large() {
    return error_reply(413, "the body is larger than this ERP reads");
}

reply service::handle(const http_request& request) {
    try {
        return route(request);
    } catch (const std::exception& failure) {
        store_.abandon();
        count("failures");
        return error_reply(500, failure.what());
    }
}

reply service::route(const http_request& request) {
    const std::string_view path = path_of(request.target);
    if (is_apply(request) || is_query(request)) {
        count(is_apply(request) ? "requests" : "queries");
        return contract(request);
    }
    if (path == "/control") return control(request);
    if (request.method != "GET") return error_reply(404, "there is nothing here to POST to");
    reply out;
    if (path == "/healthz") {
        out.content_type = "text/plain";
        out.body = "ok\n";
    } else if (path == "/stats") {
        out.body = stats();
    } else if (path == "/applied") {
        return applied(request);
    } else {
        return error_reply(404, "the ERP answers at " + base_ + "/v1/updates");
    }
    return out;
}

reply service::contract(const http_request& request) {
    if (request.method != "POST") return error_reply(405, "only POST is known here");
    if (!token_.empty() && request.authorization != "Bearer " + token_) {
        count("unauthorised");
        reply out = error_reply(401, "the bearer token is missing or wrong");
        out.headers.emplace_back("WWW-Authenticate", "Bearer");
        return out;
    }
    const std::string_view type =
        std::string_view(request.content_type).substr(0, request.content_type.find(';'));
    if (type != "application/json" && type != "application/x-protobuf") {
        return error_reply(415, "Content-Type is application/json or application/x-protobuf");
    }
    const format as = type == "application/json" ? format::json : format::protobuf;
    if (is_apply(request)) return apply(request, as);
    return query(request, as);
}

// Faults of a request that is not to take effect, in the order in which they win.
bool service::fault_before(reply& out) {
    if (strikes(fault::status)) {
        out = error_reply(static_cast<unsigned>(faults_.status_code()), "told to answer so");
        if (out.status / 100 == 3) out.headers.emplace_back("Location", "/elsewhere");
        return true;
    }
    if (strikes(fault::throttle)) {
        out = error_reply(429, "too many updates at once");
        out.headers.emplace_back("Retry-After", std::to_string(faults_.retry_after_s()));
        return true;
    }
    if (strikes(fault::error_503)) {
        out = error_reply(503, "closed for maintenance");
        return true;
    }
    if (strikes(fault::error_500_before)) {
        out = error_reply(500, "failed before the updates took effect");
        return true;
    }
    if (strikes(fault::drop_before)) {
        out.how = faults_.coin() ? sending::close_instead : sending::reset_instead;
        return true;
    }
    return false;
}

// Renders the answer, or what is sent in its place although everything has taken effect.
void service::fault_after(BatchAnswer& answer, format as, reply& out) {
    if (strikes(fault::delay_after_ms)) out.wait_ms = faults_.delay_draw(fault::delay_after_ms);
    if (answer.items_size() > 0 && strikes(fault::missing_items)) {
        const int items = answer.items_size();
        const int certain = static_cast<int>(faults_.between(0, static_cast<unsigned>(items - 1)));
        for (int index = items - 1; index >= 0; --index) {
            if (index == certain || faults_.coin())
                answer.mutable_items()->DeleteSubrange(index, 1);
        }
    }
    out.content_type = as == format::json ? "application/json" : "application/x-protobuf";
    out.body = as == format::json ? to_json(answer) : answer.SerializeAsString();
    if (strikes(fault::drop_after)) {
        out.how = faults_.coin() ? sending::close_instead : sending::reset_instead;
    } else if (strikes(fault::error_500_after)) {
        const std::uint64_t wait_ms = out.wait_ms;
        out = error_reply(500, "failed after the updates took effect");
        out.wait_ms = wait_ms;
    } else if (strikes(fault::garbage)) {
        const std::string& form = faults_.garbage_form();
        if (form == "noise" || (form == "any" && faults_.coin())) {
            out.body = "<html>\xff\xfe the application server says hello";
        } else {
            out.body.resize(out.body.size() - std::min<std::size_t>(out.body.size(), 3));
        }
    }
    if (out.how == sending::whole && strikes(fault::slow_loris)) {
        out.how = sending::byte_by_byte;
        out.byte_ms = faults_.loris_byte_ms();
    }
}

// A batch that cannot be taken at all; status 200 where it can.
reply service::refuse_batch(const http_request& request, const UpdateBatch& batch) const {
    if (batch.items().empty()) return error_reply(400, "items: a batch has at least one");
    const auto items = static_cast<std::size_t>(batch.items_size());
    if (items > faults_.batch_items_max()) {
        return error_reply(413, "this ERP takes batches of at most " +
                                    std::to_string(faults_.batch_items_max()) + " items");
    }
    for (const Update& update : batch.items()) {
        if (!readable_key(update.idempotency_key())) {
            return error_reply(400,
                               "idempotency_key: expected 1 to 128 printable ASCII characters");
        }
    }
    const std::string& named = items == 1 ? batch.items(0).idempotency_key() : batch.batch_id();
    if (!request.idempotency_key.empty() && request.idempotency_key != named) {
        return error_reply(400, "Idempotency-Key: expected the one item's key, or the batch id");
    }
    return {};
}

reply service::apply(const http_request& request, format as) {
    reply out;
    if (fault_before(out)) return out;
    UpdateBatch batch;
    if (const auto error = parse(request, as == format::json, batch)) {
        count("unreadable");
        return error_reply(400, *error);
    }
    out = refuse_batch(request, batch);
    if (out.status != 200) {
        count("refused_batches");
        return out;
    }
    BatchAnswer answer;
    store_.begin();
    if (is_fenced(request, batch.gateway(), as, out)) {
        store_.commit();
        return out;
    }
    apply_items(batch, answer);
    auto counters = counters_;
    for (const ItemAnswer& item : answer.items()) {
        ++counters["items_" + enum_text(*ItemStatus_descriptor(), item.status())];
    }
    store_.write_counters(counters);
    store_.commit();
    counters_ = std::move(counters);
    fault_after(answer, as, out);
    return out;
}

// Inside a transaction. Nothing of a request by a gateway that another has taken over from.
bool service::is_fenced(const http_request& request, const std::string& gateway, format as,
                        reply& out) {
    const std::string& who = request.gateway.empty() ? gateway : request.gateway;
    if (who.empty()) return false;
    const auto words = store_.outrun(who, request.takeover, request.epoch);
    if (!words) return false;
    count("fenced");
    BatchAnswer answer;
    answer.set_code("fenced");
    answer.set_message(*words);
    out.status = 409;
    out.content_type = as == format::json ? "application/json" : "application/x-protobuf";
    out.body = as == format::json ? to_json(answer) : answer.SerializeAsString();
    return true;
}

void service::apply_items(const UpdateBatch& batch, BatchAnswer& answer) {
    bool stopped = false;
    for (const Update& update : batch.items()) {
        ItemAnswer& item = *answer.add_items();
        item.set_idempotency_key(update.idempotency_key());
        if (stopped) {
            item.set_status(ITEM_STATUS_NOT_ATTEMPTED);
            continue;
        }
        if (!answer_badly(update, item)) item = store_.apply(update, batch.batch_id());
        const bool applied =
            item.status() == ITEM_STATUS_APPLIED || item.status() == ITEM_STATUS_ALREADY_APPLIED;
        stopped = batch.in_order() && !applied;
    }
}

// A key this ERP has applied is never refused afterwards: the ledger's answer comes first.
bool service::answer_badly(const Update& update, ItemAnswer& answer) {
    if (store_.holds(update.idempotency_key())) return false;
    if (faults_.refuses(update.event().event_id()) || strikes(fault::refuse_item)) {
        answer = store_.refuse(update, ITEM_STATUS_REFUSED,
                               {"test_refusal", "the ERP was told to refuse this update"});
        return true;
    }
    if (strikes(fault::in_progress)) {
        answer.set_status(ITEM_STATUS_IN_PROGRESS);
        return true;
    }
    if (strikes(fault::item_answer)) {
        answer.set_status(status_named(faults_.item_status()));
        answer.set_code("test_" + faults_.item_status());
        return true;
    }
    return false;
}

reply service::query(const http_request& request, format as) {
    reply out;
    if (faults_.query_too() && fault_before(out)) return out;
    BatchAnswer question;
    if (const auto error = parse(request, as == format::json, question)) {
        count("unreadable");
        return error_reply(400, *error);
    }
    store_.begin();
    const bool fenced = is_fenced(request, {}, as, out);
    store_.commit();
    if (fenced) return out;
    BatchAnswer answer;
    for (const ItemAnswer& asked : question.items()) {
        ItemAnswer& item = *answer.add_items();
        item.set_idempotency_key(asked.idempotency_key());
        item.set_status(store_.holds(asked.idempotency_key()) ? ITEM_STATUS_ALREADY_APPLIED
                                                              : ITEM_STATUS_NOT_HELD);
    }
    if (faults_.query_too()) {
        fault_after(answer, as, out);
        return out;
    }
    out.content_type = as == format::json ? "application/json" : "application/x-protobuf";
    out.body = as == format::json ? to_json(answer) : answer.SerializeAsString();
    return out;
}

reply service::control(const http_request& request) {
    reply out;
    if (request.method == "POST") {
        const json change = json::parse(request.body, nullptr, false);
        if (change.is_discarded()) return error_reply(400, "the body is not JSON");
        if (const auto error = faults_.change(change)) return error_reply(400, *error);
        if (change.value("forget_keys", false)) {
            store_.forget_keys();
            count("forgot_keys");
        }
        if (const auto gateway = change.value("forget_gateway", std::string()); !gateway.empty())
            store_.forget_gateway(gateway);
        out.vanish_ms = change.value("vanish_ms", std::uint64_t{0});
    } else if (request.method != "GET") {
        return error_reply(405, "GET reads the misbehaviour, POST changes it");
    }
    out.body = faults_.describe();
    return out;
}

reply service::applied(const http_request& request) {
    const std::int64_t after = parameter(request.target, "after", 0);
    const std::int64_t limit = parameter(request.target, "limit", 1000);
    if (after < 0 || limit < 1 || limit > k_applied_rows_max) {
        return error_reply(400, "after is a row number from 0, limit from 1 to 10000");
    }
    reply out;
    out.body = store_.applied_after(after, limit);
    return out;
}

std::string service::stats() const {
    json out = counters_;
    for (const char* name : {"requests", "queries", "items_applied", "items_already_applied",
                             "items_refused", "items_conflict", "items_not_attempted"}) {
        out.emplace(name, 0);
    }
    return out.dump(2) + "\n";
}

void service::close() {
    store_.write_counters(counters_);
}

} // namespace erp
