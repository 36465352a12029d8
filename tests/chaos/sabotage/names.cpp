// Stands in for sync/delivery/names.cpp: with WHARF_SABOTAGE=random-keys an item has another
// idempotency key in each run of the daemon. (Not in each call: its answer would not be recognised,
// and nothing would ever be delivered.)
#include "sync/delivery/names.hpp"

#include "gateway/base/hash.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace wharf {

namespace {

bool keys_are_random() {
    const char* wish = std::getenv("WHARF_SABOTAGE"); // NOLINT(concurrency-mt-unsafe)
    return wish != nullptr && std::string_view(wish) == "random-keys";
}

// One draw per run.
const std::string& salt() {
    static const std::string drawn = std::to_string(std::random_device{}());
    return drawn;
}

std::string named(std::string_view gateway, std::uint32_t epoch, std::string_view rest) {
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08x", epoch);
    return std::string(gateway).append("-").append(hex).append("-").append(rest);
}

std::string digits(std::uint64_t number) {
    char text[21];
    std::snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(number));
    return text;
}

} // namespace

std::string idempotency_key(std::string_view gateway, std::uint32_t epoch, const batch_item& item) {
    std::string key =
        named(gateway, epoch, digits(item.number) + "-" + std::to_string(item.revision));
    if (keys_are_random()) key += "-" + salt();
    return key;
}

std::string batch_id(std::string_view gateway, std::uint32_t epoch, batch_number batch) {
    return named(gateway, epoch, "b" + digits(batch));
}

batch_number number_of(const std::vector<batch_item>& items, std::uint32_t mapping_revision,
                       std::uint32_t salt) {
    std::string text = std::to_string(mapping_revision) + "/" + std::to_string(salt);
    for (const batch_item& item : items)
        text += "/" + std::to_string(item.number) + "." + std::to_string(item.revision);
    return hash64(text);
}

} // namespace wharf
