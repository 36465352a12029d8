// Every byte of the journal: keys and values. docs/formats/journal.md says the same in words.
//
// A key is one tag byte and big-endian numbers, so that byte order is numeric order. A value is the
// CRC-32C of key and content, then the content: a value read under another key fails too. Any
// thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/journal/requests.hpp"

#include <google/protobuf/message_lite.h>

#include <string>
#include <string_view>

namespace wharf::format {

// What a new journal is written as, and where a takeover is in it: a program that does not know of
// takeovers would name new events under the former epoch, and has to refuse it.
inline constexpr std::uint32_t k_version_made = 1;
inline constexpr std::uint32_t k_version_taken_over = 2;
inline constexpr std::uint32_t k_version = k_version_taken_over; // the newest that is read

enum tag : char {
    k_command = 'C',      // + id: CommandRecord
    k_header = 'A',       // JournalHeader
    k_state = 'B',        // JournalState
    k_delivery = 'D',     // + destination + one of the delivery tags
    k_event = 'E',        // + sequence of its first event: a block of events (event_block.hpp)
    k_roster = 'F',       // OperatorRoster
    k_audit = 'H',        // + number: hash before it, AuditEntry
    k_identity = 'I',     // + ordinal of its first identity: gateway/identity/run.hpp
    k_order = 'O',        // + number of the part: the ordering table as it was
    k_qos2 = 'P',         // + client id + 0 + packet id
    k_quarantine = 'Q',   // + number: QuarantinedMessage
    k_redelivery = 'R',   // + client id + 0 + packet id: digest of what had no identity
    k_retained = 'G',     // + number: LocalMessage
    k_session = 'S',      // + client id: SessionRecord
    k_subscription = 'U', // + incarnation + number u32: SubscriptionRecord
    k_queued = 'V',       // + incarnation + number: QueuedMessage
    k_will = 'W',         // + number: WillRecord
    k_outbound = 'X',     // + number: OutboundRecord
};

enum delivery_tag : char {
    k_batch = 'b',      // + batch number: SealedBatch
    k_parked_key = 'k', // + ordering key + sequence
    k_low_water = 'l',  // + lane: sequence
    k_mark = 'm',       // + lane + sequence
    k_parked = 'p',     // + sequence: ParkedUpdate
};

std::string header_key();
std::string state_key();
// Of the block that begins with this event.
std::string event_key(sequence first);
std::string order_key(std::uint16_t part);
std::string quarantine_key(std::uint64_t number);
std::string session_key(std::string_view client_id);
std::string qos2_prefix(std::string_view client_id);
std::string qos2_key(std::string_view client_id, std::uint16_t packet_id);
std::string redelivery_prefix(std::string_view client_id);
std::string redelivery_key(std::string_view client_id, std::uint16_t packet_id);
std::string command_key(std::string_view id);
std::string roster_key();
std::string audit_key(std::uint64_t number);
std::string outbound_key(std::uint64_t number);
std::string retained_key(std::uint64_t number);
std::string will_key(std::uint64_t number);
std::string subscription_prefix(std::uint64_t incarnation);
std::string subscription_key(std::uint64_t incarnation, std::uint32_t number);
std::string queued_prefix(std::uint64_t incarnation);
std::string queued_key(std::uint64_t incarnation, std::uint64_t number);
std::string low_water_key(std::uint8_t destination, lane in_lane);
std::string mark_prefix(std::uint8_t destination);
std::string mark_key(std::uint8_t destination, lane in_lane, sequence number);
std::string batch_prefix(std::uint8_t destination);
std::string batch_key(std::uint8_t destination, batch_number batch);
std::string parked_prefix(std::uint8_t destination);
std::string parked_key(std::uint8_t destination, sequence number);
std::string parked_key_prefix(std::uint8_t destination);
std::string parked_under_key(std::uint8_t destination, std::uint64_t key_hash, sequence number);

// The number at the end of a key. REQUIRES: the key came from one of the above.
std::uint64_t trailing_number(std::string_view key);

// Framed as gateway/base/frame.hpp says.
std::string seal(std::string_view key, const google::protobuf::MessageLite& content);
// The content, where the checksum holds; errc::corrupt naming the key where not.
result<std::string_view> unseal(std::string_view key, std::string_view value);
// The same, read as a message.
status unseal(std::string_view key, std::string_view value, google::protobuf::MessageLite& into);

// A key that says everything by being there: its value is empty, its length is known.
status check_mark(std::string_view key, std::string_view value, std::size_t key_bytes);

// --- the event record ----------------------------------------------------------------------------
// lane u8, flags u16, link count u8, links (hash u64, previous << 2 | lane u64), then a serialized
// StoredEvent. The journal time is the block's.
void encode_event(const event_head& head, std::string_view stored, std::string& content);
struct event_content {
    event_head head;
    std::string_view stored; // a view into the record
};
result<event_content> decode_event(sequence number, std::string_view content);

// What kind of record a key is for: "events", "sealed batch" ...; "?" where it is none.
std::string_view kind_of(std::string_view key);
// A key for people: "events from 12", "parked 0/12".
std::string describe_key(std::string_view key);

} // namespace wharf::format
