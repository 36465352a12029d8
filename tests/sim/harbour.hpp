// What the clients see of the gateway's machine, and who watches them. One thread.
#pragma once

#include "tests/sim/link.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace wharf::sim {

class will_book;

class harbour {
  public:
    virtual ~harbour() = default;
    enum class door { open, closed, nobody }; // listening; refused; no answer at all
    [[nodiscard]] virtual door knock() = 0;
    virtual void accept(const std::shared_ptr<link>& on) = 0;
    // Counts the gateway's lives; how long its journal has been open in all of them.
    [[nodiscard]] virtual std::uint64_t life() const = 0;
    [[nodiscard]] virtual std::int64_t open_us() const = 0;
    // A client put this message on the link under this packet id.
    virtual void published(const link& on, int version, std::uint16_t packet_id,
                           std::size_t message) = 0;
    // A device connects with this client identifier; its will's number, 0: without one.
    virtual std::size_t leave_will(const std::string& client, int version,
                                   std::uint32_t expiry_s) = 0;
    [[nodiscard]] virtual will_book& wills() = 0;
};

} // namespace wharf::sim
