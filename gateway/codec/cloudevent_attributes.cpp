#include "gateway/codec/cloudevent_attributes.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/field_rules.hpp"
#include "gateway/codec/validate.hpp"
#include "gateway/codec/wire_values.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr std::string_view k_version = "1.0";
// A type of ours says which body the data has.
constexpr std::string_view k_our_types = "wharf.v1.";

error wrong(std::string_view name, std::string_view what) {
    return {errc::invalid, std::string(name).append(": ").append(what)};
}

status check_bytes(std::string_view name, std::string_view value, std::size_t bytes_max) {
    if (value.size() > bytes_max)
        return wrong(name, "expected at most " + std::to_string(bytes_max) + " bytes, got " +
                               std::to_string(value.size()));
    return ok();
}

// The event's own name for it stands: one that says something else is not overridden.
status give(std::string_view attribute, const std::string& value, std::string_view field,
            std::size_t bytes_max, std::string& to) {
    if (to == value) return ok();
    if (!to.empty()) {
        return error{errc::conflict, std::string(attribute) + " " + quoted(value) + " and data." +
                                         std::string(field) + " " + quoted(to) +
                                         " contradict each other: expected the same, or no " +
                                         std::string(field)};
    }
    WHARF_TRY(check_bytes(attribute, value, bytes_max));
    if (!is_plain_utf8(value)) return wrong(attribute, "expected text without control characters");
    to = value;
    return ok();
}

bool ends_with_json(std::string_view type) {
    return type == "application/json" || type == "text/json" || type.ends_with("+json");
}

// A media type (RFC 2045) without its parameters, in lower case.
std::string media_type(std::string_view text) {
    text = text.substr(0, text.find(';'));
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

} // namespace

const std::array<std::string_view, cloudevent_attributes::k_known_count>
    cloudevent_attributes::k_names = {"specversion",     "id",         "source",       "type",
                                      "datacontenttype", "dataschema", "subject",      "time",
                                      "traceparent",     "tracestate", "correlationid"};

bool cloudevent_attributes::is_name(std::string_view name) noexcept {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
}

bool cloudevent_attributes::is_defined(std::string_view name) noexcept {
    const auto defined = k_names.begin() + time + 1;
    return std::find(k_names.begin(), defined, name) != defined;
}

void cloudevent_attributes::clear() {
    names_.clear();
    known_.fill(std::nullopt);
}

status cloudevent_attributes::note(std::string_view name) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end())
        return wrong(name, "given twice");
    if (names_.size() == limits::k_cloudevent_attributes_max)
        return error{errc::too_large, "expected at most " +
                                          std::to_string(limits::k_cloudevent_attributes_max) +
                                          " attributes"};
    names_.emplace_back(name);
    return ok();
}

status cloudevent_attributes::set(std::string_view name, std::string_view value) {
    WHARF_TRY(check_bytes(name, value, limits::k_cloudevent_attribute_bytes_max));
    const auto found = std::find(k_names.begin(), k_names.end(), name);
    if (found != k_names.end())
        known_[static_cast<std::size_t>(found - k_names.begin())] = std::string(value);
    return ok();
}

status cloudevent_attributes::check() const {
    const auto& version = at(specversion);
    if (!version) return wrong("specversion", "missing; expected \"1.0\"");
    if (*version != k_version)
        return error{errc::unsupported, "specversion: expected \"1.0\", got " + quoted(*version)};
    for (const known which : {id, source, type})
        if (!at(which)) return wrong(k_names[which], "missing; expected a string");
    for (const known which : {id, source, type, content, schema, subject})
        if (at(which) && at(which)->empty())
            return wrong(k_names[which], "expected at least one byte, got none");
    if (at(time)) {
        auto read = parse_rfc3339(*at(time));
        if (!read.ok()) return std::move(read).failure().in("time");
    }
    return ok();
}

result<data_format> cloudevent_attributes::format() const {
    if (!at(content)) return data_format::json;
    const auto type_only = media_type(*at(content));
    if (ends_with_json(type_only)) return data_format::json;
    for (const std::string_view protobuf :
         {"application/protobuf", "application/x-protobuf", "application/vnd.google.protobuf"})
        if (type_only == protobuf) return data_format::protobuf;
    return error{errc::unsupported,
                 "datacontenttype: expected application/json or application/protobuf, got " +
                     quoted(*at(content))};
}

status cloudevent_attributes::apply_to(wharf::v1::Event& event) const {
    if (at(type)->starts_with(k_our_types)) {
        const auto named = std::string_view(*at(type)).substr(k_our_types.size());
        const auto* body = event.GetReflection()->GetOneofFieldDescriptor(
            event, event.GetDescriptor()->FindOneofByName("body"));
        if (body != nullptr && body->name() != named)
            return wrong("type", "it is " + quoted(*at(type)) + ", but data holds " + body->name() +
                                     "; expected \"wharf.v1." + body->name() +
                                     "\", or a type of your own");
    }
    WHARF_TRY(
        give("id", *at(id), "event_id", limits::k_native_id_bytes_max, *event.mutable_event_id()));
    WHARF_TRY(give("source", *at(source), "source", limits::k_identifier_bytes_max,
                   *event.mutable_source()));
    if (at(time) && !event.has_occurred_at()) {
        WHARF_TRY_ASSIGN(const auto when, parse_rfc3339(*at(time)));
        to_proto(when, *event.mutable_occurred_at());
    }
    // As it came: trace_context.hpp says what becomes of a malformed one.
    if (at(trace) && event.traceparent().empty()) {
        event.set_traceparent(*at(trace));
        event.set_tracestate(at(state).value_or(""));
    }
    if (at(correlation) && event.correlation_id().empty() && is_correlation_id(*at(correlation)))
        event.set_correlation_id(*at(correlation));
    return ok();
}

} // namespace wharf
