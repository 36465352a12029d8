#include "gateway/access/identity.hpp"

#include "gateway/access/topic_filter.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf::access {

result<identities> identities::make(std::vector<identity> all) {
    identities out;
    std::ranges::sort(all, {}, &identity::name);
    for (identity& one : all) {
        auto made = std::make_shared<const identity>(std::move(one));
        if (!out.names_.emplace(made->name, made).second)
            return error{errc::conflict, "two identities are named \"" + made->name + "\""};
        for (const std::string& name : made->certificates) {
            const auto [at, fresh] = out.certificates_.emplace(name, made);
            if (!fresh)
                return error{errc::conflict, "the certificate name \"" + name + "\" stands for \"" +
                                                 at->second->name + "\" and \"" + made->name +
                                                 "\""};
        }
        out.all_.push_back(std::move(made));
    }
    return out;
}

std::shared_ptr<const identity> identities::by_name(std::string_view name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<const identity> identities::by_certificate(std::string_view name) const {
    const auto found = certificates_.find(name);
    return found == certificates_.end() ? nullptr : found->second;
}

std::string check_identity_name(std::string_view name) {
    if (!name.empty() && name.size() <= limits::k_user_name_bytes_max && is_one_level(name) &&
        name.find('*') == std::string_view::npos)
        return {};
    return "expected a name of 1 to " + std::to_string(limits::k_user_name_bytes_max) +
           " bytes without /, +, #, * and without $ at its front";
}

} // namespace wharf::access
