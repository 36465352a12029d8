// What is durable in the ring and not yet in the store below: one generation of it, from one
// checkpoint to the next. Groups are added by the journal thread; readers on any thread see it as
// of the group that they pinned, and keep the generation alive.
//
// Values never move or change once they are there, so that views stay valid for the generation's
// life. All changes of a key are kept until the checkpoint: the ring's size bounds them.
#pragma once

#include "gateway/ring/change_set.hpp"

#include <cstdint>
#include <forward_list>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace wharf {

struct overlay_value {
    std::uint64_t sequence = 0;
    std::optional<std::string> value; // nothing: erased
};

class overlay {
  public:
    using versions = std::forward_list<overlay_value>; // newest first
    using entries = std::map<std::string, versions, std::less<>>;

    // page_bytes: what the store below writes at least for a change.
    explicit overlay(std::uint32_t page_bytes) : page_bytes_(page_bytes) {}

    // REQUIRES: sequence is above all that were added. The changes are moved out.
    void add(std::uint64_t sequence, change_set& changes);

    // Bytes of the newest values and their keys.
    [[nodiscard]] std::uint64_t live_bytes() const;
    // At most so many bytes does the store below need to take it all in.
    [[nodiscard]] std::uint64_t cost_bytes() const;
    // What the cost would rise by.
    [[nodiscard]] std::uint64_t cost_of(const change_set& changes) const;
    // ... at most for this one change, with nothing known about it.
    [[nodiscard]] std::uint64_t cost_of_change(std::string_view key, std::size_t value_bytes) const;
    [[nodiscard]] bool empty() const;

    // Calls with the newest value of each key, in key order. Of the journal thread, without the
    // lock.
    template <class Visit> status for_each_newest(const Visit& visit) const {
        for (const auto& [key, chain] : entries_)
            WHARF_TRY(visit(key, chain.front().value));
        return ok();
    }

  private:
    friend class overlay_view;
    friend class overlay_cursor;

    [[nodiscard]] std::uint64_t cost_of_key(std::string_view key) const;

    const std::uint64_t page_bytes_;
    mutable std::shared_mutex mutex_;
    entries entries_;
    std::uint64_t live_bytes_ = 0;
    std::uint64_t cost_bytes_ = 0;
};

// A generation as of one moment: of each key the newest change up to group `last`, where that is
// not older than group `first`. What is older, the store below has already, perhaps in a newer
// form.
class overlay_view {
  public:
    overlay_view(std::shared_ptr<const overlay> of, std::uint64_t first, std::uint64_t last)
        : of_(std::move(of)), first_(first), last_(last) {}

    // Null: look below. Valid as long as the view.
    [[nodiscard]] const overlay_value* find(std::string_view key) const;
    // Nothing to see in it.
    [[nodiscard]] bool empty() const;

  private:
    friend class overlay_cursor;
    [[nodiscard]] const overlay_value* visible(const overlay::versions& chain) const;

    std::shared_ptr<const overlay> of_;
    std::uint64_t first_;
    std::uint64_t last_;
};

// Where a scan stands in a view. The lock is held within a step, never between two.
class overlay_cursor {
  public:
    // From the first key >= start, or where `back` from the last key < start.
    // REQUIRES: the view outlives it.
    overlay_cursor(const overlay_view& in, std::string_view start, bool back);

    struct entry {
        std::string_view key;
        const std::optional<std::string>* value;
    };
    // The next visible entry, or nothing at the end.
    std::optional<entry> next();

  private:
    const overlay_view& in_;
    overlay::entries::const_iterator at_; // back: the entry after the next one
    bool back_;
};

} // namespace wharf
