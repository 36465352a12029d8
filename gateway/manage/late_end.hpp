// The end of a command whose outcome is known only where it becomes true: in the transaction that
// does it. Values alone: the desk makes one, any thread uses it.
#pragma once

#include "gateway/journal/requests.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstdint>
#include <string>

namespace wharf::manage {

struct command_outcome {
    wharf::v1::CommandCode code = wharf::v1::COMMAND_CODE_OK;
    std::string message = {};
    std::string json = {};
};

// At most so many bytes, and no part of a character.
[[nodiscard]] std::string cut(const std::string& text, std::size_t bytes_max);
// Fills in the outcome; where that is too much, says so instead.
void put_outcome(wharf::v1::CommandReport& into, command_outcome outcome);

class late_end {
  public:
    struct made {
        manage_ops ops;     // make it durable
        std::string report; // a serialized CommandReport
    };
    [[nodiscard]] made with(command_outcome outcome) const;

  private:
    friend class command_desk;
    wharf::v1::CommandRecord record_;
    wharf::v1::CommandReport report_; // without the outcome
    wharf::v1::AuditEntry audit_;     // without it, too
    std::uint64_t outbound_ = 0;      // its number, where it goes to the fleet
    manage_ops room_;                 // makes room for the report
};

} // namespace wharf::manage
