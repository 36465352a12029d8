// The identities file on the disk: its owner's, and at most readable for its group. It is replaced
// as a whole: who reads it meanwhile, or after a power cut, has the old or the new one. Any thread.
#pragma once

#include "gateway/access/identity.hpp"
#include "gateway/base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wharf::access {

// The text. errc::invalid where others than its owner and its group may read it, or its group may
// write it; errc::too_large; errc::not_found where there is none.
[[nodiscard]] result<std::string> read_enrolment(const std::string& path);
// Read and taken apart.
[[nodiscard]] result<std::shared_ptr<const identities>> load_enrolment(const std::string& path);

// Changes it, while no other wharfctl does: edit() gets the text, an empty one where there is no
// file yet, and returns what it is to be. Owner, group and mode stay; a new file gets mode 0640 and
// the group of its folder.
[[nodiscard]] status
change_enrolment(const std::string& path,
                 const std::function<result<std::string>(std::string_view text)>& edit);

// What a person, or the fleet, does with one entry: each is one change of the file.
//
// errc::conflict where there is one of that name, unless `same` says that it is this one.
[[nodiscard]] status enrol(const std::string& path, const identity& added,
                           const std::function<bool(const identity& there)>& same = {});
// errc::not_found where there is none of that name, here and below.
[[nodiscard]] status unenrol(const std::string& path, const std::string& name);
[[nodiscard]] status give_password(const std::string& path, const std::string& name,
                                   const std::string& hash);
[[nodiscard]] status let_in(const std::string& path, const std::string& name, bool enabled);

} // namespace wharf::access
