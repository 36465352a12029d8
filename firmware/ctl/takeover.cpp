// Taking a journal from one gateway to another: export to a file, import from it.
#include "firmware/ctl/verbs.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/platform/export_file.hpp"
#include "gateway/platform/journal_import.hpp"
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/system_clock.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

class progress_line {
  public:
    explicit progress_line(const places& at, const console& to) : silent_(at.json), err_(to.err) {}
    ~progress_line() {
        if (shown_) err_ << "\r" << std::string(60, ' ') << "\r" << std::flush;
    }
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;

    void show(std::uint64_t records, std::string_view what) {
        if (silent_) return;
        shown_ = true;
        err_ << "\r" << records << " records " << what << " ...   " << std::flush;
    }

  private:
    const bool silent_;
    bool shown_ = false;
    std::ostream& err_;
};

std::string epoch_text(std::uint32_t epoch) {
    std::string bytes;
    put_big(bytes, epoch);
    return to_hex(bytes);
}

result<export_summary> write_export(store& from, export_output& to, progress_line& line) {
    WHARF_TRY_ASSIGN(const auto checked,
                     verify(from, [&](std::uint64_t n) { line.show(n, "checked"); }));
    if (checked.findings_total > 0)
        return error{errc::corrupt, "the journal is damaged (" +
                                        std::to_string(checked.findings_total) +
                                        " findings): wharfctl journal verify says what and where"};
    system_clock clock;
    return export_journal(
        from, "wharfctl " WHARF_VERSION, clock.wall_us(),
        [&](std::string_view bytes) { return to.write(bytes); },
        [&](std::uint64_t n) { line.show(n, "written"); });
}

result<export_summary> do_export(const places& at, const console& to, const std::string& name) {
    if (at.journal.empty())
        return error{errc::not_found, "where is the journal? Name it with --journal DIR"};
    // Whoever goes on taking events makes the export old while it is written, and is the second
    // gateway of the two that must never run at once.
    auto still = hold_still(at.journal);
    if (!still.ok())
        return error{still.failure().code,
                     still.failure().message +
                         ". Stop its wharfd first (systemctl stop wharfd) and keep it stopped: "
                         "what it takes after the export is not in it"};
    WHARF_TRY_ASSIGN(auto journal, open_journal(at, to));
    WHARF_TRY_ASSIGN(auto file, export_output::make(name));
    progress_line line(at, to);
    WHARF_TRY_ASSIGN(auto written, write_export(*journal, file, line));
    WHARF_TRY(file.finish());
    return written;
}

result<import_summary> do_import(const places& at, const console& to, const import_options& given) {
    WHARF_TRY_ASSIGN(auto file, export_input::open(given.file));
    export_reader from([&](char* into, std::size_t size) { return file.read(into, size); });
    WHARF_TRY_ASSIGN(const auto header, from.header());
    if (given.into == at.journal && !at.gateway.empty() && at.gateway != header.gateway())
        return error{errc::conflict, "the export is of gateway \"" + header.gateway() +
                                         "\", the configuration names \"" + at.gateway +
                                         "\": who takes over a journal takes over the gateway's "
                                         "name. Set gateway.name to it"};
    system_clock clock;
    system_random random;
    journal_import_options options;
    options.path = given.into;
    options.size_bytes = std::uint64_t{given.size_mb == 0 ? at.journal_mb : given.size_mb} << 20;
    options.takeover = {given.takeover, clock.wall_us()};
    progress_line line(at, to);
    import_calls calls;
    calls.progress = [&](bool verifying, std::uint64_t n) {
        line.show(n, verifying ? "checked" : "read");
    };
    return import_journal(from, header, options, random, calls);
}

} // namespace

int export_journal_to(const places& at, const console& to, const std::string& file) {
    auto written = do_export(at, to, file);
    if (!written.ok()) return failed(to, written.failure());
    const auto& header = written->header;
    const auto& trailer = written->trailer;
    // Standard output may be the export itself.
    std::ostream& out = file == k_standard_stream ? to.err : to.out;
    if (at.json) {
        out << json{{"gateway", header.gateway()},       {"epoch", epoch_text(header.epoch())},
                    {"takeover", header.takeover()},     {"last_event", trailer.last_sequence()},
                    {"records", trailer.records()},      {"bytes", trailer.bytes()},
                    {"sha256", to_hex(trailer.sha256())}}
                   .dump(2)
            << "\n";
        return k_exit_good;
    }
    out << "Exported the journal of gateway " << printable(header.gateway()) << ", takeover "
        << header.takeover() << ", epoch " << epoch_text(header.epoch()) << ": "
        << trailer.records() << " records, " << bytes_text(trailer.bytes()) << ", events up to "
        << trailer.last_sequence() << ".\nKeep its wharfd stopped: what it takes from now on is "
        << "not in the export.\n";
    return k_exit_good;
}

int import_journal_from(const places& at, const console& to, const import_options& given) {
    auto made = do_import(at, to, given);
    if (!made.ok()) return failed(to, made.failure());
    const auto& taken = *made->header.takeovers().rbegin();
    if (at.json) {
        to.out << json{{"gateway", made->header.gateway()},
                       {"journal", given.into},
                       {"takeover", taken.number()},
                       {"epoch", epoch_text(taken.epoch())},
                       {"after", taken.after()},
                       {"records", made->records},
                       {"was_fenced", made->was_fenced}}
                      .dump(2, ' ', false, json::error_handler_t::replace)
               << "\n";
        return k_exit_good;
    }
    to.out << "The journal of gateway " << printable(made->header.gateway()) << " is in "
           << given.into << ": " << made->records << " records, sound, books balanced.\n"
           << "It is takeover " << taken.number() << ": events after " << taken.after()
           << " are named under epoch " << epoch_text(taken.epoch()) << ".\n";
    if (made->was_fenced)
        to.out << "The exported gateway had been fenced: another one holds a takeover already. "
                  "Unless this one's number is higher, it will be fenced too.\n";
    return k_exit_good;
}

} // namespace wharf::ctl
