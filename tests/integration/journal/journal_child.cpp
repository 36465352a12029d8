// A process of its own for the journal over LMDB, so that it can be killed, cut off and faulted:
//
//   journal_child commit DIR COUNT   commits COUNT groups of one event each, tries again where
//                                    there is no space, prints "ack N" after each commit
//   journal_child check DIR          opens, verifies, prints "event N" for each that is there as it
//                                    was sent, then "ok LAST"
//   journal_child verify DIR         opens read-only and verifies; prints "ok RECORDS"
//   journal_child export DIR FILE    prints "ok RECORDS"
//   journal_child import DIR FILE    prints each step when it is done, then "ok RECORDS"
//
// With a last word "ring" there is a write-ahead ring, with a checkpoint every third group.
//
// Exit: 0 done, 3 an error in words on stderr, 4 verification found something.
#include "gateway/journal/inspect.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/platform/crash_words.hpp"
#include "gateway/platform/export_file.hpp"
#include "gateway/platform/journal_import.hpp"
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/system_clock.hpp"
#include "tests/integration/journal/messages.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace wharf;

constexpr std::uint64_t k_size_bytes = 16 * 1024 * 1024;
constexpr int k_tries_max = 20;
constexpr std::uint64_t k_ring_bytes = 64 * 1024;
constexpr std::int64_t k_checkpoint_us = 2;

bool with_ring = false;

void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
}

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "wharf: %s\n", why.c_str());
    std::exit(3);
}

template <class T> T taken(result<T> from) {
    if (!from.ok()) die(from.failure().message);
    return std::move(from).value();
}

struct opened {
    std::unique_ptr<store> over;
    identity_window window;
    std::unique_ptr<journal> log;
};

opened open_all(const std::string& dir) {
    opened out;
    journal_store_options files;
    files.lmdb = {dir, k_size_bytes};
    files.ring.ring_bytes = with_ring ? k_ring_bytes : 0;
    files.ring.checkpoint_us = k_checkpoint_us;
    system_random random;
    for (int tries = 0;; ++tries) {
        auto over = open_journal_store(files, random);
        if (over.ok()) {
            out.over = std::move(over->over);
            break;
        }
        // A full disk while the journal is made: the service manager would start it again.
        if (over.failure().code != errc::no_space || tries >= k_tries_max)
            die(over.failure().message);
    }
    journal_options options;
    options.gateway = "WH7";
    options.destinations = {"erp"};
    options.identity = {std::int64_t{1} << 50, 1'000'000};
    options.retention_us = std::int64_t{1} << 50;
    out.log = taken(journal::open(*out.over, out.window, options, 0));
    return out;
}

// One "microsecond" of the ring's time for each group.
void tick(store& over, std::uint64_t n) {
    // Where there was no space for a checkpoint it is tried again a second later.
    auto told = over.tick(static_cast<std::int64_t>(n));
    if (!told.ok()) die(told.failure().message);
}

// The number of tries that there was no space for.
int commit_group(journal& log, const journal_request& request) {
    for (int tries = 0; tries < k_tries_max; ++tries) {
        if (auto begun = log.begin(0); !begun.ok()) die(begun.failure().message);
        status applied = log.apply(request);
        if (!applied.ok()) {
            if (applied.failure().code != errc::no_space) die(applied.failure().message);
            log.roll_back();
            continue;
        }
        commit_result done = log.commit();
        if (done.outcome == commit_outcome::durable) return tries;
        if (done.outcome == commit_outcome::unknown) die(done.message);
    }
    die("there is no space");
}

int commit(const std::string& dir, std::uint64_t count) {
    opened all = open_all(dir);
    int pushed_back = commit_group(*all.log, test::open_session(0, "client"));
    auto answers = all.log->take_answers();
    auto generation = std::get<session_opened>(answers.at(0)).generation;
    const std::uint64_t first = all.log->state().last_sequence() + 1;
    for (std::uint64_t n = first; n < first + count; ++n) {
        pushed_back += commit_group(*all.log, test::numbered_event(n, "client", generation, 300));
        if (all.log->take_answers().size() == 1) say("ack " + std::to_string(n));
        tick(*all.over, n);
    }
    say("pushed back " + std::to_string(pushed_back));
    return 0;
}

int report(const verification& checked) {
    for (const finding& one : checked.findings)
        std::fprintf(stderr, "wharf: %s: %s\n", one.where.c_str(), one.what.c_str());
    return checked.findings_total == 0 ? 0 : 4;
}

int check(const std::string& dir) {
    opened all = open_all(dir);
    if (int found = report(taken(verify(*all.over))); found != 0) return found;
    journal_view view(*all.over);
    for (sequence n = 1; n <= all.log->state().last_sequence(); ++n)
        if (taken(view.event(n)).event.stream() == "event " + std::to_string(n))
            say("event " + std::to_string(n));
    say("ok " + std::to_string(all.log->state().last_sequence()));
    return 0;
}

int verify_only(const std::string& dir) {
    auto over = taken(open_journal_store_read_only(dir)).over;
    auto checked = taken(verify(*over));
    if (int found = report(checked); found != 0) return found;
    say("ok " + std::to_string(checked.records));
    return 0;
}

int export_to(const std::string& dir, const std::string& name) {
    auto over = taken(open_journal_store_read_only(dir)).over;
    auto file = taken(export_output::make(name));
    auto done = taken(export_journal(*over, "journal_child", 0,
                                     [&](std::string_view bytes) { return file.write(bytes); }));
    taken(file.finish());
    say("ok " + std::to_string(done.trailer.records()));
    return 0;
}

int import_from(const std::string& dir, const std::string& name) {
    auto file = taken(export_input::open(name));
    export_reader from([&](char* into, std::size_t size) { return file.read(into, size); });
    const auto header = taken(from.header());
    system_random random;
    import_calls calls;
    calls.at = [](import_step step) { say("step " + std::to_string(static_cast<int>(step))); };
    auto done = taken(import_journal(from, header, {dir, k_size_bytes, {}}, random, calls));
    say("ok " + std::to_string(done.records));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc > 3 && std::string(argv[argc - 1]) == "ring") {
        with_ring = true;
        --argc;
    }
    if (argc < 3) return 2;
    const std::string what = argv[1];
    const std::string dir = argv[2];
    install_crash_words(dir);
    if (what == "commit" && argc == 4) return commit(dir, std::strtoull(argv[3], nullptr, 10));
    if (what == "check") return check(dir);
    if (what == "verify") return verify_only(dir);
    if (what == "export" && argc == 4) return export_to(dir, argv[3]);
    if (what == "import" && argc == 4) return import_from(dir, argv[3]);
    return 2;
}
