// Frames of the bridge protocol: four bytes of length, little-endian, then one BridgeFrame. One
// connection, one reader; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/bridge.pb.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace wharf::bridge {

inline constexpr std::uint32_t k_version = 1;

class frame_reader {
  public:
    void add(std::string_view bytes) { input_.append(bytes); }
    // True: the next frame is in `to`. False: more bytes are needed. What breaks the protocol is an
    // error, after which nothing is read any more.
    [[nodiscard]] result<bool> next(wharf::v1::BridgeFrame& to);
    // Bytes that were added and not taken.
    [[nodiscard]] std::size_t waiting() const noexcept { return input_.size() - begin_; }

  private:
    std::string input_;
    std::size_t begin_ = 0;
};

void append_frame(std::string& to, const wharf::v1::BridgeFrame& frame);

// 1 to limits::k_name_bytes_max letters, digits, - or _.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

} // namespace wharf::bridge
