// Inbound MQTT session state in the journal: what makes Session Present truthful and QoS 2 exact.
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr std::uint32_t k_never_expires = 0xffffffff;
constexpr std::int64_t k_sweep_every_us = 60'000'000;
constexpr std::size_t k_sweep_max = 8; // sessions in one group: each may have a queue

bool has_ended(const wharf::v1::SessionRecord& session, std::int64_t now_us) {
    if (session.expiry_s() == k_never_expires || session.disconnected_at_us() == 0) return false;
    return now_us - session.disconnected_at_us() >= std::int64_t{session.expiry_s()} * 1'000'000;
}

} // namespace

status journal::apply_one(const session_open_request& request) {
    std::string key = format::session_key(request.client_id);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    wharf::v1::SessionRecord record;
    if (value) WHARF_TRY(format::unseal(key, *value, record));
    bool known = value.has_value();
    session_opened answer;
    answer.token = request.token;
    // Whose session it is, as long as there is one.
    const bool kept = known && !has_ended(record, now_us_);
    if (kept && request.owner && !request.displace && !record.owner().empty() &&
        record.owner() != *request.owner) {
        answer.anothers = record.owner(); // nothing changes: true without a commit
        answers_.emplace_back(std::move(answer));
        return ok();
    }
    // One that was resumed without outliving that connection has ended with it.
    answer.session_present = kept && record.expiry_s() > 0 && !request.clean_start;
    if (!known && request.expiry_s > 0 && next_sessions_ >= limits::k_sessions_max) {
        answer.refused = true; // nothing changes: true without a commit
        if (connected_.contains(request.client_id)) {
            // The connection that this one took over is gone all the same.
            set_connected(request.client_id, std::nullopt);
            dirty_ = true;
        }
        answers_.emplace_back(answer);
        return ok();
    }
    dirty_ = true;
    if (answer.session_present) {
        std::string prefix = format::qos2_prefix(request.client_id);
        status readable = ok();
        WHARF_TRY(group_->scan(prefix, [&](std::string_view at, std::string_view content) {
            if (!at.starts_with(prefix)) return false;
            readable = format::check_mark(at, content, prefix.size() + sizeof(std::uint16_t));
            if (!readable.ok()) return false;
            answer.qos2_packet_ids.push_back(get_big<std::uint16_t>(at.data() + prefix.size()));
            return true;
        }));
        WHARF_TRY(std::move(readable));
    } else {
        WHARF_TRY(wipe_session(request.client_id, record.incarnation()));
        record.set_incarnation(0);
    }
    if (request.expiry_s > 0) {
        record.set_client_id(request.client_id);
        record.set_expiry_s(request.expiry_s);
        record.set_disconnected_at_us(0);
        if (request.owner)
            record.set_owner(*request.owner);
        else if (!answer.session_present)
            record.clear_owner();
        if (record.incarnation() == 0) {
            record.set_incarnation(next_local());
            set_live(record.incarnation(), true);
        }
        answer.incarnation = record.incarnation();
        WHARF_TRY(put(key, record));
        if (!known) ++next_sessions_;
    } else if (answer.session_present) {
        // It goes on, but not beyond this connection: it stays until that has ended.
        answer.incarnation = record.incarnation();
        record.set_expiry_s(0);
        record.set_disconnected_at_us(0);
        WHARF_TRY(put(key, record));
    } else if (known) {
        WHARF_TRY(group_->erase(key));
        --next_sessions_;
    }
    if (request.will) {
        answer.will = next_local();
        if (!WHARF_MUTANT(will_not_journaled))
            WHARF_TRY(put(format::will_key(answer.will), *request.will));
    }
    answer.generation = ++last_generation_;
    bool hints = false;
    if (answer.session_present) {
        std::string prefix = format::redelivery_prefix(request.client_id);
        WHARF_TRY(group_->scan(prefix, [&](std::string_view at, std::string_view) {
            hints = at.starts_with(prefix);
            return false;
        }));
    }
    set_connected(request.client_id, connection{answer.generation, hints});
    answers_.emplace_back(std::move(answer));
    return ok();
}

status journal::apply_one(const session_close_request& request) {
    if (current(request.client_id, request.generation) == nullptr) return ok();
    set_connected(request.client_id, std::nullopt);
    dirty_ = true;
    std::string key = format::session_key(request.client_id);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    wharf::v1::SessionRecord record;
    if (value) WHARF_TRY(format::unseal(key, *value, record));
    if (request.expiry_s == 0) {
        if (value) --next_sessions_;
        WHARF_TRY(group_->erase(key));
        return wipe_session(request.client_id, record.incarnation());
    }
    if (request.owner) record.set_owner(*request.owner);
    record.set_client_id(request.client_id);
    record.set_expiry_s(request.expiry_s);
    record.set_disconnected_at_us(std::max<std::int64_t>(now_us_, 1)); // 0 says connected
    if (!value) ++next_sessions_;
    return put(key, record);
}

status journal::apply_one(const session_release_request& request) {
    if (current(request.client_id, request.generation) == nullptr) return ok();
    dirty_ = true;
    if (!WHARF_MUTANT(release_not_journaled))
        WHARF_TRY(group_->erase(format::qos2_key(request.client_id, request.packet_id)));
    answers_.emplace_back(session_released{request.token});
    return ok();
}

status journal::wipe_session(std::string_view client_id, std::uint64_t incarnation) {
    if (WHARF_MUTANT(clean_start_keeps_packet_ids)) return ok();
    WHARF_TRY(wipe_prefix(format::qos2_prefix(client_id)));
    WHARF_TRY(wipe_prefix(format::redelivery_prefix(client_id)));
    if (incarnation == 0) return ok();
    set_live(incarnation, false);
    WHARF_TRY(wipe_prefix(format::subscription_prefix(incarnation)));
    if (WHARF_MUTANT(session_end_keeps_queue)) return ok();
    return wipe_prefix(format::queued_prefix(incarnation));
}

status journal::wipe_prefix(const std::string& prefix) {
    std::vector<std::string> keys;
    WHARF_TRY(group_->scan(prefix, [&](std::string_view key, std::string_view) {
        if (!key.starts_with(prefix)) return false;
        keys.emplace_back(key);
        return true;
    }));
    for (const std::string& key : keys)
        WHARF_TRY(group_->erase(key));
    return ok();
}

status journal::expire_sessions() {
    if (now_us_ < next_session_sweep_us_) return ok();
    next_session_sweep_us_ = now_us_ + k_sweep_every_us;
    std::vector<wharf::v1::SessionRecord> ended;
    std::string prefix(1, format::k_session);
    status readable = ok();
    WHARF_TRY(group_->scan(prefix, [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(prefix)) return false;
        wharf::v1::SessionRecord record;
        readable = format::unseal(key, value, record);
        if (!readable.ok()) return false;
        if (has_ended(record, now_us_)) ended.push_back(std::move(record));
        return ended.size() < k_sweep_max;
    }));
    WHARF_TRY(std::move(readable));
    if (ended.empty()) session_sweep_us_ = next_session_sweep_us_;     // nothing to take back
    if (ended.size() == k_sweep_max) next_session_sweep_us_ = now_us_; // there may be more
    for (const wharf::v1::SessionRecord& session : ended) {
        WHARF_TRY(group_->erase(format::session_key(session.client_id())));
        WHARF_TRY(wipe_session(session.client_id(), session.incarnation()));
        if (session.incarnation() != 0)
            answers_.emplace_back(session_expired{0, session.incarnation()});
        --next_sessions_;
        dirty_ = true;
    }
    return ok();
}

} // namespace wharf
