// Where each QoS 2 packet identifier of one connection stands. A table in pages that exist only
// while they hold something, so that a client that walks through all 65535 identifiers costs one
// page and one that leaves them all open costs 64 KiB. One thread at a time.
#pragma once

#include "gateway/base/assert.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace wharf::mqtt {

enum class id_state : std::uint8_t {
    unknown,
    publishing,        // published, its commit is awaited
    received,          // durable: its PUBREC may leave, it waits for PUBREL
    received_earlier,  // durable since an earlier connection
    releasing,         // its removal is awaited
    releasing_earlier, // the same, from an earlier connection
};

class packet_ids {
  public:
    [[nodiscard]] id_state get(std::uint16_t id) const noexcept {
        const auto& page = pages_[id / k_page];
        return page ? page->states[id % k_page] : id_state::unknown;
    }

    void set(std::uint16_t id, id_state state) {
        auto& page = pages_[id / k_page];
        if (!page) {
            if (state == id_state::unknown) return;
            page = spare_ ? std::move(spare_) : std::make_unique<page_of_ids>();
        }
        auto& slot = page->states[id % k_page];
        if (slot == id_state::unknown && state != id_state::unknown) ++page->used;
        if (slot != id_state::unknown && state == id_state::unknown) {
            WHARF_ASSERT(page->used > 0);
            --page->used;
        }
        slot = state;
        if (page->used == 0) spare_ = std::move(page);
    }

  private:
    static constexpr std::size_t k_page = 1024;
    struct page_of_ids {
        std::uint32_t used = 0;
        std::array<id_state, k_page> states{};
    };
    std::array<std::unique_ptr<page_of_ids>, 65536 / k_page> pages_;
    std::unique_ptr<page_of_ids> spare_; // all unknown; one identifier in use allocates nothing
};

} // namespace wharf::mqtt
