// One connection's life in Paho's C library: made for one try, gone with it. Any thread may make
// one; its callbacks run on the library's threads.
#pragma once

#include "gateway/platform/bridge/broker_client.hpp"

#include <MQTTAsync.h>

#include <functional>
#include <mutex>
#include <string>

namespace wharf {

struct paho_callbacks {
    std::function<void(bool session_present)> connected;
    std::function<void()> subscribed;
    // Once: this connection is of no use (any more).
    std::function<void(const std::string& why)> over;
    std::function<void(const broker_message&)> message;
};

class paho_connection {
  public:
    // REQUIRES: with, password and the callbacks outlive it.
    paho_connection(const site_broker_config& with, const std::string& password,
                    const paho_callbacks& callbacks);
    // Nothing is called any more afterwards.
    ~paho_connection();
    paho_connection(const paho_connection&) = delete;
    paho_connection& operator=(const paho_connection&) = delete;

    // Begins to connect; says what came of it through the callbacks.
    status connect();
    // DISCONNECT where it is connected; waits until it is out, at most so long.
    void disconnect(std::uint32_t wait_ms);

  private:
    static int on_message(void* self, char* topic, int topic_bytes, MQTTAsync_message* message);
    static void on_lost(void* self, char* why);
    static void on_connected(void* self, MQTTAsync_successData5* what);
    static void on_connected_3(void* self, MQTTAsync_successData* what);
    static void on_refused(void* self, MQTTAsync_failureData5* what);
    static void on_refused_3(void* self, MQTTAsync_failureData* what);
    static void on_subscribed(void* self, MQTTAsync_successData5* what);
    static void on_subscribed_3(void* self, MQTTAsync_successData* what);
    static void on_not_subscribed(void* self, MQTTAsync_failureData5* what);
    static void on_not_subscribed_3(void* self, MQTTAsync_failureData* what);
    static int on_tls_error(const char* text, std::size_t bytes, void* self);

    void arrived(std::string_view topic, const MQTTAsync_message& message);
    void subscribe(bool session_present);
    void granted(const std::vector<int>& qos);
    void over(const std::string& why);
    [[nodiscard]] std::string with_tls_words(std::string why);

    const site_broker_config& with_;
    const std::string& password_;
    const paho_callbacks& callbacks_;
    MQTTAsync client_ = nullptr;
    std::vector<char*> filters_; // into with_
    std::mutex mutex_;
    std::string tls_words_; // guarded
    bool over_ = false;     // guarded
};

} // namespace wharf
