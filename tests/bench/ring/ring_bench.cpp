// What a group costs the device and its client, with the write-ahead ring and with LMDB alone, on
// one made-up workload that has the journal's shape:
//
//   ring_bench DIR rate SECONDS RING_MB [BLOCK [CHECKPOINT_S]]   20 groups of one event a second
//   ring_bench DIR steps SECONDS RING_MB [BLOCK [CHECKPOINT_S]]  the same bytes without the waiting
//   ring_bench DIR full GROUPS RING_MB EVENTS [GROUP_KB]          groups of EVENTS as fast as they
//   go
//
// A group is one block of its events (220 bytes each), their identities (16 bytes each) as a run
// beside it, and the books (500 bytes). Once a second, or every 500 events, the delivery state of
// all lanes rides along and a second's worth of old blocks and runs is erased. DIR must not be in
// memory.
//
// Prints one JSON object. bytes_per_event is what was handed to the system to write, in whole
// blocks; counted_bytes_per_event what the system counts for this process (write_bytes of
// /proc/self/io: too much where the page cache has folios larger than what was written to them);
// machine_bytes_per_event what all disks wrote (/proc/diskstats), the file system's own writes and
// everybody else's too.
#include "gateway/platform/journal_store.hpp"

#include "gateway/base/bytes.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace wharf;
using clock_type = std::chrono::steady_clock;

constexpr std::size_t k_event_bytes = 220;
constexpr std::size_t k_identity_bytes = 16;
constexpr std::size_t k_books_bytes = 500;
constexpr std::uint64_t k_rate = 20;
// LMDB hands over 120 bytes of its meta page; the device writes a block.
constexpr std::uint64_t k_meta_rest = 4096 - 120;
constexpr std::uint64_t k_kept_groups = 600;

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "ring_bench: %s\n", why.c_str());
    std::exit(1);
}

std::uint64_t own(const std::string& which) {
    std::ifstream file("/proc/self/io");
    std::string name;
    std::uint64_t value = 0;
    while (file >> name >> value)
        if (name == which + ":") return value;
    return 0;
}

// Sectors written by whole disks, in bytes.
std::uint64_t machine_bytes() {
    std::ifstream file("/proc/diskstats");
    std::string line;
    std::uint64_t sectors = 0;
    while (std::getline(file, line)) {
        std::istringstream in(line);
        std::string major, minor, name;
        in >> major >> minor >> name;
        std::vector<std::uint64_t> numbers;
        for (std::uint64_t number = 0; in >> number;)
            numbers.push_back(number);
        bool whole = std::ifstream("/sys/block/" + name + "/size").good();
        if (whole && !name.starts_with("loop") && !name.starts_with("dm-") && numbers.size() > 6)
            sectors += numbers[6];
    }
    return sectors * 512;
}

std::string key_of(char tag, std::uint64_t number) {
    std::string key(1, tag);
    put_big(key, number);
    return key;
}

class some_random final : public random_port {
  public:
    std::uint64_t next() override {
        return static_cast<std::uint64_t>(clock_type::now().time_since_epoch().count());
    }
};

class workload {
  public:
    // virtual_step_us: what the clock goes on by with each group; 0: the real one.
    workload(store& over, std::size_t events, std::int64_t virtual_step_us)
        : over_(over), events_(events), virtual_step_us_(virtual_step_us) {}

    void commit(bool with_delivery) {
        auto began = clock_type::now();
        auto writer = over_.begin_write();
        if (!writer.ok()) die(writer.failure().message);
        auto put = [&](const std::string& key, std::size_t bytes) {
            fill_.assign(bytes, static_cast<char>(number_ * 31 + bytes));
            if (auto done = (*writer)->put(key, fill_); !done.ok()) die(done.failure().message);
        };
        ++number_;
        put(key_of('E', number_), events_ * k_event_bytes);
        put(key_of('I', number_), events_ * k_identity_bytes);
        if (with_delivery) {
            for (std::uint64_t lane = 0; lane < 4; ++lane)
                put(key_of('D', lane), 12);
            while (number_ - erased_ > k_kept_groups) {
                ++erased_;
                for (char tag : {'E', 'I'})
                    if (!(*writer)->erase(key_of(tag, erased_)).ok()) die("erase");
            }
        }
        put("B", k_books_bytes);
        commit_result done = (*writer)->commit();
        if (done.outcome != commit_outcome::durable) die(done.message);
        took_us_.push_back(
            std::chrono::duration<double, std::micro>(clock_type::now() - began).count());
        if (virtual_step_us_ != 0)
            now_us_ += virtual_step_us_;
        else
            now_us_ = std::chrono::duration_cast<std::chrono::microseconds>(
                          clock_type::now().time_since_epoch())
                          .count();
        if (auto told = over_.tick(now_us_); !told.ok()) die(told.failure().message);
    }

    [[nodiscard]] double percentile(double share) {
        std::sort(took_us_.begin(), took_us_.end());
        return took_us_.empty() ? 0
                                : took_us_[static_cast<std::size_t>(
                                      share * static_cast<double>(took_us_.size() - 1))];
    }
    void forget_times() { took_us_.clear(); }

  private:
    store& over_;
    const std::size_t events_;
    const std::int64_t virtual_step_us_;
    std::int64_t now_us_ = 0;
    std::string fill_;
    std::uint64_t number_ = 0;
    std::uint64_t erased_ = 0;
    std::vector<double> took_us_;
};

std::uint64_t number_of(int argc, char** argv, int at, std::uint64_t otherwise) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    const std::string how = argv[2];
    const std::uint64_t amount = number_of(argc, argv, 3, 0);
    const bool at_rate = how != "full";
    journal_store_options options;
    options.lmdb = {argv[1], std::uint64_t{256} << 20};
    options.ring.ring_bytes = number_of(argc, argv, 4, 8) << 20;
    if (at_rate) {
        options.ring.block_bytes = static_cast<std::uint32_t>(number_of(argc, argv, 5, 4096));
        options.ring.checkpoint_us =
            static_cast<std::int64_t>(number_of(argc, argv, 6, 10)) * 1'000'000;
    }
    const std::size_t events = at_rate ? 1 : number_of(argc, argv, 5, 1);
    if (!at_rate)
        options.ring.group_bytes_max =
            number_of(argc, argv, 6, limits::k_ring_group_bytes_max >> 10) << 10;
    some_random random;
    auto opened = open_journal_store(options, random);
    if (!opened.ok()) die(opened.failure().message);
    workload load(*opened->over, events, how == "steps" ? 1'000'000 / k_rate : 0);
    // A tree of some depth and recycled pages, as after a while.
    for (std::uint64_t i = 0; i < k_kept_groups + 100; ++i)
        load.commit(i % k_rate == 0);
    if (!opened->over->checkpoint().ok()) die("checkpoint");
    load.forget_times();
    const std::uint64_t given = own("wchar");
    const std::uint64_t counted = own("write_bytes");
    const std::uint64_t machine = machine_bytes();
    const store_traffic before = opened->over->traffic();
    auto began = clock_type::now();
    const std::uint64_t groups = at_rate ? amount * k_rate : amount;
    const std::uint64_t delivery_every =
        at_rate ? k_rate : std::max<std::uint64_t>(1, 500 / events);
    for (std::uint64_t i = 0; i < groups; ++i) {
        if (how == "rate")
            std::this_thread::sleep_until(began + std::chrono::milliseconds(1000 / k_rate) * i);
        load.commit(i % delivery_every == 0);
    }
    double seconds = std::chrono::duration<double>(clock_type::now() - began).count();
    if (!opened->over->checkpoint().ok()) die("checkpoint");
    const double count = static_cast<double>(groups * events);
    const store_traffic after = opened->over->traffic();
    const std::uint64_t commits =
        after.direct_commits - before.direct_commits + after.checkpoints - before.checkpoints;
    const auto given_bytes = static_cast<double>(own("wchar") - given + commits * k_meta_rest);
    const auto counted_bytes = static_cast<double>(own("write_bytes") - counted);
    std::printf("{\"how\":\"%s\",\"ring_mb\":%llu,\"events_per_group\":%zu,"
                "\"bytes_per_event\":%.0f,\"counted_bytes_per_event\":%.0f,"
                "\"machine_bytes_per_event\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
                "\"events_per_s\":%.0f,\"ring_records\":%llu,\"direct\":%llu,"
                "\"checkpoints\":%llu}\n",
                how.c_str(), static_cast<unsigned long long>(options.ring.ring_bytes >> 20), events,
                given_bytes / count, counted_bytes / count,
                static_cast<double>(machine_bytes() - machine) / count, load.percentile(0.5),
                load.percentile(0.99), count / seconds,
                static_cast<unsigned long long>(after.ring_records - before.ring_records),
                static_cast<unsigned long long>(after.direct_commits - before.direct_commits),
                static_cast<unsigned long long>(after.checkpoints - before.checkpoints));
    return opened->over->close().ok() ? 0 : 1;
}
