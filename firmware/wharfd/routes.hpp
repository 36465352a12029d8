// What a user of this machine may ask of wharfd and order it to do, by the admin server.
// docs/operations.md has it from the operator's side. What changes something is an order to the
// command desk, as if it came over the fleet, so that it is in the audit trail. The network thread
// only.
#pragma once

#include "gateway/observe/health.hpp"
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/admin/server.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "wharf/v1/fleet.pb.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>

namespace wharf {

class operator_routes {
  public:
    // REQUIRES: they outlive the routes.
    struct parts {
        journal_thread& writer;
        access_desk& access;
        boost::asio::io_context& io;
        std::function<observe::gateway_snapshot()> look;
        // Replies once it is done.
        std::function<void(wharf::v1::Command, const std::string& user,
                           std::function<void(const wharf::v1::CommandReport&)>)>
            order;
    };
    explicit operator_routes(parts with) : with_(std::move(with)) {}

    // Commands change something and belong on the local socket; pages may be looked at.
    void add_to(admin::router& commands, admin::router& pages);

  private:
    void order(wharf::v1::Command command, const admin::request& asked, admin::answer reply);

    parts with_;
};

} // namespace wharf
