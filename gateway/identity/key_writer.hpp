// Byte strings that cannot be confused: what kind of key, the version of how it is made, then each
// part with its length in front. Used by identity's rules alone. Any thread.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"
#include "wharf/v1/event.pb.h"

#include <array>
#include <cstring>
#include <string_view>

namespace wharf {

// Kept in the journal: values are not reused.
enum class key_kind : std::uint8_t {
    native_id = 1,
    business = 2,
    content = 3,
    document = 4,
    stock = 5,
};

// REQUIRES: parts of a validated event, whose texts are bounded.
class key_writer {
  public:
    explicit key_writer(key_kind kind) {
        bytes_[size_++] = static_cast<char>(kind);
        bytes_[size_++] = k_version;
    }

    key_writer& text(std::string_view part) {
        WHARF_ASSERT(part.size() + sizeof(std::uint16_t) <= bytes_.size() - size_);
        put(to_little(static_cast<std::uint16_t>(part.size())));
        if (!part.empty()) std::memcpy(bytes_.data() + size_, part.data(), part.size());
        size_ += part.size();
        return *this;
    }
    key_writer& number(std::uint64_t value) {
        WHARF_ASSERT(sizeof value <= bytes_.size() - size_);
        put(to_little(value));
        return *this;
    }
    key_writer& stock(const auto& key) { return stock(key, key.status()); }
    // As it is in another status. REQUIRES: reads_as<wharf::v1::StockKey>.
    key_writer& stock(const auto& key, wharf::v1::StockStatus status) {
        text(key.site()).text(key.location()).text(key.sku()).text(key.gtin()).text(key.lot());
        text(key.serial()).text(key.expiry()).number(static_cast<std::uint64_t>(status));
        return text(key.owner()).text(key.unit()).text(key.lpn());
    }

    [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), size_}; }

  private:
    // A stock key of ten identifiers takes two thirds.
    static constexpr std::size_t k_bytes_max = 1024;
    static constexpr char k_version = 1;

    template <class T> void put(T little) {
        std::memcpy(bytes_.data() + size_, &little, sizeof little);
        size_ += sizeof little;
    }

    std::array<char, k_bytes_max> bytes_; // up to size_
    std::size_t size_ = 0;
};

} // namespace wharf
