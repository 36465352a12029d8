#include "gateway/codec/trace_context.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/wire_bytes.hpp"

#include <algorithm>
#include <array>

namespace wharf {

namespace {

constexpr std::size_t k_version_00_bytes = 55;
constexpr std::size_t k_key_bytes_max = 256;
constexpr std::size_t k_value_bytes_max = 256;

bool is_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
    return text.find_first_not_of('0') == text.npos;
}

unsigned digit(char c) noexcept {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool is_lower_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_key(std::string_view key) noexcept {
    return !key.empty() && key.size() <= k_key_bytes_max && is_lower_or_digit(key.front()) &&
           std::all_of(key.begin(), key.end(), [](char c) {
               return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/' ||
                      c == '@';
           });
}

bool is_value(std::string_view value) noexcept {
    return !value.empty() && value.size() <= k_value_bytes_max && value.back() != ' ' &&
           std::all_of(value.begin(), value.end(),
                       [](char c) { return c >= 0x20 && c < 0x7f && c != ',' && c != '='; });
}

std::string_view without_space(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

} // namespace

std::optional<trace_parent> read_traceparent(std::string_view text) noexcept {
    if (text.size() < k_version_00_bytes || text.size() > limits::k_traceparent_bytes_max ||
        text[2] != '-' || text[35] != '-' || text[52] != '-')
        return std::nullopt;
    const auto version = text.substr(0, 2);
    const auto flags = text.substr(53, 2);
    if (!is_hex(version) || version == "ff" || !is_hex(flags)) return std::nullopt;
    const bool longer = text.size() > k_version_00_bytes;
    if (longer && (version == "00" || text[k_version_00_bytes] != '-')) return std::nullopt;
    const trace_parent out{text.substr(3, 32), text.substr(36, 16), (digit(flags[1]) & 1) != 0};
    if (!is_hex(out.trace_id) || !is_hex(out.span_id) || is_zero(out.trace_id) ||
        is_zero(out.span_id))
        return std::nullopt;
    return out;
}

bool is_traceparent(std::string_view text) noexcept {
    return read_traceparent(text).has_value();
}

bool is_tracestate(std::string_view text) noexcept {
    if (text.empty() || text.size() > limits::k_tracestate_bytes_max) return false;
    std::array<std::string_view, limits::k_tracestate_members_max> keys;
    std::size_t members = 0;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto comma = std::min(text.find(',', begin), text.size());
        const auto member = without_space(text.substr(begin, comma - begin));
        begin = comma + 1;
        if (member.empty()) continue; // allowed, says nothing
        const auto equals = member.find('=');
        if (equals == member.npos || !is_key(member.substr(0, equals)) ||
            !is_value(member.substr(equals + 1)) || members == keys.size())
            return false;
        const auto key = member.substr(0, equals);
        const auto known = keys.begin() + static_cast<std::ptrdiff_t>(members);
        if (std::find(keys.begin(), known, key) != known) return false;
        keys[members++] = key;
    }
    return members > 0;
}

std::string make_traceparent(std::string_view trace_id, std::uint64_t span_id, bool sampled) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    if (span_id == 0) span_id = 1; // none is all zero
    std::string out = "00-";
    out.append(trace_id).append("-");
    for (int shift = 60; shift >= 0; shift -= 4)
        out += k_digits[span_id >> shift & 0xf];
    return out.append(sampled ? "-01" : "-00");
}

trace_texts trace_of(std::string_view event_bytes) noexcept {
    using proto = wharf::v1::Event;
    trace_texts out;
    const char* at = event_bytes.data();
    const char* const end = at + event_bytes.size();
    std::uint64_t tag = 0;
    std::uint64_t value = 0;
    // In the order of their numbers, as they were written.
    while (at != end && wire::take_varint(at, end, tag) &&
           tag >> 3 <= static_cast<std::uint64_t>(proto::kTracestateFieldNumber) &&
           wire::take_varint(at, end, value)) {
        if ((tag & 7) == wire::k_varint) continue;
        if ((tag & 7) != wire::k_delimited || value > static_cast<std::uint64_t>(end - at)) break;
        const std::string_view text(at, static_cast<std::size_t>(value));
        if (tag >> 3 == proto::kTraceparentFieldNumber) out.parent = text;
        if (tag >> 3 == proto::kTracestateFieldNumber) out.state = text;
        at += value;
    }
    return out;
}

template <class Event> bool settle_trace_there_is(Event& event, const trace_texts& carried) {
    const auto text = [](std::string_view of) { return flat::text_for<Event>(of); };
    bool ignored = false;
    if (!event.traceparent().empty() && !is_traceparent(event.traceparent())) {
        event.set_traceparent(text({}));
        ignored = true;
    }
    if (event.traceparent().empty()) {
        // A state alone belongs to nothing that is known.
        ignored = ignored || !event.tracestate().empty();
        if (!is_traceparent(carried.parent)) {
            event.set_tracestate(text({}));
            return ignored || !carried.parent.empty() || !carried.state.empty();
        }
        event.set_traceparent(text(carried.parent));
        event.set_tracestate(text(carried.state));
    }
    if (event.tracestate().empty() || is_tracestate(event.tracestate())) return ignored;
    event.set_tracestate(text({}));
    return true;
}

template bool settle_trace_there_is(wharf::v1::Event& event, const trace_texts& carried);
template bool settle_trace_there_is(flat::event_view& event, const trace_texts& carried);

} // namespace wharf
