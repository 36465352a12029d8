#include "gateway/ring/position.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/frame.hpp"
#include "gateway/ring/ring_log.hpp"

namespace wharf {

namespace {
constexpr std::uint8_t k_version = 1;
}

std::string encode(const ring_position& position) {
    std::string content;
    put_little(content, k_version);
    put_little(content, static_cast<std::uint8_t>(position.closed ? 1 : 0));
    put_little(content, position.block_bytes);
    for (std::uint64_t field : {position.ring_id, position.size_bytes, position.epoch, position.lap,
                                position.offset, position.sequence})
        put_little(content, field);
    return frame(k_ring_position_key, content);
}

result<ring_position> decode_position(std::string_view value) {
    auto content = unframe(k_ring_position_key, value);
    if (!content) return error{errc::corrupt, "the ring's position: wrong checksum"};
    byte_reader in(*content);
    auto version = in.little<std::uint8_t>();
    if (in.ok() && version > k_version)
        return error{errc::unsupported, "the ring's position has version " +
                                            std::to_string(version) + ", this program knows " +
                                            std::to_string(k_version)};
    ring_position out;
    out.closed = in.little<std::uint8_t>() != 0;
    out.block_bytes = in.little<std::uint32_t>();
    for (std::uint64_t* field :
         {&out.ring_id, &out.size_bytes, &out.epoch, &out.lap, &out.offset, &out.sequence})
        *field = in.little<std::uint64_t>();
    if (!in.done() || version != k_version)
        return error{errc::corrupt, "the ring's position: wrong length"};
    if (!is_ring_geometry(out.size_bytes, out.block_bytes) || out.offset < out.block_bytes ||
        out.offset > out.size_bytes || out.offset % out.block_bytes != 0)
        return error{errc::corrupt, "the ring's position: impossible numbers"};
    return out;
}

result<std::optional<ring_position>> read_position(store_reader& from) {
    WHARF_TRY_ASSIGN(auto value, from.get(k_ring_position_key));
    if (!value) return std::optional<ring_position>{};
    WHARF_TRY_ASSIGN(auto position, decode_position(*value));
    return std::optional(position);
}

} // namespace wharf
