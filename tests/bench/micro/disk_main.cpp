// bench-disk FOLDER [--seconds S] [--rate R]: the disk's own limit, a bare loop of 4 KiB append and
// fdatasync. One line of JSON.
#include "tests/bench/load/histogram.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <thread>
#include <unistd.h>

int main(int argc, char** argv) {
    using clock = std::chrono::steady_clock;
    CLI::App app{"Appends 4 KiB and syncs, again and again"};
    std::string folder;
    double seconds = 2;
    double rate = 0;
    app.add_option("folder", folder)->required();
    app.add_option("--seconds", seconds);
    app.add_option("--rate", rate, "per second; else one after the other");
    CLI11_PARSE(app, argc, argv);

    const std::string name = folder + "/bench-disk";
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        std::perror(name.c_str());
        return 3;
    }
    const std::string page(4096, 'x');
    auto latency = std::make_unique<bench::latency_histogram>();
    const auto began = clock::now();
    const auto end = began + std::chrono::duration<double>(seconds);
    auto due = began;
    while (clock::now() < end) {
        if (rate > 0) {
            due += std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / rate));
            std::this_thread::sleep_until(due);
        }
        const auto before = clock::now();
        if (::write(fd, page.data(), page.size()) != 4096 || ::fdatasync(fd) != 0) {
            std::perror("append and sync");
            return 3;
        }
        latency->add((clock::now() - before).count());
    }
    const double took = std::chrono::duration<double>(clock::now() - began).count();
    ::close(fd);
    ::unlink(name.c_str());
    std::printf("{\"syncs\": %llu, \"per_s\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
                "\"max_us\": %.1f}\n",
                static_cast<unsigned long long>(latency->count()),
                static_cast<double>(latency->count()) / took, latency->quantile_us(0.5),
                latency->quantile_us(0.99), latency->max_us());
    return 0;
}
