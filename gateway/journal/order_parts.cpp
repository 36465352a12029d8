// The ordering table as bytes: what a start begins from.
#include "gateway/base/bytes.hpp"
#include "gateway/journal/order_table.hpp"

namespace wharf {

std::string order_table::part(std::size_t number, sequence as_of) const {
    constexpr std::size_t k_size = k_slots / k_parts;
    std::string bytes;
    bytes.reserve(sizeof(sequence) * (k_size + 1));
    put_little(bytes, as_of);
    for (std::size_t i = number * k_size; i < (number + 1) * k_size; ++i)
        put_little(bytes, slots_[i].packed);
    return bytes;
}

std::optional<sequence> order_table::load_part(std::size_t number, std::string_view bytes) {
    constexpr std::size_t k_size = k_slots / k_parts;
    if (bytes.size() != sizeof(sequence) * (k_size + 1)) return std::nullopt;
    byte_reader reader(bytes);
    const auto as_of = reader.little<sequence>();
    for (std::size_t i = number * k_size; i < (number + 1) * k_size; ++i) {
        slots_[i] = {reader.little<std::uint64_t>()};
        if (slots_[i].last() > as_of) return std::nullopt;
    }
    return as_of;
}

} // namespace wharf
