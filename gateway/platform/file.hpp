// File descriptors with an owner, and files and folders by their names. Sizes and rights are asked
// of stat(2) itself and not of std::filesystem: the standard library of 32-bit ARM keeps time in 32
// bits, and there a file changed after January 2038 cannot be looked at. Any thread; where there is
// nothing by a name the error is not_found, else io or no_space.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
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

[[nodiscard]] result<std::uint64_t> file_size(const std::string& path);
// A small file: it is there with blocks for so many bytes, after a power cut too; what it holds
// stays.
status allocate_file(const std::string& path, std::uint64_t bytes);
// The lower twelve bits of its mode.
[[nodiscard]] result<std::uint32_t> file_mode(const std::string& path);
// With those above it. True: it was not there; then it is its owner's alone.
[[nodiscard]] result<bool> make_folder(const std::string& path);
// The folder that holds it.
[[nodiscard]] std::string folder_above(std::string path);

} // namespace wharf
