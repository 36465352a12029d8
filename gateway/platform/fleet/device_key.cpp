#include "gateway/platform/fleet/device_key.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/platform/private_file.hpp"

#include <mbedtls/platform_util.h>

#include <cerrno>
#include <cstdio>
#include <unistd.h>

namespace wharf {

namespace {
constexpr std::uint32_t k_mode = 0600;
constexpr std::size_t k_succession_bytes_max = 64 * 1024;
} // namespace

manage::successions device_key_files::read_successions(const private_key& key,
                                                       std::string& note) const {
    auto text = read_private_file(succession_path(),
                                  {k_mode, k_succession_bytes_max, "says which key was before"});
    if (!text.ok() && text.failure().code == errc::not_found) return {};
    manage::successions all;
    if (!text.ok() || !all.ParseFromString(*text)) {
        note = "how the gateway's key came from the one before is not known any more: " +
               (text.ok() ? succession_path() + " is damaged" : text.failure().message);
        return {};
    }
    return manage::leading_to(all, key.half());
}

result<device_key> device_key_files::open() const {
    WHARF_TRY_ASSIGN(auto key, read_or_make_key_file(path_));
    if (::unlink(next_path().c_str()) != 0 && errno != ENOENT)
        return system_error("take away " + next_path());
    device_key out{std::move(key), {}, {}};
    out.former = read_successions(out.key, out.note);
    return out;
}

result<device_key> device_key_files::rotate(const device_key& now, std::string_view command,
                                            std::int64_t at_us) const {
    if (manage::ordered_by(now.former) == command) return now;
    WHARF_TRY_ASSIGN(auto next, private_key::make());
    WHARF_TRY_ASSIGN(auto link, manage::succeed(now.key, next.half(), at_us, command));
    manage::successions all = now.former;
    *all.add_links() = std::move(link);
    all = manage::leading_to(all, next.half());
    std::string text = next.pem();
    auto written = replace_private_file(next_path(), text, k_mode);
    mbedtls_platform_zeroize(text.data(), text.size());
    WHARF_TRY(std::move(written));
    // Until the last step this link leads nowhere and is left out.
    WHARF_TRY(replace_private_file(succession_path(), all.SerializeAsString(), k_mode));
    if (::rename(next_path().c_str(), path_.c_str()) != 0) return system_error("replace " + path_);
    WHARF_TRY(sync_folder(folder_above(path_)));
    return device_key{std::move(next), std::move(all), {}};
}

status device_key_files::destroy() const {
    WHARF_TRY(destroy_key_file(next_path()));
    return destroy_key_file(path_);
}

} // namespace wharf
