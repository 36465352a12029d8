#include "gateway/platform/configuration_files.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/private_file.hpp"
#include "gateway/ports/digest.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace wharf {

namespace {

constexpr std::uint32_t k_mode = 0600;
// Of versions, who ordered them and why.
constexpr std::size_t k_record_bytes_max = 64 * 1024;

// Root mends on a bad day what the service reads tomorrow.
std::optional<file_owner> owner_of(const std::string& folder) {
    struct stat found {};
    if (::geteuid() != 0 || ::stat(folder.c_str(), &found) != 0) return std::nullopt;
    return file_owner{found.st_uid, found.st_gid};
}

} // namespace

configuration_files::configuration_files(const std::string& journal_path) {
    folder_ = journal_path;
    while (folder_.size() > 1 && folder_.ends_with('/'))
        folder_.pop_back();
    folder_ += ".configuration";
}

std::string configuration_files::path_of(std::uint64_t version) const {
    return folder_ + "/" + std::to_string(version) + ".toml";
}

result<manage::configuration_record> configuration_files::read() const {
    const std::string path = folder_ + "/record";
    auto bytes = read_private_file(path, {k_mode, k_record_bytes_max, "says what holds"});
    if (!bytes.ok() && bytes.failure().code == errc::not_found)
        return manage::configuration_record{};
    if (!bytes.ok()) return std::move(bytes).failure();
    auto out = manage::read_record(*bytes);
    if (!out.ok()) return error{errc::corrupt, path + " " + out.failure().message};
    return out;
}

result<std::string> configuration_files::text_of(const manage::configuration_record& in,
                                                 std::uint64_t version) const {
    if (version == 0) return std::string();
    const auto* known = manage::find_version(in, version);
    if (known == nullptr)
        return error{errc::not_found, "version " + std::to_string(version) + " is not kept"};
    WHARF_TRY_ASSIGN(std::string text,
                     read_private_file(path_of(version), {k_mode, limits::k_overlay_bytes_max,
                                                          "is what the gateway runs with"}));
    if (view_of(sha256(text)) != known->sha256())
        return error{errc::corrupt, path_of(version) + " is not what was applied"};
    return text;
}

status configuration_files::write(const manage::configuration_record& record) const {
    WHARF_TRY_ASSIGN(const bool made, make_folder(folder_));
    if (made) {
        WHARF_TRY(sync_folder(folder_above(folder_)));
    }
    return replace_private_file(folder_ + "/record", manage::bytes_of(record), k_mode,
                                owner_of(folder_));
}

status configuration_files::keep(const manage::configure::keep& what) const {
    if (what.version != 0) {
        WHARF_TRY_ASSIGN(const bool made, make_folder(folder_));
        if (made) {
            WHARF_TRY(sync_folder(folder_above(folder_)));
        }
        WHARF_TRY(
            replace_private_file(path_of(what.version), what.text, k_mode, owner_of(folder_)));
    }
    // One that stays is in nobody's way: no record names it.
    for (const auto version : what.drop)
        ::unlink(path_of(version).c_str());
    return write(what.record);
}

} // namespace wharf
