// Where the listener's connections sign in: the machines of gateway/access, with passwords hashed
// on workers and the identities file read again when somebody says so. The network thread only.
#pragma once

#include "gateway/access/connection_gate.hpp"
#include "gateway/access/doorkeeper.hpp"
#include "gateway/access/flows.hpp"
#include "gateway/access/log_budget.hpp"
#include "gateway/ingest/mqtt/reason.hpp"
#include "gateway/observe/snapshot.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wharf {

struct access_settings {
    // Nobody signs in, names are passed over and there are no rights: as [access] says where it
    // names neither identities nor what may be done without one.
    bool open_to_all = true;
    std::string identities_path; // empty: there is no file
    access::door_settings door;
    access::gate_limits gate;
    access::flow_limits identity_flow;
    access::flow_limits address_flow;
    std::uint32_t burst_s = 5;
    std::size_t buffers_bytes_max = 64 * 1024 * 1024;
    bool this_machine_too = false;
};

using access_counters = observe::access_snapshot;

class access_guest;

class access_desk {
  public:
    // serious: somebody should look.
    using log_function = std::function<void(bool serious, const std::string&)>;
    // REQUIRES: the pool is stopped before the desk goes; the clock and the log outlive it.
    access_desk(access_settings with, worker_pool& workers, clock_port& clock, random_port& random,
                log_function log);
    access_desk(const access_desk&) = delete;
    access_desk& operator=(const access_desk&) = delete;

    // Reads the file, where there is one; on this thread, before anybody connects.
    status open();
    // Reads it again, on a worker. A file that is wrong changes nothing. Then `done`, with what is
    // wrong or nothing.
    void reload(std::function<void(const status&)> done);
    // Who has to end the connections of these names: the listener.
    void on_changed(std::function<void(const std::vector<std::string>&)> tell) {
        changed_ = std::move(tell);
    }
    void tick();

    // Why the identities in use are not those of the file; empty where they are.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] bool knows(std::string_view identity) const { return door_.knows(identity); }
    [[nodiscard]] bool open_to_all() const { return with_.open_to_all; }
    [[nodiscard]] std::size_t buffers_bytes_max() const { return with_.buffers_bytes_max; }
    [[nodiscard]] const access_counters& counters();
    // Also of what only the listener sees.
    access_counters& count() { return counters_; }
    // Writes a line, or counts it: some of a kind about a subject in a minute.
    void log(std::string_view kind, std::string_view subject, const std::string& line);
    // Bounds of addresses are for this one.
    [[nodiscard]] bool limits(const boost::asio::ip::address& peer) const;

    // A connection that was accepted, before its TLS handshake where it makes one.
    [[nodiscard]] access::connection_gate::answer arrive(std::uint64_t id,
                                                         const boost::asio::ip::address& peer);
    // Its handshake waits for us; is done: somebody may have to go for it; has come to nothing.
    void handshake_begins(std::uint64_t id) { gate_.serve(id); }
    [[nodiscard]] std::optional<std::uint64_t> handshake_done(std::uint64_t id);
    void handshake_failed(std::uint64_t id) { gate_.leave(id); }
    // Those that have to go because too many have not signed in: to be closed now.
    [[nodiscard]] std::vector<std::uint64_t> too_silent();

  private:
    friend class access_guest;

    void begin(access_guest& guest, const access::applicant& who);
    void leave(std::uint64_t id);
    void decided(std::uint64_t id, access::verdict verdict);
    void check_next();
    void note_room_made();
    void start_reload();
    void use(std::shared_ptr<const access::identities> now);
    [[nodiscard]] std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    const access_settings with_;
    worker_pool& workers_;
    clock_port& clock_;
    log_function log_;
    access::connection_gate gate_;
    access::doorkeeper door_;
    access::flows identity_flows_;
    access::flows address_flows_;
    access::log_budget budget_;
    access_counters counters_;
    std::unordered_map<std::uint64_t, access_guest*> waiting_; // for a verdict
    std::function<void(const std::vector<std::string>&)> changed_;
    std::vector<std::function<void(const status&)>> reload_done_; // of the one under way
    std::vector<std::function<void(const status&)>> reload_next_; // of the one after it
    bool reloading_ = false;
    std::string problem_;
};

} // namespace wharf
