// The local broker and its clients over a real journal in a model store: packets go in by bytes, a
// commit happens when the test says so, a power cut takes what was not durable.
#pragma once

#include "gateway/broker/client.hpp"
#include "gateway/ingest/mqtt/session.hpp"
#include "gateway/journal/request_bytes.hpp"
#include "tests/unit/journal/rig.hpp"
#include "tests/unit/mqtt/wire.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wharf::test {

namespace packets = mqtt::wire; // wharf::wire is the protobuf reader

// A packet to a client, taken apart as far as the tests want it.
struct heard {
    unsigned type = 0;
    unsigned flags = 0;
    std::string body;
    // PUBLISH: of a client of this version.
    std::string topic, payload;
    std::map<unsigned, std::string> properties; // the last of each, its bytes without the name
    std::vector<std::uint32_t> identifiers;
    unsigned packet_id = 0;
    [[nodiscard]] unsigned qos() const { return (flags >> 1) & 3; }
    [[nodiscard]] bool dup() const { return (flags & 8) != 0; }
    [[nodiscard]] bool retain() const { return (flags & 1) != 0; }
};

class broker_rig;

class test_client final : public broker::client_shell {
  public:
    test_client(broker_rig& in, std::uint64_t id, unsigned version);
    ~test_client() override;

    // Bytes in; what is said at once can be heard. Commits nothing.
    test_client& send(std::string_view bytes);
    // CONNECT and whatever commits it takes. Returns the CONNACK.
    heard connect(const std::string& client_id, bool clean = true, std::string_view properties = {},
                  std::string_view will = {});
    // SUBSCRIBE with the options' byte, and the commit. Returns the codes.
    std::string subscribe(std::string_view filter, unsigned options = 1,
                          std::uint32_t identifier = 0);
    test_client& publish(std::string_view topic, std::string_view payload, unsigned qos = 1,
                         bool retain = false, std::string_view properties = {});
    // What came since it was asked last, of one kind or all.
    std::vector<heard> hear();
    // The payloads of the PUBLISHes since, each "topic payload".
    std::vector<std::string> messages();
    // The same, acknowledged to the end with the commits that takes.
    std::vector<std::string> take();
    void drop(); // the connection is lost
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] broker::client& machine() { return *client_; }

    void wake() override {}
    void close(std::string_view why) override {
        closed_ = true;
        why_ = why;
    }
    void answered(std::int64_t) override {}
    void published(std::uint8_t) override {}
    void sign_in(const mqtt::open_request&) override { client_->signed_in(mqtt::reason::success); }
    [[nodiscard]] std::optional<std::string> owner() const override { return owner_; }
    [[nodiscard]] bool knows_owner(std::string_view) const override { return true; }
    void session_is_anothers() override {}
    [[nodiscard]] bool may_publish(std::string_view) override { return true; }
    [[nodiscard]] bool may_subscribe(std::string_view filter) override { return allows(filter); }
    [[nodiscard]] bool may_receive(std::string_view topic) override { return allows(topic); }

    std::string why_;
    std::optional<std::string> owner_; // nothing: sessions belong to nobody
    std::function<bool(std::string_view)> allows = [](std::string_view) { return true; };
    bool reads = true; // false: what is sent to it stays in its output

  private:
    friend class broker_rig;
    heard take_apart(std::string_view packet) const;

    broker_rig& rig_;
    unsigned version_;
    std::unique_ptr<broker::client> client_;
    std::string bytes_;
    bool closed_ = false;
    bool dropped_ = false;
    unsigned next_id_ = 0;
};

class broker_rig {
  public:
    explicit broker_rig(broker::broker_options options = {});
    ~broker_rig();

    test_client& make(unsigned version = 5);
    // A connected client.
    test_client& connected(const std::string& client_id, unsigned version = 5, bool clean = true,
                           std::uint32_t expiry_s = 3600);
    // One group of what was asked for; then everybody's output is made.
    void commit();
    // Until nothing is asked for any more.
    void settle();
    void advance(std::int64_t seconds);
    // The process ends and starts again; a power cut takes what was not committed.
    void restart(bool power_cut = true);
    void pump();

    rig journal;
    std::unique_ptr<broker::broker> broker_;
    std::vector<journal_request> requests;
    std::vector<std::string> log;

  private:
    friend class test_client;
    void start();

    broker::broker_options options_;
    intake intake_;
    broker::moment now_{1'772'445'600'000'000, 1'000'000, true};
    std::vector<std::unique_ptr<test_client>> clients_;
    std::uint64_t last_id_ = 0;
};

} // namespace wharf::test
