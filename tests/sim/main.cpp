// The simulator's command line: ./dev sim. docs/simulator.md.
#include "tests/sim/crew.hpp"
#include "tests/sim/mutants.hpp"

#include <CLI/CLI.hpp>

#include <cinttypes>
#include <cstdio>

namespace wharf::sim {

namespace {

// So many seeds should show every fault at least once.
constexpr std::uint64_t k_every_fault_seeds = 200;

struct options {
    std::uint64_t seed = 0;
    std::uint64_t seeds = 0;
    std::uint64_t from = 1;
    unsigned jobs = 2;
    bool trace = false;
    bool twice = false;
    bool mutants = false;
    std::string mutant;
    std::uint64_t bound = 500;
};

void tell_failure(std::uint64_t seed, const outcome& bad) {
    std::printf("seed %" PRIu64 ": %s: %s\n  replay: ./dev sim --seed %" PRIu64 " --trace\n", seed,
                bad.checker.c_str(), bad.words.c_str(), seed);
}

int one_seed(const options& with) {
    outcome out;
    if (with.trace) {
        out = simulate(with.seed, true);
    } else {
        run_seeds({with.seed, 1}, 1, [&](std::uint64_t, const outcome& got) {
            out = got;
            return true;
        });
    }
    std::printf("seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu64 " events, %" PRIu64 " steps\n",
                with.seed, out.hash, out.events, out.steps);
    if (!out.good) tell_failure(with.seed, out);
    return out.good ? 0 : 1;
}

int many_seeds(const options& with) {
    fault_counts faults{};
    std::uint64_t done = 0;
    std::uint64_t bad = 0;
    std::uint64_t events = 0;
    std::uint64_t combined = 0;
    run_seeds({with.from, with.seeds}, with.jobs, [&](std::uint64_t seed, const outcome& out) {
        ++done;
        events += out.events;
        combined += out.hash; // in any order
        for (std::size_t i = 0; i < k_fault_count; ++i)
            faults[i] += out.faults[i];
        if (!out.good) {
            ++bad;
            tell_failure(seed, out);
            std::fflush(stdout);
        }
        return true;
    });
    std::printf("faults that fired:\n");
    for (std::size_t i = 0; i < k_fault_count; ++i) {
        const bool never = faults[i] == 0 && done >= k_every_fault_seeds;
        std::printf("  %-32s %10" PRIu32 "%s\n", std::string(k_fault_names[i]).c_str(), faults[i],
                    never ? "   never: it tests nothing" : "");
        if (never) ++bad;
    }
    std::printf("%" PRIu64 " seeds, %" PRIu64 " events, traces %016" PRIx64 ", %" PRIu64
                " failures\n",
                done, events, combined, bad);
    return bad == 0 && done == with.seeds ? 0 : 1;
}

// The same seed gives the same trace.
int twice(const options& with) {
    std::vector<std::uint64_t> hashes(with.seeds);
    for (int round = 0; round < 2; ++round)
        run_seeds({with.from, with.seeds}, round == 0 ? with.jobs : 1,
                  [&](std::uint64_t seed, const outcome& out) {
                      auto& hash = hashes[seed - with.from];
                      if (round == 1 && hash != out.hash) {
                          std::printf("seed %" PRIu64 ": two runs, two traces\n", seed);
                          hash = 0;
                      } else {
                          hash = out.hash;
                      }
                      return true;
                  });
    for (auto hash : hashes)
        if (hash == 0) return 1;
    std::printf("%" PRIu64 " seeds twice: the same traces\n", with.seeds);
    return 0;
}

int run(int argc, char** argv) {
    options with;
    CLI::App app("Simulates warehouses, each from a seed, and judges what became of them");
    app.add_option("--seed", with.seed, "one seed");
    app.add_option("--seeds", with.seeds, "so many seeds");
    app.add_option("--from", with.from, "the first of them");
    app.add_option("--jobs", with.jobs, "processes")->check(CLI::Range(1U, 64U))->take_last();
    app.add_flag("--trace", with.trace, "with --seed: every line of the trace");
    app.add_flag("--twice", with.twice, "with --seeds: each two times, to compare the traces");
    app.add_flag("--mutants", with.mutants, "plant each fault in turn");
    app.add_option("--mutant", with.mutant, "plant this one");
    app.add_option("--bound", with.bound, "seeds in which a planted fault has to be noticed");
    CLI11_PARSE(app, argc, argv);
    if (!with.mutant.empty() && !plant(with.mutant)) {
        std::fprintf(stderr, "no mutant %s in this program\n", with.mutant.c_str());
        return 2;
    }
    if (with.mutants) return hunt_mutants(with.from, with.bound, with.jobs);
    if (with.seeds > 0) return with.twice ? twice(with) : many_seeds(with);
    return one_seed(with);
}

} // namespace

} // namespace wharf::sim

int main(int argc, char** argv) {
    return wharf::sim::run(argc, argv);
}
