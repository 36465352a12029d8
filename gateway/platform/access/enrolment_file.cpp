#include "gateway/platform/access/enrolment_file.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/config/identities_edit.hpp"
#include "gateway/config/identities_file.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/private_file.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace wharf::access {

namespace {

constexpr std::uint32_t k_mode_most = 0640;
constexpr std::uint32_t k_mode_new = 0640;

// A link stays one: what it points to is replaced.
std::string resolved(const std::string& path) {
    char found[PATH_MAX];
    return ::realpath(path.c_str(), found) == nullptr ? path : std::string(found);
}

status change_locked(const std::string& path,
                     const std::function<result<std::string>(std::string_view text)>& edit) {
    uid_t owner = ::geteuid();
    gid_t group = 0;
    std::uint32_t mode = k_mode_new;
    std::string text;
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0) {
        owner = found.st_uid;
        group = found.st_gid;
        mode = found.st_mode & 07777;
        WHARF_TRY_ASSIGN(text, read_enrolment(path));
    } else if (errno != ENOENT) {
        return system_error(path);
    } else {
        struct stat above {};
        if (::stat(folder_above(path).c_str(), &above) != 0)
            return system_error(folder_above(path));
        group = above.st_gid;
    }
    WHARF_TRY_ASSIGN(const auto changed, edit(text));
    return replace_private_file(path, changed, mode, file_owner{owner, group});
}

} // namespace

result<std::string> read_enrolment(const std::string& path) {
    return read_private_file(path, {k_mode_most, limits::k_enrolment_bytes_max,
                                    "holds what passwords are checked against"});
}

result<std::shared_ptr<const identities>> load_enrolment(const std::string& path) {
    WHARF_TRY_ASSIGN(const auto text, read_enrolment(path));
    WHARF_TRY_ASSIGN(auto all, parse_identities(text, path));
    WHARF_TRY_ASSIGN(auto made, identities::make(std::move(all)));
    return std::shared_ptr<const identities>(std::make_shared<const identities>(std::move(made)));
}

status change_enrolment(const std::string& named,
                        const std::function<result<std::string>(std::string_view text)>& edit) {
    const std::string path = resolved(named);
    return with_folder_locked(path, [&] { return change_locked(path, edit); });
}

status enrol(const std::string& path, const identity& added,
             const std::function<bool(const identity& there)>& same) {
    if (auto wrong = check_identity_name(added.name); !wrong.empty())
        return error{errc::invalid, wrong};
    return change_enrolment(path, [&](std::string_view text) -> result<std::string> {
        if (same) {
            WHARF_TRY_ASSIGN(const auto all, parse_identities(text, path));
            const auto there = std::ranges::find(all, added.name, &identity::name);
            if (there != all.end() && same(*there)) return std::string(text);
        }
        return with_identity(text, added, path);
    });
}

status unenrol(const std::string& path, const std::string& name) {
    return change_enrolment(
        path, [&](std::string_view text) { return without_identity(text, name, path); });
}

status give_password(const std::string& path, const std::string& name, const std::string& hash) {
    return change_enrolment(
        path, [&](std::string_view text) { return with_password(text, name, hash, path); });
}

status let_in(const std::string& path, const std::string& name, bool enabled) {
    return change_enrolment(
        path, [&](std::string_view text) { return with_enabled(text, name, enabled, path); });
}

} // namespace wharf::access
