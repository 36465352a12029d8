#include "gateway/identity/window.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/frame.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr char k_entry_tag = 'I'; // + 16 bytes of SHA-256(identity key): the entries found there
constexpr char k_age_tag = 'J';   // + sequence: journal time, and the hashes made with that event
constexpr std::size_t k_hash_bytes = 16;

struct entry {
    std::string_view key;
    std::string_view content; // SHA-256
    sequence number = k_no_sequence;
};

std::string entry_key(std::string_view hash) {
    return std::string(1, k_entry_tag).append(hash);
}

std::string hash_of(std::string_view identity_key) {
    return std::string(view_of(sha256(identity_key)).substr(0, k_hash_bytes));
}

std::string age_key(sequence number) {
    std::string key(1, k_age_tag);
    put_big(key, number);
    return key;
}

void put_entry(std::string& out, const entry& e) {
    put_little(out, e.number);
    out.append(e.content);
    put_short_string(out, e.key);
}

error damaged(std::string_view key) {
    return error{errc::corrupt, "identity " + to_hex(key.substr(1)) + ": damaged"};
}

std::optional<std::vector<entry>> read_entries(std::string_view content) {
    std::vector<entry> out;
    byte_reader reader(content);
    while (reader.ok() && !reader.rest().empty()) {
        entry e;
        e.number = reader.little<sequence>();
        e.content = reader.take(std::tuple_size_v<sha256_digest>);
        e.key = reader.short_string();
        out.push_back(e);
    }
    if (!reader.ok()) return std::nullopt;
    return out;
}

result<std::vector<entry>> entries_at(store_reader& in, const std::string& key) {
    WHARF_TRY_ASSIGN(auto value, in.get(key));
    if (!value) return std::vector<entry>{};
    auto content = unframe(key, *value);
    if (!content) return damaged(key);
    auto entries = read_entries(*content);
    if (!entries) return damaged(key);
    return std::move(*entries);
}

} // namespace

result<identity_match> tree_identity_window::find(store_reader& in,
                                                  const std::vector<std::string>& keys,
                                                  const sha256_digest& content) {
    identity_match match;
    for (const std::string& identity_key : keys) {
        std::string key = entry_key(hash_of(identity_key));
        WHARF_TRY_ASSIGN(auto entries, entries_at(in, key));
        for (const entry& e : entries) {
            if (e.key != identity_key) continue;
            if (e.content != view_of(content))
                return identity_match{identity_match::kind::conflict, e.number};
            match = {identity_match::kind::same, e.number};
        }
    }
    return match;
}

status tree_identity_window::remember(store_writer& in, identity_state& state,
                                      const std::vector<std::string>& keys,
                                      const sha256_digest& content, sequence number,
                                      std::int64_t journal_time_us) {
    if (keys.empty()) return ok();
    std::string aged_by = age_key(number);
    WHARF_TRY_ASSIGN(auto before, in.get(aged_by));
    std::string age;
    if (before) {
        auto content_before = unframe(aged_by, *before);
        if (!content_before) return damaged(aged_by);
        age = *content_before;
    } else {
        put_little(age, static_cast<std::uint64_t>(journal_time_us));
        state.oldest = std::min(state.oldest, number);
    }
    for (const std::string& identity_key : keys) {
        std::string hash = hash_of(identity_key);
        std::string key = entry_key(hash);
        WHARF_TRY_ASSIGN(auto entries, entries_at(in, key));
        std::string list;
        for (const entry& e : entries)
            put_entry(list, e);
        put_entry(list, {identity_key, view_of(content), number});
        WHARF_TRY(in.put(key, frame(key, list)));
        age.append(hash);
        ++state.count;
    }
    return in.put(aged_by, frame(aged_by, age));
}

namespace {

// Takes out of one hash's list what was made with this event; says how many.
result<std::size_t> forget(store_writer& in, std::string_view hash, sequence number) {
    std::string key = entry_key(hash);
    WHARF_TRY_ASSIGN(auto entries, entries_at(in, key));
    std::string list;
    std::size_t gone = 0;
    for (const entry& e : entries) {
        if (e.number == number)
            ++gone;
        else
            put_entry(list, e);
    }
    if (gone == 0) return gone;
    if (list.empty())
        WHARF_TRY(in.erase(key));
    else
        WHARF_TRY(in.put(key, frame(key, list)));
    return gone;
}

struct aged {
    sequence number = k_no_sequence;
    std::int64_t journal_time_us = 0;
    std::string hashes;
};

result<std::optional<aged>> oldest_from(store_reader& in, sequence from) {
    std::optional<aged> out;
    bool intact = true;
    std::string from_key = age_key(from);
    WHARF_TRY(in.scan(from_key, [&](std::string_view key, std::string_view value) {
        if (key.front() != k_age_tag || key.size() != from_key.size()) return false;
        auto content = unframe(key, value);
        intact = content.has_value();
        if (!intact) return false;
        intact = identities_in_age(*content).has_value();
        if (!intact) return false;
        byte_reader reader(*content);
        out.emplace();
        out->number = get_big<sequence>(key.data() + 1);
        out->journal_time_us = static_cast<std::int64_t>(reader.little<std::uint64_t>());
        out->hashes = reader.rest();
        return false;
    }));
    if (!intact) return error{errc::corrupt, "the age list of identities is damaged"};
    return out;
}

} // namespace

std::optional<std::size_t> identities_in_entry(std::string_view content) {
    auto entries = read_entries(content);
    if (!entries || entries->empty()) return std::nullopt;
    return entries->size();
}

std::optional<std::size_t> identities_in_age(std::string_view content) {
    constexpr std::size_t k_time_bytes = sizeof(std::uint64_t);
    if (content.size() <= k_time_bytes || (content.size() - k_time_bytes) % k_hash_bytes != 0)
        return std::nullopt;
    return (content.size() - k_time_bytes) / k_hash_bytes;
}

status tree_identity_window::expire(store_writer& in, identity_state& state,
                                    const identity_bounds& bounds, std::int64_t journal_time_us,
                                    std::size_t keys_max) {
    for (std::size_t done = 0; done < keys_max;) {
        WHARF_TRY_ASSIGN(auto next, oldest_from(in, state.oldest));
        if (!next) return ok();
        bool old = next->journal_time_us < journal_time_us - bounds.age_us_max;
        bool many = state.count > bounds.count_max;
        if (!old && !many) return ok();
        std::string_view hashes = next->hashes;
        for (; hashes.size() >= k_hash_bytes; hashes.remove_prefix(k_hash_bytes)) {
            WHARF_TRY_ASSIGN(std::size_t gone,
                             forget(in, hashes.substr(0, k_hash_bytes), next->number));
            if (gone == 0 || gone > state.count)
                return error{errc::corrupt, "identities of " + std::to_string(next->number) +
                                                ": their entries are not there"};
            state.count -= gone;
            done += gone;
            if (!old) state.evicted_early += gone;
        }
        WHARF_TRY(in.erase(age_key(next->number)));
        state.oldest = next->number + 1;
    }
    return ok();
}

} // namespace wharf
