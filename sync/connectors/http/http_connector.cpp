#include "sync/connectors/http/http_connector.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/base/time.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/trace_context.hpp"
#include "sync/connectors/http/http_date.hpp"
#include "sync/delivery/text.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <map>

namespace wharf {

namespace {

constexpr const char* k_traceparent = "traceparent";

bool is_header_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

error not_an_event(sequence number) {
    return error{errc::corrupt, "event " + std::to_string(number) + ": not an Event"};
}

bool put_event(std::string&& bytes, wharf::v1::RawUpdate& update) {
    update.set_event(std::move(bytes));
    return true;
}
bool put_event(const std::string& bytes, wharf::v1::Update& update) {
    return update.mutable_event()->ParseFromString(bytes);
}

// False where the event is none.
template <class Update>
bool fill_update(raw_record& record, const batch_item& item, const http_connector_options& options,
                 std::string key, Update& update) {
    update.set_idempotency_key(std::move(key));
    auto& id = *update.mutable_id();
    id.set_gateway(options.gateway);
    id.set_epoch(options.names.of(item.number));
    id.set_sequence(item.number);
    id.set_revision(item.revision);
    update.set_site(record.event.site());
    update.set_device(record.event.device());
    update.set_stream(record.event.stream());
    const auto received = timestamp_from_us(record.event.received_at_us());
    update.mutable_received_at()->set_seconds(received.seconds);
    update.mutable_received_at()->set_nanos(received.nanoseconds);
    update.set_clock_unsynchronised((record.head.flags & k_flag_clock_unsynchronised) != 0);
    update.set_without_identity((record.head.flags & k_flag_without_identity) != 0);
    update.set_double_trigger((record.head.flags & k_flag_double_trigger) != 0);
    return put_event(std::move(*record.event.mutable_event()), update);
}

} // namespace

result<http_connector> http_connector::create(http_connector_options options) {
    WHARF_TRY_ASSIGN(auto endpoint, parse_http_url(options.url));
    if (!options.token.empty() && !endpoint.tls && !is_loopback(endpoint.host))
        return error{errc::invalid, "a token over plain text to " + endpoint.host +
                                        " could be read on the way: use https://"};
    if (!is_header_text(options.token))
        return error{errc::invalid, "the token has characters that a header cannot carry"};
    return http_connector(std::move(options), std::move(endpoint));
}

std::string http_connector::key_of(const batch_item& item) const {
    return idempotency_key(options_.gateway, options_.names.of(item.number), item);
}

// By the newest of its items: what was sealed before a takeover keeps its name and its bytes.
std::string http_connector::id_of(batch_number batch, const std::vector<batch_item>& items) const {
    const auto newest = std::ranges::max(items, {}, &batch_item::number);
    return batch_id(options_.gateway, options_.names.of(newest.number), batch);
}

http_request http_connector::request_to(std::string_view path) const {
    http_request out;
    out.target = endpoint_.path + std::string(path);
    const std::string type =
        options_.format == http_format::json ? "application/json" : "application/x-protobuf";
    out.headers.emplace_back("Content-Type", type);
    out.headers.emplace_back("Accept", type);
    if (!options_.token.empty())
        out.headers.emplace_back("Authorization", "Bearer " + options_.token);
    // Who speaks, so that the ERP can tell a gateway from the one that has taken over from it. In
    // no body: what was sealed before a takeover is sent again byte by byte.
    std::string epoch;
    put_big(epoch, options_.names.newest());
    out.headers.emplace_back("Wharf-Gateway", options_.gateway);
    out.headers.emplace_back("Wharf-Takeover", std::to_string(options_.names.takeover_number()));
    out.headers.emplace_back("Wharf-Epoch", to_hex(epoch));
    return out;
}

// Equal messages have equal bytes, in both formats: the seal's digest stands on it.
void http_connector::write(const google::protobuf::Message& message, std::string& out) const {
    if (options_.format == http_format::json) return message_to_json(message, out);
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
}

// The batch as the ERP gets it. What an event says is written as it is in the journal, unread, or
// in JSON.
template <class Batch>
status http_connector::write_batch(batch_number batch, const std::vector<batch_item>& items,
                                   std::vector<raw_record>& records, bool in_order,
                                   std::string& out) const {
    Batch body;
    body.set_batch_id(id_of(batch, items));
    body.set_gateway(options_.gateway);
    body.set_mapping_revision(options_.mapping_revision);
    body.set_in_order(in_order);
    body.mutable_items()->Reserve(static_cast<int>(items.size()));
    for (std::size_t i = 0; i < items.size(); ++i)
        if (!fill_update(records[i], items[i], options_, key_of(items[i]), *body.add_items()))
            return not_an_event(items[i].number);
    write(body, out);
    return ok();
}

result<http_request> http_connector::render(batch_number batch,
                                            const std::vector<batch_item>& items,
                                            std::vector<raw_record>&& records,
                                            bool in_order) const {
    WHARF_ASSERT(!items.empty() && items.size() == records.size());
    // Where it goes alone nothing else would stop what is no event.
    if (items.size() == 1 && !wharf::v1::Event().ParseFromString(records[0].event.event()))
        return not_an_event(items[0].number);
    auto out = request_to("/v1/updates");
    const auto name = id_of(batch, items);
    out.headers.emplace_back("Idempotency-Key", items.size() == 1 ? key_of(items[0]) : name);
    add_trace(name, records, out);
    if (options_.format == http_format::json)
        WHARF_TRY(write_batch<wharf::v1::UpdateBatch>(batch, items, records, in_order, out.body));
    else
        WHARF_TRY(
            write_batch<wharf::v1::RawUpdateBatch>(batch, items, records, in_order, out.body));
    return out;
}

// One request is a step of each of its items' traces. Where they are of several, it is of a trace
// of its own, made from the batch's name; the items name theirs.
void http_connector::add_trace(const std::string& name, const std::vector<raw_record>& records,
                               http_request& out) const {
    std::string_view trace_id;
    std::string_view state;
    bool sampled = false;
    bool several = false;
    for (const auto& record : records) {
        // What was accepted by an earlier version has no such flag; alone it is worth a look.
        if ((record.head.flags & k_flag_traced) == 0 && records.size() > 1) continue;
        const auto said = trace_of(record.event.event());
        const auto parent = read_traceparent(said.parent);
        if (!parent) continue;
        several = several || (!trace_id.empty() && trace_id != parent->trace_id);
        trace_id = parent->trace_id;
        state = said.state;
        sampled = sampled || parent->sampled;
    }
    if (trace_id.empty()) return;
    std::string own;
    if (several) {
        const auto digest = hash128(name);
        trace_id = own = to_hex({digest.data(), digest.size()});
    }
    out.headers.emplace_back(k_traceparent, make_traceparent(trace_id, hash64(name), sampled));
    if (!several && is_tracestate(state)) out.headers.emplace_back("tracestate", state);
}

void http_connector::begin_span(http_request& request, std::uint64_t span_id) {
    for (auto& [name, value] : request.headers) {
        if (name != k_traceparent) continue;
        const auto said = read_traceparent(value);
        WHARF_ASSERT(said);
        value = make_traceparent(std::string(said->trace_id), span_id, said->sampled);
    }
}

http_request http_connector::render_ask(const std::vector<batch_item>& items) const {
    wharf::v1::BatchAnswer body;
    for (const auto& item : items)
        body.add_items()->set_idempotency_key(key_of(item));
    auto out = request_to("/v1/updates/query");
    write(body, out.body);
    return out;
}

bool http_connector::read(const http_response& response, wharf::v1::BatchAnswer& out) const {
    if (response.body.empty()) return false;
    if (options_.format == http_format::json)
        return message_from_json(response.body, out, unknown_field::ignore).ok();
    return out.ParseFromString(response.body);
}

// The usual answer: each item once, in the order of the question. False: look closer.
bool http_connector::take_in_order(wharf::v1::BatchAnswer& answer,
                                   const std::vector<batch_item>& items,
                                   connector_answer& out) const {
    if (static_cast<std::size_t>(answer.items_size()) != items.size()) return false;
    for (std::size_t i = 0; i < items.size(); ++i)
        if (answer.items(static_cast<int>(i)).idempotency_key() != key_of(items[i])) return false;
    out.items.reserve(items.size());
    for (auto& item : *answer.mutable_items())
        out.items.push_back(
            {item.status(), std::move(*item.mutable_code()), std::move(*item.mutable_message())});
    return true;
}

connector_answer http_connector::parse(const http_response& response,
                                       const std::vector<batch_item>& items, bool asked,
                                       std::int64_t wall_us) const {
    connector_answer out;
    out.how = connector_answer::way::answered;
    out.http_status = response.status;
    if (!response.retry_after.empty())
        out.retry_after_us = parse_retry_after_us(response.retry_after, wall_us);
    const bool success = response.status >= 200 && response.status < 300;
    const bool by_status =
        response.status == 200 || response.status == 201 || response.status == 204;
    if (options_.answers_by_status && by_status && items.size() == 1 && !asked) {
        out.items.push_back({wharf::v1::ITEM_STATUS_APPLIED, "", ""});
        return out;
    }
    wharf::v1::BatchAnswer answer;
    const bool readable = read(response, answer);
    if (success && readable && take_in_order(answer, items, out)) return out;
    std::map<std::string, item_answer> by_key;
    if (readable) {
        for (const auto& item : answer.items()) {
            item_answer one{item.status(), item.code(), item.message()};
            const auto [at, fresh] = by_key.emplace(item.idempotency_key(), one);
            // Two words on one item that differ say nothing.
            if (!fresh && at->second.status != one.status)
                at->second.status = wharf::v1::ITEM_STATUS_UNSPECIFIED;
        }
    }
    if (!success) {
        // The words are for a person; the status decides.
        out.words = "HTTP " + std::to_string(response.status);
        if (readable && !answer.code().empty()) {
            out.code = answer.code();
            if (!answer.message().empty()) out.words = answer.message();
        } else if (const auto at = by_key.find(key_of(items.at(0)));
                   items.size() == 1 && at != by_key.end()) {
            out.code = at->second.code;
            if (!at->second.message.empty()) out.words = at->second.message;
        } else if (!response.body.empty()) {
            out.words += ": " + presentable(response.body, limits::k_text_bytes_max);
        }
        return out;
    }
    if (!readable) out.words = "the answer cannot be read";
    const bool lenient = readable ? WHARF_MUTANT(missing_answer_taken_for_applied)
                                  : WHARF_MUTANT(unreadable_answer_taken_for_applied);
    for (const auto& item : items) {
        const auto at = by_key.find(key_of(item));
        if (lenient && at == by_key.end()) {
            out.items.push_back({wharf::v1::ITEM_STATUS_APPLIED, "", ""});
            continue;
        }
        out.items.push_back(at == by_key.end() ? item_answer{} : at->second);
    }
    return out;
}

} // namespace wharf
