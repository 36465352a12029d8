#include "tests/bench/erp/http.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <strings.h>

namespace bench {

namespace {

constexpr std::string_view k_end_of_head = "\r\n\r\n";

std::optional<std::string_view> header(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
        const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        if (line.size() <= name.size() || line[name.size()] != ':') continue;
        if (strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
        const std::size_t value = line.find_first_not_of(' ', name.size() + 1);
        return value == std::string_view::npos ? std::string_view{} : line.substr(value);
    }
    return std::nullopt;
}

// A protobuf varint; moves `at` past it.
std::uint64_t varint(std::string_view bytes, std::size_t& at) {
    std::uint64_t out = 0;
    for (unsigned shift = 0; at < bytes.size() && shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes[at++]);
        out |= std::uint64_t{byte & 127U} << shift;
        if (byte < 128) break;
    }
    return out;
}

// The first field's number and content where it has a length; moves `at` past the field.
std::pair<unsigned, std::string_view> field(std::string_view bytes, std::size_t& at) {
    const std::uint64_t tag = varint(bytes, at);
    if ((tag & 7) == 2) {
        const std::uint64_t size = varint(bytes, at);
        const std::string_view content = bytes.substr(at, size);
        at += content.size();
        return {static_cast<unsigned>(tag >> 3), content};
    }
    if ((tag & 7) == 0)
        static_cast<void>(varint(bytes, at));
    else
        at += (tag & 7) == 1 ? 8 : 4;
    return {static_cast<unsigned>(tag >> 3), {}};
}

void append_head(std::string& to, std::size_t body_bytes, bool json) {
    to.append("HTTP/1.1 200 OK\r\nContent-Type: ")
        .append(json ? "application/json" : "application/x-protobuf")
        .append("\r\nContent-Length: ")
        .append(std::to_string(body_bytes))
        .append(k_end_of_head);
}

} // namespace

http_message first_message(std::string_view bytes) {
    const std::size_t end = bytes.find(k_end_of_head);
    if (end == std::string_view::npos) return {};
    http_message out;
    out.head = bytes.substr(0, end + k_end_of_head.size());
    const auto length = header(out.head, "Content-Length");
    const std::size_t size =
        length ? static_cast<std::size_t>(std::strtoull(length->data(), nullptr, 10)) : 0;
    if (bytes.size() < out.head.size() + size) return {};
    out.body = bytes.substr(out.head.size(), size);
    out.size = out.head.size() + size;
    const auto type = header(out.head, "Content-Type");
    out.json = type && type->starts_with("application/json");
    return out;
}

void keys_of_protobuf(std::string_view body, std::vector<std::string_view>& out) {
    constexpr unsigned k_items = 4;
    constexpr unsigned k_idempotency_key = 1;
    for (std::size_t at = 0; at < body.size();) {
        const auto [number, item] = field(body, at);
        if (number != k_items) continue;
        for (std::size_t inside = 0; inside < item.size();) {
            const auto [name, content] = field(item, inside);
            if (name != k_idempotency_key) continue;
            out.push_back(content);
            break;
        }
    }
}

void keys_of_json(std::string_view body, std::vector<std::string_view>& out) {
    constexpr std::string_view k_name = "\"idempotency_key\":\"";
    for (std::size_t at = body.find(k_name); at != std::string_view::npos;
         at = body.find(k_name, at)) {
        at += k_name.size();
        out.push_back(body.substr(at, body.find('"', at) - at));
    }
}

void append_answer(std::string& to, const std::vector<std::string_view>& keys, bool json) {
    std::string body;
    if (json) {
        body.append(R"({"items":[)");
        for (const std::string_view key : keys) {
            if (body.back() == '}') body.push_back(',');
            body.append(R"({"idempotency_key":")").append(key).append(R"(","status":"applied"})");
        }
        body.append("]}");
    } else {
        for (const std::string_view key : keys) { // at most 123 bytes: lengths of one byte
            body.append("\x0a", 1).push_back(static_cast<char>(key.size() + 4));
            body.append("\x0a", 1).push_back(static_cast<char>(key.size()));
            body.append(key).append("\x10\x01", 2);
        }
    }
    append_head(to, body.size(), json);
    to.append(body);
}

void append_stats(std::string& to, unsigned long long items, unsigned long long requests) {
    const std::string body = R"({"items": )" + std::to_string(items) + R"(, "requests": )" +
                             std::to_string(requests) + "}";
    append_head(to, body.size(), true);
    to.append(body);
}

} // namespace bench
