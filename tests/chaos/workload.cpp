#include "tests/chaos/workload.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

namespace chaos {
namespace {

using nlohmann::json;

constexpr std::size_t k_stocks = 8;
constexpr std::size_t k_shared_stocks = 2;
constexpr std::size_t k_earlier_max = 64;
constexpr std::size_t k_open_shipments_max = 8;
constexpr std::size_t k_batch_max = 4;
constexpr std::uint64_t k_state_topics = 6;
constexpr double k_state_ends = 0.1;

std::string padded(std::uint64_t value, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llu", digits, static_cast<unsigned long long>(value));
    return text;
}

std::string now_text() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    const std::time_t seconds = us / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    return std::string(text) + "." + padded(static_cast<std::uint64_t>(us % 1'000'000), 6) + "Z";
}

} // namespace

workload::workload(workload_options options)
    : options_(std::move(options)), random_(options_.seed), sequence_(options_.first_sequence) {
    for (std::size_t i = 0; i < k_stocks; ++i) {
        // The last ones are every device's: the stock key is one, the order is each publisher's
        // own.
        const bool shared = i >= k_stocks - k_shared_stocks;
        stocks_.push_back({shared ? "S-" + padded(i, 2) : "A-" + options_.device,
                           shared ? "common-" + padded(i, 2) : "sku-" + padded(i, 4),
                           false,
                           {}});
    }
}

bool workload::chance(double share) {
    return static_cast<double>(below(1'000'000)) < share * 1'000'000;
}

std::uint64_t workload::below(std::uint64_t bound) {
    return random_() % bound;
}

bool workload::finished() const {
    return options_.events_max != 0 && made_ >= options_.events_max;
}

workload::stock* workload::free_stock() {
    const std::size_t start = below(stocks_.size());
    for (std::size_t i = 0; i < stocks_.size(); ++i) {
        stock& candidate = stocks_[(start + i) % stocks_.size()];
        if (!waits(candidate.key())) return &candidate;
    }
    return nullptr;
}

// The same stock key, said in full or left to its defaults.
json workload::stock_json(const stock& of) {
    json out = {{"location", of.location}, {"sku", of.sku}};
    if (chance(0.5)) out["site"] = options_.site;
    if (chance(0.3)) out["status"] = "available";
    if (chance(0.3)) out["unit"] = "EA";
    return out;
}

json workload::quantity_json(const std::string& value) {
    return {{"value", value}, {"unit", "EA"}};
}

std::string workload::draw_kind() {
    using weighted = std::pair<const char*, std::uint64_t>;
    constexpr std::array<weighted, 7> k_scanner = {{{"inventory_adjusted", 25},
                                                    {"inventory_counted", 20},
                                                    {"picked", 20},
                                                    {"shipped", 10},
                                                    {"packed", 5},
                                                    {"stock_moved", 10},
                                                    {"received", 10}}};
    constexpr std::array<weighted, 7> k_wms = {{{"inventory_adjusted", 10},
                                                {"inventory_counted", 15},
                                                {"picked", 10},
                                                {"shipped", 30},
                                                {"packed", 10},
                                                {"stock_moved", 5},
                                                {"received", 20}}};
    std::uint64_t drawn = below(100);
    for (const auto& [kind, weight] : options_.wms ? k_wms : k_scanner) {
        if (drawn < weight) return kind;
        drawn -= weight;
    }
    std::abort();
}

workload::draft workload::begin_event(const std::string& kind) {
    const std::string uid = std::to_string(sequence_++);
    draft out;
    out.witness.uid = uid;
    out.witness.kind = kind;
    out.event = {{"device_sequence", uid}, {"occurred_at", now_text()}};
    if (!chance(options_.without_id_share)) {
        out.witness.event_id = options_.device + "-" + options_.run + "-" + uid;
        out.event["event_id"] = out.witness.event_id;
    }
    for (std::size_t i = 0; i < options_.references; ++i) {
        out.event["references"].push_back(
            {{"type", "order"}, {"id", uid + "-" + padded(i, 2) + "-" + std::string(50, 'x')}});
    }
    if (chance(0.2)) out.event["user"] = "picker-" + std::to_string(below(9) + 1);
    return out;
}

void workload::fill_shipped(draft& out, stock& of) {
    if (of.shipment.empty() || waits(of.shipment) || chance(0.3)) {
        of.shipment =
            "SH-" + options_.device + "-" + options_.run + "-" + std::to_string(++shipments_);
        shipments_open_.push_back(of.shipment);
        if (shipments_open_.size() > k_open_shipments_max) {
            shipments_open_.erase(shipments_open_.begin());
        }
    }
    out.witness.keys.push_back(of.shipment);
    out.event["shipped"] = {{"stock", stock_json(of)},
                            {"quantity", quantity_json(out.witness.quantity)},
                            {"shipment", of.shipment},
                            {"line", out.witness.uid},
                            {"extent", chance(0.7) ? "partial" : "final"}};
}

bool workload::fill_move(draft& out, stock& from) {
    stock* to = free_stock();
    if (to == nullptr || to == &from) return false;
    out.witness.keys.push_back(to->key());
    json target = {{"location", to->location}};
    // Stock does not turn into another item on its way: the target takes the source's item.
    if (to->sku != from.sku) {
        out.witness.keys.back() = to->location + "/" + from.sku;
        if (to->location == from.location || waits(out.witness.keys.back())) return false;
    }
    out.event["stock_moved"] = {{"from", stock_json(from)},
                                {"to", target},
                                {"quantity", quantity_json(out.witness.quantity)},
                                {"task", "MV-" + options_.device + "-" + out.witness.uid},
                                {"line", "1"}};
    return true;
}

void workload::fill(draft& out, stock& of, const std::string& kind) {
    const std::string& uid = out.witness.uid;
    const std::string own = options_.device + "-" + uid;
    out.witness.quantity = std::to_string(below(5) + 1);
    out.witness.keys.push_back(of.key());
    if (kind == "stock_moved" && fill_move(out, of)) return;
    if (kind == "shipped") return fill_shipped(out, of);
    json body = {{"stock", stock_json(of)}, {"line", "1"}};
    if (kind == "inventory_counted") {
        out.witness.quantity = std::to_string(50'000 + below(1000));
        body = {{"stock", stock_json(of)},
                {"counted", quantity_json(out.witness.quantity)},
                {"as_of", now_text()},
                {"document", "CNT-" + own}};
    } else if (kind == "picked") {
        body.update({{"quantity", quantity_json(out.witness.quantity)}, {"task", "PK-" + own}});
    } else if (kind == "received") {
        if (!of.opened) out.witness.quantity = "100000";
        body.update({{"quantity", quantity_json(out.witness.quantity)}, {"receipt", "RC-" + own}});
    } else if (kind == "packed") {
        body = {{"package", "PG-" + own},
                {"contents",
                 {{{"stock", stock_json(of)}, {"quantity", quantity_json(out.witness.quantity)}}}}};
        // A package has many quantities: there is no single one to compare.
        out.witness.quantity.clear();
    } else {
        out.witness.kind = "inventory_adjusted";
        out.witness.keys.resize(1);
        if (chance(0.5)) out.witness.quantity.insert(0, "-");
        if (chance(0.3)) out.witness.quantity += ".50";
        body.update({{"delta", quantity_json(out.witness.quantity)},
                     {"reason", chance(0.5) ? "damage" : "found"},
                     {"document", "ADJ-" + own}});
    }
    of.opened = true;
    out.event[out.witness.kind] = std::move(body);
}

workload::draft workload::milestone(const std::string& shipment) {
    draft out = begin_event("milestone");
    out.witness.keys = {shipment};
    out.event["milestone"] = {{"shipment", shipment},
                              {"line", out.witness.uid},
                              {"code", chance(0.5) ? "departed" : "delivered"},
                              {"carrier", "DHL"}};
    return out;
}

std::optional<workload::draft> workload::good_event() {
    if (!shipments_open_.empty() && chance(0.1)) {
        const std::string& shipment = shipments_open_[below(shipments_open_.size())];
        if (!waits(shipment)) {
            ++made_;
            return milestone(shipment);
        }
    }
    stock* of = free_stock();
    if (of == nullptr) return std::nullopt;
    const std::string kind = of->opened ? draw_kind() : "received";
    draft out = begin_event(kind);
    fill(out, *of, kind);
    ++made_;
    return out;
}

// Named by what is wrong with it; nothing of it may ever reach the ERP.
workload::draft workload::bad_event() {
    draft out = begin_event("inventory_adjusted");
    out.witness.uid = "b" + std::to_string(++spoilt_) + "-" + out.witness.uid;
    out.witness.what = event_class::bad;
    fill(out, stocks_[below(stocks_.size())], "inventory_adjusted");
    out.witness.keys.clear();
    json& body = out.event["inventory_adjusted"];
    switch (below(options_.protobuf ? 3 : 5)) {
    case 0:
        body["stock"]["gtin"] = "04012345678902";
        break;
    case 1:
        body["delta"]["unit"] = "pieces";
        break;
    case 2:
        out.event.erase("inventory_adjusted");
        break;
    case 3:
        body["delta"]["value"] = chance(0.5) ? "1,5" : "1e3";
        break;
    default:
        body["colour"] = "red";
    }
    return out;
}

publication workload::unreadable() {
    publication out = wrap({bad_event()});
    out.payload.resize(out.payload.size() / 2);
    if (options_.protobuf) out.payload += "\xff\xff\xff";
    return out;
}

std::optional<publication> workload::contradiction() {
    if (earlier_.empty()) return std::nullopt;
    const publication& original = earlier_[below(earlier_.size())];
    const witnessed_event& said = original.events[below(original.events.size())];
    const auto content = contents_.find(said.uid);
    if (content == contents_.end() || said.event_id.empty() || said.kind != "received") {
        return std::nullopt;
    }
    draft out{content->second, said};
    out.witness.what = event_class::conflict;
    out.witness.uid += "#" + std::to_string(++spoilt_);
    out.witness.keys.clear();
    out.witness.quantity = "77777";
    out.event[said.kind]["quantity"]["value"] = out.witness.quantity;
    return wrap({std::move(out)});
}

publication workload::wrap(std::vector<draft> drafts) {
    publication out;
    // rig.py configures a route of its own for protobuf batches.
    out.topic = (options_.protobuf ? "wharf-pb/1/" : "wharf/1/") + options_.site + "/" +
                options_.device + "/stock";
    out.qos = options_.qos;
    std::vector<json> events;
    for (draft& d : drafts) {
        for (const std::string& key : d.witness.keys)
            ++waiting_[key];
        if (d.witness.what == event_class::good) contents_[d.witness.uid] = d.event;
        out.events.push_back(std::move(d.witness));
        events.push_back(std::move(d.event));
    }
    if (options_.protobuf) {
        out.payload = event_batch_bytes(events).value();
    } else {
        out.payload = events.size() == 1 ? events[0].dump() : json(events).dump();
    }
    return out;
}

// The next value of a topic, or its end, only when the last is acknowledged: else nobody could say
// which of them is to stay.
std::optional<publication> workload::state() {
    const std::string topic = "site/" + options_.site + "/" + options_.device + "/" +
                              std::to_string(below(k_state_topics));
    if (waits(topic)) return std::nullopt;
    publication out;
    out.topic = topic;
    out.qos = options_.qos;
    out.retain = true;
    witnessed_event what;
    what.uid = "s" + std::to_string(sequence_++);
    what.what = event_class::state;
    what.kind = chance(k_state_ends) ? "ended" : "state";
    what.keys = {topic};
    if (what.kind == "state") out.payload = what.uid + " of " + options_.run + " at " + now_text();
    ++waiting_[topic];
    ++made_;
    out.events.push_back(std::move(what));
    return out;
}

std::optional<publication> workload::next() {
    if (finished()) return std::nullopt;
    if (options_.states) return state();
    if (chance(options_.conflict_share)) {
        if (auto made = contradiction()) return made;
    }
    if (chance(options_.bad_share)) {
        return chance(0.3) ? unreadable() : wrap({bad_event()});
    }
    std::vector<draft> drafts;
    const std::size_t wanted = chance(options_.batch_share) ? 2 + below(k_batch_max - 1) : 1;
    while (drafts.size() < wanted && !finished()) {
        if (wanted > 1 && chance(options_.bad_share)) {
            drafts.push_back(bad_event());
            continue;
        }
        // Two events of one key may share a message: it has an order of its own.
        auto made = good_event();
        if (!made) break;
        drafts.push_back(std::move(*made));
    }
    if (drafts.empty()) return std::nullopt;
    return wrap(std::move(drafts));
}

void workload::acknowledged(const publication& done) {
    bool good = true;
    for (const witnessed_event& event : done.events) {
        for (const std::string& key : event.keys) {
            const auto found = waiting_.find(key);
            if (found != waiting_.end() && --found->second == 0) waiting_.erase(found);
        }
        good = good && event.what == event_class::good;
    }
    // A repeated bad event would be quarantined again: only good ones are repeated.
    if (!good) return forget(done);
    earlier_.push_back(done);
    if (earlier_.size() <= k_earlier_max) return;
    forget(earlier_.front());
    earlier_.erase(earlier_.begin());
}

void workload::forget(const publication& old) {
    for (const witnessed_event& event : old.events)
        contents_.erase(event.uid);
}

std::optional<publication> workload::any_earlier() {
    if (earlier_.empty()) return std::nullopt;
    return earlier_[below(earlier_.size())];
}

} // namespace chaos
