// An operator's connection to the fleet broker, for a tool that waits: one thread calls, messages
// come into a bounded queue. Errors say what to look at.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/operator.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wharf {

struct fleet_message {
    std::string topic;
    std::string payload;
    bool retained = false;
};

class operator_client {
  public:
    // Waits for the broker's answer.
    static result<std::unique_ptr<operator_client>> connect(const operator_config& with);
    ~operator_client();
    operator_client(const operator_client&) = delete;
    operator_client& operator=(const operator_client&) = delete;

    status subscribe(const std::vector<std::string>& filters);
    // All of them in one packet; REQUIRES: some.
    status subscribe_at_once(const std::vector<std::string>& filters);
    // QoS 1. Returns when it is on its way: so many are at once, and then it waits for the oldest.
    // What a connection takes with it is lost: next() fails.
    status post(const std::string& topic, const std::string& payload);
    // The next message, or nothing when the time is over. Fails where the connection is lost.
    result<std::optional<fleet_message>> next(std::chrono::milliseconds wait);

  private:
    struct parts;
    explicit operator_client(std::unique_ptr<parts> with);
    std::unique_ptr<parts> parts_;
};

} // namespace wharf
