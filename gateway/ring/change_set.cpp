#include "gateway/ring/change_set.hpp"

#include "gateway/base/bytes.hpp"

#include <limits>

namespace wharf {

namespace {

constexpr std::uint8_t k_erase = 0;
constexpr std::uint8_t k_put = 1;

std::size_t size_of(std::string_view key, const std::optional<std::string>& value) {
    return sizeof k_put + sizeof(std::uint16_t) + key.size() +
           (value ? sizeof(std::uint32_t) + value->size() : 0);
}

} // namespace

void change_set::put(std::string_view key, std::string_view value) {
    WHARF_ASSERT(value.size() <= std::numeric_limits<std::uint32_t>::max());
    set(key, std::string(value));
}
void change_set::erase(std::string_view key) {
    set(key, std::nullopt);
}
void change_set::clear() {
    changes_.clear();
    encoded_bytes_ = 0;
}

void change_set::set(std::string_view key, std::optional<std::string> value) {
    WHARF_ASSERT(key.size() <= std::numeric_limits<std::uint16_t>::max());
    encoded_bytes_ += size_of(key, value);
    auto found = changes_.lower_bound(key);
    if (found == changes_.end() || found->first != key) {
        changes_.emplace_hint(found, key, std::move(value));
        return;
    }
    encoded_bytes_ -= size_of(found->first, found->second);
    found->second = std::move(value);
}

void change_set::append_to(std::string& out) const {
    for (const auto& [key, value] : changes_) {
        put_little(out, value ? k_put : k_erase);
        put_short_string(out, key);
        if (!value) continue;
        put_little(out, static_cast<std::uint32_t>(value->size()));
        out.append(*value);
    }
}

result<change_set> change_set::decode(std::string_view body) {
    change_set out;
    byte_reader in(body);
    while (in.ok() && !in.rest().empty()) {
        auto kind = in.little<std::uint8_t>();
        auto key = in.short_string();
        auto value = kind == k_put ? in.take(in.little<std::uint32_t>()) : std::string_view{};
        if (!in.ok() || kind > k_put)
            return error{errc::corrupt, "a group of the ring: bad change"};
        if (kind == k_put)
            out.put(key, value);
        else
            out.erase(key);
    }
    return out;
}

} // namespace wharf
