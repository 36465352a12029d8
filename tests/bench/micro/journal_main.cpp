// bench-journal: the journal and identity alone, a bare LMDB append beside them, and journals
// filled in advance; --help says how to use it. Results are one line of JSON.
#include "tests/bench/micro/journal_rig.hpp"
#include "tests/bench/micro/raw_lmdb.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>

namespace {

using bench::journal_rig;

struct words {
    bench::journal_place place;
    std::string what;
    std::uint64_t events = 1'000'000;
    std::uint64_t first_event = 1;
    std::size_t group = 1000;
    double seconds = 2;
    std::size_t record_bytes = 0;
};

double now_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// What this process had written to the device.
std::uint64_t bytes_written() {
    std::ifstream io("/proc/self/io");
    std::string name;
    std::uint64_t value = 0;
    while (io >> name >> value)
        if (name == "write_bytes:") return value;
    return 0;
}

void print(std::uint64_t events, double seconds, std::uint64_t bytes, std::size_t record_bytes) {
    const auto count = static_cast<double>(events);
    std::printf("{\"events\": %llu, \"seconds\": %.5f, \"per_s\": %.1f, \"bytes_per_event\": %.1f, "
                "\"record_bytes\": %zu}\n",
                static_cast<unsigned long long>(events), seconds, count / seconds,
                static_cast<double>(bytes) / count, record_bytes);
}

// The time of the groups alone; what they are made of is prepared between them.
void measure(const words& given, std::size_t record_bytes,
             const std::function<void(std::uint64_t first, std::size_t count)>& prepare,
             const std::function<void(std::size_t at, std::size_t count)>& commit) {
    constexpr std::size_t k_prepared_max = 20'000;
    const std::size_t batch = std::max(given.group, k_prepared_max / given.group * given.group);
    const std::uint64_t before = bytes_written();
    std::uint64_t events = 0;
    double seconds = 0;
    while (seconds < given.seconds && events < given.events) {
        prepare(given.first_event + events, batch);
        for (std::size_t at = 0; at < batch && seconds < given.seconds; at += given.group) {
            const double began = now_s();
            commit(at, given.group);
            seconds += now_s() - began;
            events += given.group;
        }
    }
    print(events, seconds, bytes_written() - before, record_bytes);
}

void measure_journal(const words& given) {
    journal_rig rig(given.place);
    std::vector<wharf::journal_request> prepared;
    measure(
        given, rig.stored_bytes(),
        [&](std::uint64_t first, std::size_t count) {
            prepared.clear();
            for (std::size_t i = 0; i < count; ++i)
                prepared.push_back(rig.prepare(first + i));
        },
        [&](std::size_t at, std::size_t count) { rig.commit(&prepared[at], count); });
}

void measure_raw(const words& given) {
    bench::raw_lmdb raw(given.place.path, given.place.size_mb, given.record_bytes);
    measure(
        given, given.record_bytes, [](std::uint64_t, std::size_t) {},
        [&](std::size_t, std::size_t count) { raw.commit(count); });
}

void fill(const words& given) {
    journal_rig rig(given.place);
    const double began = now_s();
    const std::uint64_t before = bytes_written();
    std::vector<wharf::journal_request> prepared;
    for (std::uint64_t done = 0; done < given.events; done += prepared.size()) {
        prepared.clear();
        const std::uint64_t left = given.events - done;
        for (std::uint64_t i = 0; i < std::min<std::uint64_t>(given.group, left); ++i)
            prepared.push_back(rig.prepare(given.first_event + done + i));
        rig.commit(prepared.data(), prepared.size());
    }
    rig.close();
    print(given.events, now_s() - began, bytes_written() - before, rig.stored_bytes());
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Drives the journal alone"};
    words given;
    app.add_option("what", given.what,
                   "measure: groups of prepared events; raw: a bare LMDB append; fill: events into "
                   "a journal, for later")
        ->required()
        ->check(CLI::IsMember({"measure", "raw", "fill"}));
    app.add_option("--path", given.place.path, "the journal's folder")->required();
    app.add_option("--size-mb", given.place.size_mb);
    app.add_option("--destination", given.place.destinations);
    app.add_option("--ring-mb", given.place.ring_mb, "0: LMDB alone");
    app.add_option("--identities-max", given.place.identities_max);
    app.add_option("--events", given.events, "at most, or to fill in");
    app.add_option("--first-event", given.first_event);
    app.add_option("--group", given.group, "events per commit")->check(CLI::Range(1, 100'000));
    app.add_option("--seconds", given.seconds, "measured time");
    app.add_option("--record-bytes", given.record_bytes, "of the bare append");
    CLI11_PARSE(app, argc, argv);
    if (given.what == "measure") measure_journal(given);
    if (given.what == "raw") measure_raw(given);
    if (given.what == "fill") fill(given);
    return 0;
}
