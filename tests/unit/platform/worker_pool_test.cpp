#include "gateway/platform/worker_pool.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace wharf {

namespace {

// Work that ends when it is let go.
class gate {
  public:
    void open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        wake_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        ++inside_;
        wake_.notify_all();
        wake_.wait(lock, [this] { return open_; });
    }
    void wait_for(int inside) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return inside_ >= inside; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    bool open_ = false;
    int inside_ = 0;
};

} // namespace

TEST_CASE("work runs on a worker, and its end is told on the io_context's thread") {
    boost::asio::io_context io;
    worker_pool pool(io);
    REQUIRE(pool.start(2).ok());
    CHECK(pool.workers() == 2);
    std::thread::id worked_on;
    std::thread::id told_on;
    REQUIRE(pool.post([&] { worked_on = std::this_thread::get_id(); },
                      [&] { told_on = std::this_thread::get_id(); }));
    io.run(); // ends only after the work is done
    CHECK(told_on == std::this_thread::get_id());
    CHECK(worked_on != std::thread::id{});
    CHECK(worked_on != told_on);
}

TEST_CASE("work of one thread is done in the order in which it was given") {
    boost::asio::io_context io;
    worker_pool pool(io);
    REQUIRE(pool.start(1).ok());
    std::vector<int> told;
    for (int i = 0; i < 100; ++i)
        REQUIRE(pool.post([] {}, [&told, i] { told.push_back(i); }));
    io.run();
    REQUIRE(told.size() == 100);
    CHECK(std::is_sorted(told.begin(), told.end()));
}

TEST_CASE("what does not fit into the queue is refused and never called") {
    boost::asio::io_context io;
    worker_pool pool(io, 3);
    REQUIRE(pool.start(1).ok());
    gate held;
    int told = 0;
    REQUIRE(pool.post([&] { held.pass(); }, [&] { ++told; }));
    held.wait_for(1);
    for (int i = 0; i < 3; ++i)
        REQUIRE(pool.post([] {}, [&] { ++told; }));
    CHECK(pool.waiting() == 3);
    bool called = false;
    CHECK_FALSE(pool.post([&] { called = true; }, [&] { called = true; }));
    held.open();
    io.run();
    CHECK(told == 4);
    CHECK_FALSE(called);
    CHECK(pool.post([] {}, [] {}));
}

TEST_CASE("a pool that stops waits for what runs and drops what waits") {
    boost::asio::io_context io;
    worker_pool pool(io);
    REQUIRE(pool.start(1).ok());
    gate held;
    std::atomic<bool> finished = false;
    bool dropped_ran = false;
    REQUIRE(pool.post(
        [&] {
            held.pass();
            finished = true;
        },
        [] {}));
    held.wait_for(1);
    REQUIRE(pool.post([&] { dropped_ran = true; }, [&] { dropped_ran = true; }));
    std::thread opener([&] {
        while (pool.waiting() != 0)
            std::this_thread::yield();
        held.open();
    });
    pool.stop();
    opener.join();
    CHECK(finished);
    CHECK_FALSE(pool.post([] {}, [] {}));
    io.run(); // nothing keeps it
    CHECK_FALSE(dropped_ran);
}

TEST_CASE("a pool without threads takes nothing") {
    boost::asio::io_context io;
    worker_pool pool(io);
    CHECK_FALSE(pool.post([] {}, [] {}));
}

} // namespace wharf
