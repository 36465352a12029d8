// Any text is either a configuration or an error with words; what is accepted is within its bounds.
#include "gateway/base/assert.hpp"
#include "gateway/config/parse.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto parsed = wharf::parse_config({reinterpret_cast<const char*>(data), size}, "f");
    if (!parsed.ok()) {
        WHARF_ASSERT(!parsed.failure().message.empty());
        return 0;
    }
    WHARF_ASSERT(!parsed->gateway.name.empty() && !parsed->journal.path.empty());
    WHARF_ASSERT(parsed->destinations.size() <= wharf::limits::k_destinations_max);
    WHARF_ASSERT(parsed->routes.size() <= wharf::limits::k_routes_max);
    for (const auto& destination : parsed->destinations) {
        WHARF_ASSERT(destination.backoff_min_ms <= destination.backoff_max_ms);
        WHARF_ASSERT(destination.batch_max_items >= 1 && destination.request_timeout_ms > 0);
        auto again = wharf::parse_http_url(wharf::to_string(destination.url));
        WHARF_ASSERT(again.ok() && again->host == destination.url.host);
    }
    return 0;
}
