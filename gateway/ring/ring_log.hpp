// Records in a ring on a log_device: one group of changes, one record, one durable write.
//
// The first block says which ring it is. A record begins at a block and fills whole blocks; one
// that does not fit before the end of the device goes to the first block after the head, and what
// is left at the end stays as it is. There is no mark for that: a reader who does not find the
// record that it expects looks for it at the front, one lap further.
//
// Of the journal thread. A failed append leaves its outcome unknown: the process is to be stopped.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/ports/log_device.hpp"
#include "gateway/ring/position.hpp"

#include <functional>

namespace wharf {

inline constexpr std::size_t k_record_header_bytes = 48;

[[nodiscard]] constexpr bool is_ring_geometry(std::uint64_t size_bytes,
                                              std::uint32_t block_bytes) noexcept {
    return (block_bytes == 512 || block_bytes == 4096) &&
           size_bytes >= limits::k_ring_bytes_least && size_bytes % 4096 == 0 &&
           size_bytes <= limits::k_ring_bytes_max;
}

// What the device's first block says: nothing where it is none of ours.
struct ring_head {
    std::uint64_t ring_id = 0;
    std::uint64_t size_bytes = 0;
    std::uint32_t block_bytes = 0;
};
[[nodiscard]] result<std::optional<ring_head>> read_head(log_device& from);

// Whether the device holds a whole record of the ring `id` that is not before this epoch and
// sequence: what is there must not be lost by going on without it.
[[nodiscard]] result<bool> holds_records_from(log_device& device, const ring_head& head,
                                              std::uint64_t epoch, std::uint64_t sequence);

class ring_log {
  public:
    // REQUIRES: the device outlives it.
    explicit ring_log(log_device& on) : device_(on) {}

    // Makes the device anew with a head for this position.
    status format(const ring_position& position);

    // The groups from `from` on, oldest first, and where the next one goes. errc::corrupt where the
    // device is not that ring, or where something is missing in the middle.
    using group_visitor = std::function<status(std::uint64_t sequence, std::string_view body)>;
    [[nodiscard]] result<ring_position> replay(const ring_position& from,
                                               const group_visitor& visit);

    // From here on records are written at `position`; everything before it may be overwritten.
    void start(const ring_position& position);

    [[nodiscard]] bool fits(std::size_t body_bytes) const;
    // The record with a body of so many bytes to come; append() takes it back.
    [[nodiscard]] static std::string begin_record(std::size_t body_bytes);
    // REQUIRES: started, fits(). Durable when it returns.
    status append(std::string record);
    // A group went past the ring together with everything in it.
    void skip_group() { ++position_.sequence; }
    // What was appended so far is durable elsewhere.
    void checkpointed() { used_bytes_ = 0; }

    [[nodiscard]] const ring_position& position() const { return position_; }
    [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
    [[nodiscard]] std::uint64_t capacity_bytes() const {
        return position_.size_bytes - position_.block_bytes;
    }
    [[nodiscard]] std::uint64_t record_bytes(std::size_t body_bytes) const;

  private:
    log_device& device_;
    ring_position position_;
    std::uint64_t used_bytes_ = 0; // since the last checkpoint, with what was skipped at the end
};

} // namespace wharf
