// bench-micro: Google Benchmark over the steps of an event's way, each alone and in memory. The
// journal's steps run on a store in /dev/shm and are rolled back, so that no disk is measured.
#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/validate.hpp"
#include "gateway/ingest/mqtt/packet.hpp"
#include "gateway/journal/format.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "tests/bench/load/wire.hpp"
#include "tests/bench/micro/journal_rig.hpp"

#include <benchmark/benchmark.h>

#include <filesystem>
#include <unistd.h>

namespace {

using bench::payload_kind;

void per_event(benchmark::State& state, std::int64_t each = 1) {
    state.SetItemsProcessed(state.iterations() * each);
}

std::string payload_of(payload_kind kind) {
    const bench::event_template event(kind);
    std::string out = event.bytes();
    event.number(out.data(), 4711);
    return out;
}

void publish_parse(benchmark::State& state) {
    const bench::publish_template packet(4, payload_kind::protobuf, 7);
    std::string bytes(packet.size(), '\0');
    packet.write(bytes.data(), 1, 4711);
    const bench::packet_view whole = bench::first_packet(bytes);
    wharf::mqtt::publish_packet out;
    for (auto _ : state) {
        auto done = wharf::mqtt::parse_publish(whole.flags, whole.body, 4, out);
        benchmark::DoNotOptimize(done);
    }
    per_event(state);
}
BENCHMARK(publish_parse);

void decode_event(benchmark::State& state, payload_kind kind) {
    const std::string payload = payload_of(kind);
    const auto codec =
        kind == payload_kind::json ? wharf::codec_kind::json : wharf::codec_kind::protobuf;
    for (auto _ : state)
        benchmark::DoNotOptimize(wharf::decode(codec, payload));
    per_event(state);
}
BENCHMARK_CAPTURE(decode_event, protobuf, payload_kind::protobuf);
BENCHMARK_CAPTURE(decode_event, json, payload_kind::json);

void validate_event(benchmark::State& state) {
    const auto decoded = bench::taken(
        wharf::decode(wharf::codec_kind::protobuf, payload_of(payload_kind::protobuf)));
    const wharf::v1::Event event = *decoded.at(0);
    for (auto _ : state) {
        state.PauseTiming();
        wharf::v1::Event copy = event;
        state.ResumeTiming();
        benchmark::DoNotOptimize(wharf::validate(copy, "ber1", "scanner-0007"));
    }
    per_event(state);
}
BENCHMARK(validate_event);

// Route, decode, validate, identity, ordering keys: all that ingest does with a message.
void intake_prepare(benchmark::State& state, payload_kind kind) {
    const wharf::intake ingest = bench::taken(wharf::make_intake({.site = "ber1"}));
    const std::string topic = bench::topic_of(kind, 7);
    const std::string payload = payload_of(kind);
    wharf::publish_view view;
    view.topic = topic;
    view.payload = payload;
    view.client_id = "bench-7";
    view.qos = 1;
    for (auto _ : state)
        benchmark::DoNotOptimize(ingest.prepare(view, 1'772'445'600'000'000, true));
    per_event(state);
}
BENCHMARK_CAPTURE(intake_prepare, protobuf, payload_kind::protobuf);
BENCHMARK_CAPTURE(intake_prepare, json, payload_kind::json);

// A journal in memory that goes with the program.
bench::journal_rig& rig() {
    struct place {
        std::string path = "/dev/shm/wharf-bench-micro-" + std::to_string(::getpid());
        bench::journal_rig over{{path, 256, {"erp"}, 1'000'000}};
        ~place() {
            std::error_code ignored; // a leftover in memory, at worst until the next boot
            std::filesystem::remove_all(path, ignored);
        }
    };
    static place only;
    return only.over;
}

std::vector<wharf::journal_request> requests(std::uint64_t first, std::size_t count) {
    std::vector<wharf::journal_request> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(rig().prepare(first + i));
    return out;
}

constexpr std::size_t k_group = 1000;

// Judged by identity and appended; what a group then commits is not measured.
void journal_apply(benchmark::State& state, bool known) {
    static std::uint64_t next = 1;
    std::vector<wharf::journal_request> group = requests(next, k_group);
    if (known) rig().commit(group.data(), group.size());
    for (auto _ : state) {
        state.PauseTiming();
        next += k_group;
        if (!known) group = requests(next, k_group);
        rig().begin();
        state.ResumeTiming();
        rig().apply(group.data(), group.size());
        state.PauseTiming();
        rig().end();
        state.ResumeTiming();
    }
    next += k_group;
    per_event(state, k_group);
}
// Few enough for the store in memory.
BENCHMARK_CAPTURE(journal_apply, new_events, false)->Iterations(100);
BENCHMARK_CAPTURE(journal_apply, duplicates, true)->Iterations(1000);

wharf::event_head head_of(wharf::sequence number) {
    wharf::event_head head;
    head.number = number;
    head.journal_time_us = 1'000'000;
    head.links = {{0x1234567890abcdef, number - 1, wharf::lane::inventory}};
    return head;
}

std::string stored_of(std::uint64_t event) {
    const auto request = rig().prepare(event);
    const auto& item = std::get<wharf::ingest_request>(request).message.items.at(0);
    return std::get<wharf::prepared_event>(item.what).stored;
}

void record_encode(benchmark::State& state) {
    const std::string stored = stored_of(1);
    const wharf::event_head head = head_of(4711);
    for (auto _ : state) {
        std::string out;
        wharf::format::encode_event(head, stored, out);
        benchmark::DoNotOptimize(out);
    }
    per_event(state);
}
BENCHMARK(record_encode);

void record_decode(benchmark::State& state) {
    std::string content;
    wharf::format::encode_event(head_of(4711), stored_of(1), content);
    for (auto _ : state)
        benchmark::DoNotOptimize(wharf::format::decode_event(4711, content));
    per_event(state);
}
BENCHMARK(record_decode);

void render_batch(benchmark::State& state, wharf::http_format format) {
    constexpr std::size_t k_items = 500;
    wharf::http_connector_options options;
    options.url = "http://127.0.0.1:8080";
    options.format = format;
    options.gateway = "WH7";
    const auto connector = bench::taken(wharf::http_connector::create(options));
    std::vector<wharf::batch_item> items;
    std::vector<wharf::raw_record> records(k_items);
    for (std::size_t i = 0; i < k_items; ++i) {
        items.push_back({i + 1, 0});
        records[i].head = head_of(i + 1);
        if (!records[i].event.ParseFromString(stored_of(i + 1))) bench::die("a record");
    }
    for (auto _ : state) {
        state.PauseTiming();
        auto used_up = records;
        state.ResumeTiming();
        benchmark::DoNotOptimize(connector.render(1, items, std::move(used_up), false).value());
    }
    per_event(state, k_items);
}
BENCHMARK_CAPTURE(render_batch, protobuf, wharf::http_format::protobuf);
BENCHMARK_CAPTURE(render_batch, json, wharf::http_format::json);

} // namespace

BENCHMARK_MAIN();
