#include "gateway/platform/fleet/operator_client.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/private_file.hpp"

#include <mqtt/async_client.h>
#include <sodium/randombytes.h>

#include <condition_variable>
#include <deque>
#include <mutex>

namespace wharf {

namespace {

using std::chrono::milliseconds;

constexpr int k_qos = 1;
// States of a large fleet come at once; a tool that does not take them is ended by what is lost.
constexpr std::size_t k_queue_max = 64 * 1024;
constexpr auto k_answer_wait = std::chrono::seconds(30);
// Published and not acknowledged.
constexpr std::size_t k_under_way_max = 100;
constexpr std::size_t k_password_file_bytes_max = 4096;

result<std::string> password_of(const std::string& path) {
    if (path.empty()) return std::string();
    WHARF_TRY_ASSIGN(std::string text, read_private_file(path, {0640, k_password_file_bytes_max,
                                                                "holds a password"}));
    text.erase(std::min(text.find('\n'), text.size()));
    if (text.empty()) return error{errc::invalid, path + ": its first line is empty"};
    return text;
}

} // namespace

struct operator_client::parts {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<fleet_message> queue; // guarded, with what follows
    std::string lost;
    std::deque<mqtt::delivery_token_ptr> under_way; // of the one thread that calls
    std::unique_ptr<mqtt::async_client> client;     // ends first

    static error failed(std::string_view doing, std::string_view why) {
        return {errc::io, std::string(doing) + ": " + printable(why)};
    }
};

operator_client::operator_client(std::unique_ptr<parts> with) : parts_(std::move(with)) {}

operator_client::~operator_client() {
    if (parts_ == nullptr || parts_->client == nullptr) return;
    try {
        if (parts_->client->is_connected())
            parts_->client->disconnect(500)->wait_for(milliseconds(500));
    } catch (const mqtt::exception&) {
        // It is gone: that is what was wanted.
    }
}

result<std::unique_ptr<operator_client>> operator_client::connect(const operator_config& with) {
    WHARF_TRY_ASSIGN(const std::string password, password_of(with.password_file));
    auto made = std::make_unique<parts>();
    parts& it = *made;
    std::string name(8, '\0');
    randombytes_buf(name.data(), name.size());
    try {
        it.client = std::make_unique<mqtt::async_client>(with.url, "wharfctl-" + to_hex(name),
                                                         mqtt::create_options(MQTTVERSION_5));
        it.client->set_message_callback([&it](const mqtt::const_message_ptr& message) {
            const std::lock_guard hold(it.mutex);
            if (it.queue.size() >= k_queue_max) {
                it.lost = "more messages came than could be taken";
            } else {
                it.queue.push_back(
                    {message->get_topic(), message->get_payload_str(), message->is_retained()});
            }
            it.changed.notify_all();
        });
        it.client->set_connection_lost_handler([&it](const std::string& why) {
            const std::lock_guard hold(it.mutex);
            it.lost = why.empty() ? "the connection was lost" : why;
            it.changed.notify_all();
        });
        mqtt::connect_options options;
        options.set_mqtt_version(MQTTVERSION_5);
        options.set_clean_start(true);
        options.set_connect_timeout(static_cast<int>(with.connect_timeout_s));
        options.set_keep_alive_interval(30);
        if (!with.user.empty()) {
            options.set_user_name(with.user);
            options.set_password(password);
        }
        if (!with.http_proxy.empty()) options.set_https_proxy(with.http_proxy);
        if (with.tls) {
            // Without an error handler: the library keeps a pointer to options that are gone by
            // then.
            mqtt::ssl_options tls;
            tls.set_trust_store(with.ca_file.empty() ? "/etc/ssl/certs/ca-certificates.crt"
                                                     : with.ca_file);
            if (!with.certificate_file.empty()) {
                tls.set_key_store(with.certificate_file);
                tls.set_private_key(with.certificate_key_file);
            }
            tls.set_enable_server_cert_auth(true);
            tls.set_verify(true);
            tls.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
            options.set_ssl(std::move(tls));
        }
        auto connecting = it.client->connect(options);
        if (!connecting->wait_for(std::chrono::seconds(with.connect_timeout_s + 5)))
            return it.failed("fleet broker " + with.url, "no answer");
    } catch (const mqtt::exception& failed) {
        return it.failed("fleet broker " + with.url, failed.what());
    }
    return std::unique_ptr<operator_client>(new operator_client(std::move(made)));
}

status operator_client::subscribe(const std::vector<std::string>& filters) {
    try {
        for (const std::string& filter : filters) {
            auto asked = parts_->client->subscribe(filter, k_qos);
            if (!asked->wait_for(k_answer_wait))
                return error{errc::io, "subscribe to " + filter + ": no answer"};
            if (static_cast<int>(asked->get_reason_code()) >= 0x80)
                return error{errc::io, "subscribe to " + filter + ": the broker refuses"};
        }
        return ok();
    } catch (const mqtt::exception& failed) {
        return parts_->failed("subscribe", failed.what());
    }
}

status operator_client::subscribe_at_once(const std::vector<std::string>& filters) {
    const std::string what = "subscribe to " + filters.front() + " and others";
    try {
        auto asked = parts_->client->subscribe(mqtt::string_collection::create(filters),
                                               std::vector<int>(filters.size(), k_qos));
        if (!asked->wait_for(k_answer_wait)) return error{errc::io, what + ": no answer"};
        const auto answer = asked->get_subscribe_response();
        for (const auto code : answer.get_reason_codes())
            if (static_cast<int>(code) >= 0x80)
                return error{errc::io, what + ": the broker refuses"};
        return ok();
    } catch (const mqtt::exception& failed) {
        return parts_->failed("subscribe", failed.what());
    }
}

status operator_client::post(const std::string& topic, const std::string& payload) {
    auto& under_way = parts_->under_way;
    try {
        while (!under_way.empty() &&
               (under_way.size() >= k_under_way_max || under_way.front()->is_complete())) {
            const auto oldest = std::move(under_way.front());
            under_way.pop_front();
            if (!oldest->wait_for(k_answer_wait))
                return error{errc::io, "publish to " + topic + ": no answer"};
        }
        under_way.push_back(
            parts_->client->publish(mqtt::make_message(topic, payload, k_qos, false)));
        return ok();
    } catch (const mqtt::exception& failed) {
        return parts_->failed("publish to " + topic, failed.what());
    }
}

result<std::optional<fleet_message>> operator_client::next(milliseconds wait) {
    std::unique_lock lock(parts_->mutex);
    parts_->changed.wait_for(lock, wait,
                             [this] { return !parts_->queue.empty() || !parts_->lost.empty(); });
    if (!parts_->queue.empty()) {
        std::optional<fleet_message> out = std::move(parts_->queue.front());
        parts_->queue.pop_front();
        return out;
    }
    if (!parts_->lost.empty())
        return error{errc::io, "the fleet broker: " + printable(parts_->lost)};
    return std::optional<fleet_message>();
}

} // namespace wharf
