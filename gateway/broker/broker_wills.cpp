// Wills: kept with the connection that left them, published when it ends without a good-bye.
#include "gateway/base/assert.hpp"
#include "gateway/broker/broker.hpp"
#include "gateway/broker/message.hpp"

namespace wharf::broker {

// MQTT 5 section 3.1.3.2.2: a connection in time takes a delayed will back. One that took the place
// of a connection that was still there does so too, and without a delay it does not.
void broker::settle_will(session& of, bool session_goes_on) {
    if (!of.last_will) return;
    if (session_goes_on && of.last_will->delay_s > 0)
        forget_will(of);
    else
        publish_will(of);
}

void broker::set_will(session& of, will what) {
    WHARF_ASSERT(!of.last_will);
    wills_bytes_ += what.message.ByteSizeLong();
    of.last_will = std::move(what);
}

broker::will broker::take_will(session& of) {
    will taken = std::move(*of.last_will);
    of.last_will.reset();
    wills_bytes_ -= taken.message.ByteSizeLong();
    wills_due_.erase(of.who);
    return taken;
}

void broker::forget_will(session& of) {
    later(erase_will{take_will(of).number});
}

void broker::publish_will(session& of) {
    publish_as_gateway(take_will(of), of.client_id, of.who);
}

void broker::publish_as_gateway(const will& last, const std::string& client_id,
                                session_number from) {
    ++counters_.wills;
    // The interval runs from now on, not from the CONNECT.
    auto record = last.message;
    if (record.expires_at_us() != 0)
        record.set_expires_at_us(record.expires_at_us() + journal_us());
    const message_ptr message = make_message(record);
    publish_view view;
    view.topic = message->topic();
    view.payload = message->payload();
    view.client_id = client_id;
    view.qos = message->qos();
    view.content_type = record.content_type();
    ingest_request ingest{next_token(), intake_.prepare(view, now_.wall_us, now_.wall_synchronised,
                                                        calls_.take_spent())};
    ingest.message.without_session = true;
    ingest.message.local.emplace_back(erase_will{last.number});
    if (concerns(message->topic(), from, message->retain()))
        route(message, ingest.token, ingest.message.local);
    calls_.submit(std::move(ingest));
}

} // namespace wharf::broker
