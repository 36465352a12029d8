#include "gateway/codec/validate.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/body_rules.hpp"
#include "gateway/codec/field_rules.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/wire_values.hpp"

#include <google/protobuf/stubs/common.h>

#include <algorithm>

namespace wharf {

namespace {

template <class Event> status check_references(const Event& event) {
    if (static_cast<std::size_t>(event.references_size()) > limits::k_references_max) {
        return unexpected({nullptr, "references"},
                          "expected at most " + std::to_string(limits::k_references_max),
                          std::to_string(event.references_size()));
    }
    for (int i = 0; i < event.references_size(); ++i) {
        const place at{nullptr, "references", i};
        WHARF_TRY(check_required(at, "type", event.references(i).type()));
        WHARF_TRY(check_required(at, "id", event.references(i).id()));
    }
    return ok();
}

template <class Event> status check_declaration(const Event& event) {
    if (!event.has_error_declaration()) return ok();
    const auto& declaration = event.error_declaration();
    const place at{nullptr, "error_declaration"};
    if (!declaration.has_declared_at()) return unexpected({&at, "declared_at"}, "required");
    if (event.event_id().empty())
        return unexpected({nullptr, "event_id"}, "required with error_declaration: the id of the "
                                                 "event that is declared wrong");
    const auto corrective = static_cast<std::size_t>(declaration.corrective_event_ids_size());
    if (corrective > limits::k_corrective_ids_max) {
        return unexpected({&at, "corrective_event_ids"},
                          "expected at most " + std::to_string(limits::k_corrective_ids_max),
                          std::to_string(corrective));
    }
    for (int i = 0; i < declaration.corrective_event_ids_size(); ++i)
        if (declaration.corrective_event_ids(i).empty())
            return unexpected({&at, "corrective_event_ids", i}, "expected an event's id", "\"\"");
    return ok();
}

template <class Event> status check_reversal(Event& event) {
    if (!event.has_reversal()) return ok();
    auto&& reversal = flat::editable(event.mutable_reversal());
    const place at{nullptr, "reversal"};
    WHARF_TRY(check_required(at, "event_id", reversal.event_id()));
    if (reversal.source().empty()) reversal.set_source(event.source());
    if (reversal.source() == event.source() && reversal.event_id() == event.event_id())
        return unexpected({&at, "event_id"}, "expected another event than this one",
                          quoted(reversal.event_id()));
    return ok();
}

// REQUIRES: every field is well formed by itself.
template <class Event>
status check_rules(Event& event, std::string_view site, std::string_view device) {
    if (event.source().empty()) event.set_source(flat::text_for<Event>(device));
    WHARF_TRY(check_references(event));
    WHARF_TRY(check_declaration(event));
    WHARF_TRY(check_reversal(event));
    return check_body(event, site);
}

} // namespace

status validate(wharf::v1::Event& event, std::string_view site, std::string_view device) {
    WHARF_TRY(check_forms(nullptr, event));
    return check_rules(event, site, device);
}

status validate(flat::event_view& event, std::string_view site, std::string_view device) {
    return check_rules(event, site, device);
}

status check_name(std::string_view what, std::string_view name) {
    if (name.empty() || name.size() > limits::k_identifier_bytes_max)
        return unexpected({nullptr, what},
                          "expected 1 to " + std::to_string(limits::k_identifier_bytes_max) +
                              " bytes",
                          std::to_string(name.size()));
    if (!google::protobuf::internal::IsStructurallyValidUTF8(name.data(),
                                                             static_cast<int>(name.size())))
        return unexpected({nullptr, what}, "expected UTF-8 text", quoted(to_hex(name)));
    if (!is_plain_text(name))
        return unexpected({nullptr, what}, "expected text without control characters",
                          quoted(name));
    return ok();
}

bool is_correlation_id(std::string_view text) noexcept {
    return !text.empty() && text.size() <= limits::k_correlation_id_bytes_max &&
           is_plain_text(text);
}

} // namespace wharf
