#include "gateway/platform/local_socket.hpp"

#include <boost/asio/io_context.hpp>

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace wharf {

namespace {

using unix_stream = boost::asio::local::stream_protocol;
using boost::system::error_code;

bool somebody_answers(const std::string& path) {
    boost::asio::io_context local;
    unix_stream::socket probe(local);
    error_code ec;
    probe.connect(unix_stream::endpoint(path), ec);
    // Refused: the file is a left-over. Anything else means that it may be somebody's.
    return ec != boost::asio::error::connection_refused &&
           ec != boost::system::errc::no_such_file_or_directory;
}

} // namespace

status listen_local(unix_stream::acceptor& on, const std::string& path, int backlog) {
    if (path.size() >= sizeof(sockaddr_un{}.sun_path))
        return error{errc::invalid, path + " is too long for a Unix socket"};
    if (::access(path.c_str(), F_OK) == 0) {
        if (somebody_answers(path))
            return error{errc::conflict, "another process answers on " + path};
        struct stat what {};
        if (::lstat(path.c_str(), &what) != 0 || !S_ISSOCK(what.st_mode))
            return error{errc::conflict, path + " exists and is not a socket"};
        ::unlink(path.c_str());
    }
    error_code ec;
    on.open(unix_stream(), ec);
    // The file appears with its final mode: nobody gets in before it has been narrowed.
    const auto before = ::umask(0117);
    if (!ec) on.bind(unix_stream::endpoint(path), ec);
    ::umask(before);
    if (!ec) on.listen(backlog, ec);
    if (ec) return error{errc::io, "listen on " + path + ": " + ec.message()};
    return ok();
}

} // namespace wharf
