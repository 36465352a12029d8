// A client as its users write it, with libmosquitto: see README.md for what it reads and prints.
#include "tests/integration/clients/client_words.hpp"

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <unistd.h>
#include <utility>

namespace {

using namespace wharf::test;

void must(int code, const char* what) {
    if (code != MOSQ_ERR_SUCCESS)
        throw std::runtime_error(std::string(what) + ": " + mosquitto_strerror(code));
}

class properties {
  public:
    properties() = default;
    properties(const properties&) = delete;
    properties& operator=(const properties&) = delete;
    ~properties() { mosquitto_property_free_all(&list); }
    mosquitto_property* list = nullptr;
};

struct state {
    const client_words& words;
    bool connected = false, subscribed = false;
    int heard = 0, last_published = 0;
};

void on_connect(mosquitto*, void* to, int code, int, const mosquitto_property*) {
    if (code == 0) static_cast<state*>(to)->connected = true;
}
void on_subscribe(mosquitto*, void* to, int, int, const int* granted, const mosquitto_property*) {
    static_cast<state*>(to)->subscribed = granted[0] < 0x80;
}
void on_publish(mosquitto*, void* to, int id, int, const mosquitto_property*) {
    static_cast<state*>(to)->last_published = id;
}

std::string taken(char* text) {
    std::string out = text == nullptr ? "" : text;
    std::free(text);
    return out;
}

void on_message(mosquitto*, void* to, const mosquitto_message* message,
                const mosquitto_property* list) {
    auto& all = *static_cast<state*>(to);
    heard_message heard;
    heard.qos = message->qos;
    heard.retain = message->retain;
    heard.payload.assign(static_cast<const char*>(message->payload),
                         static_cast<std::size_t>(message->payloadlen));
    char *first = nullptr, *second = nullptr;
    if (mosquitto_property_read_string(list, MQTT_PROP_CONTENT_TYPE, &first, false) != nullptr)
        heard.content_type = taken(std::exchange(first, nullptr));
    if (mosquitto_property_read_string(list, MQTT_PROP_RESPONSE_TOPIC, &first, false) != nullptr)
        heard.response_topic = taken(std::exchange(first, nullptr));
    if (mosquitto_property_read_string_pair(list, MQTT_PROP_USER_PROPERTY, &first, &second,
                                            false) != nullptr)
        heard.user =
            taken(std::exchange(first, nullptr)) + ":" + taken(std::exchange(second, nullptr));
    void* data = nullptr;
    std::uint16_t size = 0;
    if (mosquitto_property_read_binary(list, MQTT_PROP_CORRELATION_DATA, &data, &size, false) !=
        nullptr) {
        heard.correlation_data.assign(static_cast<const char*>(data), size);
        std::free(data);
    }
    ++all.heard;
    print_line(heard.line());
}

void fill(properties& out) {
    must(mosquitto_property_add_string(&out.list, MQTT_PROP_CONTENT_TYPE, "text/plain"),
         "property");
    must(mosquitto_property_add_string(&out.list, MQTT_PROP_RESPONSE_TOPIC, "re/ply"), "property");
    must(mosquitto_property_add_binary(&out.list, MQTT_PROP_CORRELATION_DATA, "corr", 4),
         "property");
    must(mosquitto_property_add_string_pair(&out.list, MQTT_PROP_USER_PROPERTY, "name", "value"),
         "property");
}

template <class Done> void loop(mosquitto* client, const Done& done) {
    while (!done())
        must(mosquitto_loop(client, 100, 1), "loop");
}

void say(mosquitto* client, state& all, const said_message& said) {
    properties given;
    if (all.words.version == 5 && said.with_properties) fill(given);
    int id = 0;
    all.last_published = -1;
    must(mosquitto_publish_v5(client, &id, all.words.topic.c_str(),
                              static_cast<int>(said.payload.size()), said.payload.data(), said.qos,
                              said.retain, given.list),
         "publish");
    loop(client, [&] { return all.last_published == id; });
}

int run(const client_words& words) {
    mosquitto_lib_init();
    state all{words};
    const std::unique_ptr<mosquitto, void (*)(mosquitto*)> owner(
        mosquitto_new(words.client_id.c_str(), !words.keeps_session, &all), mosquitto_destroy);
    mosquitto* client = owner.get();
    must(mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, words.version), "version");
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_message_v5_callback_set(client, on_message);
    if (!words.ca.empty())
        must(mosquitto_tls_set(client, words.ca.c_str(), nullptr, nullptr, nullptr, nullptr),
             "tls");
    if (words.verb == "die")
        must(mosquitto_will_set_v5(client, words.topic.c_str(), 4, "will", 1, false, nullptr),
             "will");
    properties given;
    if (words.version == 5 && words.keeps_session)
        must(mosquitto_property_add_int32(&given.list, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 3600),
             "property");
    must(mosquitto_connect_bind_v5(client, "127.0.0.1", words.port, 30, nullptr, given.list),
         "connect");
    loop(client, [&] { return all.connected; });
    if (words.verb == "die") {
        print_line("ready");
        std::string line;
        std::getline(std::cin, line);
        _exit(0); // without a good-bye
    }
    if (words.verb == "publish") {
        said_message said;
        for (std::string line; std::getline(std::cin, line);)
            if (said.read(line)) say(client, all, said);
    } else {
        must(mosquitto_subscribe_v5(client, nullptr, words.topic.c_str(), 2, 0, nullptr),
             "subscribe");
        loop(client, [&] { return all.subscribed; });
        print_line("ready");
        loop(client, [&] { return all.heard >= words.count && !mosquitto_want_write(client); });
        // The last PUBREL is answered before the good-bye.
        for (int turn = 0; turn < 5; ++turn)
            must(mosquitto_loop(client, 50, 1), "loop");
    }
    must(mosquitto_disconnect_v5(client, 0, nullptr), "disconnect");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(client_words::read({argv, static_cast<std::size_t>(argc)}));
    } catch (const std::exception& failed) {
        std::cerr << failed.what() << '\n';
        return 1;
    }
}
