// Keeps Paho awake. Paho C has one receive thread per process; it looks at a new connection only
// when its poll returns, up to a second later while all other sockets are silent, which after a
// crash they all are. The metronome is one more Paho client, connected to a peer inside this
// process that sends it a QoS 0 message every few milliseconds. It has nothing to do with the
// gateway under test.
#pragma once

#include <mqtt/async_client.h>

#include <atomic>
#include <memory>
#include <thread>

namespace chaos {

class metronome {
  public:
    metronome();
    ~metronome();
    metronome(const metronome&) = delete;
    metronome& operator=(const metronome&) = delete;

    // From now on; off at first.
    void beat(bool on) { on_ = on; }

  private:
    void play();

    int listener_ = -1;
    std::atomic<bool> stop_{false};
    std::atomic<bool> on_{false};
    std::thread peer_;
    std::unique_ptr<mqtt::async_client> client_;
};

} // namespace chaos
