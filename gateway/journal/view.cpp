#include "gateway/journal/view.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/journal/event_block.hpp"
#include "gateway/journal/format.hpp"

#include <limits>

namespace wharf {

namespace {

result<head_page> page_of(store& from, const lane* only, sequence after, std::size_t heads_max,
                          std::size_t scan_max) {
    head_page page;
    page.scanned_to = after;
    page.at_end = true;
    std::size_t scanned = 0;
    WHARF_TRY_ASSIGN(auto reader, from.begin_read());
    auto visit = [&](std::string_view, const event_block& block) -> result<bool> {
        // A block without one of this lane is passed by; that costs about as much as a few events.
        if (only != nullptr && block.last_of(*only) <= after) {
            if (scanned >= scan_max) return page.at_end = false;
            scanned += 8;
            page.scanned_to = block.last();
            return true;
        }
        for (std::size_t i = block.find(after + 1); i < block.size(); ++i) {
            if (page.heads.size() >= heads_max || scanned >= scan_max) return page.at_end = false;
            ++scanned;
            if (only == nullptr || block.lane_of(i) == *only) {
                WHARF_TRY_ASSIGN(auto event, block.event(i));
                page.heads.push_back(std::move(event.head));
            }
            page.scanned_to = block.number(i);
        }
        return true;
    };
    WHARF_TRY(visit_blocks(*reader, after + 1, visit));
    return page;
}

// Visits keys under a prefix until the visitor says false.
template <class Visitor>
status visit_prefix(store_reader& in, const std::string& from, const std::string& prefix,
                    Visitor&& visit) {
    return in.scan(from, [&](std::string_view key, std::string_view value) {
        return key.starts_with(prefix) && visit(key, value);
    });
}

result<format::event_content> find_event(event_finder& in, sequence number) {
    WHARF_TRY_ASSIGN(auto found, in.find(number));
    if (!found)
        return error{errc::not_found, "event " + std::to_string(number) + " is not in the journal"};
    return std::move(*found);
}

// Record is stored_record or raw_record.
template <class Record> result<Record> to_record(result<format::event_content> found) {
    if (!found.ok()) return std::move(found).failure();
    Record record;
    record.head = std::move(found->head);
    if (!record.event.ParseFromArray(found->stored.data(), static_cast<int>(found->stored.size())))
        return error{errc::corrupt,
                     "event " + std::to_string(record.head.number) + ": not a StoredEvent"};
    return record;
}

} // namespace

result<head_page> journal_view::heads(lane in_lane, sequence after, std::size_t heads_max,
                                      std::size_t scan_max) const {
    return page_of(*store_, &in_lane, after, heads_max, scan_max);
}

result<head_page> journal_view::heads_of_all(sequence after, std::size_t scan_max) const {
    return page_of(*store_, nullptr, after, scan_max, scan_max);
}

result<event_head> journal_view::head(sequence number) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    event_finder events(*reader);
    WHARF_TRY_ASSIGN(auto found, find_event(events, number));
    return std::move(found.head);
}

result<stored_record> journal_view::event(sequence number) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    event_finder events(*reader);
    return to_record<stored_record>(find_event(events, number));
}

result<std::vector<raw_record>> journal_view::events(const std::vector<sequence>& numbers) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    event_finder events(*reader);
    std::vector<raw_record> out;
    out.reserve(numbers.size());
    for (sequence number : numbers) {
        WHARF_TRY_ASSIGN(auto record, to_record<raw_record>(find_event(events, number)));
        out.push_back(std::move(record));
    }
    return out;
}

result<delivery_state> journal_view::delivery(std::uint8_t destination) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    delivery_state out;
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        std::string key = format::low_water_key(destination, static_cast<lane>(i));
        WHARF_TRY_ASSIGN(auto value, reader->get(key));
        if (!value) return error{errc::corrupt, format::describe_key(key) + ": missing"};
        WHARF_TRY_ASSIGN(auto content, format::unseal(key, *value));
        byte_reader mark(content);
        out.low_water[i] = mark.little<sequence>();
        if (!mark.done()) return error{errc::corrupt, format::describe_key(key) + ": malformed"};
    }
    std::string marks = format::mark_prefix(destination);
    status readable = ok();
    WHARF_TRY(
        visit_prefix(*reader, marks, marks, [&](std::string_view key, std::string_view value) {
            readable = format::check_mark(key, value, marks.size() + 1 + sizeof(sequence));
            if (!readable.ok()) return false;
            auto in_lane = static_cast<std::size_t>(key[marks.size()]);
            if (in_lane < k_lane_count) out.marks[in_lane].push_back(format::trailing_number(key));
            return true;
        }));
    WHARF_TRY(std::move(readable));
    std::string batches = format::batch_prefix(destination);
    readable = ok();
    WHARF_TRY(
        visit_prefix(*reader, batches, batches, [&](std::string_view key, std::string_view value) {
            seal_batch& batch = out.open_batches.emplace_back();
            readable = format::unseal(key, value, batch.content);
            if (readable.ok()) batch.batch = format::trailing_number(key);
            return readable.ok();
        }));
    WHARF_TRY(std::move(readable));
    return out;
}

result<std::optional<wharf::v1::ParkedUpdate>> journal_view::parked(std::uint8_t destination,
                                                                    sequence number) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    std::string key = format::parked_key(destination, number);
    WHARF_TRY_ASSIGN(auto value, reader->get(key));
    std::optional<wharf::v1::ParkedUpdate> out;
    if (value) WHARF_TRY(format::unseal(key, *value, out.emplace()));
    return out;
}

result<std::vector<parked_key>> journal_view::parked_keys(std::uint8_t destination,
                                                          std::uint64_t from_key_hash,
                                                          std::size_t count_max) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    std::string prefix = format::parked_key_prefix(destination);
    std::vector<parked_key> out;
    std::uint64_t key_hash = from_key_hash;
    while (out.size() < count_max) {
        bool found = false;
        status readable = ok();
        WHARF_TRY(visit_prefix(*reader, format::parked_under_key(destination, key_hash, 0), prefix,
                               [&](std::string_view key, std::string_view value) {
                                   readable = format::check_mark(key, value, prefix.size() + 16);
                                   found = readable.ok();
                                   if (found)
                                       out.push_back(
                                           {get_big<std::uint64_t>(key.data() + prefix.size()),
                                            format::trailing_number(key)});
                                   return false;
                               }));
        WHARF_TRY(std::move(readable));
        if (!found || out.back().key_hash == std::numeric_limits<std::uint64_t>::max()) break;
        key_hash = out.back().key_hash + 1;
    }
    return out;
}

result<std::optional<sequence>>
journal_view::first_parked(std::uint8_t destination, std::uint64_t key_hash, sequence after) const {
    WHARF_TRY_ASSIGN(auto reader, store_->begin_read());
    std::string from = format::parked_under_key(destination, key_hash, after + 1);
    std::string prefix = from.substr(0, from.size() - sizeof(sequence));
    std::optional<sequence> out;
    status readable = ok();
    WHARF_TRY(
        visit_prefix(*reader, from, prefix, [&](std::string_view key, std::string_view value) {
            readable = format::check_mark(key, value, from.size());
            if (readable.ok()) out = format::trailing_number(key);
            return false;
        }));
    WHARF_TRY(std::move(readable));
    return out;
}

} // namespace wharf
