#include "sync/delivery/names.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/hash.hpp"

#include <cinttypes>
#include <cstdio>

namespace wharf {

namespace {

std::string prefix(std::string_view gateway, std::uint32_t epoch) {
    char text[16];
    std::snprintf(text, sizeof text, "-%08" PRIx32 "-", epoch);
    return std::string(gateway) + text;
}

std::string twenty_digits(std::uint64_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "%020" PRIu64, number);
    return text;
}

} // namespace

std::string idempotency_key(std::string_view gateway, std::uint32_t epoch, const batch_item& item) {
    return prefix(gateway, epoch) + twenty_digits(item.number) + "-" +
           std::to_string(item.revision);
}

std::string batch_id(std::string_view gateway, std::uint32_t epoch, batch_number batch) {
    return prefix(gateway, epoch) + "b" + twenty_digits(batch);
}

batch_number number_of(const std::vector<batch_item>& items, std::uint32_t mapping_revision,
                       std::uint32_t salt) {
    std::string bytes;
    bytes.reserve(8 + items.size() * 12);
    put_little(bytes, mapping_revision);
    put_little(bytes, salt);
    for (const auto& item : items) {
        put_little(bytes, item.number);
        put_little(bytes, item.revision);
    }
    return hash64(bytes);
}

} // namespace wharf
