#include "tests/support/model_log_device.hpp"

#include <algorithm>

namespace wharf::test {

result<std::string> model_log_device::read(std::uint64_t offset, std::size_t size) {
    WHARF_ASSERT(offset + size <= bytes.size() && offset % 4096 == 0 && size % 4096 == 0);
    return bytes.substr(static_cast<std::size_t>(offset), size);
}

void model_log_device::fail_after(std::size_t count, leaver leave) {
    countdown_ = count;
    leave_ = std::move(leave);
}

bool model_log_device::fails_now() {
    ++writes;
    if (!leave_) return false;
    if (countdown_ == 0) return true;
    --countdown_;
    return false;
}

status model_log_device::write_durable(std::uint64_t offset, std::string_view data) {
    WHARF_ASSERT(offset + data.size() <= bytes.size() && offset % 512 == 0 &&
                 data.size() % 512 == 0);
    auto at = static_cast<std::size_t>(offset);
    last_offset = offset;
    last_written = std::string(data);
    if (fails_now()) {
        std::string left = leave_(bytes.substr(at, data.size()), std::string(data));
        WHARF_ASSERT(left.size() == data.size());
        bytes.replace(at, data.size(), left);
        leave_ = nullptr;
        return error{errc::io, "the model failed"};
    }
    bytes.replace(at, data.size(), data);
    return ok();
}

status model_log_device::recreate(std::uint64_t size) {
    std::string wanted(static_cast<std::size_t>(size), '\0');
    if (fails_now()) {
        bytes = leave_(bytes, wanted);
        leave_ = nullptr;
        return error{errc::io, "the model failed"};
    }
    bytes = std::move(wanted);
    return ok();
}

model_log_device::leaver leave_all() {
    return [](const std::string&, const std::string& wanted) { return wanted; };
}
model_log_device::leaver leave_nothing() {
    return [](const std::string& before, const std::string&) { return before; };
}
model_log_device::leaver leave_blocks(std::uint64_t mask, std::size_t block_bytes) {
    return [=](const std::string& before, const std::string& wanted) {
        std::string out = before;
        for (std::size_t at = 0; at < std::min(out.size(), wanted.size()); at += block_bytes)
            if (((mask >> (at / block_bytes % 64)) & 1) != 0)
                out.replace(at, block_bytes, wanted, at, block_bytes);
        return out;
    };
}

} // namespace wharf::test
