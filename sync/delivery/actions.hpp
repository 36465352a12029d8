// What a destination machine wants done. The shell (sync/platform/) does it and answers; the tests
// do it in virtual time. Plain values.
#pragma once

#include "gateway/journal/requests.hpp"
#include "sync/delivery/names.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace wharf::act {

// Answer: on_heads.
struct load_heads {
    lane in_lane = lane::shipment;
    sequence after = k_no_sequence;
    std::size_t heads_max = 0;
};
// Answer: on_head.
struct load_head {
    sequence number = k_no_sequence;
};
// Ordering keys under which something is parked, from this one on. Answer: on_parked_keys.
struct load_parked_keys {
    std::uint64_t from_key_hash = 0;
    std::size_t count_max = 0;
};
// The first parked update under this key that blocks. Answer: on_first_parked.
struct load_first_parked {
    std::uint64_t key_hash = 0;
};
// Answer: on_parked.
struct load_parked {
    sequence number = k_no_sequence;
};
// Make the request's bytes and keep them under the batch's number until `forget`. Answer:
// on_rendered or on_render_failed.
struct render {
    batch_number batch = 0;
    std::vector<batch_item> items;
    bool in_order = false;
};
struct forget {
    batch_number batch = 0;
};
// Answer: on_journaled, once durable.
struct journal {
    delivery_request request;
};
// Answer: on_answer.
struct send {
    batch_number batch = 0;
};
// "What do you hold?" Answer: on_answer.
struct ask {
    batch_number batch = 0;
    std::vector<batch_item> items;
};
// Something a person should know of; `raised` false takes it back. Under k_alarm_fenced every
// destination stops.
struct alarm {
    std::string code;
    std::string text;
    bool raised = true;
};
struct log {
    std::string text;
    sequence number = k_no_sequence; // the update it is about, where it is about one
};
// What became of an operator's command; empty `failure` is success.
struct reply {
    std::uint64_t command = 0;
    std::string failure;
};

} // namespace wharf::act

namespace wharf {

inline constexpr const char* k_alarm_fenced = "fenced";

using action = std::variant<act::load_heads, act::load_head, act::load_parked_keys,
                            act::load_first_parked, act::load_parked, act::render, act::forget,
                            act::journal, act::send, act::ask, act::alarm, act::log, act::reply>;

} // namespace wharf
