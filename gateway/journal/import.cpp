#include "gateway/journal/import.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/format.hpp"

#include <algorithm>

namespace wharf {

namespace {

error contradicts(const std::string& what) {
    return error{errc::corrupt, "the export contradicts itself: " + what};
}

// Puts records into a store in transactions of a bounded size.
class filler {
  public:
    explicit filler(store& into) : into_(into) {}

    status put(std::string_view key, std::string_view value) {
        if (writer_ == nullptr) {
            WHARF_TRY_ASSIGN(writer_, into_.begin_write());
            bytes_ = 0;
        }
        WHARF_TRY(writer_->put(key, value));
        bytes_ += key.size() + value.size();
        return bytes_ < limits::k_import_commit_bytes ? ok() : commit();
    }

    status commit() {
        if (writer_ == nullptr) return ok();
        const auto committed = writer_->commit();
        writer_.reset();
        if (committed.outcome == commit_outcome::durable) return ok();
        return error{committed.outcome == commit_outcome::no_space ? errc::no_space : errc::io,
                     committed.message};
    }

  private:
    store& into_;
    std::unique_ptr<store_writer> writer_;
    std::size_t bytes_ = 0;
};

bool has_epoch(const wharf::v1::JournalHeader& header, std::uint32_t epoch) {
    return header.epoch() == epoch || std::ranges::any_of(header.takeovers(), [&](const auto& one) {
               return one.epoch() == epoch;
           });
}

// The next takeover, under an epoch that no name of this journal has.
status take_over(wharf::v1::JournalHeader& header, wharf::v1::JournalState& state,
                 random_port& random, takeover_options options) {
    const std::uint32_t before = epochs_of(header).takeover_number();
    if (options.number == 0) options.number = before + 1;
    if (options.number <= before)
        return error{errc::invalid, "the export is of takeover " + std::to_string(before) +
                                        ": the next one has a higher number"};
    if (static_cast<std::size_t>(header.takeovers_size()) >= limits::k_takeovers_max)
        return error{errc::too_large, "the journal was taken over " +
                                          std::to_string(limits::k_takeovers_max) + " times"};
    auto epoch = static_cast<std::uint32_t>(random.next());
    while (has_epoch(header, epoch)) // once for each that it has, at most
        ++epoch;
    auto* added = header.add_takeovers();
    added->set_number(options.number);
    added->set_epoch(epoch);
    added->set_after(state.last_sequence());
    added->set_at_us(options.at_us);
    header.set_format_version(format::k_version_taken_over);
    state.clear_fence(); // it was for the one before
    state.clear_drain();
    state.clear_end();
    return ok();
}

template <class Message> bool equal(const Message& one, const Message& other) {
    return one.SerializeAsString() == other.SerializeAsString();
}

status compare(const wharf::v1::ExportHeader& of, const wharf::v1::ExportTrailer& trailer,
               const wharf::v1::JournalHeader& header, const wharf::v1::JournalState& state) {
    const epochs names = epochs_of(header);
    if (of.gateway() != header.gateway() || of.epoch() != names.newest() ||
        of.takeover() != names.takeover_number())
        return contradicts("its header is not that of its journal");
    bool same = trailer.last_sequence() == state.last_sequence() &&
                equal(trailer.intake(), state.intake()) &&
                trailer.destinations_size() == state.destinations_size();
    for (int i = 0; same && i < state.destinations_size(); ++i)
        same = equal(trailer.destinations(i), state.destinations(i));
    return same ? ok() : status(contradicts("its books are not those of its journal"));
}

} // namespace

result<import_summary> import_records(export_reader& from, const wharf::v1::ExportHeader& of,
                                      store& into, random_port& random, takeover_options options,
                                      const record_progress& progress) {
    constexpr std::uint64_t k_progress_every = 16'384;
    import_summary out;
    const std::string header_key = format::header_key();
    const std::string state_key = format::state_key();
    std::string header_bytes;
    std::string state_bytes;
    filler records(into);
    WHARF_TRY_ASSIGN(const auto trailer,
                     from.read([&](std::string_view key, std::string_view value) -> status {
                         ++out.records;
                         if (progress && out.records % k_progress_every == 0) progress(out.records);
                         if (key != header_key && key != state_key) return records.put(key, value);
                         (key == header_key ? header_bytes : state_bytes) = value;
                         return ok();
                     }));
    if (header_bytes.empty() || state_bytes.empty())
        return contradicts("the journal in it has no header or no books");
    WHARF_TRY(format::unseal(header_key, header_bytes, out.header));
    WHARF_TRY(format::unseal(state_key, state_bytes, out.state));
    WHARF_TRY(compare(of, trailer, out.header, out.state));
    out.was_fenced = out.state.has_fence();
    WHARF_TRY(take_over(out.header, out.state, random, options));
    WHARF_TRY(records.commit());
    WHARF_TRY(records.put(header_key, format::seal(header_key, out.header)));
    WHARF_TRY(records.put(state_key, format::seal(state_key, out.state)));
    WHARF_TRY(records.commit());
    return out;
}

} // namespace wharf
