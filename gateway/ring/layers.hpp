// A scan over two layers: where both have a key, the upper one decides.
#pragma once

#include "gateway/ports/store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace wharf {

// Upper: next() gives entries with key and value (a pointer to an optional string; nothing: erased)
// in the direction of the scan. Lower: a function that scans the layer below with a visitor.
template <class Upper, class Lower>
status scan_layers(Upper& upper, const Lower& lower, bool back,
                   const store_reader::visitor& visit) {
    auto above = upper.next();
    bool more = true;
    auto visit_above = [&] {
        auto now = *above;
        above = upper.next();
        return !now.value->has_value() || visit(now.key, **now.value);
    };
    WHARF_TRY(lower([&](std::string_view key, std::string_view value) {
        while (more && above && (back ? above->key > key : above->key < key))
            more = visit_above();
        if (more && above && above->key == key)
            more = visit_above();
        else if (more)
            more = visit(key, value);
        return more;
    }));
    while (more && above)
        more = visit_above();
    return ok();
}

// The upper layer of a writer: its own changes.
template <class Content> class change_cursor {
  public:
    change_cursor(const Content& in, std::string_view start, bool back)
        : in_(in), at_(in.lower_bound(start)), back_(back) {}

    struct entry {
        std::string_view key;
        const std::optional<std::string>* value;
    };
    std::optional<entry> next() {
        if (at_ == (back_ ? in_.begin() : in_.end())) return std::nullopt;
        if (back_) --at_;
        entry out{at_->first, &at_->second};
        if (!back_) ++at_;
        return out;
    }

  private:
    const Content& in_;
    typename Content::const_iterator at_;
    bool back_;
};

} // namespace wharf
