// A message of the local broker: made of what a client sends, shared by all that are to get it, and
// never changed. Any thread.
#pragma once

#include "gateway/ingest/mqtt/session.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf::broker {

class message;
using message_ptr = std::shared_ptr<const message>;

class message {
  public:
    // What few messages have.
    struct extras {
        std::string content_type;
        std::string response_topic;
        std::optional<std::string> correlation_data;
        std::vector<std::pair<std::string, std::string>> user_properties;
    };

    message(std::string_view topic, std::string_view payload, std::uint8_t qos, bool retain);

    [[nodiscard]] std::string_view topic() const {
        return std::string_view(bytes_).substr(0, topic_bytes_);
    }
    [[nodiscard]] std::string_view payload() const {
        return std::string_view(bytes_).substr(topic_bytes_);
    }
    [[nodiscard]] std::uint8_t qos() const { return qos_; }
    [[nodiscard]] bool retain() const { return retain_; }
    [[nodiscard]] const extras* more() const { return more_.get(); }
    // What it counts for in a queue.
    [[nodiscard]] std::size_t size() const { return size_; }

    // Before it is shared.
    void set(extras more);

    std::int64_t expires_at_us = 0; // in journal time; 0: it does not expire
    bool payload_is_utf8 = false;

  private:
    std::string bytes_; // the topic, then the payload
    std::uint32_t topic_bytes_;
    std::uint8_t qos_;
    bool retain_;
    std::size_t size_;
    std::unique_ptr<const extras> more_;
};

[[nodiscard]] message_ptr make_message(const mqtt::publish_request& from, std::int64_t journal_us);
[[nodiscard]] message_ptr make_message(const wharf::v1::LocalMessage& from);
// Its expiry is still an interval: it begins when the will is published.
[[nodiscard]] wharf::v1::LocalMessage make_record(const mqtt::will_message& from);
[[nodiscard]] wharf::v1::LocalMessage make_record(const message& from);
// errc::corrupt naming the client in whose queue it is.
[[nodiscard]] result<message_ptr> parse_message(const std::string& bytes,
                                                const std::string& client_id);

} // namespace wharf::broker
