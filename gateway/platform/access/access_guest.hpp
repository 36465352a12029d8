// One connection at the desk: who it is, what it may do, how much it may send. Without a desk
// everything is allowed. The network thread only.
#pragma once

#include "gateway/ingest/mqtt/session.hpp"
#include "gateway/platform/access/access_desk.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wharf {

class access_guest {
  public:
    // REQUIRES: the desk said welcome to this id; it outlives the guest.
    access_guest(access_desk* desk, std::uint64_t id, const boost::asio::ip::address& peer);
    ~access_guest() { leave(); }
    access_guest(const access_guest&) = delete;
    access_guest& operator=(const access_guest&) = delete;

    // Who it is: the code is success or why not. At once or later, once; not after leave().
    using decided_function = std::function<void(mqtt::reason)>;
    void sign_in(const mqtt::open_request& request, std::span<const std::string> certificate_names,
                 decided_function decided);
    void leave();

    // Empty: nobody by name.
    [[nodiscard]] std::string_view name() const;
    // To whom a session belongs that it opens. Nothing: sessions belong to nobody here.
    [[nodiscard]] std::optional<std::string> owner() const;
    // Somebody else's session stands under its client identifier.
    void session_is_anothers(std::string_view client_id);

    // Each says no only to who has signed in, and counts it.
    [[nodiscard]] bool may_publish(std::string_view topic);
    [[nodiscard]] bool may_subscribe(std::string_view filter);
    // The same of a message on its way to it; not counted here.
    [[nodiscard]] bool may_receive(std::string_view topic) const;

    // False: it has sent more than its share; ask again later.
    [[nodiscard]] bool may_read(std::int64_t now_us);
    void spend(std::uint64_t packets, std::uint64_t bytes, std::int64_t now_us);

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] const std::string& address() const { return address_; }
    // For the log: what it calls itself, and where it is.
    [[nodiscard]] std::string shown() const;

  private:
    friend class access_desk;
    void tell(mqtt::reason code);

    access_desk* desk_; // nullptr: there is none, or it has left
    const std::uint64_t id_;
    std::string address_;
    std::string claimed_; // the user name, whoever it is
    std::optional<access::admission> admitted_;
    std::shared_ptr<access::flow> of_address_;
    std::shared_ptr<access::flow> of_identity_;
    decided_function decided_;
    bool paused_ = false;
};

} // namespace wharf
