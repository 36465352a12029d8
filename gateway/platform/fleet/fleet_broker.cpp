#include "gateway/platform/fleet/fleet_broker.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <mqtt/async_client.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

namespace wharf {

namespace {

constexpr int k_qos = 1;
constexpr std::int64_t k_settled_us = 30'000'000;
// What the library holds for us at once.
constexpr std::size_t k_under_way_max = 256;

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

} // namespace

// Kept alive by what is posted; the library's callbacks reach it through its own pointer, and
// `client_` ends before it does.
class fleet_broker::state : public std::enable_shared_from_this<state>,
                            public virtual mqtt::iaction_listener {
  public:
    state(boost::asio::io_context& io, fleet_config with, std::string password,
          std::string subscribe, random_port& random, fleet_broker_callbacks callbacks)
        : io_(io), timer_(io), with_(std::move(with)), password_(std::move(password)),
          subscribe_(std::move(subscribe)), random_(random), callbacks_(std::move(callbacks)),
          mqtt_5_(with_.protocol != fleet_protocol::mqtt_3_1_1) {}

    void start(std::string will_topic, std::function<std::string()> will) {
        will_topic_ = std::move(will_topic);
        will_ = std::move(will);
        connect();
    }

    bool publish(const std::string& topic, const std::string& payload, bool retained,
                 std::uint64_t number) {
        if (!up_ || under_way_.size() >= k_under_way_max) return false;
        const std::uintptr_t handle = ++last_handle_;
        try {
            // The library's thread may answer before this returns: it only posts.
            under_way_.emplace(handle, number);
            client_->publish(mqtt::make_message(topic, payload, k_qos, retained),
                             reinterpret_cast<void*>(handle), *this);
            return true;
        } catch (const mqtt::exception& failed) {
            under_way_.erase(handle);
            lost("publish: " + std::string(failed.what()));
            return false;
        }
    }

    void stop(std::uint32_t wait_ms) {
        if (std::exchange(stopped_, true)) return;
        timer_.cancel();
        if (client_ == nullptr) return;
        try {
            if (client_->is_connected())
                client_->disconnect(static_cast<int>(wait_ms))
                    ->wait_for(std::chrono::milliseconds(wait_ms));
        } catch (const mqtt::exception&) {
            // It is gone: that is what was wanted.
        }
        client_.reset();
    }

  private:
    // --- the library's threads -------------------------------------------------------------------

    void on_success(const mqtt::token& done) override { happened(done, true); }
    void on_failure(const mqtt::token& done) override { happened(done, false); }

    void happened(const mqtt::token& done, bool good) {
        const auto type = done.get_type();
        const auto handle = reinterpret_cast<std::uintptr_t>(done.get_user_context());
        const bool old = !good && type == mqtt::token::Type::CONNECT && speaks_no_5(done);
        std::string why = good ? std::string() : words_of(done);
        if (!good) {
            const std::lock_guard hold(tls_mutex_);
            if (!tls_words_.empty()) why += " (" + tls_words_ + ")";
        }
        boost::asio::post(io_, [self = shared_from_this(), type, handle, good, old,
                                why = std::move(why), attempt = attempt_.load()] {
            self->answered(type, handle, good, old, why, attempt);
        });
    }

    void on_tls_error(std::string_view words) {
        while (!words.empty() && (words.back() == '\n' || words.back() == '\0'))
            words.remove_suffix(1);
        const std::lock_guard hold(tls_mutex_);
        tls_words_ = words.substr(0, limits::k_text_bytes_max);
    }

    // --- the io_context's thread -----------------------------------------------------------------

    void answered(mqtt::token::Type type, std::uintptr_t handle, bool good, bool old,
                  const std::string& why, std::uint64_t attempt) {
        if (stopped_ || attempt != attempt_) return;
        switch (type) {
        case mqtt::token::Type::CONNECT:
            if (good) return subscribe();
            if (old && mqtt_5_ && with_.protocol == fleet_protocol::automatic) mqtt_5_ = false;
            return lost("connect: " + why);
        case mqtt::token::Type::SUBSCRIBE:
            if (!good) return lost("subscribe to " + subscribe_ + ": " + why);
            up_ = true;
            up_since_us_ = now_us();
            return callbacks_.up();
        case mqtt::token::Type::PUBLISH:
            if (const auto found = under_way_.extract(handle); !found.empty() && good) {
                if (found.mapped() != 0) callbacks_.delivered(found.mapped());
            }
            return;
        default:
            return;
        }
    }

    static std::int64_t now_us() {
        return std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }

    void connect() {
        ++attempt_;
        up_since_us_ = 0;
        {
            const std::lock_guard hold(tls_mutex_);
            tls_words_.clear();
        }
        try {
            make_client();
            client_->connect(options(), nullptr, *this);
        } catch (const mqtt::exception& failed) {
            lost("connect: " + std::string(failed.what()));
        }
    }

    void make_client() {
        client_ = std::make_unique<mqtt::async_client>(
            with_.url, with_.client_id,
            mqtt::create_options(mqtt_5_ ? MQTTVERSION_5 : MQTTVERSION_3_1_1));
        client_->set_connection_lost_handler(
            [self = weak_from_this(), attempt = attempt_.load()](const std::string& why) {
                if (auto here = self.lock())
                    boost::asio::post(here->io_, [here, attempt, why] {
                        if (attempt == here->attempt_)
                            here->lost(why.empty() ? "the connection was lost" : why);
                    });
            });
        client_->set_disconnected_handler([self = weak_from_this(), attempt = attempt_.load()](
                                              const mqtt::properties&, mqtt::ReasonCode why) {
            if (auto here = self.lock())
                boost::asio::post(here->io_, [here, attempt, words = words_of(why)] {
                    if (attempt == here->attempt_)
                        here->lost("the broker ended the connection: " + words);
                });
        });
        // What is acknowledged to the broker here and lost in a crash is ordered again: whoever
        // ordered it has no report of it.
        client_->set_message_callback([self = weak_from_this()](mqtt::const_message_ptr message) {
            auto here = self.lock();
            if (here == nullptr || message == nullptr ||
                message->get_payload_ref().size() > limits::k_command_bytes_max)
                return;
            boost::asio::post(here->io_, [here, payload = message->get_payload_str()] {
                if (!here->stopped_) here->callbacks_.message(payload);
            });
        });
    }

    mqtt::connect_options options() {
        mqtt::connect_options out;
        out.set_mqtt_version(mqtt_5_ ? MQTTVERSION_5 : MQTTVERSION_3_1_1);
        out.set_keep_alive_interval(with_.keep_alive_s);
        out.set_connect_timeout(static_cast<int>(with_.connect_timeout_s));
        if (mqtt_5_) {
            out.set_clean_start(false);
            out.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL,
                                 static_cast<int>(with_.session_expiry_h * 3600)},
                                {mqtt::property::MAXIMUM_PACKET_SIZE,
                                 static_cast<int>(limits::k_command_bytes_max + 1024)}});
        } else {
            out.set_clean_session(false);
        }
        if (!with_.user.empty()) {
            out.set_user_name(with_.user);
            out.set_password(password_);
        }
        out.set_will(mqtt::message(will_topic_, will_(), k_qos, true));
        if (!with_.http_proxy.empty()) out.set_https_proxy(with_.http_proxy);
        if (with_.tls) {
            mqtt::ssl_options tls;
            tls.set_trust_store(with_.ca_file.empty() ? "/etc/ssl/certs/ca-certificates.crt"
                                                      : with_.ca_file);
            if (!with_.certificate_file.empty()) {
                tls.set_key_store(with_.certificate_file);
                tls.set_private_key(with_.certificate_key_file);
            }
            tls.set_enable_server_cert_auth(true);
            tls.set_verify(true); // the certificate has the broker's name
            tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
            tls.set_error_handler([self = weak_from_this()](const std::string& words) {
                if (auto here = self.lock()) here->on_tls_error(words);
            });
            out.set_ssl(std::move(tls));
        }
        return out;
    }

    void subscribe() {
        try {
            client_->subscribe(subscribe_, k_qos, nullptr, *this);
        } catch (const mqtt::exception& failed) {
            lost("subscribe: " + std::string(failed.what()));
        }
    }

    // Once for each attempt.
    void lost(const std::string& why) {
        if (stopped_) return;
        ++attempt_; // what the library still says of this connection is of the past
        up_ = false;
        under_way_.clear();
        const bool settled = up_since_us_ != 0 && now_us() - up_since_us_ > k_settled_us;
        failures_ = settled ? 0 : failures_ + 1;
        callbacks_.down(printable(why));
        timer_.expires_after(std::chrono::milliseconds(pause_ms()));
        timer_.async_wait([self = shared_from_this()](auto failed) {
            if (!failed && !self->stopped_) self->connect();
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

    bool mqtt_5_;
    bool up_ = false;
    bool stopped_ = false;
    std::int64_t up_since_us_ = 0;
    unsigned failures_ = 0;
    std::atomic<std::uint64_t> attempt_{0};
    std::uintptr_t last_handle_ = 0;
    std::map<std::uintptr_t, std::uint64_t> under_way_; // numbers, by the library's context

    std::mutex tls_mutex_;
    std::string tls_words_; // guarded
    std::unique_ptr<mqtt::async_client> client_;
};

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

void fleet_broker::stop(std::uint32_t wait_ms) {
    state_->stop(wait_ms);
}

} // namespace wharf
