// A run: identities with rising ordinals as one value of the store, so that the writes of the
// duplicate window are appends whatever the keys are. Its front (digests, and where each entry
// begins) is dense, and all that a restart reads. docs/formats/journal.md has the bytes. Any
// thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/base/sequence.hpp"
#include "gateway/identity/key.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

inline constexpr char k_identity_run_tag = 'I'; // + ordinal of its first identity

std::string identity_run_key(std::uint64_t first_ordinal);

// Collects identities in memory, then writes some of them as one value.
class identity_run_builder {
  public:
    void add(const identity_key& key, const digest128& content, sequence number);
    // The entry as it is: from another run.
    void add(const digest128& hash, std::string_view entry);
    void clear();

    [[nodiscard]] std::size_t size() const { return hashes_.size(); }
    [[nodiscard]] std::size_t entry_bytes() const { return entries_.size(); }
    // Of all of them as one value.
    [[nodiscard]] std::size_t value_bytes() const;
    [[nodiscard]] const digest128& hash(std::size_t index) const { return hashes_[index]; }
    [[nodiscard]] std::string_view entry(std::size_t index) const;
    // The value of `count` of them from `from` on, under this key, in two pieces: front, entries.
    [[nodiscard]] std::string front(std::string_view key, std::size_t from, std::size_t count,
                                    std::int64_t newest_us) const;
    [[nodiscard]] std::string_view entries(std::size_t from, std::size_t count) const;

  private:
    [[nodiscard]] std::size_t begin_of(std::size_t index) const {
        return index == 0 ? 0 : ends_[index - 1];
    }

    std::vector<digest128> hashes_;
    std::vector<std::size_t> ends_;
    std::string entries_;
};

struct identity_entry {
    std::string_view key;
    std::string_view content; // a digest128
    sequence number = k_no_sequence;
};

// The entry of an identity whose digest this is; nothing where its checksum does not hold.
std::optional<identity_entry> read_identity_entry(const digest128& hash, std::string_view entry);

// A view of a run's value. It does not own the bytes.
class identity_run {
  public:
    // Checks the shape and, where asked to, the front's checksum. errc::corrupt, naming the run.
    static result<identity_run> read(std::string_view key, std::string_view value,
                                     bool check_front);

    // Of a run with so many identities.
    static std::size_t front_bytes(std::size_t count);

    [[nodiscard]] std::uint64_t first() const { return first_; }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::int64_t newest_us() const { return newest_us_; }
    // REQUIRES: index < size().
    [[nodiscard]] digest128 hash(std::size_t index) const;
    // Empty where the front is damaged.
    [[nodiscard]] std::string_view entry(std::size_t index) const;

  private:
    std::string_view value_;
    std::uint64_t first_ = 0;
    std::size_t count_ = 0;
    std::int64_t newest_us_ = 0;
};

} // namespace wharf
