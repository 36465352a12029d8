// A batch on its way, and what the machine remembers of its items. Internal to sync/delivery.
#pragma once

#include "gateway/journal/requests.hpp"
#include "sync/delivery/names.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wharf {

struct batch_entry {
    batch_item item;
    lane in_lane = lane::shipment;
    std::vector<std::uint64_t> keys;
    order_links links;
    std::size_t body_bytes = 0;
    std::int64_t committed_us = 0;  // monotonic; may be before the start
    bool parked = false;            // comes from the parked set, not from its lane
    std::uint32_t attempts = 0;     // of earlier rounds
    std::int64_t parked_at_us = 0;  // of parked ones
    bool unknown_on_record = false; // parked with the code that says so
};

// What becomes of one item when its batch ends.
struct item_fate {
    enum class what : std::uint8_t {
        applied,
        dead,    // parked with code and message
        waiting, // parked until what is parked under its keys is gone
        aside,   // parked to be tried again, so that its lane can go on
        back,    // known not to be applied: to its lane (or the released), after delay_us
        unknown, // stays sealed
        gone,    // was settled before: nothing to do
    };
    what becomes = what::unknown;
    std::string code;
    std::string message;
    std::int64_t delay_us = 0;
};

struct open_batch {
    // The order of a batch's life. A restart begins at `verifying`.
    enum class stage : std::uint8_t {
        verifying, // after a restart: rendered again, items looked up
        rendering,
        rendered, // a part of a batch that is being divided; the other parts are not rendered yet
        sealing,  // in the journal's queue
        sealed,   // may be sent from next_at_us on
        sending,
        asking,
        dividing, // its parts are being rendered; then they are sealed and it is closed, in one
    };
    batch_number number = 0;
    stage now = stage::rendering;
    lane priority = lane::shipment;
    std::vector<batch_entry> items;
    std::string digest;
    std::int64_t sealed_at_us = 0;     // journal time
    std::int64_t first_sent_at_us = 0; // journal time; 0: not in this process
    std::int64_t last_sent_us = 0;     // monotonic; end of the last attempt
    std::int64_t sending_us = 0;       // monotonic; beginning of the attempt under way
    std::int64_t next_at_us = 0;       // monotonic
    bool maybe_sent = false;           // something may have reached the ERP
    bool maybe_before = false;         // the same, before the attempt under way
    bool render_failed = false;
    bool must_ask = false; // whatever the age of its keys
    bool held = false;     // sendable only when its items' links are resolved
    std::uint32_t sends = 0;
    std::uint32_t failures = 0;  // in a row, for the back-off
    std::uint32_t failed = 0;    // 500s in a row
    std::uint32_t forbidden = 0; // 403s in a row
    std::uint64_t forbidden_serial = 0;
    std::uint32_t put_off = 0; // "not now" for all of it, each with a success of others in between
    std::uint64_t put_off_serial = 0;
    std::string words; // of the last failure

    // verifying: how many items are not looked up yet, and the digest that was sealed.
    std::size_t lookups = 0;
    bool have_heads = false;
    std::string fresh_digest;

    // dividing: the fates of what leaves, and the parts for the rest.
    std::vector<item_fate> fates;
    std::vector<batch_number> parts;
    std::optional<batch_number> parent;
};

} // namespace wharf
