// Bytes to either end of the bridge protocol. The first byte says to which, and drives the rest:
// how the bytes are cut, and when the other side's answers come. What one end says is always
// something that its reader takes for frames.
#include "gateway/base/limits.hpp"
#include "gateway/bridge/guest.hpp"
#include "gateway/bridge/host.hpp"

#include <deque>
#include <optional>
#include <string>

namespace {

using namespace wharf::bridge;
namespace v1 = wharf::v1;

void check_frames(std::string_view bytes) {
    frame_reader reader;
    reader.add(bytes);
    v1::BridgeFrame frame;
    for (;;) {
        const auto next = reader.next(frame);
        WHARF_ASSERT(next.ok());
        if (!*next) break;
    }
    WHARF_ASSERT(reader.waiting() == 0);
}

struct host_side final : host_sink {
    void greeted(const v1::BridgeHello& hello) override {
        WHARF_ASSERT(is_name(hello.bridge()) && is_name(hello.broker()));
        WHARF_ASSERT(!std::exchange(greeted_, true));
    }
    void open_session(bool) override { WHARF_ASSERT(greeted_ && !std::exchange(opening, true)); }
    void message(const v1::BridgeMessage& message) override {
        WHARF_ASSERT(opened && !opening && !closed && message.qos() <= 2);
        tokens.push_back(message.token());
    }
    void health(const v1::BridgeHealth&) override { WHARF_ASSERT(greeted_); }
    void close(std::string_view) override { WHARF_ASSERT(!std::exchange(closed, true)); }

    bool greeted_ = false;
    bool opening = false;
    bool opened = false;
    bool closed = false;
    std::deque<std::uint64_t> tokens;
};

void try_host(std::string_view bytes, unsigned how) {
    host_side sink;
    host there({"WH7", 64, 4}, sink, (how & 1) == 0, 0);
    std::size_t turn = 0;
    while (!bytes.empty() && !sink.closed) {
        const std::size_t size = (how & 2) != 0 ? 1 + turn % 7 : bytes.size();
        if (there.wants_bytes()) {
            there.on_bytes(bytes.substr(0, size));
            bytes.remove_prefix(std::min(size, bytes.size()));
        } else if (!sink.closed) {
            there.on_room(true);
        }
        if (sink.opening && (how & 4) == 0) {
            const bool refused = turn % 5 == 4;
            sink.opening = false;
            sink.opened = !refused;
            there.on_opened(refused);
        }
        if (!sink.tokens.empty() && !sink.closed) {
            v1::BridgeAnswer answer;
            answer.set_token(sink.tokens.front());
            sink.tokens.pop_front();
            there.on_answer(answer);
        }
        WHARF_ASSERT(there.unanswered() <= 4);
        if ((how & 8) != 0 && turn % 3 == 0) there.on_room(turn % 2 == 0);
        check_frames(std::exchange(there.output(), {}));
        ++turn;
    }
    there.on_tick(1'000'000);
}

struct guest_side final : guest_sink {
    void welcomed(const v1::BridgeWelcome& welcome) override { WHARF_ASSERT(welcome.window() > 0); }
    void room(bool) override {}
    void answered(const v1::BridgeAnswer&) override { ++answers; }
    void close(std::string_view why) override {
        WHARF_ASSERT(!why.empty() && !closed);
        closed = true;
    }
    bool closed = false;
    std::size_t answers = 0;
};

void try_guest(std::string_view bytes, unsigned how) {
    guest_side sink;
    guest here({"wms", "site", false}, sink);
    if ((how & 1) != 0) here.on_broker_session(true);
    std::size_t submitted = 0;
    auto submit = [&] {
        v1::BridgeMessage message;
        message.set_topic("t");
        message.set_payload(std::string(how, 'x'));
        here.submit(std::move(message));
        ++submitted;
    };
    here.on_connected();
    submit();
    std::size_t turn = 0;
    while (!bytes.empty()) {
        const std::size_t size = (how & 2) != 0 ? 1 + turn % 7 : bytes.size();
        here.on_bytes(bytes.substr(0, size));
        bytes.remove_prefix(std::min(size, bytes.size()));
        if (here.waiting() < 8) submit();
        if (turn % 4 == 3) here.on_broker_session(turn % 8 == 3);
        check_frames(std::exchange(here.output(), {}));
        if (sink.closed || ((how & 4) != 0 && turn % 5 == 4)) {
            here.on_lost();
            sink.closed = false;
            here.on_connected();
        }
        WHARF_ASSERT(here.waiting() + sink.answers == submitted); // none is forgotten
        ++turn;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const unsigned how = data[0] & 0x7fu;
    if ((data[0] & 0x80u) != 0)
        try_guest(bytes, how);
    else
        try_host(bytes, how);
    return 0;
}
