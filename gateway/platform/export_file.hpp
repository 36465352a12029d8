// An export's bytes in a file, or in standard output and input ("-"). One thread.
#pragma once

#include "gateway/platform/file.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace wharf {

inline constexpr std::string_view k_standard_stream = "-";

// Made anew and its owner's alone. A file that is not finished is taken away again.
class export_output {
  public:
    // errc::conflict where there is such a file already.
    [[nodiscard]] static result<export_output> make(const std::string& name);
    ~export_output();
    export_output(export_output&&) noexcept = default;
    export_output& operator=(export_output&&) = delete;

    status write(std::string_view bytes);
    // It is all there, also after a power cut.
    status finish();

  private:
    export_output(fd_guard fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    fd_guard fd_;
    std::string name_; // while it is not finished; empty for standard output
};

class export_input {
  public:
    [[nodiscard]] static result<export_input> open(const std::string& name);
    // As byte_source of gateway/journal/export.hpp says.
    result<std::size_t> read(char* into, std::size_t size);

  private:
    explicit export_input(fd_guard fd) : fd_(std::move(fd)) {}
    fd_guard fd_;
};

} // namespace wharf
