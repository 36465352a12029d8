// What the journal is asked to make durable, and what it answers. Plain values: ingest and delivery
// fill them on their threads, the journal thread applies them in order of arrival, and everything
// that came in together becomes durable in one commit.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/base/sequence.hpp"
#include "gateway/identity/key.hpp"
#include "gateway/ports/digest.hpp"
#include "wharf/v1/journal.pb.h"

#include <boost/container/small_vector.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace wharf {

// --- the local broker --------------------------------------------------------------------------

// What belongs to a session that is no more is left out.
struct put_subscription {
    std::uint64_t incarnation = 0;
    std::uint32_t number = 0;
    wharf::v1::SubscriptionRecord content;
};
struct erase_subscription {
    std::uint64_t incarnation = 0;
    std::uint32_t number = 0;
};
// Waits for the session; numbers rise.
struct queue_message {
    std::uint64_t incarnation = 0;
    std::uint64_t number = 0;
    std::uint8_t qos = 1;
    bool retain = false;
    std::vector<std::uint32_t> identifiers;
    std::shared_ptr<const std::string> message; // a serialized wharf.v1.LocalMessage
};
// QoS 2: the client has it, the PUBREL is owed.
struct release_queued {
    std::uint64_t incarnation = 0;
    std::uint64_t number = 0;
};
struct erase_queued {
    std::uint64_t incarnation = 0;
    std::uint64_t number = 0;
};
struct put_retained {
    std::uint64_t number = 0;
    std::shared_ptr<const std::string> message; // a serialized wharf.v1.LocalMessage
};
struct erase_retained {
    std::uint64_t number = 0;
};
// It was published, or taken back.
struct erase_will {
    std::uint64_t number = 0;
};

using local_op = std::variant<put_subscription, erase_subscription, queue_message, release_queued,
                              erase_queued, put_retained, erase_retained, erase_will>;

// Applied as one, in order. Those that are not urgent ride in the next commit.
struct local_request {
    std::uint64_t token = 0;
    bool urgent = false;
    std::vector<local_op> ops;
};

// --- management --------------------------------------------------------------------------------

// Contents are serialized messages of fleet.proto.
struct put_command {
    std::string id;
    std::string content; // CommandRecord
};
struct erase_command {
    std::string id;
};
// The journal gives it its number and its place in the chain; the oldest beyond
// limits::k_audit_entries_max goes.
struct append_audit {
    std::string content; // AuditEntry
};
struct put_roster {
    std::string content; // OperatorRoster
};
struct put_outbound {
    std::uint64_t number = 0;
    std::string content; // OutboundRecord
};
struct erase_outbound {
    std::uint64_t number = 0;
};
// Of one lane, or as a whole; a destination that goes on as a whole goes on in all lanes.
struct pause_destination {
    std::uint8_t destination = 0;
    bool paused = false;
    std::optional<lane> only = {};
};

// Nothing is taken any more, until it is ended; nothing: it is ended.
struct set_drain {
    std::optional<wharf::v1::Drain> drain;
};

using manage_op = std::variant<put_command, erase_command, append_audit, put_roster, put_outbound,
                               erase_outbound, pause_destination, set_drain>;
using manage_ops = std::vector<manage_op>;

// Applied as one, in order. Those that are not urgent ride in the next commit.
struct manage_request {
    std::uint64_t token = 0;
    bool urgent = true;
    manage_ops ops;
};

// --- ingest ------------------------------------------------------------------------------------

// Set at acceptance and kept in the event's record.
enum event_flag : std::uint16_t {
    k_flag_clock_unsynchronised = 1 << 0,
    k_flag_without_identity = 1 << 1,
    k_flag_double_trigger = 1 << 2,
    k_flag_traced = 1 << 3, // it carries a traceparent
};

// What a profile wants done with a second trigger of the same device, code and task.
enum class double_trigger_policy : std::uint8_t { keep, flag, drop };

// An event that was read, is valid, and knows what makes it itself. gateway/identity/rules.hpp says
// how keys and digest are made.
struct prepared_event {
    lane in_lane = lane::inventory;
    std::uint16_t flags = 0;
    // Each key says "the same key is the same event": (source, native id), business key, or a hash
    // of content that carries a device time or sequence. Empty: nothing tells it from an equal one.
    std::vector<identity_key> identity_keys;
    // Of what must be equal for two events under one key to be the same.
    digest128 content{};
    // hash64 of the document and of each stock key it touches; no value twice.
    std::vector<std::uint64_t> order_keys;
    // A serialized wharf.v1.StoredEvent.
    std::string stored;
    // Empty where the profile keeps double triggers unmarked.
    std::string trigger_key;
    double_trigger_policy on_double_trigger = double_trigger_policy::keep;
    std::int64_t double_trigger_window_us = 0;
};

// Something that a person has to look at. The rest of the record comes from the message.
struct prepared_quarantine {
    std::string reason;
    std::string detail;
    std::uint32_t events = 1;
};

struct prepared_item {
    // Which event of the message, from 0; nothing where the message could not be taken apart.
    std::optional<std::uint32_t> index;
    std::variant<prepared_event, prepared_quarantine> what;
};

// One PUBLISH, ready to be journaled.
struct prepared_message {
    std::string client_id;
    std::string bridge; // "bridge/broker" where it came through one
    std::string site;
    std::string device;
    std::string topic;
    std::string payload; // as it came, for quarantine; so are the next two
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> properties;
    std::int64_t received_at_us = 0;
    bool clock_unsynchronised = false;
    bool unfit = false; // the payload is not what was published
    std::uint8_t qos = 0;
    std::uint16_t packet_id = 0;
    bool dup = false;
    // Of the session, from session_opened: what comes from a connection whose session was opened
    // again since is left out, unacknowledged, because its packet ids mean nothing any more.
    std::uint64_t generation = 0;
    // The session is journaled (its expiry is not zero): QoS 2 packet ids are too.
    bool persistent_session = false;
    // The session was resumed on this connection: a DUP may repeat what an earlier one sent.
    bool resumed_session = false;
    // The device's profile states that it does not reuse packet ids at once, so that an event
    // without identity under a repeated packet id, with DUP, is a redelivery.
    bool packet_ids_not_reused = false;
    // Who published it is no MQTT session: the gateway itself, for a will.
    bool without_session = false;
    // The answer says how each event was judged.
    bool wants_receipt = false;
    std::vector<prepared_item> items;
    // What the local broker makes of it: true in the same commit.
    std::vector<local_op> local;
};

struct ingest_request {
    std::uint64_t token = 0;
    prepared_message message;
    std::size_t bytes = 0; // what it counts for in the queue, once it was counted
};

// How the events of one message were judged; the counts add up to its items' events.
struct ingest_verdict {
    std::uint32_t accepted = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t quarantined = 0;
};

enum class event_fate : std::uint8_t { accepted, duplicate, quarantined };

// How one event was judged.
struct event_receipt {
    std::optional<std::uint32_t> index; // in its message; nothing: it could not be taken apart
    event_fate fate = event_fate::accepted;
    sequence number = k_no_sequence;      // of an accepted one
    std::uint64_t quarantine = 0;         // number of the record, where it is in quarantine
    std::string reason = {}, detail = {}; // of quarantine
};

// --- MQTT sessions -----------------------------------------------------------------------------

struct session_open_request {
    std::uint64_t token = 0;
    std::string client_id;
    bool clean_start = false;
    std::uint32_t expiry_s = 0;
    // Who opens it: an identity's name, empty for nobody by name. Nothing: sessions belong to
    // nobody here, and whose it was stays as it is.
    std::optional<std::string> owner = std::nullopt;
    bool displace = false; // also another identity's: that one is no more
    std::optional<wharf::v1::WillRecord> will = {};
};

struct session_opened {
    std::uint64_t token = 0;
    bool refused = false; // limits::k_sessions_max journaled sessions are there already
    bool session_present = false;
    std::uint64_t generation = 0;
    std::uint64_t incarnation = 0;              // of a session that outlives its connection
    std::uint64_t will = 0;                     // its number; 0: none
    std::vector<std::uint16_t> qos2_packet_ids; // received, their PUBREL not yet
    // Not opened: the session belongs to this identity and not to who asked.
    std::string anothers = {};
};

// The connection ended; with expiry 0 the session does too.
struct session_close_request {
    std::string client_id;
    std::uint64_t generation = 0;
    std::uint32_t expiry_s = 0;
    std::optional<std::string> owner = std::nullopt; // as when it was opened
};

// PUBREL: the packet id is free again.
struct session_release_request {
    std::uint64_t token = 0;
    std::string client_id;
    std::uint64_t generation = 0;
    std::uint16_t packet_id = 0;
};

// --- quarantine --------------------------------------------------------------------------------

// A person has looked at it and gives it up.
struct quarantine_discard_request {
    std::uint64_t token = 0;
    std::uint64_t number = 0;
    manage_ops with = {}; // true in the same commit, where it was found
};

struct quarantine_discarded {
    std::uint64_t token = 0;
    bool found = false;
};

struct quarantine_released;

// The message was read again: what it holds is judged as if it had just come. Of events that were
// taken when it came nothing is done.
struct quarantine_release_request {
    std::uint64_t token = 0;
    std::uint64_t number = 0;
    // Without session and local operations.
    prepared_message message;
    // Made true in the same commit, from what came of it; where nothing came of it, not called.
    // Called by the journal thread, again where the commit is tried again.
    std::function<manage_ops(const quarantine_released&)> with = {};
};

struct quarantine_released {
    std::uint64_t token = 0;
    bool found = false;
    std::string refused = {}; // nothing was done, and why
    ingest_verdict verdict = {};
    std::vector<event_receipt> receipts = {};
};

// --- delivery ----------------------------------------------------------------------------------

// Which earlier update must be out of the way first. For each of its ordering keys an update knows
// the last earlier one that shares it (or shares its slot of the journal's table: a collision only
// delays). An update may be sent when for every key that earlier one is no longer pending: by
// induction, everything before it under that key is not pending either.
struct order_link {
    std::uint64_t key_hash = 0;
    sequence previous = k_no_sequence;
    lane previous_lane = lane::shipment;
};

// Nearly every update has one or two.
using order_links = boost::container::small_vector<order_link, 2>;

// What delivery needs to know of an event without its body.
struct event_head {
    sequence number = k_no_sequence;
    lane in_lane = lane::inventory;
    std::uint16_t flags = 0;
    std::uint32_t body_bytes = 0;
    std::int64_t journal_time_us = 0;
    order_links links;
};

// The end of one update's way at a destination.
enum class settlement : std::uint8_t {
    applied,
    handed_over,
    filtered,
    superseded,
    discarded,
    shed
};

using batch_number = std::uint64_t;

struct seal_batch {
    batch_number batch = 0;
    wharf::v1::SealedBatch content;
};
// Its outcome is known for every item: the seal is taken away.
struct close_batch {
    batch_number batch = 0;
};
// An update of a lane found its end: pending -> how. Says nothing about the low-water mark.
struct settle_update {
    sequence number = k_no_sequence;
    settlement how = settlement::applied;
};
// Everything of the lane up to here is settled or parked.
struct advance_low_water {
    lane in_lane = lane::inventory;
    sequence low_water = k_no_sequence;
};
// One above the low-water mark is settled or parked already / the mark passed it.
struct set_mark {
    lane in_lane = lane::inventory;
    sequence number = k_no_sequence;
};
struct clear_mark {
    lane in_lane = lane::inventory;
    sequence number = k_no_sequence;
};
// Leaves its lane for the parked set, or changes state there. The books follow the state: pending
// -> dead for DEAD; WAITING and RETRY count as pending.
struct park_update {
    sequence number = k_no_sequence;
    wharf::v1::ParkedUpdate content;
};
// A parked update found its end: leaves the parked set, (dead or pending) -> how.
struct settle_parked {
    sequence number = k_no_sequence;
    settlement how = settlement::applied;
};

// The destination says that another gateway has taken over this journal. The first word stays.
struct fence_gateway {
    std::string words;
    std::int64_t at_us = 0; // wall clock
};

using delivery_op = std::variant<seal_batch, close_batch, settle_update, advance_low_water,
                                 set_mark, clear_mark, park_update, settle_parked, fence_gateway>;

// Applied as one, in order. Urgent ones (seals) cause a commit; the others ride in the next one, at
// the latest after limits::k_lazy_commit_ms.
struct delivery_request {
    std::uint64_t token = 0;
    std::uint8_t destination = 0;
    bool urgent = false;
    std::vector<delivery_op> ops;
    manage_ops with = {}; // of the command that caused it: true in the same commit
};

// --- the end of a gateway ------------------------------------------------------------------------

// An export of this journal, by its file.
struct export_facts {
    wharf::v1::ExportHeader header;
    wharf::v1::ExportTrailer trailer;
};

struct gateway_ended;

// From then on nothing is taken, delivered or obeyed, whatever shares the group; the operators are
// gone. Refused where the conditions do not hold in the transaction that does it.
struct end_request {
    std::uint64_t token = 0;
    wharf::v1::GatewayEnd content;             // what is left is filled in
    bool only_drained = false;                 // a drain holds
    bool may_lose = false;                     // what is left is of no account
    std::optional<export_facts> exported = {}; // or it is in this
    // Made true in the same commit, from what came of it; not called where it is refused. Called by
    // the journal thread, again where the commit is tried again.
    std::function<manage_ops(const gateway_ended&)> with = {};
};

struct gateway_ended {
    std::uint64_t token = 0;
    std::string refused = {}; // nothing was done, and why
    wharf::v1::GatewayEnd end = {};
};

// In words; empty: nothing is left.
[[nodiscard]] std::string what_is_left(const wharf::v1::GatewayEnd& end);
[[nodiscard]] std::string end_words(const wharf::v1::GatewayEnd& end);

using journal_request =
    std::variant<ingest_request, session_open_request, session_close_request,
                 session_release_request, local_request, quarantine_discard_request,
                 quarantine_release_request, delivery_request, manage_request, end_request>;

// --- what a commit made true -------------------------------------------------------------------

struct ingest_done {
    std::uint64_t token = 0;
    ingest_verdict verdict;
    std::vector<event_receipt> receipts; // where they were wanted
};
// Its connection was replaced while it waited: nothing of it was taken.
struct ingest_dropped {
    std::uint64_t token = 0;
};
struct local_done {
    std::uint64_t token = 0;
};
// Its time is over. token: 0.
struct session_expired {
    std::uint64_t token = 0;
    std::uint64_t incarnation = 0;
};
struct session_released {
    std::uint64_t token = 0;
};
struct delivery_done {
    std::uint64_t token = 0;
    std::uint8_t destination = 0;
};
struct manage_done {
    std::uint64_t token = 0;
};

using journal_answer = std::variant<ingest_done, ingest_dropped, session_opened, session_released,
                                    session_expired, local_done, quarantine_discarded,
                                    quarantine_released, delivery_done, manage_done, gateway_ended>;

} // namespace wharf
