#include "gateway/config/parse_access.hpp"

#include "gateway/access/topic_filter.hpp"

namespace wharf::config_detail {

namespace {

constexpr std::string_view k_rights =
    "topic filters, in which {user}, {client} and {site} stand for one level or a part of one";

void read_rights(section& in, std::string_view key, std::vector<std::string>& to) {
    std::vector<std::string> found;
    if (in.texts(key, found, limits::k_rights_max, k_rights, check_right)) to = std::move(found);
}

} // namespace

std::string check_right(std::string_view text) {
    if (text.size() > limits::k_topic_bytes_max)
        return "expected at most " + std::to_string(limits::k_topic_bytes_max) + " bytes";
    // Any name will do to see whether what comes of it is a filter.
    auto filled = access::fill(text, {"user", "client", "site"});
    if (!filled.ok()) return filled.failure().message;
    return access::check_filter(*filled);
}

void read_access(section& root, config& to) {
    auto in = root.inner("access");
    in.text("identities", to.access.identities, "an absolute path", [](std::string_view text) {
        const bool good = text.size() > 1 && text.size() <= limits::k_path_bytes_max &&
                          text.front() == '/' && text.find('\0') == std::string_view::npos;
        return good ? "" : "expected an absolute path";
    });
    in.choice("anonymous", to.access.anonymous,
              choices<anonymous_choice>{{"refused", anonymous_choice::refused},
                                        {"allowed", anonymous_choice::allowed}});
    read_rights(in, "publish", to.access.publish);
    read_rights(in, "subscribe", to.access.subscribe);
    read_rights(in, "anonymous_publish", to.access.anonymous_publish);
    read_rights(in, "anonymous_subscribe", to.access.anonymous_subscribe);
    in.finish();
    if (to.access.identities.empty() && to.access.anonymous == anonymous_choice::refused)
        in.error("anonymous", "nobody could come in: expected identities = \"/etc/wharf/"
                              "identities.toml\" beside it");
    const bool plain = to.listener.listens_plain() && !is_loopback(to.listener.address);
    const bool secure = to.listener.tls.present && !is_loopback(to.listener.tls_address());
    if (!plain && !secure) return;
    const std::string& address = secure ? to.listener.tls_address() : to.listener.address;
    auto listener = root.inner("listener");
    if (to.access.identities.empty() && to.access.anonymous == anonymous_choice::by_default)
        listener.error("address",
                       "the network reaches " + address +
                           ", so say who may come in: [access] identities = \"/etc/wharf/"
                           "identities.toml\", or anonymous = \"allowed\" for everybody "
                           "(docs/access.md)");
    else if (to.access.lets_anonymous_in())
        listener.warning("address", "devices on the network reach this listener without a "
                                    "password, as [access] anonymous = \"allowed\" says: keep it "
                                    "on a network of its own");
}

void read_limits(section in, limits_config& to) {
    const std::uint64_t rate_max = limits::k_rate_max;
    const std::uint64_t connections_max = limits::k_connections_max;
    in.number("identity_connections", to.identity_connections, 0, connections_max);
    in.number("identity_messages_per_s", to.identity_messages_per_s, 0, rate_max, "messages");
    in.number("identity_bytes_per_s", to.identity_bytes_per_s, 0, rate_max, "bytes");
    in.number("address_connections", to.address_connections, 0, connections_max);
    in.number("address_half_open", to.address_half_open, 0, connections_max);
    in.number("address_attempts_per_s", to.address_attempts_per_s, 0, connections_max);
    in.number("address_messages_per_s", to.address_messages_per_s, 0, rate_max, "messages");
    in.number("address_bytes_per_s", to.address_bytes_per_s, 0, rate_max, "bytes");
    in.number("burst_s", to.burst_s, 1, 60, "seconds");
    in.number("half_open", to.half_open, 1, connections_max);
    in.number("buffers_mb", to.buffers_mb, 8, 1024, "MiB");
    in.boolean("this_machine_too", to.this_machine_too);
    in.finish();
}

} // namespace wharf::config_detail
