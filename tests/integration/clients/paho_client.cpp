// A client as its users write it, with Eclipse Paho C++: see README.md for what it reads and
// prints.
#include "tests/integration/clients/client_words.hpp"

#include <mqtt/async_client.h>

#include <iostream>
#include <unistd.h>

namespace {

using namespace wharf::test;

// Without properties: Paho C++ 1.2 does not send those of CONNECT. In MQTT 5 its sessions end with
// their connections therefore.
void fill(const client_words& words, mqtt::connect_options& out) {
    out.set_mqtt_version(words.version);
    out.set_keep_alive_interval(std::chrono::seconds(30));
    if (words.version == 5) {
        out.set_clean_start(!words.keeps_session);
    } else {
        out.set_clean_session(!words.keeps_session);
    }
    if (words.verb == "die")
        out.set_will(mqtt::will_options(words.topic, std::string("will"), 1, false));
    if (!words.ca.empty()) {
        mqtt::ssl_options tls;
        tls.set_trust_store(words.ca);
        out.set_ssl(tls);
    }
}

void print(const mqtt::message& message) {
    heard_message heard;
    heard.qos = message.get_qos();
    heard.retain = message.is_retained();
    heard.payload = message.to_string();
    const auto& properties = message.get_properties();
    using mqtt::property;
    if (properties.contains(property::CONTENT_TYPE))
        heard.content_type = mqtt::get<std::string>(properties, property::CONTENT_TYPE);
    if (properties.contains(property::RESPONSE_TOPIC))
        heard.response_topic = mqtt::get<std::string>(properties, property::RESPONSE_TOPIC);
    if (properties.contains(property::CORRELATION_DATA))
        heard.correlation_data = mqtt::get<std::string>(properties, property::CORRELATION_DATA);
    if (properties.contains(property::USER_PROPERTY)) {
        const auto [name, value] =
            mqtt::get<mqtt::string_pair>(properties, property::USER_PROPERTY);
        heard.user = std::string(name) + ":" + std::string(value);
    }
    print_line(heard.line());
}

mqtt::message_ptr to_publish(const client_words& words, const said_message& said) {
    auto message = mqtt::make_message(words.topic, said.payload, said.qos, said.retain);
    if (words.version == 5 && said.with_properties) {
        using mqtt::property;
        message->set_properties({{property::CONTENT_TYPE, std::string("text/plain")},
                                 {property::RESPONSE_TOPIC, std::string("re/ply")},
                                 {property::CORRELATION_DATA, std::string("corr")},
                                 {property::USER_PROPERTY, "name", "value"}});
    }
    return message;
}

int run(const client_words& words) {
    const std::string uri =
        (words.ca.empty() ? "tcp://127.0.0.1:" : "ssl://127.0.0.1:") + std::to_string(words.port);
    mqtt::async_client client(uri, words.client_id, mqtt::create_options(words.version));
    client.start_consuming();
    mqtt::connect_options options;
    fill(words, options);
    client.connect(std::move(options))->wait();
    if (words.verb == "die") {
        print_line("ready");
        std::string line;
        std::getline(std::cin, line);
        _exit(0); // without a good-bye
    }
    if (words.verb == "publish") {
        said_message said;
        for (std::string line; std::getline(std::cin, line);)
            if (said.read(line)) client.publish(to_publish(words, said))->wait();
    } else {
        client.subscribe(words.topic, 2)->wait();
        print_line("ready");
        for (int left = words.count; left > 0; --left) {
            const auto message = client.consume_message();
            if (!message) return 1; // the connection was lost
            print(*message);
        }
    }
    client.disconnect()->wait();
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
