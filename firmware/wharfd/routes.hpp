// What an operator may ask of wharfd and order it to do, by the admin server. docs/operations.md
// has it from the operator's side. The network thread only.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/observe/health.hpp"
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/admin/server.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "sync/platform/sync_shell.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>

namespace wharf {

class operator_routes {
  public:
    // REQUIRES: they outlive the routes.
    struct parts {
        const config& settings;
        const journal& log;
        journal_thread& writer;
        sync_shell& sync;
        access_desk& access;
        boost::asio::io_context& io;
        std::function<observe::gateway_snapshot()> look;
    };
    explicit operator_routes(parts with) : with_(std::move(with)) {}

    // Commands change something and belong on the local socket; pages may be looked at.
    void add_to(admin::router& commands, admin::router& pages);
    // The journal's answer to a discard that was asked for here.
    void on_discarded(const quarantine_discarded& answer);
    // And to a pause or its end; false: it is somebody else's.
    bool on_managed(const manage_done& answer);

  private:
    struct dead_letter {
        std::uint8_t destination = 0;
        sequence number = k_no_sequence;
    };
    [[nodiscard]] result<std::uint8_t> destination_of(const admin::request& asked) const;
    [[nodiscard]] result<dead_letter> dead_letter_of(const admin::request& asked) const;

    parts with_;
    // Discards that wait for their commit.
    std::map<std::uint64_t, admin::answer> discards_;
    std::uint64_t last_discard_ = 0;
    std::map<std::uint64_t, admin::answer> pauses_;
    std::uint64_t last_pause_ = std::uint64_t{1} << 62; // above the fleet's tokens
};

} // namespace wharf
