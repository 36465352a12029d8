// Requests of the integration tests: event number n has the key "key n" and the stream "event n".
#pragma once

#include "gateway/journal/requests.hpp"
#include "tests/support/identities.hpp"

#include <string>

namespace wharf::test {

inline journal_request open_session(std::uint64_t token, const std::string& client) {
    return session_open_request{token, client, false, 3600};
}

inline journal_request numbered_event(std::uint64_t number, const std::string& client,
                                      std::uint64_t generation, std::size_t padding = 0) {
    wharf::v1::StoredEvent stored;
    stored.set_site("ber1");
    stored.set_device(client);
    stored.set_stream("event " + std::to_string(number));
    prepared_event event;
    event.identity_keys = test::keys_of({"key " + std::to_string(number)});
    event.content = test::content_of(stored.stream());
    event.order_keys = {number % 5};
    stored.mutable_event()->set_source(std::string(padding, 'x'));
    event.stored = stored.SerializeAsString();
    prepared_message message;
    message.client_id = client;
    message.qos = 1;
    message.packet_id = static_cast<std::uint16_t>(number % 1000 + 1);
    message.generation = generation;
    message.persistent_session = true;
    message.payload = stored.stream();
    message.items.push_back({0, std::move(event)});
    return ingest_request{number, std::move(message)};
}

} // namespace wharf::test
