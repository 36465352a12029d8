#include "gateway/platform/export_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace wharf {

result<export_output> export_output::make(const std::string& name) {
    const bool standard = name == k_standard_stream;
    fd_guard fd(standard ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                         : ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0 && errno == EEXIST)
        return error{errc::conflict, name + " is there already: an export replaces no file"};
    if (fd.get() < 0) return system_error("make " + name);
    return export_output(std::move(fd), standard ? std::string() : name);
}

export_output::~export_output() {
    if (!name_.empty()) ::unlink(name_.c_str());
}

status export_output::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("write the export");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return ok();
}

status export_output::finish() {
    if (name_.empty()) return ok();
    if (::fsync(fd_.get()) != 0) return system_error("sync " + name_);
    WHARF_TRY(sync_folder(folder_above(name_)));
    name_.clear();
    return ok();
}

result<export_input> export_input::open(const std::string& name) {
    fd_guard fd(name == k_standard_stream ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                          : ::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) return system_error("open " + name);
    return export_input(std::move(fd));
}

result<std::size_t> export_input::read(char* into, std::size_t size) {
    while (true) {
        const ssize_t got = ::read(fd_.get(), into, size);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) return system_error("read the export");
    }
}

} // namespace wharf
