// Sockets in the file system. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <string>

namespace wharf {

// Listens on the path with mode 0660. A socket that nobody listens on any more is taken away first.
// errc::conflict where somebody does, or where there is something else.
status listen_local(boost::asio::local::stream_protocol::acceptor& on, const std::string& path,
                    int backlog);

} // namespace wharf
