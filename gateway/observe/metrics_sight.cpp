#include "gateway/observe/metrics_page.hpp"

#include <array>

namespace wharf::observe {

namespace {

using page = metrics_page;
using destinations = std::vector<destination_snapshot>;

// For each lane of each destination that has what is asked for.
template <class Visit> void each_lane(const destinations& all, Visit&& visit) {
    for (const auto& each : all)
        for (std::size_t i = 0; i < k_lane_count; ++i)
            visit(each.books.name, k_lane_names[i], each.lanes[i]);
}

void render_stages(page& out, const destinations& all) {
    using name = std::string_view;
    if (all.empty()) return;
    out.family("delivery_first_sent_seconds", "histogram",
               "From the commit of an update to the first attempt of the batch it goes in.");
    each_lane(all, [&](name destination, name lane, const lane_snapshot& at) {
        out.buckets({{"destination", destination}, {"lane", lane}}, at.first_sent);
    });
    out.family("delivery_answer_seconds", "histogram", "From a request to its answer.");
    for (const auto& each : all)
        out.buckets({{"destination", each.books.name}}, each.answers);
    out.family("delivery_seconds", "histogram",
               "From the commit of an update to the ERP's word on it: applied or refused.");
    each_lane(all, [&](name destination, name lane, const lane_snapshot& at) {
        out.buckets({{"destination", destination}, {"lane", lane}}, at.delivered);
    });
}

void render_targets(page& out, const destinations& all) {
    using name = std::string_view;
    const auto each_target = [&](name family, name type, name help, auto&& value) {
        out.family(family, type, help);
        each_lane(all, [&](name destination, name lane, const lane_snapshot& at) {
            if (at.aim) out.sample({{"destination", destination}, {"lane", lane}}, value(at));
        });
    };
    using at = const lane_snapshot&;
    each_target("target_within_seconds", "gauge",
                "How soon an update of this lane ought to be in the ERP.",
                [](at l) { return static_cast<double>(l.aim->within_us) / 1e6; });
    each_target("target_objective_ratio", "gauge", "The part of the updates for which that holds.",
                [](at l) { return l.aim->objective; });
    each_target("target_due_total", "counter", "Updates whose time is over.",
                [](at l) { return l.target.due; });
    each_target("target_late_total", "counter", "Of those, the ones that were not there in time.",
                [](at l) { return l.target.late; });
    constexpr std::array<name, k_window_count> windows = {"5m", "30m", "1h", "6h"};
    out.family("target_burn_rate", "gauge",
               "How many times faster than the objective allows updates are late, by window.");
    each_lane(all, [&](name destination, name lane, const lane_snapshot& l) {
        for (std::size_t i = 0; l.aim && i < k_window_count; ++i)
            out.sample({{"destination", destination}, {"lane", lane}, {"window", windows[i]}},
                       l.target.windows[i].burn_rate);
    });
}

void render_alarms(page& out, const alarms_snapshot& at) {
    std::array<std::array<std::uint64_t, k_severity_count>, k_alarm_code_count> standing{};
    for (const auto& each : at.standing)
        ++standing[static_cast<std::size_t>(each.code)][static_cast<std::size_t>(each.level)];
    out.family("alarms", "gauge", "Alarms that stand, by what they are about.");
    for (std::size_t code = 0; code < k_alarm_code_count; ++code)
        for (std::size_t level = 0; level < k_severity_count; ++level)
            out.sample({{"code", to_string(static_cast<alarm_code>(code))},
                        {"severity", to_string(static_cast<severity>(level))}},
                       standing[code][level]);
    out.family("alarms_raised_total", "counter", "Times an alarm was raised.");
    for (std::size_t code = 0; code < k_alarm_code_count; ++code)
        out.sample({{"code", to_string(static_cast<alarm_code>(code))}}, at.times_raised[code]);
    out.one("alarms_left_out_total", "counter",
            "Alarms, and changes of alarms, for which there was no room.", at.left_out);
}

void render_devices(page& out, const silence_snapshot& at) {
    out.family("devices_watched", "gauge", "Devices whose silence is watched, by profile.");
    for (const auto& each : at.profiles)
        out.sample({{"profile", each.name}}, each.watched);
    out.family("devices_silent", "gauge",
               "Of those, the ones that have been silent for longer than their profile says.");
    for (const auto& each : at.profiles)
        out.sample({{"profile", each.name}}, each.silent);
    out.one("devices_unwatched_total", "counter",
            "Times a device was not watched because there are too many.", at.unwatched);
}

void render_certificates(page& out, const gateway_snapshot& now) {
    out.family("certificate_expiry_seconds", "gauge",
               "Until a TLS certificate of this gateway ends; below zero: since then.");
    if (now.listener.certificate_left_s)
        out.sample({{"certificate", "listener"}, {"destination", ""}},
                   *now.listener.certificate_left_s);
    for (const auto& each : now.destinations)
        if (each.certificate_left_s)
            out.sample({{"certificate", "client"}, {"destination", each.books.name}},
                       *each.certificate_left_s);
}

void render_machine(page& out, const machine_snapshot& at) {
    out.family("machine_temperature_celsius", "gauge", "Temperatures that the machine tells.");
    for (const auto& each : at.temperatures)
        out.sample({{"zone", each.name}, {"type", each.type}}, each.celsius);
    out.family("flash_life_used_ratio", "gauge",
               "How much of its life a flash device has used by its own account, in tenths.");
    for (const auto& each : at.flash)
        if (each.worn_percent)
            out.sample({{"device", each.name}}, static_cast<double>(*each.worn_percent) / 100);
    out.family("flash_pre_end_of_life", "gauge",
               "Spare blocks of a flash device: 1 normal, 2 mostly used, 3 nearly all used.");
    for (const auto& each : at.flash)
        if (each.pre_end) out.sample({{"device", each.name}}, std::uint64_t{*each.pre_end});
    if (at.disk) {
        out.one("disk_size_bytes", "gauge", "Size of the journal's file system.",
                at.disk->total_bytes);
        out.one("disk_free_bytes", "gauge", "What of it is free for the gateway.",
                at.disk->free_bytes);
    }
    if (at.clock) {
        out.one("clock_offset_seconds", "gauge",
                "What the system still corrects of the wall clock.", at.clock->offset_s);
        out.one("clock_error_max_seconds", "gauge",
                "How wrong the wall clock may be by the system's account.", at.clock->error_max_s);
    }
}

} // namespace

void render_sight(page& out, const gateway_snapshot& now) {
    render_stages(out, now.destinations);
    render_targets(out, now.destinations);
    render_alarms(out, now.alarms);
    render_devices(out, now.silence);
    render_certificates(out, now);
    render_machine(out, now.machine);
    out.one("events_traced_total", "counter", "Events with a W3C traceparent.", now.traces.events);
    out.one("traces_ignored_total", "counter",
            "Events whose W3C trace context was malformed and left out, in part or in full.",
            now.traces.ignored);
}

} // namespace wharf::observe
