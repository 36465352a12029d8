#include "firmware/views/devices.hpp"

#include <nlohmann/json.hpp>

namespace wharf::views {

std::string proof_text(const access::identity& one) {
    const bool password = !one.password.empty();
    const bool certificate = !one.certificates.empty();
    if (password && certificate)
        return one.proof == access::needs::both ? "password and certificate"
                                                : "password or certificate";
    if (password) return "password";
    return certificate ? "certificate" : "no way yet";
}

nlohmann::ordered_json device_json(const access::identity& one) {
    nlohmann::ordered_json out = {{"name", one.name},
                                  {"enabled", one.enabled},
                                  {"password", !one.password.empty()},
                                  {"certificates", one.certificates},
                                  {"needs", one.proof == access::needs::both ? "both" : "either"},
                                  {"clients", one.clients}};
    if (one.publish) out["publish"] = *one.publish;
    if (one.subscribe) out["subscribe"] = *one.subscribe;
    return out;
}

} // namespace wharf::views
