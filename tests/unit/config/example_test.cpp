// The example file and the page on configuration are kept true.
#include "gateway/config/parse.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>

using namespace wharf;

namespace {

std::string read(const char* path) {
    std::ifstream in(path);
    REQUIRE(in);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// Keys and tables that are commented out, switched on.
std::string with_every_key(const std::string& example) {
    return std::regex_replace(example, std::regex("(^|\n)#([a-z_]+ = |\\[)"), "$1$2");
}

bool same(const destination_config& a, const destination_config& b) {
    return a.connector == b.connector && a.format == b.format &&
           a.batch_max_items == b.batch_max_items && a.batch_max_bytes == b.batch_max_bytes &&
           a.batch_max_delay_ms == b.batch_max_delay_ms && a.in_flight_max == b.in_flight_max &&
           a.in_order == b.in_order && a.request_timeout_ms == b.request_timeout_ms &&
           a.connect_timeout_ms == b.connect_timeout_ms && a.backoff_min_ms == b.backoff_min_ms &&
           a.backoff_max_ms == b.backoff_max_ms && a.circuit_failures == b.circuit_failures &&
           a.poison_attempts == b.poison_attempts &&
           a.remembers_keys_for_h == b.remembers_keys_for_h && a.can_ask == b.can_ask &&
           a.answers_by_status == b.answers_by_status && a.settle_ms == b.settle_ms;
}

config parsed(const std::string& text) {
    auto result = parse_config(text, "example");
    if (!result.ok()) FAIL(result.failure().message);
    return std::move(result).value();
}

} // namespace

TEST_CASE("the example configuration is valid as it stands and with every key switched on") {
    auto example = read(WHARF_EXAMPLE_CONFIG);
    CHECK(parsed(example).gateway.name == "WH7");
    CHECK(with_every_key(example) != example);
    CHECK(parsed(with_every_key(example)).kind_lanes.size() == 1);
}

TEST_CASE("what the example shows as defaults are the defaults") {
    auto example = read(WHARF_EXAMPLE_CONFIG);
    auto defaults = parsed(example);
    auto shown = parsed(with_every_key(example));
    CHECK(shown.listener.address == defaults.listener.address);
    CHECK(shown.listener.port == defaults.listener.port);
    CHECK(shown.listener.max_packet_bytes == defaults.listener.max_packet_bytes);
    CHECK(shown.listener.receive_maximum == defaults.listener.receive_maximum);
    CHECK(shown.listener.max_connections == defaults.listener.max_connections);
    CHECK(shown.listener.keep_alive_max_s == defaults.listener.keep_alive_max_s);
    CHECK(shown.listener.session_expiry_max_s == defaults.listener.session_expiry_max_s);
    CHECK(shown.listener.plain_text == defaults.listener.plain_text);
    CHECK(shown.listener.tls_address() == defaults.listener.tls_address());
    CHECK(shown.listener.tls.port == defaults.listener.tls.port);
    CHECK(shown.listener.tls.client_certificates == defaults.listener.tls.client_certificates);
    CHECK(shown.listener.tls.handshake_threads == defaults.listener.tls.handshake_threads);
    CHECK(shown.journal.size_max_mb == defaults.journal.size_max_mb);
    CHECK(shown.journal.retention_hours == defaults.journal.retention_hours);
    CHECK(shown.journal.retention_fill_percent == defaults.journal.retention_fill_percent);
    CHECK(shown.journal.ring_mb == defaults.journal.ring_mb);
    CHECK(shown.journal.ring_block_bytes == defaults.journal.ring_block_bytes);
    CHECK(shown.journal.checkpoint_s == defaults.journal.checkpoint_s);
    CHECK(shown.access.publish == defaults.access.publish);
    CHECK(shown.access.subscribe == defaults.access.subscribe);
    CHECK(shown.access.anonymous_publish == defaults.access.anonymous_publish);
    CHECK(shown.access.anonymous_subscribe == defaults.access.anonymous_subscribe);
    CHECK(shown.limits == defaults.limits);
    CHECK(shown.identity.window_hours == defaults.identity.window_hours);
    CHECK(shown.identity.entries_max == defaults.identity.entries_max);
    CHECK(shown.profiles[0].double_trigger_window_ms ==
          defaults.profiles[0].double_trigger_window_ms);
    CHECK(shown.profiles[0].silent_after_s == defaults.profiles[0].silent_after_s);
    CHECK(shown.profiles[0].packet_ids_not_reused == defaults.profiles[0].packet_ids_not_reused);
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        CHECK(shown.lanes[i].dead_blocks == defaults.lanes[i].dead_blocks);
        CHECK(shown.lanes[i].latency_target_ms == defaults.lanes[i].latency_target_ms);
        CHECK(shown.lanes[i].sheddable == defaults.lanes[i].sheddable);
        CHECK(shown.targets[i].within_ms == defaults.targets[i].within_ms);
        CHECK(shown.targets[i].objective == defaults.targets[i].objective);
    }
    CHECK(same(shown.destinations.at(0), defaults.destinations.at(0)));
    CHECK(shown.admin.socket == defaults.admin.socket);
    CHECK(shown.admin.http_address == defaults.admin.http_address);
    CHECK(shown.admin.http_port == defaults.admin.http_port);
    CHECK(shown.log.format == defaults.log.format);
    CHECK(shown.log.level == defaults.log.level);
}

TEST_CASE("the page on configuration has every key of the example") {
    auto page = read(WHARF_CONFIG_PAGE);
    auto example = read(WHARF_EXAMPLE_CONFIG);
    std::regex key("(?:^|\n)#?([a-z_]+) = ");
    int keys = 0;
    for (std::sregex_iterator at(example.begin(), example.end(), key), end; at != end; ++at) {
        INFO((*at)[1]);
        CHECK(page.find("`" + (*at)[1].str() + "`") != std::string::npos);
        ++keys;
    }
    CHECK(keys > 45);
}
