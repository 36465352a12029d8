// One simulated device: a real Paho client with a persistent session that publishes its workload,
// reconnects whenever it is cut off and sends again whatever was not acknowledged. Paho's threads
// only put notes into the inbox; everything else happens in tick(), which one thread calls.
// Operating errors (no connection, a full library) are retried in a later tick, for ever.
#pragma once

#include "tests/chaos/witness.hpp"
#include "tests/chaos/workload.hpp"

#include <mqtt/async_client.h>

#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace chaos {

struct client_options {
    std::string host; // an IPv4 address
    std::uint16_t port = 0;
    std::string client_id;
    std::string witness_path;
    bool mqtt5 = false;
    std::size_t window = 20;
    double events_per_s = 0; // 0: as fast as the window allows
    double duplicate_share = 0.05;
    std::uint64_t seed = 1;
};

struct client_tally {
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t bad = 0;
    std::uint64_t resent = 0;
    std::uint64_t refused = 0;
    std::uint64_t connections = 0;
    std::uint64_t sessions_lost = 0;
};

class publisher_client final : public mqtt::iaction_listener, public mqtt::callback {
  public:
    using clock = std::chrono::steady_clock;

    publisher_client(client_options options, workload_options work);
    ~publisher_client() override;

    // `produce`: publish new events; without it only what is open is brought to its end.
    void tick(clock::time_point now, bool produce);
    // Nothing is open and, where the workload has an end, it is used up.
    [[nodiscard]] bool drained() const { return open_.empty(); }
    [[nodiscard]] bool finished() const { return drained() && work_.finished(); }
    [[nodiscard]] bool connected() const { return state_ == state::connected; }
    [[nodiscard]] const client_tally& tally() const { return tally_; }
    void disconnect();

  private:
    enum class note_kind { connected, connect_failed, lost, acknowledged, failed };
    struct note {
        note_kind what;
        std::uintptr_t number = 0;
        bool session_present = false;
        int code = 0;
    };
    struct open_publication {
        publication what;
        bool original = true;
        bool handed_over = false;
        clock::time_point due{};
        clock::time_point given_up{};
    };

    // Paho's threads.
    void on_success(const mqtt::token& token) override;
    void on_failure(const mqtt::token& token) override;
    void connection_lost(const std::string& cause) override;
    void put(note what);

    void take(const note& what, clock::time_point now);
    void connect(clock::time_point now);
    void session_is_gone(clock::time_point now);
    void repeat_some(clock::time_point now);
    void produce_new(clock::time_point now);
    void hand_over_due(clock::time_point now);
    bool hand_over(std::uintptr_t number, open_publication& what, clock::time_point now);
    void open(publication what, bool original, clock::time_point now);

    client_options options_;
    workload work_;
    witness witness_;
    mqtt::async_client client_;
    std::mt19937_64 random_;
    std::mutex lock_;
    std::vector<note> inbox_;

    enum class state { apart, connecting, connected } state_ = state::apart;
    clock::time_point next_try_{};
    clock::time_point next_event_{};
    std::uintptr_t next_number_ = 1;
    std::map<std::uintptr_t, open_publication> open_;
    client_tally tally_;
};

} // namespace chaos
