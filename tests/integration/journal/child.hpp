// Runs journal_child in a folder of its own, with or without the lost-writes layer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace wharf::test {

class temporary_folder {
  public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    // Does not exist yet.
    [[nodiscard]] std::string journal() const { return (root_ / "journal").string(); }
    [[nodiscard]] std::string data() const { return journal() + "/data.mdb"; }
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }

  private:
    std::filesystem::path root_;
};

struct outcome {
    int exit_code = -1; // -1: ended by a signal
    int signal = 0;
    std::string out;
    std::string words; // stderr

    [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& before) const;
    [[nodiscard]] std::uint64_t number(const std::string& before) const; // 0 where there is none
};

// arguments: of journal_child. faults: for the layer (its FAIL setting); without them no layer.
outcome run_child(const temporary_folder& in, const std::vector<std::string>& arguments,
                  const std::string& faults = {});
// The power cut on what the layer recorded.
void cut(const temporary_folder& in, const std::vector<std::string>& how);

} // namespace wharf::test
