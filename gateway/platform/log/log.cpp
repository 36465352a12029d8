#include "gateway/platform/log/log.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/base/time.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <time.h>

namespace wharf::log {

namespace {

struct running {
    std::shared_ptr<spdlog::details::thread_pool> pool;
    std::shared_ptr<spdlog::async_logger> logger;
    bool json = false;
    std::atomic<level> least = level::info;

    std::mutex mutex;
    std::deque<kept_line> kept; // guarded, with what follows
    std::uint64_t last = 0;

    void keep(level at, const std::string& line) {
        std::lock_guard lock(mutex);
        if (kept.size() >= limits::k_log_lines_kept) kept.pop_front();
        kept.push_back({++last, at, line.substr(0, k_kept_bytes_max)});
    }
    static constexpr std::size_t k_kept_bytes_max = 1024;
};

// Replaced only by start and shutdown; a writer that still holds the old one finishes with it.
std::shared_ptr<running> current;
std::array<std::atomic<std::uint64_t>, k_level_count> counts{};

spdlog::level::level_enum spdlog_level(level at) {
    return static_cast<spdlog::level::level_enum>(static_cast<int>(at));
}

// As they stand in a line. A person reads the columns: in text they are padded.
constexpr std::array<std::string_view, k_level_count> k_words = {"trace", "debug", "info",
                                                                 "warning", "error"};
constexpr std::size_t k_word_bytes = 7;

// With milliseconds, in UTC. Not by spdlog: as 32-bit ARM has it, its time ends in January 2038.
void append_now(std::string& out) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    append_rfc3339({now.tv_sec, 0}, out);
    auto milliseconds = std::to_string(1000 + now.tv_nsec / 1'000'000);
    milliseconds.front() = '.';
    out.replace(out.size() - 1, 1, milliseconds).push_back('Z');
}

std::string line_of(bool json, level at, std::string_view what, fields details) {
    std::string_view word = k_words[static_cast<std::size_t>(at)];
    std::string out = json ? "{\"time\":\"" : "";
    append_now(out);
    if (json) {
        out.append("\",\"level\":\"").append(word).append("\",");
        return out.append(rendered(true, what, details)).append("}");
    }
    out.append(" ").append(word).append(k_word_bytes - word.size() + 1, ' ');
    return out.append(rendered(false, what, details));
}

constexpr char k_hex[] = "0123456789abcdef";

void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        text_unit unit = next_unit(text);
        std::string_view bytes = text.substr(0, unit.bytes);
        text.remove_prefix(unit.bytes);
        if (bytes == "\"" || bytes == "\\") out += '\\';
        if (unit.shown) {
            out += bytes;
            continue;
        }
        for (char c : bytes) {
            auto byte = static_cast<unsigned char>(c);
            out += "\\u00";
            out += k_hex[byte >> 4];
            out += k_hex[byte & 15];
        }
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text);
    out += '"';
}

bool needs_quotes(std::string_view text) {
    if (text.empty()) return true;
    if (text.find_first_of(" \"\\=") != text.npos) return true;
    while (!text.empty()) {
        text_unit unit = next_unit(text);
        if (!unit.shown) return true;
        text.remove_prefix(unit.bytes);
    }
    return false;
}

} // namespace

std::string rendered(bool json, std::string_view what, fields details) {
    std::string out;
    if (json) {
        out += "\"message\":";
        append_quoted(out, what);
        for (const auto& [name, value] : details) {
            out += ',';
            append_quoted(out, name);
            out += ':';
            append_quoted(out, value);
        }
        return out;
    }
    append_escaped(out, what);
    for (const auto& [name, value] : details) {
        out.append(" ").append(name).append("=");
        if (needs_quotes(value))
            append_quoted(out, value);
        else
            out += value;
    }
    return out;
}

status start(const options& how) {
    auto next = std::make_shared<running>();
    next->json = how.json;
    next->least = how.least;
    try {
        next->pool = std::make_shared<spdlog::details::thread_pool>(limits::k_log_queue_max, 1);
        spdlog::sink_ptr sink;
        if (how.file.empty())
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(how.file);
        next->logger = std::make_shared<spdlog::async_logger>(
            "wharf", std::move(sink), next->pool, spdlog::async_overflow_policy::overrun_oldest);
        next->logger->set_level(spdlog::level::trace);
        next->logger->set_pattern("%v");
        next->logger->flush_on(spdlog::level::warn);
    } catch (const spdlog::spdlog_ex& failed) {
        return wharf::error{errc::io, std::string("log: ") + failed.what()};
    }
    for (auto& each : counts)
        each = 0;
    std::atomic_store(&current, std::move(next));
    return ok();
}

void set_least(level least) {
    if (auto to = std::atomic_load(&current)) to->least = least;
}

void shutdown() {
    // The pool's destructor writes what waits and joins its thread.
    auto last = std::atomic_exchange(&current, std::shared_ptr<running>{});
    if (last) last->logger->flush();
}

void flush_for(std::uint32_t wait_ms) {
    // Standard error may be blocked for good; nobody waits for it longer than this.
    auto written = std::make_shared<std::promise<void>>();
    auto done = written->get_future();
    std::thread([written] {
        shutdown();
        written->set_value();
    }).detach();
    done.wait_for(std::chrono::milliseconds(wait_ms));
}

void write(level at, std::string_view what, fields details) {
    auto to = std::atomic_load(&current);
    if (!to || at < to->least) return;
    counts[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    auto line = line_of(to->json, at, what, details);
    to->keep(at, line);
    to->logger->log(spdlog_level(at), spdlog::string_view_t(line));
}

std::vector<kept_line> kept_since(std::uint64_t number) {
    std::vector<kept_line> out;
    auto of = std::atomic_load(&current);
    if (!of) return out;
    std::lock_guard lock(of->mutex);
    for (const kept_line& line : of->kept)
        if (line.number > number) out.push_back(line);
    return out;
}

std::uint64_t last_kept() {
    auto of = std::atomic_load(&current);
    if (!of) return 0;
    std::lock_guard lock(of->mutex);
    return of->last;
}

std::optional<level> least_level() {
    auto of = std::atomic_load(&current);
    if (!of) return std::nullopt;
    return of->least.load();
}

std::array<std::uint64_t, k_level_count> lines_by_level() noexcept {
    std::array<std::uint64_t, k_level_count> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = counts[i].load(std::memory_order_relaxed);
    return out;
}

std::uint64_t lines_dropped() noexcept {
    auto of = std::atomic_load(&current);
    return of ? of->pool->overrun_counter() : 0;
}

} // namespace wharf::log
