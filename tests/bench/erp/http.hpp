// Just enough HTTP/1.1 and UpdateBatch for an ERP that answers at once. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct http_message {
    std::string_view head; // with its empty line
    std::string_view body;
    std::size_t size = 0; // 0: it is not whole yet
    bool json = false;
};
// The message at the front of these bytes; one without Content-Length has no body.
[[nodiscard]] http_message first_message(std::string_view bytes);

// The idempotency keys of a batch, in order.
void keys_of_protobuf(std::string_view body, std::vector<std::string_view>& out);
void keys_of_json(std::string_view body, std::vector<std::string_view>& out);

// 200 with a BatchAnswer that says "applied" to each.
void append_answer(std::string& to, const std::vector<std::string_view>& keys, bool json);
void append_stats(std::string& to, unsigned long long items, unsigned long long requests);

} // namespace bench
