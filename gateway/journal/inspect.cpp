#include "gateway/journal/inspect.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"

#include <map>

namespace wharf {

result<wharf::v1::JournalHeader> read_header(store& from) {
    WHARF_TRY_ASSIGN(auto reader, from.begin_read());
    std::string key = format::header_key();
    WHARF_TRY_ASSIGN(auto value, reader->get(key));
    if (!value) return error{errc::not_found, "no journal here: its header is missing"};
    wharf::v1::JournalHeader header;
    WHARF_TRY(format::unseal(key, *value, header));
    if (header.format_version() > format::k_version)
        return error{errc::unsupported,
                     "the journal has format " + std::to_string(header.format_version()) +
                         ", this program knows up to " + std::to_string(format::k_version) +
                         ". Use the program that wrote it"};
    return header;
}

result<wharf::v1::JournalState> read_state(store& from) {
    WHARF_TRY_ASSIGN(auto reader, from.begin_read());
    std::string key = format::state_key();
    WHARF_TRY_ASSIGN(auto value, reader->get(key));
    if (!value) return error{errc::corrupt, "the journal has no books"};
    wharf::v1::JournalState state;
    WHARF_TRY(format::unseal(key, *value, state));
    return state;
}

status walk(store& in, std::string from, const store_reader::visitor& visit) {
    while (true) {
        std::size_t seen = 0;
        std::size_t bytes = 0;
        bool more = false;
        WHARF_TRY_ASSIGN(auto reader, in.begin_read());
        WHARF_TRY(reader->scan(from, [&](std::string_view key, std::string_view value) {
            if (++seen > limits::k_scan_entries_max || bytes >= limits::k_scan_bytes_max) {
                from = key;
                more = true;
                return false;
            }
            bytes += value.size();
            if (visit(key, value)) return true;
            more = false;
            return false;
        }));
        if (!more) return ok();
    }
}

result<std::vector<quarantine_entry>> list_quarantine(store& in, std::uint64_t after,
                                                      std::size_t count_max) {
    std::vector<quarantine_entry> out;
    status readable = ok();
    WHARF_TRY(walk(in, format::quarantine_key(after + 1), [&](auto key, auto value) {
        if (key.front() != format::k_quarantine || out.size() >= count_max) return false;
        quarantine_entry& entry = out.emplace_back();
        readable = format::unseal(key, value, entry.message);
        if (readable.ok()) entry.number = format::trailing_number(key);
        return readable.ok();
    }));
    WHARF_TRY(std::move(readable));
    return out;
}

result<quarantine_entry> read_quarantine(store& in, std::uint64_t number) {
    if (number == 0) return error{errc::not_found, "quarantine numbers begin at 1"};
    WHARF_TRY_ASSIGN(auto found, list_quarantine(in, number - 1, 1));
    if (found.empty() || found.front().number != number)
        return error{errc::not_found,
                     "nothing in quarantine under number " + std::to_string(number)};
    return std::move(found.front());
}

result<std::vector<parked_entry>> list_parked(store& in, std::uint8_t destination, sequence after,
                                              std::size_t count_max) {
    std::vector<parked_entry> out;
    std::string prefix = format::parked_prefix(destination);
    status readable = ok();
    WHARF_TRY(walk(in, format::parked_key(destination, after + 1), [&](auto key, auto value) {
        if (!key.starts_with(prefix) || out.size() >= count_max) return false;
        parked_entry& entry = out.emplace_back();
        readable = format::unseal(key, value, entry.update);
        if (readable.ok()) entry.number = format::trailing_number(key);
        return readable.ok();
    }));
    WHARF_TRY(std::move(readable));
    return out;
}

result<std::vector<kind_total>> totals(store& in) {
    std::map<std::string, kind_total> by_kind;
    WHARF_TRY(walk(in, {}, [&](auto key, auto value) {
        kind_total& total = by_kind[std::string(format::kind_of(key))];
        ++total.records;
        total.bytes += key.size() + value.size();
        return true;
    }));
    std::vector<kind_total> out;
    for (auto& [kind, total] : by_kind) {
        total.kind = kind;
        out.push_back(total);
    }
    return out;
}

} // namespace wharf
