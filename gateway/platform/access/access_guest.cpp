#include "gateway/platform/access/access_guest.hpp"

#include "gateway/platform/access/address_key.hpp"

#include <utility>

namespace wharf {

namespace {

// On one line and short, whatever the peer sent.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, limits::k_user_name_bytes_max))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return out;
}

} // namespace

access_guest::access_guest(access_desk* desk, std::uint64_t id,
                           const boost::asio::ip::address& peer)
    : desk_(desk), id_(id), address_(address_key(peer)) {
    if (desk_ == nullptr || !desk_->limits(peer)) return;
    access::flow_limits flow = desk_->with_.address_flow;
    flow.messages.burst = flow.messages.per_s * desk_->with_.burst_s;
    flow.bytes.burst = flow.bytes.per_s * desk_->with_.burst_s;
    of_address_ = desk_->address_flows_.of(address_, flow, desk_->clock_.monotonic_us());
}

void access_guest::sign_in(const mqtt::open_request& request,
                           std::span<const std::string> certificate_names,
                           decided_function decided) {
    if (desk_ == nullptr) return decided(mqtt::reason::success);
    if (desk_->open_to_all()) {
        static_cast<void>(desk_->gate_.sign_in(id_, {}, 0));
        return decided(mqtt::reason::success);
    }
    decided_ = std::move(decided);
    claimed_ = printable(request.username.value_or(std::string_view()));
    access::applicant who;
    who.address = address_;
    who.user = request.username;
    who.password = request.password;
    who.certificate_names = certificate_names;
    who.client_id = request.client_id;
    if (request.will != nullptr) who.will_topic = request.will->topic;
    desk_->begin(*this, who);
}

void access_guest::tell(mqtt::reason code) {
    if (auto decided = std::exchange(decided_, nullptr)) decided(code);
}

void access_guest::leave() {
    if (auto* desk = std::exchange(desk_, nullptr)) desk->leave(id_);
    decided_ = nullptr;
}

std::string_view access_guest::name() const {
    return admitted_ ? admitted_->name() : std::string_view();
}

std::optional<std::string> access_guest::owner() const {
    if (!admitted_) return std::nullopt;
    return std::string(admitted_->name());
}

std::string access_guest::shown() const {
    return (claimed_.empty() ? "nobody by name" : "\"" + claimed_ + "\"") + " at " + address_;
}

void access_guest::session_is_anothers(std::string_view client_id) {
    if (desk_ == nullptr) return;
    ++desk_->counters_.logins_not_authorized;
    desk_->log("login", address_,
               "login of " + shown() + " refused: the session \"" + printable(client_id) +
                   "\" belongs to another identity");
}

bool access_guest::may_publish(std::string_view topic) {
    if (!admitted_ || admitted_->rights.may_publish(topic)) return true;
    if (desk_ == nullptr) return false;
    ++desk_->counters_.publishes_denied;
    desk_->log("publish", shown(),
               "a message of " + shown() + " is refused: it has no right to " + "publish to " +
                   printable(topic));
    return false;
}

bool access_guest::may_subscribe(std::string_view filter) {
    if (!admitted_ || admitted_->rights.may_subscribe(filter)) return true;
    if (desk_ == nullptr) return false;
    ++desk_->counters_.subscriptions_denied;
    desk_->log("subscribe", shown(),
               "a subscription of " + shown() + " is refused: it has no " + "right to all of " +
                   printable(filter));
    return false;
}

bool access_guest::may_receive(std::string_view topic) const {
    return !admitted_ || admitted_->rights.may_subscribe(topic);
}

bool access_guest::may_read(std::int64_t now_us) {
    const bool address = of_address_ == nullptr || of_address_->may_read(now_us);
    const bool identity = of_identity_ == nullptr || of_identity_->may_read(now_us);
    const bool may = address && identity;
    if (!may && !paused_ && desk_ != nullptr) {
        ++desk_->counters_.reads_paused;
        desk_->log("rate", shown(),
                   shown() + " sends more than it may (" +
                       (identity ? "its address" : "its identity") + "): it is read more slowly");
    }
    paused_ = !may;
    return may;
}

void access_guest::spend(std::uint64_t packets, std::uint64_t bytes, std::int64_t now_us) {
    if (of_address_ != nullptr) of_address_->spend(packets, bytes, now_us);
    if (of_identity_ != nullptr) of_identity_->spend(packets, bytes, now_us);
}

} // namespace wharf
