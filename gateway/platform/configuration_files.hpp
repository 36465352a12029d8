// Where a gateway keeps what the fleet lays over its configuration: a folder beside the journal,
// for the service's user alone, with each version's text and the record that says which one holds.
// The record is replaced as a whole and durably. Any thread, one at a time.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/manage/configuration.hpp"

#include <cstdint>
#include <string>

namespace wharf {

class configuration_files {
  public:
    explicit configuration_files(const std::string& journal_path);

    [[nodiscard]] const std::string& folder() const { return folder_; }
    // Where there is none: an empty one. errc::corrupt: it is not to be believed.
    [[nodiscard]] result<manage::configuration_record> read() const;
    // The text of a version of this record, which it has the digest of; version 0 is empty.
    [[nodiscard]] result<std::string> text_of(const manage::configuration_record& in,
                                              std::uint64_t version) const;
    // Durable when it returns well; else the record is the old one or this one.
    status write(const manage::configuration_record& record) const;
    status keep(const manage::configure::keep& what) const;

  private:
    [[nodiscard]] std::string path_of(std::uint64_t version) const;

    std::string folder_;
};

} // namespace wharf
