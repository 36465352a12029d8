// chaos-subscriber: one subscriber, a real Eclipse Paho C++ client with a persistent session, which
// reconnects whenever it is cut off and notes everything that it is sent. With --until it is a
// fresh one instead, which subscribes once and ends when a message of that topic has come.
//
// Its log, one line per fact, tab-separated, each with one write(2):
//
//   C  session_present ms  /  L  ms     connected / connection lost or ended
//   U  ms                               the SUBACK has come
//   M  topic qos retained digest ms     a message, as digest.hpp calls it
//
// SIGTERM: disconnect and end. Exit: 0, or 3 where --until did not come within --patience-s.
#include "tests/chaos/digest.hpp"
#include "tests/chaos/metronome.hpp"

#include <CLI/CLI.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <random>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace chaos;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

std::atomic<bool> g_stop{false};

struct options {
    std::uint16_t port = 0;
    std::string client_id;
    std::string log;
    std::vector<std::string> filters;
    int qos = 1;
    bool mqtt5 = false;
    // Now and then it says good-bye and stays away for so long at most.
    unsigned away_ms = 0;
    std::string until;
    unsigned patience_s = 10;
    std::uint64_t seed = 1;
};

class log_file {
  public:
    explicit log_file(const std::string& path)
        : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
        if (fd_ < 0) std::abort();
    }
    ~log_file() { close(fd_); }
    log_file(const log_file&) = delete;
    log_file& operator=(const log_file&) = delete;

    void put(const std::string& fields) const {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const std::string line =
            fields + "\t" +
            std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) +
            "\n";
        // A witness that cannot write must not go on as if it had.
        if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    }

  private:
    int fd_;
};

// The library takes its whole time-out to see that a connection was refused.
bool somebody_listens(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool found = connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
    close(fd);
    return found;
}

class subscriber final : public mqtt::callback {
  public:
    explicit subscriber(const options& o)
        : options_(o), log_(o.log),
          client_("tcp://127.0.0.1:" + std::to_string(o.port), o.client_id,
                  mqtt::create_options(o.mqtt5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1), nullptr) {
        client_.set_callback(*this);
    }

    void message_arrived(mqtt::const_message_ptr message) override {
        const std::string& topic = message->get_topic();
        log_.put("M\t" + topic + "\t" + std::to_string(message->get_qos()) + "\t" +
                 (message->is_retained() ? "1" : "0") + "\t" +
                 digest_of(topic, message->get_payload_str()));
        if (!options_.until.empty() && topic == options_.until) ended_ = true;
    }

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool connected() const { return client_.is_connected(); }

    // Nothing where it does not come about: it is tried again.
    void attach() {
        if (!somebody_listens(options_.port)) return;
        try {
            auto token = client_.connect(connection());
            if (!token->wait_for(5s)) return;
            const bool present = token->get_connect_response().is_session_present();
            log_.put(std::string("C\t") + (present ? "1" : "0"));
            if (present && subscribed_) return;
            // Also where the connection broke before the SUBACK came.
            for (const std::string& filter : options_.filters) {
                if (!client_.subscribe(filter, options_.qos)->wait_for(5s)) return;
            }
            subscribed_ = true;
            log_.put("U");
        } catch (const mqtt::exception&) {
            // It is gone again already.
        }
    }

    void leave() {
        try {
            if (client_.is_connected()) client_.disconnect(1000)->wait_for(2s);
        } catch (const mqtt::exception&) {
            // It is gone already.
        }
        log_.put("L");
    }

  private:
    [[nodiscard]] mqtt::connect_options connection() const {
        const bool fresh = !options_.until.empty();
        mqtt::connect_options to;
        to.set_keep_alive_interval(10);
        to.set_connect_timeout(2);
        if (options_.mqtt5) {
            to.set_mqtt_version(MQTTVERSION_5);
            to.set_clean_start(fresh);
            if (!fresh) to.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL, 3600}});
        } else {
            to.set_mqtt_version(MQTTVERSION_3_1_1);
            to.set_clean_session(fresh);
        }
        return to;
    }

    options options_;
    log_file log_;
    mqtt::async_client client_;
    bool subscribed_ = false;
    std::atomic<bool> ended_{false};
};

int run(const options& o) {
    metronome awake;
    subscriber one(o);
    std::mt19937_64 random(o.seed);
    const auto drawn = [&random](unsigned most) {
        return std::chrono::milliseconds(most / 4 + random() % most);
    };
    const auto begin = clock_type::now();
    bool was = false;
    auto leaves = begin + drawn(o.away_ms + 1000);
    while (!g_stop && !one.ended()) {
        if (!o.until.empty() && clock_type::now() > begin + std::chrono::seconds(o.patience_s)) {
            return 3;
        }
        if (!one.connected()) {
            awake.beat(true);
            one.attach();
        }
        was = one.connected();
        awake.beat(!was);
        if (was && o.away_ms != 0 && clock_type::now() > leaves) {
            one.leave();
            std::this_thread::sleep_for(drawn(o.away_ms));
            leaves = clock_type::now() + drawn(o.away_ms + 1000);
        }
        std::this_thread::sleep_for(10ms);
    }
    one.leave();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("A subscriber, a real MQTT client with a log", "chaos-subscriber");
    options o;
    app.add_option("--port", o.port, "Of the listener on 127.0.0.1")->required();
    app.add_option("--client-id", o.client_id, "The session goes by it")->required();
    app.add_option("--log", o.log, "What it saw")->required();
    app.add_option("--filter", o.filters, "Topic filter; may be given several times")->required();
    app.add_option("--qos", o.qos, "Of the subscriptions")->check(CLI::Range(0, 2));
    app.add_flag("--mqtt5", o.mqtt5, "Else 3.1.1");
    app.add_option("--away-ms", o.away_ms, "Leaves now and then, for so long at most");
    app.add_option("--until", o.until, "A fresh one that ends when a message of this topic came");
    app.add_option("--patience-s", o.patience_s, "How long it waits for that");
    app.add_option("--seed", o.seed, "Of when it leaves");
    CLI11_PARSE(app, argc, argv);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGTERM, [](int) { g_stop = true; });
    std::signal(SIGINT, [](int) { g_stop = true; });
    const int code = run(o);
    // Without the exit handlers: Paho C's own may wait for threads that are gone.
    _exit(code);
}
