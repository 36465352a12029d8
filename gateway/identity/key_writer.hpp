// Byte strings that cannot be confused: what kind of key, the version of how it is made, then each
// part with its length in front. Used by identity's rules alone. Any thread.
#pragma once

#include "gateway/base/bytes.hpp"
#include "wharf/v1/event.pb.h"

#include <string>
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

class key_writer {
  public:
    explicit key_writer(key_kind kind) {
        bytes_.push_back(static_cast<char>(kind));
        bytes_.push_back(k_version);
    }

    // REQUIRES: text.size() < 65536; an event is smaller.
    key_writer& text(std::string_view part) {
        put_short_string(bytes_, part);
        return *this;
    }
    key_writer& number(std::uint64_t value) {
        put_little(bytes_, value);
        return *this;
    }
    key_writer& stock(const auto& key) { return stock(key, key.status()); }
    // As it is in another status. REQUIRES: reads_as<wharf::v1::StockKey>.
    key_writer& stock(const auto& key, wharf::v1::StockStatus status) {
        text(key.site()).text(key.location()).text(key.sku()).text(key.gtin()).text(key.lot());
        text(key.serial()).text(key.expiry()).number(static_cast<std::uint64_t>(status));
        return text(key.owner()).text(key.unit()).text(key.lpn());
    }

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::string take() noexcept { return std::move(bytes_); }

  private:
    static constexpr char k_version = 1;
    std::string bytes_;
};

} // namespace wharf
