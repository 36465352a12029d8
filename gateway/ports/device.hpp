// The device beneath the gateway: what may be asked of it, where it is one of our images or has
// somebody who can do it. One thread; answers come on it, later. Each order may be given again
// under the same id, after a power cut too: it is the same order, and its outcome is the same.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace wharf {

enum class device_ability : std::uint8_t { reboot, update, factory_reset };

struct device_facts {
    std::vector<device_ability> can;
    std::string why_not;  // in words, where there is something it cannot
    std::string software; // of the device: its image; empty: nobody knows
    std::string waits;    // a version that is installed and waits for a restart
    std::string boot;     // changes whenever the device starts; empty: nobody knows
};

namespace device_order {
// Soon: the process is asked to end as the service manager does it.
struct reboot {};
// Beside what runs; after the next restart it is tried.
struct update {
    std::string source; // https://..., or a file
    std::string sha256; // 64 hexadecimal digits
    std::string version;
};
// Everything that is kept is gone, the journal and the keys too, and the device starts anew.
struct factory_reset {};
} // namespace device_order

struct device_request {
    std::string id; // 32 hexadecimal digits
    std::variant<device_order::reboot, device_order::update, device_order::factory_reset> what;
};

struct device_step {
    std::string name;
    std::uint32_t percent = 0;
    std::string words;
};

struct device_answer {
    enum class how : std::uint8_t { done, failed, cannot };
    how became = how::failed;
    std::string words;
};

class device_port {
  public:
    virtual ~device_port() = default;
    virtual void look(std::function<void(const device_facts&)> done) = 0;
    // One at a time; another one meanwhile has failed.
    virtual void order(device_request what, std::function<void(const device_step&)> step,
                       std::function<void(const device_answer&)> done) = 0;
    // What is under way is broken off; nothing is answered any more.
    virtual void stop() = 0;
};

} // namespace wharf
