// Whatever comes as a certificate for a key of ours: it is refused with words, or it is that key's
// and the authority's.
#include "gateway/base/assert.hpp"
#include "gateway/platform/tls/chain.hpp"
#include "gateway/platform/tls/request.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace {

std::string read(const std::string& name) {
    std::ifstream in(std::string(WHARF_TEST_CERTIFICATES) + "/" + name, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

wharf::tls::chain_rules rules(const std::string& authority) {
    auto key = wharf::private_key::read(read("server.key"));
    WHARF_ASSERT(key.ok());
    return {key->half(), true, read(authority), 1'900'000'000};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto good = rules("authority.pem");
    static const auto none = rules("stranger.pem");
    const std::string pem(reinterpret_cast<const char*>(data), size);
    const auto judged = wharf::tls::judge_chain(pem, good);
    if (judged.ok())
        WHARF_ASSERT(judged->from_s <= good.now_s && good.now_s <= judged->to_s);
    else
        WHARF_ASSERT(!judged.failure().message.empty());
    WHARF_ASSERT(!wharf::tls::judge_chain(pem, none).ok());
    // And where it stands as the present certificate, or as a name.
    static const auto key = wharf::private_key::make();
    WHARF_ASSERT(key.ok());
    if (size > 0 && size % 8 == 0) {
        const auto made = wharf::tls::make_request(*key, {pem, "", {pem.substr(0, 300)}});
        WHARF_ASSERT(made.ok() || !made.failure().message.empty());
    }
    return 0;
}
