// What the client's machine asks of its connection: who it is, what it may do, and its socket.
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/connection.hpp"

namespace wharf {

namespace {

constexpr std::int64_t k_linger_ms = 2000;

// Under which an identity may be known: the Common Name, then the alternative names.
std::vector<std::string> names_of(const peer_certificate& shown) {
    std::vector<std::string> names;
    if (!shown.common_name.empty()) names.push_back(shown.common_name);
    names.insert(names.end(), shown.dns_names.begin(), shown.dns_names.end());
    return names;
}

} // namespace

void connection::wake() {
    if (!std::exchange(woken_, true)) owner_.wake(shared_from_this());
}

void connection::published(std::uint8_t qos) {
    auto& counters = owner_.counters_;
    ++(qos == 0   ? counters.messages_qos0
       : qos == 1 ? counters.messages_qos1
                  : counters.messages_qos2);
}

void connection::answered(std::int64_t after_us) {
    if (owner_.callbacks_.acknowledged) owner_.callbacks_.acknowledged(after_us);
}

void connection::sign_in(const mqtt::open_request& request) {
    std::vector<std::string> names;
    if (const auto* shown = stream_.peer()) names = names_of(*shown);
    guest_.sign_in(request, names, [this](mqtt::reason code) { client_.signed_in(code); });
}

std::optional<std::string> connection::owner() const {
    return guest_.owner();
}

bool connection::knows_owner(std::string_view name) const {
    return owner_.callbacks_.access != nullptr && owner_.callbacks_.access->knows(name);
}

void connection::session_is_anothers() {
    guest_.session_is_anothers(client_.client_id());
}

bool connection::may_publish(std::string_view topic) {
    return guest_.may_publish(topic);
}

bool connection::may_subscribe(std::string_view filter) {
    return guest_.may_subscribe(filter);
}

bool connection::may_receive(std::string_view topic) {
    return guest_.may_receive(topic);
}

void connection::close(std::string_view why) {
    closing_ = true;
    close_by_ms_ = owner_.now_ms() + k_linger_ms;
    if (why.empty()) return;
    ++owner_.counters_.closed_by_us;
    const std::string& name = client_.client_id();
    std::string who = name.empty() ? peer_ : peer_ + " (" + name + ")";
    owner_.log_closed(*this, "connection of " + who + " closed: " + std::string(why));
}

} // namespace wharf
