// Whatever an overlay says, the gateway stays itself and names no file that its own does not grant;
// whatever a record's bytes are, it is good in itself or not believed.
#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/config/overlay.hpp"
#include "gateway/manage/configuration.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace {

constexpr const char* k_own = R"(
[gateway]
name = "WH7"
site = "ber1"
[journal]
path = "/var/lib/wharf/journal"
[[destination]]
name = "erp"
url = "https://erp.example.com"
token_file = "/etc/wharf/erp.token"
[fleet]
url = "ssl://fleet.example.com:8883"
user = "WH7"
password_file = "/etc/wharf/fleet.password"
overlay_files = "/etc/wharf/fleet.d"
)";

bool granted(const std::string& file, const std::string& own) {
    return file.empty() || file == own ||
           (file.starts_with("/etc/wharf/fleet.d/") && file.find("/../") == file.npos &&
            !file.ends_with("/.."));
}

void check(const wharf::effective_config& laid) {
    const auto& settings = laid.settings;
    WHARF_ASSERT(settings.gateway.name == "WH7" && settings.gateway.site == "ber1");
    WHARF_ASSERT(settings.journal.path == "/var/lib/wharf/journal");
    WHARF_ASSERT(settings.fleet.present && settings.fleet.overlay_files == "/etc/wharf/fleet.d");
    WHARF_ASSERT(settings.fleet.key_file == wharf::fleet_config{}.key_file);
    WHARF_ASSERT(settings.fleet.operators_file == wharf::fleet_config{}.operators_file);
    WHARF_ASSERT(settings.admin.socket == wharf::admin_config{}.socket);
    WHARF_ASSERT(settings.bridge.socket.empty());
    WHARF_ASSERT(granted(settings.fleet.password_file, "/etc/wharf/fleet.password"));
    WHARF_ASSERT(granted(settings.access.identities, ""));
    WHARF_ASSERT(granted(settings.listener.tls.certificate, ""));
    for (const auto& one : settings.destinations) {
        WHARF_ASSERT(granted(one.token_file, "/etc/wharf/erp.token"));
        WHARF_ASSERT(granted(one.tls_key, ""));
    }
    // Its text means the same.
    const auto again = wharf::lay_over(laid.text, "text", "");
    WHARF_ASSERT(again.ok() && again->text == laid.text);
    WHARF_ASSERT(wharf::can_change_live(laid, *again));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto laid = wharf::lay_over(k_own, "own", bytes);
    if (laid.ok())
        check(*laid);
    else
        WHARF_ASSERT(!laid.failure().message.empty());
    const auto record = wharf::manage::read_record(bytes);
    if (!record.ok()) return 0;
    WHARF_ASSERT(static_cast<std::size_t>(record->kept_size()) <=
                 wharf::limits::k_overlays_kept_max);
    const auto plan = wharf::manage::plan_run(*record, {});
    WHARF_ASSERT(plan.use == 0 || wharf::manage::find_version(plan.record, plan.use) != nullptr);
    WHARF_ASSERT(wharf::manage::read_record(wharf::manage::bytes_of(plan.record)).ok());
    return 0;
}
