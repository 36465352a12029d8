#include "gateway/platform/tls/pair_files.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/platform/private_file.hpp"

#include <mbedtls/platform_util.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace wharf::tls {

namespace {

constexpr std::uint32_t k_key_mode = 0600;
constexpr std::uint32_t k_certificate_mode = 0644;
constexpr std::size_t k_record_bytes_max = 4096;
constexpr std::size_t k_why_bytes_max = 1024;
constexpr std::array<std::string_view, 6> k_stages = {"untouched", "going", "trying",
                                                      "returning", "good",  "back"};

std::string resolved(const std::string& path) {
    char found[PATH_MAX];
    return ::realpath(path.c_str(), found) == nullptr ? path : std::string(found);
}

struct wiped {
    std::string text;
    ~wiped() { mbedtls_platform_zeroize(text.data(), text.size()); }
};

result<std::string> read_any(const std::string& path) {
    return read_private_file(path, {07777, limits::k_tls_file_bytes_max, "is readable"});
}

// Not there any more is as good.
status move_file(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
        return system_error("replace " + to);
    return ok();
}

status remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("take away " + path);
    return ok();
}

} // namespace

pair_files::pair_files(const std::string& certificate, const std::string& key)
    : certificate_(resolved(certificate)), key_(resolved(key)) {}

result<pair_record> pair_files::record() const {
    auto text = read_private_file(certificate_ + ".change",
                                  {k_key_mode, k_record_bytes_max, "says which one holds"});
    if (!text.ok() && text.failure().code == errc::not_found) return pair_record{};
    if (!text.ok()) return std::move(text).failure();
    const std::string_view all = *text;
    const auto first = all.find('\n');
    const auto second = first == all.npos ? all.npos : all.find('\n', first + 1);
    const auto named = std::ranges::find(k_stages, all.substr(0, first));
    if (second == all.npos || named == k_stages.end())
        return error{errc::corrupt, certificate_ + ".change cannot be read"};
    const auto command = from_hex(std::string(all.substr(first + 1, second - first - 1)));
    if (!command) return error{errc::corrupt, certificate_ + ".change cannot be read"};
    pair_record out{static_cast<pair_stage>(named - k_stages.begin()), *command,
                    std::string(all.substr(second + 1))};
    while (out.why.ends_with('\n'))
        out.why.pop_back();
    return out;
}

status pair_files::write(const pair_record& what) const {
    std::string text(k_stages[static_cast<std::size_t>(what.stage)]);
    text.append("\n").append(to_hex(what.command)).append("\n");
    text.append(printable(what.why.substr(0, k_why_bytes_max))).append("\n");
    return replace_private_file(certificate_ + ".change", text, k_key_mode);
}

status pair_files::keep_pending(const private_key& key) const {
    wiped text{key.pem()};
    return replace_private_file(pending_path(), text.text, k_key_mode);
}

result<private_key> pair_files::pending() const {
    return read_key_file(pending_path());
}

status pair_files::prepare(std::string_view chain) const {
    WHARF_TRY_ASSIGN(auto key, read_any(key_));
    const wiped former{std::move(key)};
    WHARF_TRY_ASSIGN(const std::string certificate, read_any(certificate_));
    WHARF_TRY(replace_private_file(key_ + ".former", former.text, k_key_mode));
    WHARF_TRY(replace_private_file(certificate_ + ".former", certificate, k_certificate_mode));
    return replace_private_file(certificate_ + ".next", chain, k_certificate_mode);
}

status pair_files::put(std::string_view chain, std::string_view command, bool on_trial) const {
    if (auto prepared = prepare(chain); !prepared.ok()) {
        static_cast<void>(forget_former()); // what failed before it says why
        static_cast<void>(remove_file(certificate_ + ".next"));
        return prepared;
    }
    // From here on it is done, or undone, whatever ends the process.
    pair_record now{on_trial ? pair_stage::trying : pair_stage::going, std::string(command), {}};
    WHARF_TRY(write(now));
    WHARF_TRY(move_in());
    if (on_trial) return ok();
    now.stage = pair_stage::good;
    return write(now);
}

status pair_files::move_in() const {
    WHARF_TRY(move_file(pending_path(), key_));
    WHARF_TRY(move_file(certificate_ + ".next", certificate_));
    WHARF_TRY(sync_folder(folder_above(key_)));
    return sync_folder(folder_above(certificate_));
}

status pair_files::hold(std::string_view command) const {
    WHARF_TRY(write({pair_stage::good, std::string(command), {}}));
    return forget_former();
}

status pair_files::back(std::string_view command, std::string_view why) const {
    pair_record now{pair_stage::returning, std::string(command), std::string(why)};
    WHARF_TRY(write(now));
    WHARF_TRY(bring_back());
    now.stage = pair_stage::back;
    WHARF_TRY(write(now));
    return forget_former();
}

// Can be done again from any of its steps.
status pair_files::bring_back() const {
    WHARF_TRY_ASSIGN(auto text, read_any(key_ + ".former"));
    const wiped former{std::move(text)};
    WHARF_TRY_ASSIGN(const std::string certificate, read_any(certificate_ + ".former"));
    WHARF_TRY_ASSIGN(auto present, read_any(key_));
    const wiped key{std::move(present)};
    if (key.text != former.text) {
        WHARF_TRY(replace_private_file(pending_path(), key.text, k_key_mode));
        WHARF_TRY(replace_private_file(key_, former.text, k_key_mode));
    }
    WHARF_TRY(replace_private_file(certificate_, certificate, k_certificate_mode));
    return remove_file(certificate_ + ".next");
}

status pair_files::forget_former() const {
    WHARF_TRY(remove_file(key_ + ".former"));
    return remove_file(certificate_ + ".former");
}

status pair_files::settle() const {
    WHARF_TRY_ASSIGN(pair_record found, record());
    switch (found.stage) {
    case pair_stage::untouched:
        return ok();
    case pair_stage::going:
        WHARF_TRY(move_in());
        found.stage = pair_stage::good;
        WHARF_TRY(write(found));
        return forget_former();
    case pair_stage::trying:
        return back(found.command, "the gateway ended while it was on trial");
    case pair_stage::returning:
        return back(found.command, found.why);
    case pair_stage::good:
    case pair_stage::back:
        return forget_former();
    }
    return ok();
}

} // namespace wharf::tls
