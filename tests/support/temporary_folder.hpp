// A folder that is there for one test. Throws where it cannot be made.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace wharf::tests {

struct temporary_folder {
    temporary_folder() {
        if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp " + path);
    }
    ~temporary_folder() { std::filesystem::remove_all(path); }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    [[nodiscard]] std::string in(const std::string& name) const { return path + "/" + name; }

    std::string path = "/tmp/wharf-test-XXXXXX";
};

} // namespace wharf::tests
