#include "gateway/base/frame.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"

namespace wharf {

std::string frame(std::string_view key, std::string_view content) {
    std::string value;
    value.reserve(sizeof(std::uint32_t) + content.size());
    put_little(value, crc32c(content, crc32c(key)));
    value.append(content);
    return value;
}

std::optional<std::string_view> unframe(std::string_view key, std::string_view value) {
    byte_reader reader(value);
    auto expected = reader.little<std::uint32_t>();
    if (!reader.ok() || crc32c(reader.rest(), crc32c(key)) != expected) return std::nullopt;
    return reader.rest();
}

} // namespace wharf
