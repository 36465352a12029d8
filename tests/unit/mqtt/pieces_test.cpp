#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::publish;
using wire::text;

namespace {

std::string conversation(unsigned level) {
    std::string bytes = wire::connect(level, 2, 60);
    bytes += publish(level, 1, 1, std::string(300, 'a'));
    bytes += wire::pingreq() + publish(level, 0, 0) + publish(level, 2, 2);
    bytes += publish(level, 2, 2, "x", true) + wire::pubrel(2) + wire::pubrel(3);
    if (level == 5) {
        bytes +=
            publish(5, 1, 4, "", false, "alias/topic", hex("230001 26") + text("k") + text("v"));
        bytes += publish(5, 1, 5, "y", false, "", hex("230001"));
    }
    bytes += publish(level, 1, 6, std::string(20'000, 'b')) + wire::disconnect();
    return bytes;
}

struct outcome {
    std::string output;
    std::vector<std::string> payloads, topics, closes;
    bool operator==(const outcome&) const = default;
};

outcome deliver(unsigned level, std::size_t piece_bytes) {
    exchange e;
    e.sink.publish_at_once = true;
    const auto bytes = conversation(level);
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes)
        e.machine.on_bytes(std::string_view(bytes).substr(at, piece_bytes), 0);
    outcome out;
    out.output = e.machine.output();
    out.closes = e.sink.closes;
    for (const auto& p : e.sink.published) {
        out.payloads.push_back(p.payload);
        out.topics.push_back(p.topic);
    }
    return out;
}

} // namespace

TEST_CASE("bytes in any pieces come to the same") {
    for (const unsigned level : {4u, 5u}) {
        const auto whole = deliver(level, 1'000'000);
        CHECK(whole.topics.size() == (level == 5 ? 6u : 4u));
        CHECK(whole.closes == std::vector<std::string>{""});
        for (const std::size_t piece : {1u, 2u, 3u, 5u, 7u, 64u, 301u, 4096u}) {
            INFO(piece);
            CHECK(deliver(level, piece) == whole);
        }
    }
}

TEST_CASE("a violation in pieces comes to the same") {
    const auto bytes = wire::connect(5) + publish(5, 1, 1) + publish(5, 1, 0) + publish(5, 1, 2);
    exchange whole;
    const auto answer = whole.send(bytes);
    exchange pieces;
    std::string pieced;
    for (const char c : bytes)
        pieced += pieces.send(std::string_view(&c, 1));
    CHECK(pieced == answer);
    CHECK(pieces.sink.published.size() == 1);
    CHECK(pieces.sink.closes == whole.sink.closes);
}
