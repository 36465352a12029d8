// The whole of delivery over the real journal: events in the store, a server that speaks the
// contract, and the books at the end. The test's thread is the journal thread.
#include "sync/platform/sync_shell.hpp"
#include "tests/unit/journal/rig.hpp"
#include "tests/unit/sync/tiny_server.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <set>

using namespace wharf;
using namespace wharf::test;

namespace {

class steady_time : public clock_port {
  public:
    std::int64_t wall_us() override { return 1'772'445'600'000'000 + monotonic_us(); }
    std::int64_t monotonic_us() override {
        return std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
    bool wall_synchronised() override { return true; }
};

class fixed_random : public random_port {
  public:
    std::uint64_t next() override { return ++value_; }

  private:
    std::uint64_t value_ = 0;
};

// Its reads fail on command.
class failing_reads : public store {
  public:
    explicit failing_reads(store& under) : under_(under) {}
    result<std::unique_ptr<store_writer>> begin_write() override { return under_.begin_write(); }
    result<std::unique_ptr<store_reader>> begin_read() override {
        if (reads_until_failure >= 0 && reads_until_failure-- == 0) {
            reads_until_failure = 0; // from now on
            return error{errc::io, "the disk does not answer"};
        }
        return under_.begin_read();
    }
    result<store_usage> usage() override { return under_.usage(); }
    std::atomic<int> reads_until_failure = -1; // negative: never

  private:
    store& under_;
};

class queue_port : public journal_port {
  public:
    void submit(journal_request request) override {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::get<delivery_request>(std::move(request)));
        there_.notify_one();
    }
    // Nothing after a long time without any: the test hangs no longer than that.
    std::optional<delivery_request> next() {
        std::unique_lock lock(mutex_);
        if (!there_.wait_for(lock, std::chrono::seconds(30), [&] { return !requests_.empty(); }))
            return std::nullopt;
        auto out = std::move(requests_.front());
        requests_.pop_front();
        return out;
    }

  private:
    std::mutex mutex_;
    std::condition_variable there_;
    std::deque<delivery_request> requests_;
};

// Applies everything; refuses one update as long as it is told to.
struct erp_server {
    sequence refuses = k_no_sequence;
    std::vector<sequence> applied; // by the server's thread; read after it ended
    std::set<sequence> seen;

    void serve(tiny_server::tcp::socket& socket) {
        std::string text;
        while (!tiny_server::read_request(socket, text).empty()) {
            wharf::v1::UpdateBatch batch;
            batch.ParseFromString(text);
            wharf::v1::BatchAnswer answer;
            for (const auto& update : batch.items()) {
                auto& item = *answer.add_items();
                item.set_idempotency_key(update.idempotency_key());
                const auto number = update.id().sequence();
                if (number == refuses) {
                    refuses = k_no_sequence; // once
                    item.set_status(wharf::v1::ITEM_STATUS_REFUSED);
                    item.set_code("closed");
                } else if (!seen.insert(number).second) {
                    item.set_status(wharf::v1::ITEM_STATUS_ALREADY_APPLIED);
                } else {
                    applied.push_back(number);
                    item.set_status(wharf::v1::ITEM_STATUS_APPLIED);
                }
            }
            tiny_server::write(socket, tiny_server::reply("200 OK", answer.SerializeAsString()));
        }
    }
};

sync_destination destination(std::uint16_t port) {
    sync_destination out;
    out.delivery.gateway = out.connector.gateway = "WH7";
    out.delivery.in_flight_max = 1; // the server takes one connection at a time
    out.delivery.lanes[1].batch_max_delay_us = 1000;
    out.connector.url = "http://127.0.0.1:" + std::to_string(port);
    out.connector.format = http_format::protobuf;
    return out;
}

// Commits what delivery asks for until the books say so.
template <class Until>
bool commit_until(rig& journal, queue_port& port, sync_shell& shell, Until until) {
    while (!until()) {
        auto request = port.next();
        if (!request) return false;
        for (const auto& answer : journal.commit({journal_request{*request}}))
            if (const auto* done = std::get_if<delivery_done>(&answer)) shell.post(*done);
    }
    return true;
}

} // namespace

TEST_CASE("events in the journal reach the ERP once, in order, and the books say so") {
    rig journal;
    journal.open();
    journal.connect();
    for (std::uint64_t i = 1; i <= 50; ++i)
        journal.ingest_one({{"id" + std::to_string(i)}, "c", lane::inventory, {i % 5}});
    erp_server erp;
    erp.refuses = 7;
    steady_time clock;
    fixed_random random;
    queue_port port;
    {
        tiny_server server(1, [&](auto& socket, int) { erp.serve(socket); });
        sync_shell shell({destination(server.port())}, journal.store, port, clock, random, {});
        REQUIRE(shell.start().ok());
        // 7 is dead, and everything of its key waits behind it.
        REQUIRE(
            commit_until(journal, port, shell, [&] { return journal.books().applied() == 41; }));
        CHECK(journal.books().dead() == 1);
        CHECK(journal.books().pending() == 8);
        shell.retry_dead(0, 7, {});
        REQUIRE(
            commit_until(journal, port, shell, [&] { return journal.books().applied() == 50; }));
        // While it runs, too: announced, and beyond the bound of what is announced.
        for (std::uint64_t i = 51; i <= 60; ++i)
            journal.ingest_one({{"id" + std::to_string(i)}, "c", lane::inventory, {i % 5}});
        auto fresh = journal.view().heads_of_all(50, 100);
        REQUIRE(fresh.ok());
        shell.on_appended(fresh->heads);
        REQUIRE(
            commit_until(journal, port, shell, [&] { return journal.books().applied() == 60; }));
        shell.stop();
        CHECK(shell.snapshots().at(0).applied == 60);
    }
    CHECK(journal.books().pending() == 0);
    CHECK(journal.books().dead() == 0);
    REQUIRE(erp.applied.size() == 60);
    std::map<std::uint64_t, sequence> last;
    for (auto number : erp.applied) {
        CHECK(last[number % 5] < number);
        last[number % 5] = number;
    }
}

TEST_CASE("a restart with a batch on its way sends it again under the same keys") {
    rig journal;
    journal.open();
    journal.connect();
    journal.ingest_one({{"id"}, "c", lane::inventory, {1}});
    erp_server erp;
    steady_time clock;
    fixed_random random;
    queue_port port;
    {
        // Applied, but the answer is lost with the connection.
        tiny_server server(1, [&](auto& socket, int) {
            std::string body;
            tiny_server::read_request(socket, body);
            wharf::v1::UpdateBatch batch;
            batch.ParseFromString(body);
            for (const auto& item : batch.items()) {
                erp.seen.insert(item.id().sequence());
                erp.applied.push_back(item.id().sequence());
            }
        });
        sync_shell shell({destination(server.port())}, journal.store, port, clock, random, {});
        REQUIRE(shell.start().ok());
        auto seal = port.next();
        REQUIRE(seal.has_value());
        for (const auto& answer : journal.commit({journal_request{*seal}}))
            shell.post(std::get<delivery_done>(answer));
        while (shell.snapshots().empty() || shell.snapshots()[0].last_error.empty())
            std::this_thread::yield();
        shell.stop(0);
    }
    {
        tiny_server server(1, [&](auto& socket, int) { erp.serve(socket); });
        sync_shell shell({destination(server.port())}, journal.store, port, clock, random, {});
        REQUIRE(shell.start().ok());
        REQUIRE(commit_until(journal, port, shell, [&] { return journal.books().applied() == 1; }));
        shell.stop();
    }
    CHECK(erp.applied == std::vector<sequence>{1});
}

TEST_CASE("where the journal could not be read the destination stops, and resume reads again") {
    rig journal;
    journal.open();
    journal.connect();
    for (int i = 0; i < 3; ++i)
        journal.ingest_one({{"k" + std::to_string(i)}, "text " + std::to_string(i)});
    erp_server erp;
    {
        tiny_server server(1, [&](auto& socket, int) { erp.serve(socket); });
        steady_time clock;
        fixed_random random;
        queue_port port;
        failing_reads disk(journal.store);
        // The state at the start is read, the parked updates are not, nor are they a second time.
        disk.reads_until_failure = 1;
        std::string stopped; // by the sync thread; looked at once it has replied
        sync_callbacks callbacks;
        callbacks.alarm = [&](const std::string&, const std::string& code, const std::string& text,
                              bool raised) {
            if (code == "stopped") stopped = raised ? text : "";
        };
        sync_shell shell({destination(server.port())}, disk, port, clock, random, callbacks);
        REQUIRE(shell.start().ok());
        const auto resumed = [&] {
            std::promise<std::string> done;
            shell.resume(0, [&](const std::string& failure) { done.set_value(failure); });
            return done.get_future().get();
        };
        CHECK(resumed().empty());
        CHECK(stopped.find("the disk does not answer") != std::string::npos);
        disk.reads_until_failure = -1;
        CHECK(resumed().empty());
        CHECK(stopped.empty());
        CHECK(commit_until(journal, port, shell, [&] { return journal.books().applied() == 3; }));
        shell.stop();
    }
    CHECK(erp.applied == std::vector<sequence>{1, 2, 3});
}

TEST_CASE("a destination that cannot be used is refused at the start") {
    rig journal;
    journal.open();
    steady_time clock;
    fixed_random random;
    queue_port port;
    for (const char* trusted : {"", "/nowhere/authorities.pem"}) {
        auto wrong = destination(1);
        wrong.connector.url = "https://erp.example";
        wrong.tls.trusted = trusted;
        sync_shell shell({wrong}, journal.store, port, clock, random, {});
        const auto started = shell.start();
        REQUIRE_FALSE(started.ok());
        CHECK(started.failure().message.find("destination erp") != std::string::npos);
        CHECK(started.failure().message.find(trusted) != std::string::npos);
    }
}
