#include "gateway/platform/worker_pool.hpp"

#include <boost/asio/post.hpp>

#include <system_error>

namespace wharf {

worker_pool::worker_pool(boost::asio::io_context& tell_on, std::size_t queue_max)
    : io_(tell_on), queue_max_(queue_max) {}

worker_pool::~worker_pool() {
    stop();
}

status worker_pool::start(std::size_t threads) {
    WHARF_ASSERT(threads_.empty() && threads >= 1 && threads <= limits::k_workers_max);
    try {
        while (threads_.size() < threads)
            threads_.emplace_back([this] { run(); });
    } catch (const std::system_error& refused) {
        if (threads_.empty())
            return error{errc::io, std::string("start a worker thread: ") + refused.what()};
    }
    return ok();
}

bool worker_pool::post(std::function<void()> work, std::function<void()> done) {
    WHARF_ASSERT(work != nullptr && done != nullptr);
    {
        std::lock_guard lock(mutex_);
        if (stopping_ || threads_.empty() || queue_.size() >= queue_max_) return false;
        queue_.push_back({std::move(work), std::move(done), guard(io_.get_executor())});
    }
    wake_.notify_one();
    return true;
}

void worker_pool::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        job next = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        next.work();
        // What the work holds goes before the other thread goes on with it.
        next.work = nullptr;
        boost::asio::post(io_, std::move(next.done));
        next.keeps_running.reset();
        lock.lock();
    }
}

void worker_pool::stop() {
    std::deque<job> dropped;
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        dropped.swap(queue_);
    }
    wake_.notify_all();
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

std::size_t worker_pool::waiting() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
}

} // namespace wharf
