// The device beneath, as an executable of root's ([device] helper); without one it can nothing and
// says so. Called on the io_context's thread, the callbacks run there; the helper is waited for by
// a thread of its own.
#pragma once

#include "gateway/ports/device.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace wharf {

class helper_device : public device_port {
  public:
    // REQUIRES: the io_context outlives the device. path: empty: there is no helper.
    helper_device(boost::asio::io_context& io, std::string path);
    ~helper_device() override; // as stop()
    helper_device(const helper_device&) = delete;
    helper_device& operator=(const helper_device&) = delete;

    void look(std::function<void(const device_facts&)> done) override;
    void order(device_request what, std::function<void(const device_step&)> step,
               std::function<void(const device_answer&)> done) override;
    void stop() override;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

// Of the running system, by the kernel; empty where it does not say.
[[nodiscard]] std::string kernel_boot_id();

} // namespace wharf
