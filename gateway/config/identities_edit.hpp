// Changes one entry in the text of the identities file and leaves the rest of it, comments
// included, as a person wrote it. What comes out is read again and compared with what was meant: a
// text that is laid out so that this cannot be done is refused, never spoilt. Pure. Any thread.
#pragma once

#include "gateway/access/identity.hpp"
#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf {

// errc::conflict where there is one of that name.
[[nodiscard]] result<std::string>
with_identity(std::string_view text, const access::identity& added, std::string_view file_name);
// errc::not_found where there is none of that name, here and below.
[[nodiscard]] result<std::string> without_identity(std::string_view text, std::string_view name,
                                                   std::string_view file_name);
[[nodiscard]] result<std::string> with_password(std::string_view text, std::string_view name,
                                                std::string_view hash, std::string_view file_name);
[[nodiscard]] result<std::string> with_enabled(std::string_view text, std::string_view name,
                                               bool enabled, std::string_view file_name);

} // namespace wharf
