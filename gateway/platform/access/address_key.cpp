#include "gateway/platform/access/address_key.hpp"

#include <algorithm>

namespace wharf {

std::string address_key(const boost::asio::ip::address& of) {
    namespace ip = boost::asio::ip;
    if (of.is_v4()) return of.to_v4().to_string();
    const ip::address_v6 whole = of.to_v6();
    if (whole.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, whole).to_string();
    if (whole.is_loopback()) return whole.to_string();
    auto bytes = whole.to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return ip::address_v6(bytes).to_string() + "/64";
}

} // namespace wharf
