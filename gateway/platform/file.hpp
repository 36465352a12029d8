// File descriptors with an owner, and folders whose entries survive a power cut. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace wharf {

class fd_guard {
  public:
    explicit fd_guard(int fd) : fd_(fd) {}
    ~fd_guard();
    fd_guard(fd_guard&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    fd_guard& operator=(fd_guard&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    fd_guard(const fd_guard&) = delete;
    fd_guard& operator=(const fd_guard&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

// What errno says; errc::no_space where it is about space.
[[nodiscard]] error system_error(std::string_view doing);

// What was made, renamed or removed in a folder is so after a power cut.
status sync_folder(const std::string& path);

} // namespace wharf
