// Whatever a state says of how a key came from another: it leads to no key that the one before did
// not sign, and what is cut stays within its bounds. And whatever is sealed is opened or refused.
#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/envelope.hpp"
#include "gateway/manage/succession.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

wharf::private_key made() {
    auto key = wharf::private_key::make();
    WHARF_ASSERT(key.ok());
    return *key;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const wharf::private_key from = made();
    static const wharf::private_key to = made();
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    wharf::manage::successions links;
    if (links.ParseFromArray(data, static_cast<int>(size))) {
        // Nobody but this process has the key: it signed nothing.
        WHARF_ASSERT(!wharf::manage::leads(links.links(), from.half().fingerprint(),
                                           to.half().fingerprint()));
        WHARF_ASSERT(wharf::manage::leading_to(links, to.half()).links_size() == 0);
        WHARF_ASSERT(wharf::manage::former_keys(links).size() <=
                     static_cast<std::size_t>(links.links_size()));
        static_cast<void>(wharf::manage::ordered_by(links));
        // With its own first link in front it leads as far as that, and no further.
        static const auto own = wharf::manage::succeed(from, to.half(), 1, "id");
        WHARF_ASSERT(own.ok());
        wharf::manage::successions more;
        *more.add_links() = *own;
        more.mutable_links()->MergeFrom(links.links());
        const auto kept = wharf::manage::leading_to(more, to.half());
        WHARF_ASSERT(kept.links_size() == 1);
        WHARF_ASSERT(
            wharf::manage::leads(kept.links(), from.half().fingerprint(), to.half().fingerprint()));
    }
    WHARF_ASSERT(!from.open(bytes, wharf::manage::secret_info("0123456789abcdef")).ok());
    return 0;
}
