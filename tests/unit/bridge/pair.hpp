// Both ends of the bridge protocol, joined without a socket.
#pragma once

#include "gateway/bridge/guest.hpp"
#include "gateway/bridge/host.hpp"

#include <optional>
#include <string>
#include <vector>

namespace wharf::bridge::test {

struct recording_host final : host_sink {
    void greeted(const v1::BridgeHello& hello) override {
        who = hello.bridge() + "/" + hello.broker();
    }
    void open_session(bool fresh) override { sessions.push_back(fresh); }
    void message(const v1::BridgeMessage& message) override { messages.push_back(message); }
    void health(const v1::BridgeHealth& given) override { last_health = given; }
    void close(std::string_view why) override { closed = std::string(why); }

    std::string who;
    std::vector<bool> sessions;
    std::vector<v1::BridgeMessage> messages;
    std::optional<v1::BridgeHealth> last_health;
    std::optional<std::string> closed;
};

struct recording_guest final : guest_sink {
    void welcomed(const v1::BridgeWelcome& welcome) override { gateway = welcome.gateway(); }
    void room(bool has) override { rooms.push_back(has); }
    void answered(const v1::BridgeAnswer& answer) override { answers.push_back(answer); }
    void close(std::string_view why) override { closed = std::string(why); }

    std::string gateway;
    std::vector<bool> rooms;
    std::vector<v1::BridgeAnswer> answers;
    std::optional<std::string> closed;
};

struct pair {
    recording_host at_host;
    recording_guest at_guest;
    std::optional<host> there;
    guest here{{"wms", "site", false}, at_guest};

    explicit pair(bool room = true) { connect(room); }

    void connect(bool room = true) {
        there.emplace(host_options{"WH7", 1024, 4}, at_host, room, 0);
        here.on_connected();
        run();
    }
    void cut() {
        here.on_lost();
        there.reset();
    }
    // Carries bytes until there are none; the host's wait while it wants none.
    void run() {
        for (bool moved = true; moved && there;) {
            moved = false;
            if (there->wants_bytes() && !here.output().empty()) {
                there->on_bytes(std::exchange(here.output(), {}));
                moved = true;
            }
            if (!there->output().empty()) {
                here.on_bytes(std::exchange(there->output(), {}));
                moved = true;
            }
        }
    }
    void open(bool fresh = true) {
        here.on_broker_session(fresh);
        run();
        there->on_opened(false);
        run();
    }
    void answer(std::size_t which) {
        v1::BridgeAnswer answer;
        answer.set_token(at_host.messages.at(which).token());
        answer.set_accepted(1);
        there->on_answer(answer);
        run();
    }
    std::uint64_t submit(const std::string& payload) {
        v1::BridgeMessage message;
        message.set_topic("t");
        message.set_payload(payload);
        message.set_qos(1);
        const auto token = here.submit(std::move(message));
        run();
        return token;
    }
    std::string payloads() const {
        std::string out;
        for (const auto& each : at_host.messages)
            out += each.payload() + (each.again() ? "! " : " ");
        return out;
    }
};

} // namespace wharf::bridge::test
