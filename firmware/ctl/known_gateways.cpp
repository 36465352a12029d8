#include "firmware/ctl/known_gateways.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/platform/private_file.hpp"

#include <sstream>

namespace wharf::ctl {

namespace {
constexpr std::size_t k_file_bytes_max = 64 * 1024 * 1024;
constexpr std::uint32_t k_mode = 0600;
} // namespace

result<known_gateways> known_gateways::read(const std::string& path, bool accept_changed) {
    known_gateways out;
    out.path_ = path;
    out.accept_changed_ = accept_changed;
    auto text =
        read_private_file(path, {0644, k_file_bytes_max, "says which gateways are believed"});
    if (!text.ok() && text.failure().code == errc::not_found) return out;
    if (!text.ok()) return std::move(text).failure();
    std::istringstream lines(*text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        // A site's name may hold spaces; the fingerprint is what stands behind the last.
        const auto space = line.rfind(' ');
        const auto key =
            space == std::string::npos ? std::nullopt : from_hex(line.substr(space + 1));
        if (!key || key->size() != key_fingerprint{}.size())
            return error{errc::invalid, path + ":" + std::to_string(number) +
                                            ": expected site/gateway and its key's fingerprint"};
        out.keys_[line.substr(0, space)] = line.substr(space + 1);
    }
    return out;
}

bool known_gateways::is(const std::string& name, const key_fingerprint& key) {
    const std::string digits = to_hex(view_of(key));
    const auto [at, fresh] = keys_.emplace(name, digits);
    if (fresh) changed_ = true;
    if (at->second == digits) return true;
    if (!accept_changed_) return false;
    at->second = digits;
    changed_ = true;
    return true;
}

status known_gateways::write() const {
    if (!changed_) return ok();
    std::string text;
    for (const auto& [name, key] : keys_)
        text.append(name).append(" ").append(key).append("\n");
    return replace_private_file(path_, text, k_mode);
}

} // namespace wharf::ctl
