#include "tests/sim/mutants.hpp"

#include "gateway/base/mutant.hpp"
#include "tests/sim/crew.hpp"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <string>

namespace wharf::sim {

#ifdef WHARF_MUTANTS

bool plant(std::string_view name) {
    for (std::size_t i = 0; i < k_mutant_names.size(); ++i) {
        if (k_mutant_names[i] != name) continue;
        planted_mutant = static_cast<mutant>(i);
        return true;
    }
    return false;
}

namespace {

struct catch_of {
    std::uint64_t seed = 0; // 0: not noticed
    outcome what;
};

// The first seed that notices it.
catch_of hunt(std::uint64_t from, std::uint64_t bound, unsigned jobs) {
    catch_of found;
    // In small portions, so that the answer does not depend on which child is faster.
    for (std::uint64_t done = 0; done < bound && found.seed == 0; done += jobs) {
        const auto count = std::min<std::uint64_t>(jobs, bound - done);
        run_seeds({from + done, count}, jobs, [&](std::uint64_t seed, const outcome& out) {
            if (!out.good && (found.seed == 0 || seed < found.seed)) found = {seed, out};
            return true;
        });
    }
    return found;
}

} // namespace

int hunt_mutants(std::uint64_t from, std::uint64_t bound, unsigned jobs) {
    std::uint64_t missed = 0;
    std::printf("%-38s %6s  %-26s %s\n", "planted", "seeds", "noticed by", "in its words");
    for (std::size_t i = 0; i < k_mutant_names.size(); ++i) {
        planted_mutant = static_cast<mutant>(i);
        const bool sound = planted_mutant == mutant::none;
        const auto found = hunt(from, sound ? std::min<std::uint64_t>(bound, 20) : bound, jobs);
        if ((found.seed == 0) != sound) ++missed;
        std::printf("%-38s %6s  %-26s %s\n", std::string(k_mutant_names[i]).c_str(),
                    found.seed == 0 ? "-" : std::to_string(found.seed - from + 1).c_str(),
                    found.seed == 0 ? (sound ? "nobody, rightly" : "NOBODY")
                                    : found.what.checker.c_str(),
                    found.what.words.substr(0, 100).c_str());
        std::fflush(stdout);
    }
    std::printf("%zu mutants, %" PRIu64 " not noticed within %" PRIu64 " seeds\n",
                k_mutant_names.size() - 1, missed, bound);
    return missed == 0 ? 0 : 1;
}

#else

bool plant(std::string_view) {
    return false;
}

int hunt_mutants(std::uint64_t, std::uint64_t, unsigned) {
    std::fprintf(stderr, "this program has no mutants: wharf_sim_mutants has\n");
    return 2;
}

#endif

} // namespace wharf::sim
