#include "gateway/platform/fleet/fleet_broker.hpp"

#include "gateway/access/token_bucket.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <mqtt/async_client.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace wharf {

namespace {

constexpr int k_qos = 1;
constexpr std::int64_t k_settled_us = 30'000'000;
constexpr std::uint32_t k_leave_wait_ms = 1000;

std::string words_of(mqtt::ReasonCode why) {
    const char* words = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(why));
    return words == nullptr ? "reason " + std::to_string(static_cast<int>(why)) : words;
}

std::string words_of(const mqtt::token& failed) {
    const auto reason = failed.get_reason_code();
    if (static_cast<int>(reason) >= 0x80) return words_of(reason);
    const char* words = MQTTAsync_strerror(failed.get_return_code());
    return words == nullptr ? "code " + std::to_string(failed.get_return_code()) : words;
}

// CONNACK of a broker that does not know MQTT 5: in the one form or the other.
bool speaks_no_5(const mqtt::token& failed) {
    return failed.get_reason_code() == mqtt::ReasonCode::UNSUPPORTED_PROTOCOL_VERSION ||
           failed.get_return_code() == 1;
}

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct connect_words {
    fleet_config with;
    std::string password;
    std::string will_topic;
    std::string will;
    bool mqtt_5 = true;
};

// To be given to connect() as it comes: a copy keeps pointers into what it was copied from.
mqtt::connect_options options_of(const connect_words& of) {
    mqtt::connect_options out;
    out.set_mqtt_version(of.mqtt_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
    out.set_keep_alive_interval(of.with.keep_alive_s);
    out.set_connect_timeout(static_cast<int>(of.with.connect_timeout_s));
    if (of.mqtt_5) {
        out.set_clean_start(false);
        out.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL,
                             static_cast<int>(of.with.session_expiry_h * 3600)},
                            {mqtt::property::MAXIMUM_PACKET_SIZE,
                             static_cast<int>(limits::k_command_bytes_max + 1024)}});
    } else {
        out.set_clean_session(false);
    }
    if (!of.with.user.empty()) {
        out.set_user_name(of.with.user);
        out.set_password(of.password);
    }
    out.set_will(mqtt::message(of.will_topic, of.will, k_qos, true));
    if (!of.with.http_proxy.empty()) out.set_https_proxy(of.with.http_proxy);
    if (of.with.tls) {
        // Without an error handler: the library keeps a pointer to options that are gone by
        // then.
        mqtt::ssl_options tls;
        tls.set_trust_store(of.with.ca_file.empty() ? "/etc/ssl/certs/ca-certificates.crt"
                                                    : of.with.ca_file);
        if (!of.with.certificate_file.empty()) {
            tls.set_key_store(of.with.certificate_file);
            tls.set_private_key(of.with.certificate_key_file);
        }
        tls.set_enable_server_cert_auth(true);
        tls.set_verify(true); // the certificate has the broker's name
        tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
        out.set_ssl(std::move(tls));
    }
    return out;
}

// What the library's threads bring is bounded before anything else happens to it: a broker may send
// whatever it likes. Any thread.
class inlet {
  public:
    // False: it is not to be taken.
    bool enter(std::size_t bytes) {
        const std::lock_guard hold(mutex_);
        if (messages_ >= limits::k_fleet_messages_max ||
            bytes_ + bytes > limits::k_fleet_bytes_max || !rate_.try_spend(now_us()))
            return false;
        ++messages_;
        bytes_ += bytes;
        return true;
    }
    void leave(std::size_t bytes) {
        const std::lock_guard hold(mutex_);
        --messages_;
        bytes_ -= bytes;
    }

  private:
    std::mutex mutex_;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    access::token_bucket rate_{{limits::k_fleet_messages_per_s, 2 * limits::k_fleet_messages_per_s},
                               now_us()};
};

// The library is called by a thread of its own: its calls wait for its lock, which it holds while a
// name is resolved and while a client is taken apart. Jobs are few and bounded by who gives them.
class caller {
  public:
    void give(std::function<void()> job) {
        {
            const std::lock_guard hold(mutex_);
            jobs_.push_back(std::move(job));
        }
        wake_.notify_one();
    }
    // Keeps itself alive: who waits too long for its end goes without it.
    static void run(const std::shared_ptr<caller>& it) {
        std::thread([it] {
            std::unique_lock lock(it->mutex_);
            while (true) {
                it->wake_.wait(lock, [&] { return !it->jobs_.empty() || it->ending_; });
                if (it->jobs_.empty()) break;
                auto job = std::move(it->jobs_.front());
                it->jobs_.pop_front();
                lock.unlock();
                job();
                job = nullptr;
                lock.lock();
            }
            it->ended_ = true;
            it->wake_.notify_all();
        }).detach();
    }
    void end(std::uint32_t wait_ms) {
        std::unique_lock lock(mutex_);
        ending_ = true;
        wake_.notify_all();
        wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return ended_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_; // guarded, with what follows
    bool ending_ = false;
    bool ended_ = false;
};

} // namespace

// From the library's threads to who is told, as long as there is somebody: none of them is left
// with a hold on the event loop of a run that has ended.
struct fleet_broker::way {
    void tell(const std::function<void(state&)>& what) {
        const std::lock_guard hold(mutex);
        if (to != nullptr) what(*to);
    }
    void close() {
        const std::lock_guard hold(mutex);
        to = nullptr;
    }
    std::mutex mutex;
    state* to = nullptr; // guarded
};

// One try to be connected, and what the library calls for it. Its number is that of the try: what
// comes late is told from what is now.
class fleet_broker::attempt : public virtual mqtt::iaction_listener {
  public:
    attempt(std::shared_ptr<way> owner, std::uint64_t number)
        : owner_(std::move(owner)), number_(number) {}
    // Of the caller's thread.
    std::unique_ptr<mqtt::async_client> client;

    void on_success(const mqtt::token& done) override { happened(done, true); }
    void on_failure(const mqtt::token& done) override { happened(done, false); }
    void lost(const std::string& why) const;
    void arrived(const mqtt::const_message_ptr& message) const;

  private:
    void happened(const mqtt::token& done, bool good) const;
    const std::shared_ptr<way> owner_;
    const std::uint64_t number_;
};

class fleet_broker::state : public std::enable_shared_from_this<state> {
  public:
    state(boost::asio::io_context& io, fleet_config with, std::string password,
          std::string subscribe, random_port& random, fleet_broker_callbacks callbacks)
        : io_(io), timer_(io), with_(std::move(with)), password_(std::move(password)),
          subscribe_(std::move(subscribe)), random_(random), callbacks_(std::move(callbacks)) {}

    void start(std::string will_topic, std::function<std::string()> will) {
        will_topic_ = std::move(will_topic);
        will_ = std::move(will);
        way_->to = this;
        caller::run(caller_);
        connect();
    }

    bool publish(const std::string& topic, std::string payload, bool retained,
                 std::uint64_t number) {
        if (!up_ || stopped_ || under_way_.size() >= limits::k_fleet_under_way_max) return false;
        const std::uintptr_t handle = ++last_handle_;
        under_way_.emplace(handle, number);
        caller_->give([on = now_, topic, payload = std::move(payload), retained, handle] {
            try {
                on->client->publish(mqtt::make_message(topic, payload, k_qos, retained),
                                    reinterpret_cast<void*>(handle), *on);
            } catch (const mqtt::exception& failed) {
                on->lost("publish: " + std::string(failed.what()));
            }
        });
        return true;
    }

    void stop(std::uint32_t wait_ms) {
        if (std::exchange(stopped_, true)) return;
        timer_.cancel();
        way_->close();
        if (now_ == nullptr) return caller_->end(0); // between two tries, or never begun
        caller_->give([on = now_, wait_ms] { leave(*on, wait_ms); });
        now_.reset();
        caller_->end(wait_ms);
    }

    void reconnect() {
        if (stopped_ || way_->to == nullptr) return; // before start()
        timer_.cancel();
        ++number_; // what the library still says of this connection is of the past
        failures_ = 0;
        if (now_ != nullptr) caller_->give([on = std::move(now_)] { leave(*on, k_leave_wait_ms); });
        now_.reset();
        callbacks_.down({});
        connect();
    }

    // --- any thread
    // --------------------------------------------------------------------------------

    void take(std::string payload) {
        const std::size_t bytes = payload.size();
        if (bytes > limits::k_command_bytes_max || !inlet_.enter(bytes)) return;
        boost::asio::post(io_, [self = shared_from_this(), payload = std::move(payload), bytes] {
            self->inlet_.leave(bytes);
            if (!self->stopped_) self->callbacks_.message(payload);
        });
    }
    void tell(std::function<void(state&)> what) {
        boost::asio::post(io_,
                          [self = shared_from_this(), what = std::move(what)] { what(*self); });
    }

    // --- the io_context's thread
    // -------------------------------------------------------------------

    void answered(std::uint64_t number, mqtt::token::Type type, std::uintptr_t handle, bool good,
                  bool old, const std::string& why) {
        if (stopped_ || number != number_) return;
        switch (type) {
        case mqtt::token::Type::CONNECT:
            if (good) return subscribe();
            if (old && mqtt_5_ && with_.protocol == fleet_protocol::automatic) only_3_ = true;
            return lost(number, "connect: " + why);
        case mqtt::token::Type::SUBSCRIBE:
            if (!good) return lost(number, "subscribe to " + subscribe_ + ": " + why);
            up_ = true;
            up_since_us_ = now_us();
            return callbacks_.up();
        case mqtt::token::Type::PUBLISH:
            if (const auto found = under_way_.extract(handle);
                !found.empty() && found.mapped() != 0)
                good ? callbacks_.delivered(found.mapped()) : callbacks_.failed(found.mapped());
            return;
        default:
            return;
        }
    }

    // Once for each try.
    void lost(std::uint64_t number, const std::string& why) {
        if (stopped_ || number != number_) return;
        ++number_; // what the library still says of this connection is of the past
        up_ = false;
        under_way_.clear();
        const bool settled = up_since_us_ != 0 && now_us() - up_since_us_ > k_settled_us;
        if (settled) only_3_ = false; // the broker may have learnt something meanwhile
        failures_ = settled ? 0 : failures_ + 1;
        caller_->give([on = std::move(now_)] { on->client.reset(); });
        now_.reset();
        callbacks_.down(printable(why));
        timer_.expires_after(std::chrono::milliseconds(pause_ms()));
        timer_.async_wait([self = shared_from_this()](auto failed) {
            if (!failed && !self->stopped_ && self->now_ == nullptr) self->connect();
        });
    }

  private:
    // With a word to the broker, so that it says nothing in the gateway's place.
    static void leave(attempt& from, std::uint32_t wait_ms) {
        try {
            if (from.client != nullptr && from.client->is_connected())
                from.client->disconnect(static_cast<int>(wait_ms))
                    ->wait_for(std::chrono::milliseconds(wait_ms));
        } catch (const mqtt::exception&) {
            // It is gone: that is what was wanted.
        }
        from.client.reset();
    }

    void connect() {
        up_ = false;
        up_since_us_ = 0;
        under_way_.clear();
        mqtt_5_ = with_.protocol != fleet_protocol::mqtt_3_1_1 && !only_3_;
        now_ = std::make_shared<attempt>(way_, ++number_);
        connect_words words{with_, password_, will_topic_, will_(), mqtt_5_};
        caller_->give([on = now_, words = std::move(words)] {
            try {
                on->client = std::make_unique<mqtt::async_client>(
                    words.with.url, words.with.client_id,
                    mqtt::create_options(words.mqtt_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1));
                const std::weak_ptr<attempt> it = on;
                on->client->set_connection_lost_handler([it](const std::string& why) {
                    if (auto here = it.lock())
                        here->lost(why.empty() ? "the connection was lost" : why);
                });
                on->client->set_disconnected_handler(
                    [it](const mqtt::properties&, mqtt::ReasonCode why) {
                        if (auto here = it.lock())
                            here->lost("the broker ended the connection: " + words_of(why));
                    });
                // What is acknowledged to the broker here and lost in a crash is ordered again:
                // whoever ordered it has no report of it.
                on->client->set_message_callback([it](const mqtt::const_message_ptr& message) {
                    if (auto here = it.lock()) here->arrived(message);
                });
                on->client->connect(options_of(words), nullptr, *on);
            } catch (const mqtt::exception& failed) {
                on->lost("connect: " + std::string(failed.what()));
            }
        });
    }

    void subscribe() {
        caller_->give([on = now_, to = subscribe_] {
            try {
                on->client->subscribe(to, k_qos, nullptr, *on);
            } catch (const mqtt::exception& failed) {
                on->lost("subscribe: " + std::string(failed.what()));
            }
        });
    }

    // Doubled with each failure, and between a half and all of it.
    std::uint32_t pause_ms() {
        const std::uint64_t doubled = std::uint64_t{with_.backoff_min_ms}
                                      << std::min(failures_, 20U);
        const auto most = std::min<std::uint64_t>(doubled, with_.backoff_max_ms);
        return static_cast<std::uint32_t>(most / 2 + random_.next() % (most / 2 + 1));
    }

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    const fleet_config with_;
    const std::string password_;
    const std::string subscribe_;
    random_port& random_;
    const fleet_broker_callbacks callbacks_;
    std::string will_topic_;
    std::function<std::string()> will_;

    inlet inlet_;
    const std::shared_ptr<caller> caller_ = std::make_shared<caller>();
    const std::shared_ptr<way> way_ = std::make_shared<way>();
    std::shared_ptr<attempt> now_; // nothing between two tries
    std::uint64_t number_ = 0;
    bool mqtt_5_ = true;
    bool only_3_ = false;
    bool up_ = false;
    bool stopped_ = false;
    std::int64_t up_since_us_ = 0;
    unsigned failures_ = 0;
    std::uintptr_t last_handle_ = 0;
    std::map<std::uintptr_t, std::uint64_t> under_way_; // numbers, by the library's context
};

void fleet_broker::attempt::lost(const std::string& why) const {
    owner_->tell([&](state& owner) {
        owner.tell([number = number_, why](state& it) { it.lost(number, why); });
    });
}

void fleet_broker::attempt::arrived(const mqtt::const_message_ptr& message) const {
    if (message != nullptr && message->get_payload_ref().size() <= limits::k_command_bytes_max)
        owner_->tell([&](state& owner) { owner.take(message->get_payload_str()); });
}

void fleet_broker::attempt::happened(const mqtt::token& done, bool good) const {
    const auto type = done.get_type();
    const auto handle = reinterpret_cast<std::uintptr_t>(done.get_user_context());
    const bool old = !good && type == mqtt::token::Type::CONNECT && speaks_no_5(done);
    owner_->tell([&, why = good ? std::string() : words_of(done)](state& owner) {
        owner.tell([number = number_, type, handle, good, old, why](state& it) {
            it.answered(number, type, handle, good, old, why);
        });
    });
}

fleet_broker::fleet_broker(boost::asio::io_context& io, fleet_config with, std::string password,
                           std::string subscribe, random_port& random,
                           fleet_broker_callbacks callbacks)
    : state_(std::make_shared<state>(io, std::move(with), std::move(password), std::move(subscribe),
                                     random, std::move(callbacks))) {}

fleet_broker::~fleet_broker() {
    stop(0);
}

void fleet_broker::start(std::string will_topic, std::function<std::string()> will) {
    state_->start(std::move(will_topic), std::move(will));
}

bool fleet_broker::publish(const std::string& topic, const std::string& payload, bool retained,
                           std::uint64_t number) {
    return state_->publish(topic, payload, retained, number);
}

void fleet_broker::reconnect() {
    state_->reconnect();
}

void fleet_broker::stop(std::uint32_t wait_ms) {
    state_->stop(wait_ms);
}

} // namespace wharf
