// The log device in memory, for tests: what a write leaves behind when it fails or when the power
// goes in the middle of it is the test's choice. One thread, as the port says.
#pragma once

#include "gateway/ports/log_device.hpp"

#include <functional>
#include <optional>
#include <string>

namespace wharf::test {

class model_log_device final : public log_device {
  public:
    [[nodiscard]] std::uint64_t size_bytes() const override { return bytes.size(); }
    result<std::string> read(std::uint64_t offset, std::size_t size) override;
    status write_durable(std::uint64_t offset, std::string_view data) override;
    status recreate(std::uint64_t size) override;

    // The next write or recreate fails. `leave` is called with what was there and what was to be
    // there (of one size, or of the old and the new size), and says what is there now.
    using leaver = std::function<std::string(const std::string& before, const std::string& wanted)>;
    void fail_next(leaver leave) { leave_ = std::move(leave); }
    // The same for the write or recreate after `count` more of them.
    void fail_after(std::size_t count, leaver leave);

    std::string bytes; // durable; tests may damage it
    std::size_t writes = 0;
    std::string last_written;
    std::uint64_t last_offset = 0;

  private:
    bool fails_now();

    leaver leave_;
    std::size_t countdown_ = 0;
};

// All of it, nothing of it, or every block for itself as the bits of `mask` say.
model_log_device::leaver leave_all();
model_log_device::leaver leave_nothing();
model_log_device::leaver leave_blocks(std::uint64_t mask, std::size_t block_bytes);

} // namespace wharf::test
