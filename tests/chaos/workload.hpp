// What one simulated device publishes: canonical events with a rising device sequence, some without
// a native id, some in batches, a few unreadable ones and a few that contradict an earlier event.
// Pure: a seed decides all of it. The caller says what is still unacknowledged, because the order
// of a key can be judged only where its next event waits for the acknowledgement of the last.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace chaos {

// `good` is to be applied once; `bad` and `conflict` never; `state` is a retained message for the
// site, no event at all.
enum class event_class : std::uint8_t { good, bad, conflict, state };

struct witnessed_event {
    std::string uid; // the device sequence; with a suffix where it is not a good event
    event_class what = event_class::good;
    std::string event_id;
    std::string kind;
    std::string quantity;
    std::vector<std::string> keys;
};

struct publication {
    std::string topic;
    std::string payload;
    int qos = 1;
    bool retain = false;
    std::vector<witnessed_event> events;
};

struct workload_options {
    std::string site = "ber1";
    std::string device;
    std::string run = "r0"; // makes the ids of this run its own
    std::uint64_t first_sequence = 1;
    std::uint64_t seed = 1;
    std::uint64_t events_max = 0; // good events; 0: no end
    bool protobuf = false;
    std::size_t references = 0; // of each event: what makes it larger
    bool states = false;        // changes retained messages of the site instead
    bool wms = false;           // ships and receives more than it scans
    double bad_share = 0.02;
    double conflict_share = 0.01;
    double duplicate_share = 0.05;
    double batch_share = 0.15;
    double without_id_share = 0.15;
    int qos = 1;
};

class workload {
  public:
    explicit workload(workload_options options);

    // The next publication; empty where the events are used up or every key is waiting.
    std::optional<publication> next();
    [[nodiscard]] bool finished() const;
    // Its keys may be used again.
    void acknowledged(const publication& done);
    // One that was acknowledged, to be sent once more; empty where there is none yet.
    std::optional<publication> any_earlier();

  private:
    struct stock {
        std::string location;
        std::string sku;
        bool opened = false;
        std::string shipment;
        [[nodiscard]] std::string key() const { return location + "/" + sku; }
    };
    struct draft {
        nlohmann::json event;
        witnessed_event witness;
    };

    bool chance(double share);
    std::uint64_t below(std::uint64_t bound);
    [[nodiscard]] bool waits(const std::string& key) const { return waiting_.contains(key); }
    stock* free_stock();
    nlohmann::json stock_json(const stock& of);
    nlohmann::json quantity_json(const std::string& value);
    std::string draw_kind();

    std::optional<draft> good_event();
    draft begin_event(const std::string& kind);
    void fill(draft& out, stock& of, const std::string& kind);
    bool fill_move(draft& out, stock& from);
    void fill_shipped(draft& out, stock& of);
    draft milestone(const std::string& shipment);
    draft bad_event();
    std::optional<publication> contradiction();
    publication wrap(std::vector<draft> drafts);
    publication unreadable();
    std::optional<publication> state();
    void forget(const publication& old);

    workload_options options_;
    std::mt19937_64 random_;
    std::uint64_t sequence_;
    std::uint64_t made_ = 0;
    std::uint64_t spoilt_ = 0;
    std::uint64_t shipments_ = 0;
    std::vector<stock> stocks_;
    std::vector<std::string> shipments_open_;
    std::map<std::string, int> waiting_;
    // Of what was acknowledged, the latest: to repeat and to contradict.
    std::vector<publication> earlier_;
    std::map<std::string, nlohmann::json> contents_;
};

// The event as the schema's message, by reflection: the rig's own, so that a fault of the product's
// codec is not hidden by its own inverse. Empty where the schema has no such field.
std::optional<std::string> event_batch_bytes(const std::vector<nlohmann::json>& events);

} // namespace chaos
