// What counts as one address where there are bounds of addresses: an IPv4 address; of IPv6 the
// network of 64 bits, because one machine has all of it to choose from.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <string>

namespace wharf {

[[nodiscard]] std::string address_key(const boost::asio::ip::address& of);

} // namespace wharf
