#include "tests/sim/simulation.hpp"
#include <cstdio>
#include <cstdlib>
#include <cstring>
int main(int argc, char** argv) {
    std::uint64_t from = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
    std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    bool print = argc > 3;
    for (auto seed = from; seed < from + count; ++seed) {
        auto out = wharf::sim::simulate(seed, print);
        std::printf("%llu %s hash %016llx events %llu steps %llu %s %s\n", (unsigned long long)seed,
                    out.good ? "good" : "BAD", (unsigned long long)out.hash,
                    (unsigned long long)out.events, (unsigned long long)out.steps,
                    out.checker.c_str(), out.words.c_str());
        std::fflush(stdout);
    }
}
