#include "sync/delivery/names.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/hash.hpp"

#include <array>
#include <charconv>

namespace wharf {

namespace {

constexpr std::size_t k_digits = 20;

// Room for what comes behind it.
std::string prefix(std::string_view gateway, std::uint32_t epoch) {
    constexpr std::string_view k_hex = "0123456789abcdef";
    std::string text;
    text.reserve(gateway.size() + 48);
    text.append(gateway).push_back('-');
    for (int shift = 28; shift >= 0; shift -= 4)
        text.push_back(k_hex[(epoch >> shift) & 0xf]);
    text.push_back('-');
    return text;
}

void append_twenty_digits(std::string& to, std::uint64_t number) {
    std::array<char, k_digits> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const auto size = static_cast<std::size_t>(end - text.data());
    to.append(k_digits - size, '0').append(text.data(), size);
}

} // namespace

std::string idempotency_key(std::string_view gateway, std::uint32_t epoch, const batch_item& item) {
    std::string key = prefix(gateway, epoch);
    append_twenty_digits(key, item.number);
    key.push_back('-');
    return key.append(std::to_string(item.revision));
}

std::string batch_id(std::string_view gateway, std::uint32_t epoch, batch_number batch) {
    std::string id = prefix(gateway, epoch) + "b";
    append_twenty_digits(id, batch);
    return id;
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
