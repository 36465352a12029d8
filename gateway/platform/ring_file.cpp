#include "gateway/platform/ring_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace wharf {

namespace {

constexpr std::size_t k_align_bytes = 4096;
constexpr std::size_t k_zeros_bytes = 256 * 1024;

} // namespace

result<std::unique_ptr<ring_file>> ring_file::open(std::string path, access how) {
    std::unique_ptr<ring_file> opened(new ring_file(std::move(path), how));
    WHARF_TRY(opened->open_file());
    return opened;
}

status ring_file::open_file() {
    size_bytes_ = 0;
    direct_ = access_ == access::read_write;
    const int flags = direct_ ? O_RDWR | O_DSYNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC;
    fd_guard fd(::open(path_.c_str(), flags | (direct_ ? O_DIRECT : 0)));
    if (fd.get() < 0 && errno == EINVAL && direct_) {
        direct_ = false;
        fd = fd_guard(::open(path_.c_str(), flags));
    }
    if (fd.get() < 0 && errno == ENOENT) return ok();
    if (fd.get() < 0) return system_error("open " + path_);
    struct stat is;
    if (::fstat(fd.get(), &is) != 0) return system_error("stat " + path_);
    size_bytes_ = static_cast<std::uint64_t>(is.st_size) / k_align_bytes * k_align_bytes;
    fd_ = std::move(fd);
    return ok();
}

char* ring_file::buffer(std::size_t size_bytes) {
    if (buffer_bytes_ < size_bytes) {
        buffer_.reset(static_cast<char*>(std::aligned_alloc(k_align_bytes, size_bytes)));
        if (buffer_ == nullptr) throw std::bad_alloc();
        buffer_bytes_ = size_bytes;
    }
    return buffer_.get();
}

result<std::string> ring_file::read(std::uint64_t offset, std::size_t size_bytes) {
    WHARF_ASSERT(offset + size_bytes <= size_bytes_ && offset % k_align_bytes == 0 &&
                 size_bytes % k_align_bytes == 0);
    char* into = buffer(size_bytes);
    std::size_t have = 0;
    while (have < size_bytes) {
        ssize_t got =
            ::pread(fd_.get(), into + have, size_bytes - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("read " + path_);
        if (got == 0) return error{errc::io, "read " + path_ + ": it became shorter"};
        have += static_cast<std::size_t>(got);
    }
    std::string out(into, size_bytes);
    constexpr std::size_t k_kept_bytes = 128 * 1024;
    if (buffer_bytes_ > k_kept_bytes) { // of recovery
        buffer_.reset();
        buffer_bytes_ = 0;
    }
    return out;
}

status ring_file::write_durable(std::uint64_t offset, std::string_view bytes) {
    WHARF_ASSERT(offset + bytes.size() <= size_bytes_);
    const std::size_t aligned = (bytes.size() + k_align_bytes - 1) / k_align_bytes * k_align_bytes;
    char* from = buffer(aligned);
    std::memcpy(from, bytes.data(), bytes.size());
    ssize_t done = -1;
    do
        done = ::pwrite(fd_.get(), from, bytes.size(), static_cast<off_t>(offset));
    while (done < 0 && errno == EINTR);
    if (done < 0) {
        const bool alignment = errno == EINVAL && bytes.size() % k_align_bytes != 0;
        error why = system_error("write " + path_);
        if (alignment) why.message += "; this device may need journal.ring_block_bytes = 4096";
        return why;
    }
    if (static_cast<std::size_t>(done) != bytes.size())
        return error{errc::io, "write " + path_ + ": only " + std::to_string(done) + " of " +
                                   std::to_string(bytes.size()) + " bytes"};
    return ok();
}

status ring_file::recreate(std::uint64_t size_bytes) {
    WHARF_ASSERT(access_ == access::read_write);
    fd_ = fd_guard(-1);
    size_bytes_ = 0;
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return system_error("remove " + path_);
    if (size_bytes != 0) WHARF_TRY(make_file(size_bytes));
    WHARF_TRY(sync_folder(folder_above(path_)));
    return open_file();
}

// Zeros that were really written: blocks that are only reserved would cost a change of the file
// system's own records at the first write to each.
status ring_file::make_file(std::uint64_t size_bytes) {
    fd_guard fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) return system_error("make " + path_);
    const std::string zeros(k_zeros_bytes, '\0');
    for (std::uint64_t at = 0; at < size_bytes;) {
        auto part =
            static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), size_bytes - at));
        ssize_t done = ::pwrite(fd.get(), zeros.data(), part, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return system_error("write " + path_);
        at += static_cast<std::uint64_t>(done);
    }
    if (::fsync(fd.get()) != 0) return system_error("sync " + path_);
    return ok();
}

} // namespace wharf
