#include "gateway/identity/run.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"

#include <cstring>

namespace wharf {

namespace {

// The value: CRC-32C of key and front u32, count u32, time i64, digests, ends u32 each, entries.
constexpr std::size_t k_fixed_bytes = 16;
constexpr std::size_t k_hash_bytes = std::tuple_size_v<digest128>;
constexpr std::size_t k_front_bytes_each = k_hash_bytes + sizeof(std::uint32_t);

std::uint32_t front_checksum(std::string_view key, std::string_view front) {
    return crc32c(front.substr(sizeof(std::uint32_t)), crc32c(key));
}

} // namespace

std::string identity_run_key(std::uint64_t first_ordinal) {
    std::string key(1, k_identity_run_tag);
    put_big(key, first_ordinal);
    return key;
}

// The entry: CRC-32C of digest and rest u32, sequence u64, content, length u16, key.
void identity_run_builder::add(const identity_key& key, const digest128& content, sequence number) {
    const std::size_t begin = entries_.size();
    put_little(entries_, std::uint32_t{0});
    put_little(entries_, number);
    entries_.append(view_of(content));
    put_short_string(entries_, key.text);
    const std::string_view rest = std::string_view(entries_).substr(begin + sizeof(std::uint32_t));
    const std::uint32_t crc = to_little(crc32c(rest, crc32c(view_of(key.hash))));
    std::memcpy(entries_.data() + begin, &crc, sizeof crc);
    hashes_.push_back(key.hash);
    ends_.push_back(entries_.size());
}

void identity_run_builder::add(const digest128& hash, std::string_view entry) {
    entries_.append(entry);
    hashes_.push_back(hash);
    ends_.push_back(entries_.size());
}

void identity_run_builder::clear() {
    hashes_.clear();
    ends_.clear();
    entries_.clear();
}

std::size_t identity_run_builder::value_bytes() const {
    return k_fixed_bytes + size() * k_front_bytes_each + entries_.size();
}

std::string_view identity_run_builder::entry(std::size_t index) const {
    return entries(index, 1);
}

std::string identity_run_builder::front(std::string_view key, std::size_t from, std::size_t count,
                                        std::int64_t newest_us) const {
    const std::size_t begin = begin_of(from);
    std::string out;
    out.reserve(k_fixed_bytes + count * k_front_bytes_each);
    put_little(out, std::uint32_t{0});
    put_little(out, static_cast<std::uint32_t>(count));
    put_little(out, static_cast<std::uint64_t>(newest_us));
    out.append(reinterpret_cast<const char*>(&hashes_[from]), count * k_hash_bytes);
    for (std::size_t i = from; i < from + count; ++i)
        put_little(out, static_cast<std::uint32_t>(ends_[i] - begin));
    const std::uint32_t crc = to_little(front_checksum(key, out));
    std::memcpy(out.data(), &crc, sizeof crc);
    return out;
}

std::string_view identity_run_builder::entries(std::size_t from, std::size_t count) const {
    const std::size_t begin = begin_of(from);
    return std::string_view(entries_).substr(begin, ends_[from + count - 1] - begin);
}

std::optional<identity_entry> read_identity_entry(const digest128& hash, std::string_view entry) {
    byte_reader reader(entry);
    const auto crc = reader.little<std::uint32_t>();
    if (!reader.ok() || crc32c(reader.rest(), crc32c(view_of(hash))) != crc) return std::nullopt;
    identity_entry out;
    out.number = reader.little<sequence>();
    out.content = reader.take(k_hash_bytes);
    out.key = reader.short_string();
    if (!reader.done()) return std::nullopt;
    return out;
}

result<identity_run> identity_run::read(std::string_view key, std::string_view value,
                                        bool check_front) {
    byte_reader name(key);
    (void)name.take(1);
    identity_run out;
    out.first_ = name.big<std::uint64_t>();
    byte_reader reader(value);
    const auto crc = reader.little<std::uint32_t>();
    out.count_ = reader.little<std::uint32_t>();
    out.newest_us_ = static_cast<std::int64_t>(reader.little<std::uint64_t>());
    out.value_ = value;
    const std::uint64_t front = k_fixed_bytes + std::uint64_t{out.count_} * k_front_bytes_each;
    const bool shaped = name.done() && reader.ok() && out.count_ > 0 &&
                        out.count_ <= value.size() / k_front_bytes_each && front <= value.size();
    if (!shaped || (check_front &&
                    front_checksum(key, value.substr(0, static_cast<std::size_t>(front))) != crc))
        return error{errc::corrupt, "identities from " + std::to_string(out.first_) + ": damaged"};
    return out;
}

std::size_t identity_run::front_bytes(std::size_t count) {
    return k_fixed_bytes + count * k_front_bytes_each;
}

digest128 identity_run::hash(std::size_t index) const {
    digest128 out;
    std::memcpy(out.data(), value_.data() + k_fixed_bytes + index * k_hash_bytes, k_hash_bytes);
    return out;
}

std::string_view identity_run::entry(std::size_t index) const {
    const char* ends = value_.data() + k_fixed_bytes + count_ * k_hash_bytes;
    const std::string_view entries = value_.substr(k_fixed_bytes + count_ * k_front_bytes_each);
    const auto begin =
        index == 0 ? 0 : get_little<std::uint32_t>(ends + (index - 1) * sizeof(std::uint32_t));
    const auto end = get_little<std::uint32_t>(ends + index * sizeof(std::uint32_t));
    if (begin > end || end > entries.size()) return {};
    return entries.substr(begin, end - begin);
}

} // namespace wharf
