#include "gateway/journal/local_state.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"

namespace wharf {

namespace {

// Visits the records of one kind, read as Message.
template <class Message> status each(store& from, std::string prefix, const auto& visit) {
    status readable = ok();
    WHARF_TRY(walk(from, prefix, [&](std::string_view key, std::string_view value) {
        if (!key.starts_with(prefix)) return false;
        Message message;
        readable = format::unseal(key, value, message);
        if (readable.ok()) visit(key, std::move(message));
        return readable.ok();
    }));
    return readable;
}

std::uint32_t trailing_u32(std::string_view key) {
    return get_big<std::uint32_t>(key.data() + key.size() - sizeof(std::uint32_t));
}

} // namespace

result<local_state> read_local_state(store& from) {
    local_state out;
    WHARF_TRY(each<wharf::v1::SessionRecord>(from, std::string(1, format::k_session),
                                             [&](std::string_view, auto record) {
                                                 if (record.incarnation() == 0) return;
                                                 auto& session = out.sessions.emplace_back();
                                                 session.client_id = record.client_id();
                                                 session.incarnation = record.incarnation();
                                             }));
    for (local_session& session : out.sessions) {
        WHARF_TRY(each<wharf::v1::SubscriptionRecord>(
            from, format::subscription_prefix(session.incarnation),
            [&](std::string_view key, auto record) {
                session.subscriptions.emplace_back(trailing_u32(key), std::move(record));
            }));
        WHARF_TRY(each<wharf::v1::QueuedMessage>(
            from, format::queued_prefix(session.incarnation),
            [&](std::string_view key, auto record) {
                session.queue.emplace_back(format::trailing_number(key), std::move(record));
            }));
    }
    WHARF_TRY(each<wharf::v1::LocalMessage>(
        from, std::string(1, format::k_retained), [&](std::string_view key, auto record) {
            out.retained.emplace_back(format::trailing_number(key), std::move(record));
        }));
    WHARF_TRY(each<wharf::v1::WillRecord>(
        from, std::string(1, format::k_will), [&](std::string_view key, auto record) {
            out.wills.emplace_back(format::trailing_number(key), std::move(record));
        }));
    return out;
}

} // namespace wharf
