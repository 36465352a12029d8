// A message of the local broker: made of what a client sends, kept as a protobuf message, shared by
// all that are to get it. Any thread.
#pragma once

#include "gateway/broker/outbox.hpp"
#include "gateway/ingest/mqtt/session.hpp"

#include <string_view>

namespace wharf::broker {

[[nodiscard]] message_ptr make_message(const mqtt::publish_request& from, std::int64_t journal_us);
// Its expiry is still an interval: start_expiry().
[[nodiscard]] wharf::v1::LocalMessage make_message(const mqtt::will_message& from);
[[nodiscard]] message_ptr start_expiry(const message_ptr& of, std::int64_t journal_us);
// errc::corrupt naming the client in whose queue it is.
[[nodiscard]] result<message_ptr> parse_message(const std::string& bytes,
                                                const std::string& client_id);

// What it counts for in a queue.
[[nodiscard]] std::uint32_t bytes_of(const wharf::v1::LocalMessage& message);

} // namespace wharf::broker
