// Any text is either a list of identities, all of them usable, or an error with words. What is read
// and written again is the same, and a change leaves the others as they were.
#include "gateway/access/password_hash.hpp"
#include "gateway/base/assert.hpp"
#include "gateway/config/identities_edit.hpp"
#include "gateway/config/identities_file.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    auto parsed = wharf::parse_identities(text, "f");
    if (!parsed.ok()) {
        WHARF_ASSERT(!parsed.failure().message.empty());
        return 0;
    }
    std::string again;
    for (const auto& one : *parsed) {
        WHARF_ASSERT(wharf::access::check_identity_name(one.name).empty());
        WHARF_ASSERT(one.password.empty() || wharf::access::parameters_of(one.password));
        again += wharf::identity_text(one);
    }
    const auto copied = wharf::parse_identities(again, "f");
    WHARF_ASSERT(copied.ok() && *copied == *parsed);
    WHARF_ASSERT(wharf::access::identities::make(*parsed).ok());
    if (parsed->empty()) return 0;
    const auto name = parsed->front().name;
    // A layout that cannot be changed is refused; what is changed is as it was meant.
    if (auto out = wharf::without_identity(text, name, "f"); out.ok()) {
        auto rest = *parsed;
        rest.erase(rest.begin());
        const auto left = wharf::parse_identities(*out, "f");
        WHARF_ASSERT(left.ok() && *left == rest);
    }
    if (auto out = wharf::with_enabled(text, name, !parsed->front().enabled, "f"); out.ok())
        WHARF_ASSERT(wharf::parse_identities(*out, "f").ok());
    return 0;
}
