#include "gateway/bridge/frames.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf::bridge {

namespace {

constexpr std::size_t k_head_bytes = 4;

std::size_t length_at(const char* at) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < k_head_bytes; ++i)
        length |= std::size_t{static_cast<unsigned char>(at[i])} << (8 * i);
    return length;
}

} // namespace

result<bool> frame_reader::next(wharf::v1::BridgeFrame& to) {
    if (waiting() < k_head_bytes) return false;
    const std::size_t length = length_at(input_.data() + begin_);
    if (length > limits::k_bridge_frame_bytes_max)
        return error{errc::too_large, "a frame of " + std::to_string(length) + " bytes: at most " +
                                          std::to_string(limits::k_bridge_frame_bytes_max) +
                                          " are expected"};
    if (waiting() < k_head_bytes + length) return false;
    to.Clear();
    const bool read =
        to.ParseFromArray(input_.data() + begin_ + k_head_bytes, static_cast<int>(length));
    begin_ += k_head_bytes + length;
    if (begin_ * 2 >= input_.size()) {
        input_.erase(0, begin_);
        begin_ = 0;
        // After a large message the memory goes.
        if (input_.capacity() > limits::k_packet_bytes_default * 2 && input_.empty())
            input_.shrink_to_fit();
    }
    if (!read || to.what_case() == wharf::v1::BridgeFrame::WHAT_NOT_SET)
        return error{errc::corrupt, "a frame that is not a wharf.v1.BridgeFrame"};
    return true;
}

void append_frame(std::string& to, const wharf::v1::BridgeFrame& frame) {
    const std::size_t length = frame.ByteSizeLong();
    WHARF_ASSERT(length <= limits::k_bridge_frame_bytes_max);
    for (std::size_t i = 0; i < k_head_bytes; ++i)
        to.push_back(static_cast<char>(length >> (8 * i) & 0xff));
    const bool written = frame.AppendToString(&to);
    WHARF_ASSERT(written);
}

bool is_name(std::string_view text) noexcept {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= limits::k_name_bytes_max &&
           std::all_of(text.begin(), text.end(), fits);
}

} // namespace wharf::bridge
