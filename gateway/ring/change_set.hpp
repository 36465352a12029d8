// What a group changes, last word per key, and its form in a ring record. Journal thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace wharf {

class change_set {
  public:
    // Nothing: the key is erased.
    using content = std::map<std::string, std::optional<std::string>, std::less<>>;

    // REQUIRES: the key is shorter than 65536 bytes, the value than 4 GiB.
    void put(std::string_view key, std::string_view value);
    void erase(std::string_view key);
    void clear();

    [[nodiscard]] bool empty() const { return changes_.empty(); }
    [[nodiscard]] const content& all() const { return changes_; }
    [[nodiscard]] content& all() { return changes_; }
    [[nodiscard]] std::size_t encoded_bytes() const { return encoded_bytes_; }

    void append_to(std::string& out) const;
    // errc::corrupt where the bytes are not what append_to() makes.
    [[nodiscard]] static result<change_set> decode(std::string_view body);

  private:
    void set(std::string_view key, std::optional<std::string> value);

    content changes_;
    std::size_t encoded_bytes_ = 0;
};

} // namespace wharf
