// A few threads for what would hold up the network thread: TLS handshakes, password hashes. Work
// waits in a bounded queue, oldest first. Everything here is called on the thread that runs the
// io_context; `work` runs on a worker and must not throw, `done` runs on the io_context again.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/base/result.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace wharf {

class worker_pool {
  public:
    // REQUIRES: the io_context outlives the pool.
    explicit worker_pool(boost::asio::io_context& tell_on,
                         std::size_t queue_max = limits::k_worker_queue_max);
    ~worker_pool(); // as stop()
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // Once, before the first post(); threads from 1 to limits::k_workers_max. errc::io where the
    // system grants not even one; fewer than asked for are enough, workers() says how many.
    status start(std::size_t threads);
    [[nodiscard]] std::size_t workers() const { return threads_.size(); }

    // False: the queue is full or the pool has stopped, and neither function will be called. Else
    // the io_context does not run out of work before `done` has been called, except after stop().
    [[nodiscard]] bool post(std::function<void()> work, std::function<void()> done);
    // Waits for the work that is being done. What waits is dropped, and its `done` is not called.
    void stop();

    [[nodiscard]] std::size_t waiting() const;

  private:
    using guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
    struct job {
        std::function<void()> work;
        std::function<void()> done;
        guard keeps_running;
    };
    void run();

    boost::asio::io_context& io_;
    const std::size_t queue_max_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<job> queue_; // guarded, with what follows
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace wharf
