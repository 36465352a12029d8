// bench-instructions COUNT: an event's whole way on the gateway's side, from the bytes of its
// PUBLISH to its PUBACK after the commit, COUNT times in groups of 100 and in one thread. For
// callgrind: the difference of two counts, divided, is the instructions of one event. --path
// belongs on a tmpfs.
#include "gateway/ingest/mqtt/session.hpp"
#include "tests/bench/load/wire.hpp"
#include "tests/bench/micro/journal_rig.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace {

using namespace wharf;

class one_client : public mqtt::session_sink {
  public:
    explicit one_client(bench::journal_rig& rig) : rig_(rig), session_({}, *this, "none", 0) {
        session_.on_bytes(bench::connect_packet(4, bench::journal_rig::k_client, false), 0);
    }

    void run(std::uint64_t count) {
        constexpr std::uint64_t k_group = 100;
        const bench::publish_template packet(4, bench::payload_kind::protobuf, 0);
        std::string bytes(packet.size() * k_group, '\0');
        for (std::uint64_t done = 0; done < count; done += k_group) {
            for (std::uint64_t i = 0; i < k_group; ++i)
                packet.write(bytes.data() + i * packet.size(), static_cast<std::uint16_t>(i + 1),
                             done + i + 1);
            session_.on_bytes(bytes, 0);
            rig_.commit(group_.data(), group_.size());
            for (const journal_request& each : group_)
                session_.on_published(std::get<ingest_request>(each).token, mqtt::reason::success);
            if (session_.output().size() < group_.size() * 4) bench::die("PUBACKs are missing");
            session_.output().clear();
            session_.on_drained();
            // As the listener does: messages that were dealt with give their memory to the next.
            for (journal_request& each : group_)
                spent_.push_back(std::move(std::get<ingest_request>(each).message));
            group_.clear();
        }
    }

    void open_session(const mqtt::open_request&) override { session_.on_opened(false, {}); }
    void publish(const mqtt::publish_request& request) override {
        publish_view view;
        view.topic = request.topic;
        view.payload = request.payload;
        view.client_id = bench::journal_rig::k_client;
        view.qos = request.qos;
        view.packet_id = request.packet_id;
        view.dup = request.dup;
        prepared_message spent;
        if (!spent_.empty()) {
            spent = std::move(spent_.back());
            spent_.pop_back();
        }
        ingest_request ingest{request.token, rig_.ingest().prepare(view, 1'772'445'600'000'000,
                                                                   true, std::move(spent))};
        ingest.message.generation = rig_.generation();
        group_.emplace_back(std::move(ingest));
    }
    void repeated(const mqtt::publish_request&) override {}
    void release(std::uint64_t, std::uint16_t) override {}
    void subscribe(const mqtt::subscribe_request&) override {}
    void unsubscribe(const mqtt::unsubscribe_request&) override {}
    void acknowledged(mqtt::packet_type, std::uint16_t, mqtt::reason) override {}
    void close_session(const mqtt::session_end&) override {}
    void close(std::string_view why) override { bench::die("closed: " + std::string(why)); }

  private:
    bench::journal_rig& rig_;
    std::vector<journal_request> group_;
    std::vector<prepared_message> spent_;
    mqtt::session session_;
};

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"One event's way, COUNT times, for callgrind"};
    bench::journal_place place;
    place.size_mb = 64;
    place.destinations = {"erp"};
    place.identities_max = 100'000;
    std::uint64_t count = 0;
    app.add_option("count", count)->required();
    app.add_option("--path", place.path, "a new journal's folder")->required();
    CLI11_PARSE(app, argc, argv);
    bench::journal_rig rig(place);
    one_client client(rig);
    client.run(count);
    std::printf("{\"events\": %llu}\n", static_cast<unsigned long long>(count));
    return 0;
}
