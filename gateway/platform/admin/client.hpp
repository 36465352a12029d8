// Asks a running wharfd over its Unix socket, and waits for the answer. For wharfctl: one request,
// one connection, the caller's thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/platform/admin/router.hpp"

#include <string>
#include <string_view>

namespace wharf::admin {

// errc::not_found where nobody answers on the socket, errc::io where the talk breaks off or takes
// longer than twice limits::k_admin_timeout_ms. An answer with an error status is an answer.
[[nodiscard]] result<response> ask(const std::string& socket_path, std::string_view method,
                                   std::string_view path, std::string body = {});

// A name as one segment of a path.
[[nodiscard]] std::string encoded_segment(std::string_view text);

} // namespace wharf::admin
