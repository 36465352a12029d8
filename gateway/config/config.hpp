// The configuration of wharfd as values: what stands in its TOML file, checked and with every
// default filled in. docs/configuration.md says what each key means.
#pragma once

#include "gateway/base/http_url.hpp"
#include "gateway/base/lane.hpp"
#include "gateway/base/limits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wharf {

enum class route_codec : std::uint8_t { json, protobuf, protobuf_batch, cloudevents };
enum class body_format : std::uint8_t { json, protobuf };
enum class double_trigger_choice : std::uint8_t { keep, flag, drop };
enum class log_format : std::uint8_t { human, json };
enum class log_level : std::uint8_t { trace, debug, info, warn, error };

// Whether devices may talk without TLS: on loopback, from anywhere, or not at all.
enum class plain_text_choice : std::uint8_t { loopback, allowed, never };
enum class client_certificates_choice : std::uint8_t { none, optional, required };

struct gateway_config {
    std::string name;
    std::string site;
    std::vector<std::string> tags; // by which the fleet chooses it
};

struct listener_tls_config {
    bool present = false;
    std::string address;       // empty: the listener's
    std::uint16_t port = 8883; // 0: any free port
    std::string certificate;
    std::string key;
    client_certificates_choice client_certificates = client_certificates_choice::none;
    std::string client_ca;
    std::string crl; // empty: none
    std::uint32_t handshake_threads = 2;
};

struct listener_config {
    std::string address = "127.0.0.1";
    std::uint16_t port = 1883; // 0: any free port
    std::uint32_t max_packet_bytes = limits::k_packet_bytes_default;
    std::uint16_t receive_maximum = limits::k_receive_maximum_default;
    std::uint32_t max_connections = limits::k_connections_default;
    std::uint16_t keep_alive_max_s = limits::k_keep_alive_s_max;
    std::uint32_t session_expiry_max_s = limits::k_session_expiry_s_max;
    plain_text_choice plain_text = plain_text_choice::loopback;
    listener_tls_config tls;

    // Whether `address` and `port` are listened on, for devices without TLS.
    [[nodiscard]] bool listens_plain() const {
        return plain_text == plain_text_choice::allowed ||
               (plain_text == plain_text_choice::loopback && is_loopback(address));
    }
    [[nodiscard]] const std::string& tls_address() const {
        return tls.address.empty() ? address : tls.address;
    }
};

// The local broker: what is published can also be consumed on site.
struct broker_config {
    std::vector<std::string> local_topics; // topic filters of what is no event
    std::uint32_t queue_messages_max = limits::k_queue_messages_default;
    std::uint32_t queues_max_kb = 0; // of all sessions; 0: a 32nd of the journal, at most 32 MiB
    std::uint16_t inflight_max = limits::k_inflight_default;
    std::uint32_t retained_max = limits::k_retained_default;
    std::uint32_t retained_max_kb = 0; // 0: a 64th of the journal, at most 16 MiB
};

// Who may come in by MQTT where the settings say nothing else: docs/access.md.
enum class anonymous_choice : std::uint8_t { by_default, refused, allowed };

struct access_config {
    std::string identities; // empty: no file, nobody signs in
    anonymous_choice anonymous = anonymous_choice::by_default;
    // Of an identity whose entry says nothing of its own, and of who comes without a name.
    std::vector<std::string> publish = {"wharf/1/{site}/{user}/#"};
    std::vector<std::string> subscribe = {"wharf/1/{site}/{user}/#"};
    std::vector<std::string> anonymous_publish = {"#"};
    std::vector<std::string> anonymous_subscribe = {"#"};

    [[nodiscard]] bool lets_anonymous_in() const {
        return anonymous == anonymous_choice::allowed ||
               (anonymous == anonymous_choice::by_default && identities.empty());
    }
};

// 0: no bound.
struct limits_config {
    std::uint32_t identity_connections = 16;
    std::uint32_t identity_messages_per_s = 5'000;
    std::uint32_t identity_bytes_per_s = 4 * 1024 * 1024;
    std::uint32_t address_connections = 512;
    std::uint32_t address_half_open = 64;
    std::uint32_t address_attempts_per_s = 20;
    std::uint32_t address_messages_per_s = 20'000;
    std::uint32_t address_bytes_per_s = 16 * 1024 * 1024;
    std::uint32_t burst_s = 5;
    std::uint32_t half_open = limits::k_half_open_default;
    std::uint32_t buffers_mb = 64;
    bool this_machine_too = false; // bounds of addresses are for loopback as well

    bool operator==(const limits_config&) const = default;
};

struct journal_config {
    std::string path;
    std::uint32_t size_max_mb = 1024;
    std::uint32_t retention_hours = 168;
    std::uint32_t retention_fill_percent = 70;
    std::uint32_t ring_mb = limits::k_ring_mb_default; // 0: no write-ahead ring
    std::uint32_t ring_block_bytes = 4096;
    std::uint32_t checkpoint_s = limits::k_checkpoint_s_default;
};

struct identity_config {
    std::uint32_t window_hours = 720;
    std::uint64_t entries_max = 10'000'000;
};

// Which messages are read with which codec. The first route whose topic fits decides.
struct route_config {
    // An MQTT topic filter in whose levels {site}, {device} and {stream} stand for one level each
    // and name it.
    std::string topic;
    route_codec codec = route_codec::json;
    std::string profile; // empty: the first profile whose globs fit the device, if any
};

struct profile_config {
    std::string name;
    std::vector<std::string> devices; // globs: * any text, ? one character
    double_trigger_choice double_trigger = double_trigger_choice::keep;
    std::uint32_t double_trigger_window_ms = 1000;
    bool packet_ids_not_reused = false;
    std::uint32_t silent_after_s = 0; // 0: nobody asks
};

struct lane_config {
    bool dead_blocks = true; // a dead letter holds back later updates of its keys
    std::uint32_t latency_target_ms = 1000;
    bool sheddable = false; // gives way where the journal is full
};

// How soon an update ought to be in the ERP, and how many of them: an alarm where too many are
// late.
struct target_config {
    std::uint32_t within_ms = 0; // 0: no target
    double objective = 0.99;
};

struct destination_config {
    std::string name;
    std::string connector = "http";
    http_url url;
    body_format format = body_format::json;
    std::string token_file; // empty: no token
    // For https.
    std::string tls_ca = "/etc/ssl/certs/ca-certificates.crt";
    std::string tls_crl;         // empty: none
    std::string tls_certificate; // empty: none is shown
    std::string tls_key;
    std::uint32_t batch_max_items = 500;
    std::uint32_t batch_max_bytes = 1024 * 1024;
    std::uint32_t batch_max_delay_ms = 250;
    std::uint32_t in_flight_max = 4;
    bool in_order = false;
    std::uint32_t request_timeout_ms = 30'000;
    std::uint32_t connect_timeout_ms = 5'000;
    std::uint32_t backoff_min_ms = 500;
    std::uint32_t backoff_max_ms = 60'000;
    std::uint32_t circuit_failures = 5;
    std::uint32_t poison_attempts = 5;
    std::uint32_t remembers_keys_for_h = 2160;
    bool can_ask = true;
    bool answers_by_status = false; // only with batches of one item
    std::uint32_t settle_ms = 30'000;
};

struct admin_config {
    std::string socket = "/run/wharf/wharfd.sock";
    std::string http_address = "127.0.0.1";
    std::uint16_t http_port = 9883; // 0: any free port
};

// Where wharf-bridge connects.
struct bridge_port_config {
    std::string socket; // empty: nowhere
    // Connections that ought to be there, as "bridge/broker": /healthz says where one is not.
    std::vector<std::string> expected;
};

enum class fleet_protocol : std::uint8_t { automatic, mqtt_5, mqtt_3_1_1 };

// The broker over which this gateway is managed.
struct fleet_config {
    bool present = false;
    std::string url; // ssl://, wss:// or tcp://
    bool tls = false;
    std::string http_proxy; // host:port, for wss
    std::string client_id;  // "wharf-<site>-<gateway>" where none is given
    std::string key_file = "/var/lib/wharf/gateway.key";      // made where there is none
    std::string operators_file = "/etc/wharf/operators.toml"; // read once, at the first start
    std::string ca_file;                                      // empty: the system's
    std::string certificate_file;
    std::string certificate_key_file;
    std::string user;
    std::string password_file;
    std::string overlay_files; // a folder whose files an overlay may name; empty: none
    fleet_protocol protocol = fleet_protocol::automatic;
    std::uint16_t keep_alive_s = 60;
    std::uint32_t session_expiry_h = 24;
    std::uint32_t connect_timeout_s = 30;
    std::uint32_t backoff_min_ms = 1'000;
    std::uint32_t backoff_max_ms = 300'000;
    std::uint32_t state_every_s = 60;
};

// The device beneath: an image of ours, or whatever an executable of root's can do for us.
struct device_config {
    std::string helper; // empty: nothing can be asked of it
};

struct log_config {
    log_format format = log_format::human;
    log_level level = log_level::info;
};

struct config {
    gateway_config gateway;
    listener_config listener;
    broker_config broker;
    access_config access;
    limits_config limits;
    journal_config journal;
    identity_config identity;
    std::vector<route_config> routes; // none: the defaults of gateway/ingest/topics.hpp
    std::vector<profile_config> profiles;
    std::array<lane_config, k_lane_count> lanes; // by index_of(lane)
    std::array<target_config, k_lane_count> targets;
    // Event kinds (field names of wharf.v1.Event's body) that go to another lane than their own.
    std::map<std::string, lane, std::less<>> kind_lanes;
    std::vector<destination_config> destinations;
    admin_config admin;
    bridge_port_config bridge;
    fleet_config fleet;
    device_config device;
    log_config log;

    // What is allowed but deserves a word in the log, each as "file:line: key: ...".
    std::vector<std::string> warnings;
};

} // namespace wharf
