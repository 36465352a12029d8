// Every bound of the program in one place, with its unit last in the name. What is configurable has
// its default and its hard bounds here too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wharf::limits {

// --- the event ---------------------------------------------------------------------------------
inline constexpr std::size_t k_identifier_bytes_max = 64;
inline constexpr std::size_t k_native_id_bytes_max = 128;
inline constexpr std::size_t k_correlation_id_bytes_max = 128;
inline constexpr std::size_t k_text_bytes_max = 256;
inline constexpr std::size_t k_event_bytes_max = 16 * 1024;
inline constexpr std::size_t k_events_per_message_max = 256;
inline constexpr std::size_t k_references_max = 16;
inline constexpr std::size_t k_packed_lines_max = 64;
inline constexpr std::size_t k_corrective_ids_max = 16;
inline constexpr int k_decimal_digits_max = 18;
inline constexpr int k_decimal_scale_max = 9;
inline constexpr std::size_t k_json_depth_max = 16;
// Fields of an event that is read over its bytes (a package of as many lines as there may be takes
// three quarters), and what it may come to when written again. More of either goes the slower way.
inline constexpr std::size_t k_flat_slots_max = 2048;
inline constexpr std::size_t k_flat_written_bytes_max = 64 * 1024;
inline constexpr std::uint32_t k_double_trigger_window_ms_max = 60'000;
// W3C Trace Context: what is read of a traceparent of a later version, and of a tracestate. What
// is longer than the specification asks to carry on, or lists more members, is left out.
inline constexpr std::size_t k_traceparent_bytes_max = 256;
inline constexpr std::size_t k_tracestate_bytes_read_max = 1024;
inline constexpr std::size_t k_tracestate_bytes_max = 512;
inline constexpr std::size_t k_tracestate_members_max = 32;
// Attributes of a CloudEvent, extensions among them, and how long the value of one may be.
inline constexpr std::size_t k_cloudevent_attributes_max = 64;
inline constexpr std::size_t k_cloudevent_attribute_bytes_max = 1024;
// A package belongs to a package name, an SSCC, a shipment and an order, and lists many stock keys.
inline constexpr std::size_t k_order_keys_max = 4 + k_packed_lines_max;

// --- MQTT --------------------------------------------------------------------------------------
inline constexpr std::size_t k_packet_bytes_default = 256 * 1024;
inline constexpr std::size_t k_packet_bytes_min = 1024;
inline constexpr std::size_t k_packet_bytes_max = 4 * 1024 * 1024;
inline constexpr std::uint16_t k_receive_maximum_default = 1024;
inline constexpr std::uint16_t k_topic_alias_max = 64;
// Topics whose route is remembered.
inline constexpr std::size_t k_known_topics_max = 256;
inline constexpr std::size_t k_client_id_bytes_max = 256;
inline constexpr std::size_t k_topic_bytes_max = 1024;
inline constexpr std::size_t k_user_properties_max = 64;
inline constexpr std::size_t k_topic_filters_per_packet_max = 1024;
inline constexpr std::uint16_t k_keep_alive_s_max = 3600;
inline constexpr std::uint32_t k_connect_timeout_ms = 10'000;
inline constexpr std::uint32_t k_session_expiry_s_max = 7 * 24 * 3600;
inline constexpr std::size_t k_connections_default = 2048;
// Unacknowledged PUBLISH payload per connection before its socket is no longer read.
inline constexpr std::size_t k_unacknowledged_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t k_output_bytes_max = 1024 * 1024;
// SUBSCRIBE and UNSUBSCRIBE of a connection that are not answered yet before reading stops.
inline constexpr std::size_t k_subscribes_owed_max = 32;

// --- the local broker ----------------------------------------------------------------------------
// Unwritten bytes to a connection beyond which nothing more is delivered to it for now.
inline constexpr std::size_t k_delivery_bytes_max = 512 * 1024;
inline constexpr std::size_t k_delivery_bytes_all_max = 64 * 1024 * 1024; // to all of them
// Messages sent to a client and not acknowledged: 3.1.1 has no word for it, MQTT 5 may ask for
// less.
inline constexpr std::uint16_t k_inflight_default = 256;
inline constexpr std::uint16_t k_inflight_max = 1024;
// Of a session: messages that wait for it, their bytes. Fewer than there are packet identifiers.
inline constexpr std::size_t k_queue_messages_default = 10'000;
inline constexpr std::size_t k_queue_messages_max = 16 * 1024;
inline constexpr std::size_t k_queue_bytes_max = 4 * 1024 * 1024;
// Of all sessions together.
inline constexpr std::size_t k_queues_bytes_default = 32 * 1024 * 1024;
inline constexpr std::size_t k_queues_bytes_max = 1024 * 1024 * 1024;
inline constexpr std::size_t k_subscriptions_per_session_max = 1000;
inline constexpr std::size_t k_subscriptions_max = 32 * 1024;
inline constexpr std::size_t k_topic_levels_max = 16;
inline constexpr std::size_t k_retained_default = 10'000;
inline constexpr std::size_t k_retained_max = 1'000'000;
inline constexpr std::size_t k_retained_bytes_default = 16 * 1024 * 1024;
inline constexpr std::size_t k_retained_bytes_max = 256 * 1024 * 1024;
inline constexpr std::size_t k_local_filters_max = 64;
// Operations of the local broker in one request to the journal.
inline constexpr std::size_t k_local_ops_max = 1024;

// What is read of a socket at once: one buffer for all connections of a listener.
inline constexpr std::size_t k_socket_read_bytes = 16 * 1024;

// --- workers: what is too slow for the network thread --------------------------------------------
inline constexpr std::size_t k_workers_max = 8;
// Jobs that wait for a worker. More are refused, and who asked has to shed.
inline constexpr std::size_t k_worker_queue_max = 1024;

// --- TLS -----------------------------------------------------------------------------------------
// Handshakes that devices have begun. Further connections wait, unread, for one of them to end.
inline constexpr std::size_t k_tls_handshakes_max = 64;
// From the connection to its first word, and from its turn to the end of its handshake; the MQTT
// CONNECT has its own time after it.
inline constexpr std::uint32_t k_tls_handshake_timeout_ms = 10'000;
// Between the two it waits for its turn: at most so long.
inline constexpr std::uint32_t k_tls_turn_timeout_ms = 60'000;
// A handshake whose peer has said nothing for so long gives its place to one that waits for it.
inline constexpr std::uint32_t k_tls_patience_ms = 1'000;
// What a peer may send in a whole handshake: room for a chain of certificates.
inline constexpr std::size_t k_tls_handshake_bytes_max = 64 * 1024;
// Encrypted at once, in records of at most 16 KiB.
inline constexpr std::size_t k_tls_write_bytes_max = 64 * 1024;
// Of an idle connection nothing but keys is kept. So many pairs of record buffers are, for the
// next.
inline constexpr std::size_t k_tls_spare_buffers_max = 16;
// A resumption ticket is good for one to two of these.
inline constexpr std::uint32_t k_tls_ticket_s = 12 * 3600;
inline constexpr std::size_t k_tls_file_bytes_max = 4 * 1024 * 1024;
// How often certificates' files are looked at for a change, and a session towards the ERP's age.
inline constexpr std::uint32_t k_tls_look_s = 10;
inline constexpr std::uint32_t k_tls_session_s_max = 12 * 3600;
// A certificate that ends within this is a reason to look.
inline constexpr std::uint32_t k_tls_certificate_low_s = 14 * 24 * 3600;
// Names of a peer's certificate that are kept.
inline constexpr std::size_t k_tls_peer_names_max = 16;

// --- access -------------------------------------------------------------------------------------
inline constexpr std::size_t k_enrolled_max = 16 * 1024; // identities in the file
inline constexpr std::size_t k_enrolment_bytes_max = 8 * 1024 * 1024;
inline constexpr std::size_t k_user_name_bytes_max = 64;
inline constexpr std::size_t k_password_bytes_min = 8;
inline constexpr std::size_t k_password_bytes_max = 256;
inline constexpr std::size_t k_rights_max = 32;            // filters in one list of an identity
inline constexpr std::size_t k_certificate_names_max = 16; // of an identity, and of a certificate
// Of a password's hash: what one check may take. Above the bounds a file is refused.
inline constexpr std::uint32_t k_hash_kib_default = 7 * 1024;
inline constexpr std::uint32_t k_hash_passes_default = 5;
inline constexpr std::uint32_t k_hash_kib_max = 64 * 1024;
inline constexpr std::uint32_t k_hash_passes_max = 16;
// Allowed topics that a connection remembers.
inline constexpr std::size_t k_allowed_topics_max = 8;
// Passwords that were found right and need no hash to be found right again.
inline constexpr std::size_t k_verified_max = 16 * 1024;
// Logins whose password waits to be hashed: in all, from one address, and at once.
inline constexpr std::size_t k_logins_waiting_max = 2048;
inline constexpr std::size_t k_logins_waiting_per_address_max = 256;
inline constexpr std::size_t k_logins_hashed_at_once_max = 2;
// After so many failures each further login waits: twice as long each time, up to the bound.
inline constexpr std::uint32_t k_login_failures_free = 3;
inline constexpr std::uint32_t k_login_delay_ms = 250;
inline constexpr std::uint32_t k_login_delay_ms_max = 8'000;
inline constexpr std::uint32_t k_login_failure_forgotten_ms = 60'000;
// Addresses and names that are remembered per generation; two generations are kept.
inline constexpr std::size_t k_watched_max = 8 * 1024;
inline constexpr std::size_t k_connect_bytes_max = 16 * 1024; // a packet before the CONNECT is done
inline constexpr std::size_t k_half_open_default = 512;
inline constexpr std::uint64_t k_rate_max = 1'000'000'000; // messages or bytes per second
// Lines of one kind about one address or name in an interval; the rest is counted.
inline constexpr std::size_t k_log_lines_per_interval = 3;
inline constexpr std::uint32_t k_log_interval_ms = 60'000;
inline constexpr std::size_t k_log_subjects_max = 1024;

// --- the bridge --------------------------------------------------------------------------------
// Connections to the bridge port, and how many are remembered after they went.
inline constexpr std::size_t k_bridges_max = 16;
inline constexpr std::size_t k_brokers_max = 16;
inline constexpr std::size_t k_topic_filters_max = 64;
inline constexpr std::size_t k_topic_filters_bytes_max = 32 * 1024;
// Messages of one connection that are not answered yet.
inline constexpr std::uint32_t k_bridge_window_max = 64;
// What a message may have besides its payload: its topic, its properties.
inline constexpr std::size_t k_bridge_extras_bytes_max = 160 * 1024;
inline constexpr std::size_t k_bridge_frame_bytes_max =
    k_packet_bytes_max + k_bridge_extras_bytes_max + 1024;
// Of a message that is too large: what goes along to quarantine.
inline constexpr std::size_t k_bridge_cut_bytes_max = 512;
inline constexpr std::size_t k_bridge_words_bytes_max = 256;
inline constexpr std::uint32_t k_bridge_hello_timeout_ms = 10'000;
inline constexpr std::uint32_t k_bridge_health_every_ms = 2'000;

// --- the journal ---------------------------------------------------------------------------------
inline constexpr std::size_t k_journal_queue_max = 16 * 1024;
inline constexpr std::size_t k_journal_queue_bytes_max = 32 * 1024 * 1024;
// Requests that the network thread hands over at once.
inline constexpr std::size_t k_submit_requests_max = 256;
// Requests whose memory is kept to be used again, and what one of them may have counted for.
inline constexpr std::size_t k_spent_requests_max = 4 * 1024;
inline constexpr std::size_t k_spent_request_bytes_max = 4 * 1024;
inline constexpr std::size_t k_group_requests_max = 8 * 1024;
// What a group's requests count for: of the quota, and at most.
inline constexpr std::uint64_t k_quota_per_group = 64;
inline constexpr std::size_t k_group_bytes_max = 4 * 1024 * 1024;
// Of the quota. From here on only outcomes, deletions and sessions are written, not events.
inline constexpr std::uint32_t k_journal_full_percent = 90;
// So far below it the journal is not full any more.
inline constexpr std::uint32_t k_journal_room_percent = 2;
// Blocks looked at for what was shed, in one group; and updates that are shed at a time, so often.
inline constexpr std::size_t k_hollow_blocks_per_group_max = 64;
inline constexpr std::size_t k_shed_updates_max = 256;
inline constexpr std::uint32_t k_shed_every_ms = 100;
// Updates of a lane that were shed behind one that waits: each is a mark in memory and on disk.
inline constexpr std::size_t k_shed_marks_max = 256 * 1024;
// The journal's size is at least so many times the largest packet: a tenth of it is the reserve.
inline constexpr std::uint32_t k_journal_bytes_per_packet_byte = 64;
inline constexpr std::size_t k_destinations_max = 8;
inline constexpr std::size_t k_sessions_max = 16 * 1024;
// Double triggers remembered per generation; two generations are kept.
inline constexpr std::size_t k_triggers_max = 32 * 1024;
// Events of a group are kept as blocks of about this size, delivered and deleted as such.
inline constexpr std::size_t k_event_block_bytes = 128 * 1024;
// So many events are at most looked at to bring the ordering table up to date at a start.
inline constexpr std::uint64_t k_order_snapshot_events = 128 * 1024;
// One read transaction of a walk through the journal: whichever comes first.
inline constexpr std::size_t k_scan_entries_max = 4096;
inline constexpr std::size_t k_scan_bytes_max = 1024 * 1024;
// What need not be durable at once waits this long for a commit to ride in.
inline constexpr std::uint32_t k_lazy_commit_ms = 200;
inline constexpr std::size_t k_retention_deletes_per_group_max = 512;
// Takeovers that a journal's header lists.
inline constexpr std::size_t k_takeovers_max = 256;
// A record: a message as large as a packet may be, with what a bridge says of it, has room.
inline constexpr std::size_t k_record_key_bytes_max = 511;
inline constexpr std::size_t k_record_value_bytes_max = 16 * 1024 * 1024;
// An export's chunk is closed when it holds so much; one record alone may be larger.
inline constexpr std::size_t k_export_chunk_bytes = 1024 * 1024;
inline constexpr std::size_t k_export_frame_bytes_max =
    k_export_chunk_bytes + k_record_value_bytes_max + 1024;
// What an import writes in one transaction.
inline constexpr std::size_t k_import_commit_bytes = 8 * 1024 * 1024;

// --- management ----------------------------------------------------------------------------------
inline constexpr std::size_t k_command_bytes_max = 64 * 1024;
// From the fleet broker, before anything is looked at: so many and so much at once, so often.
inline constexpr std::size_t k_fleet_messages_max = 32;
inline constexpr std::size_t k_fleet_bytes_max = 512 * 1024;
inline constexpr std::uint32_t k_fleet_messages_per_s = 50;
// What the library is given to send and has not sent.
inline constexpr std::size_t k_fleet_under_way_max = 80;
inline constexpr std::size_t k_command_signatures_max = 4;
inline constexpr std::size_t k_operators_max = 64;
// Signatures are checked at most so often, and so many at once: what comes beyond is not looked at.
inline constexpr std::uint32_t k_command_checks_per_s = 20;
inline constexpr std::size_t k_command_checks_burst = 40;
inline constexpr std::size_t k_command_checks_at_once_max = 4;
// Commands whose outcome is not known yet.
inline constexpr std::size_t k_commands_open_max = 16;
// Commands that are known by their ids. More in the time of a nonce are refused.
inline constexpr std::size_t k_commands_known_max = 1024;
// And those that only look.
inline constexpr std::size_t k_commands_asked_max = 8 * 1024;
// Their nonces are good for fewer times: for so long their ids are known.
inline constexpr std::uint32_t k_nonces_good_to_look = 2;
inline constexpr std::uint32_t k_nonce_s = 3600;   // how long one is given out
inline constexpr std::uint32_t k_nonces_good = 24; // and for how many such times it is good
inline constexpr std::size_t k_audit_entries_max = 32 * 1024;
// Reports that wait for the fleet broker.
inline constexpr std::size_t k_outbound_max = 2048;
inline constexpr std::size_t k_outbound_bytes_max = 8 * 1024 * 1024;
inline constexpr std::size_t k_outbound_in_flight_max = 64;
inline constexpr std::size_t k_report_bytes_max = 256 * 1024;
// What the fleet lays over a gateway's own configuration, and how many earlier ones are kept.
inline constexpr std::size_t k_overlay_bytes_max = 32 * 1024;
inline constexpr std::size_t k_overlays_kept_max = 16;
inline constexpr std::uint32_t k_confirm_s_min = 10;
inline constexpr std::uint32_t k_confirm_s_max = 24 * 3600;
// While an overlay is on trial the gateway says at least so often how it is: who confirms it wants
// to see that.
inline constexpr std::uint32_t k_trial_state_s = 10;
// What a gateway is called besides its name, for those who choose among many.
inline constexpr std::size_t k_tags_max = 16;
// A roll-out: how many waves, and how long each is watched.
inline constexpr std::size_t k_waves_max = 64;
inline constexpr std::uint32_t k_gate_s_max = 12 * 3600;
// Events of a trace, and events looked at in one read transaction while they are searched for.
inline constexpr std::size_t k_trace_events_max = 100;
inline constexpr std::size_t k_trace_scan_max = 8 * 1024;
inline constexpr std::size_t k_replay_updates_max = 1'000'000;
inline constexpr std::uint32_t k_log_tail_s_max = 600;

inline constexpr std::uint32_t k_drain_s_max = 24 * 3600;
// The helper that stands for the device beneath.
inline constexpr std::size_t k_device_output_bytes_max = 256 * 1024;
inline constexpr std::size_t k_device_line_bytes_max = 1024;
inline constexpr std::uint32_t k_device_describe_s_max = 10;
inline constexpr std::uint32_t k_device_reboot_s_max = 60;
inline constexpr std::uint32_t k_device_update_s_max = 3600;
inline constexpr std::uint32_t k_device_reset_s_max = 600;
// So long after it was asked to, a device that goes on has not restarted.
inline constexpr std::uint32_t k_device_reboot_wait_s = 600;
inline constexpr std::size_t k_update_source_bytes_max = 1024;
inline constexpr std::size_t k_update_version_bytes_max = 64;
inline constexpr std::uint32_t k_log_tail_lines_per_s_max = 20;
inline constexpr std::uint32_t k_rate_limit_s_max = 24 * 3600;
inline constexpr std::uint32_t k_requests_per_s_max = 10'000;
// Statements that a key was replaced by another, in every state: the newest.
inline constexpr std::size_t k_succession_max = 8;
// What an authority made of a request for a certificate.
inline constexpr std::size_t k_certificate_chain_bytes_max = 32 * 1024;
inline constexpr std::size_t k_certificate_chain_max = 8;
inline constexpr std::size_t k_certificate_name_bytes_max = 253;
// The fleet link has to stand again with a new certificate within so long.
inline constexpr std::uint32_t k_certificate_trial_s = 60;
inline constexpr std::uint32_t k_certificate_trial_s_min = 5;
inline constexpr std::uint32_t k_certificate_trial_s_max = 600;
// The last lines of the log that a support bundle brings.
inline constexpr std::size_t k_log_lines_kept = 500;

// --- the ring ----------------------------------------------------------------------------------
inline constexpr std::uint32_t k_ring_mb_default = 8;
inline constexpr std::uint32_t k_ring_mb_min = 4; // or 0: none
inline constexpr std::uint32_t k_ring_mb_max = 64;
inline constexpr std::uint64_t k_ring_bytes_max = std::uint64_t{k_ring_mb_max} << 20;
// Less than what can be configured, for tests.
inline constexpr std::uint64_t k_ring_bytes_least = 16 * 1024;
inline constexpr std::uint32_t k_checkpoint_s_default = 10;
inline constexpr std::uint32_t k_checkpoint_s_max = 600;
// A group that changes more than this goes past the ring.
inline constexpr std::size_t k_ring_group_bytes_max = 32 * 1024;

// --- delivery ------------------------------------------------------------------------------------
inline constexpr std::size_t k_lane_window_max = 4096;
inline constexpr std::size_t k_batch_items_max = 1000;
inline constexpr std::size_t k_batch_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t k_batches_in_flight_max = 16;
inline constexpr std::size_t k_blocked_keys_max = 64 * 1024;
inline constexpr std::size_t k_promoted_max = 1024;
inline constexpr std::size_t k_answer_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t k_dead_message_bytes_max = 1024;
// Events looked at for one page of a lane's heads, in one read transaction.
inline constexpr std::size_t k_head_scan_max = 8 * 1024;
// Heads announced to the sync thread and not yet taken; what is beyond is read from the journal.
inline constexpr std::size_t k_announced_heads_max = 16 * 1024;

// --- configuration and operation -----------------------------------------------------------------
inline constexpr std::size_t k_config_bytes_max = 256 * 1024;
inline constexpr std::size_t k_config_errors_max = 100;
inline constexpr std::size_t k_config_depth_max = 32;
inline constexpr std::size_t k_name_bytes_max = 32;
inline constexpr std::size_t k_routes_max = 64;
inline constexpr std::size_t k_profiles_max = 64;
inline constexpr std::size_t k_profile_devices_max = 64;
inline constexpr std::size_t k_url_bytes_max = 2048;
inline constexpr std::size_t k_path_bytes_max = 1024;
inline constexpr std::size_t k_connections_max = 65'536;
inline constexpr std::uint32_t k_journal_mb_min = 16;
// The map has to fit into the address space: less of it where pointers have 32 bits.
inline constexpr std::uint32_t k_journal_mb_max = sizeof(void*) >= 8 ? 65'536 : 1'024;
// What 24 bits of an ordinal tell apart, with room for what expires meanwhile.
inline constexpr std::size_t k_identities_max = 15'000'000;
inline constexpr std::size_t k_admin_body_bytes_max = 64 * 1024;
inline constexpr std::size_t k_admin_answer_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t k_admin_connections_max = 16;
inline constexpr std::uint32_t k_admin_timeout_ms = 10'000;
inline constexpr std::size_t k_log_queue_max = 8'192;
inline constexpr std::size_t k_histogram_buckets_max = 32;

// --- sight
// ----------------------------------------------------------------------------------------- Alarms
// that stand or have stood, and what one of them says.
inline constexpr std::size_t k_alarms_max = 128;
inline constexpr std::size_t k_alarm_text_bytes_max = 512;
// Changes of alarms that wait to be taken.
inline constexpr std::size_t k_alarm_changes_max = 256;
// Devices whose silence is watched, how many of the silent are named, and when one that was never
// named in the settings is taken for gone.
inline constexpr std::size_t k_devices_watched_max = 4096;
inline constexpr std::size_t k_devices_named_max = 100;
inline constexpr std::uint32_t k_silent_after_s_max = 7 * 24 * 3600;
inline constexpr std::uint32_t k_device_forgotten_s = 30 * 24 * 3600;
// Service targets: what is counted together, and the longest window.
inline constexpr std::uint32_t k_target_bucket_s = 15;
inline constexpr std::uint32_t k_target_window_s = 6 * 3600;
inline constexpr std::uint32_t k_target_within_ms_max = 3'600'000;
// Fewer late ones in a window than this are no alarm.
inline constexpr std::uint64_t k_target_late_least = 3;
// The machine: how often it is looked at, what is read of a file of it, and from when on somebody
// should look.
inline constexpr std::uint32_t k_machine_look_s = 30;
inline constexpr std::size_t k_machine_file_bytes_max = 256;
inline constexpr std::size_t k_thermal_zones_max = 16;
inline constexpr std::size_t k_flash_devices_max = 8;
inline constexpr double k_temperature_high_c = 85;
inline constexpr double k_disk_free_percent_low = 5;
inline constexpr std::uint32_t k_flash_worn_percent = 80;

static_assert(k_target_window_s % k_target_bucket_s == 0);
static_assert(k_devices_named_max <= k_devices_watched_max);
static_assert(k_tls_handshakes_max <= k_worker_queue_max);
static_assert(k_tls_patience_ms < k_tls_handshake_timeout_ms);
static_assert(k_events_per_message_max <= k_group_requests_max);
static_assert(k_bridge_frame_bytes_max < k_record_value_bytes_max);
static_assert(k_group_bytes_max <= k_journal_queue_bytes_max);
static_assert(k_event_bytes_max < k_flat_written_bytes_max);
static_assert(k_batch_items_max <= k_lane_window_max);
static_assert(k_packet_bytes_max < k_journal_queue_bytes_max);
static_assert(k_queue_messages_max < 65'535);
static_assert(k_inflight_default <= k_inflight_max && k_inflight_max < k_queue_messages_max);
static_assert(k_packet_bytes_max <= k_queue_bytes_max);
static_assert(k_event_bytes_max < k_packet_bytes_default);
static_assert(k_event_bytes_max < k_batch_bytes_max);
static_assert(k_ring_group_bytes_max * 16 <= std::size_t{k_ring_mb_min} << 20);
static_assert(k_ring_mb_min <= k_ring_mb_default && k_ring_mb_default <= k_ring_mb_max);
static_assert(k_ring_mb_min * 2 <= k_journal_mb_min);
static_assert(k_logins_waiting_per_address_max <= k_logins_waiting_max);
static_assert(k_hash_kib_default <= k_hash_kib_max);
static_assert(k_connect_bytes_max >= k_packet_bytes_min);

} // namespace wharf::limits
