#include "tests/erp/misbehaviour.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace erp {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, k_faults> k_names = {
    "refuse_item",     "in_progress", "item_answer", "delay_ms",         "delay_after_ms",
    "throttle",        "error_503",   "status",      "error_500_before", "drop_before",
    "error_500_after", "drop_after",  "garbage",     "missing_items",    "slow_loris"};

constexpr std::uint64_t k_wait_ms_max = 3'600'000;
constexpr std::uint64_t k_batch_items_max = 1000;

[[noreturn]] void wrong(const std::string& name, const std::string& expected) {
    throw std::invalid_argument(name + ": " + expected);
}

std::uint64_t whole(const json& value, const std::string& name, std::uint64_t low,
                    std::uint64_t high) {
    const bool fits = value.is_number_integer() && (value.is_number_unsigned() || value >= 0) &&
                      value.get<std::uint64_t>() >= low && value.get<std::uint64_t>() <= high;
    if (!fits) {
        wrong(name, "expected a whole number from " + std::to_string(low) + " to " +
                        std::to_string(high));
    }
    return value.get<std::uint64_t>();
}

double chance(const json& value, const std::string& name) {
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > 1) {
        wrong(name, "expected a probability from 0 to 1");
    }
    return value.get<double>();
}

std::string one_of(const json& value, const std::string& name,
                   std::initializer_list<std::string_view> choices) {
    std::string all;
    for (const std::string_view choice : choices) {
        if (value.is_string() && value.get_ref<const std::string&>() == choice) {
            return std::string(choice);
        }
        all += (all.empty() ? "" : ", ") + std::string(choice);
    }
    wrong(name, "expected one of " + all);
}

} // namespace

std::string_view fault_name(fault what) {
    return k_names[static_cast<std::size_t>(what)];
}

misbehaviour::misbehaviour() : random_(state_.seed) {}

std::optional<std::string> misbehaviour::change(const json& change) {
    try {
        if (!change.is_object()) return "expected a JSON object";
        state next = change.value("clear", false) ? state{} : state_;
        if (change.value("clear", false)) next.seed = state_.seed;
        for (const auto& [name, value] : change.items()) {
            const auto found = std::find(k_names.begin(), k_names.end(), name);
            if (found != k_names.end()) {
                change_fault(next, static_cast<fault>(found - k_names.begin()), value);
            } else {
                change_setting(next, name, value);
            }
        }
        if (change.contains("seed")) random_.seed(next.seed);
        state_ = std::move(next);
        return std::nullopt;
    } catch (const std::exception& fault) {
        return fault.what();
    }
}

void misbehaviour::change_fault(state& next, fault what, const json& value) {
    const std::string name(fault_name(what));
    setting& strikes = next.faults[static_cast<std::size_t>(what)];
    if (value.is_number()) {
        strikes = {chance(value, name), 0};
        return;
    }
    if (!value.is_object()) wrong(name, "expected a probability or an object");
    // An object that says neither how often nor how likely means always.
    const bool always = !value.contains("probability") && !value.contains("next");
    strikes = {always ? 1.0 : 0.0, 0};
    if (what == fault::delay_ms) next.delays[0] = {};
    if (what == fault::delay_after_ms) next.delays[1] = {};
    for (const auto& [key, element] : value.items()) {
        const std::string place = name + "." + key;
        if (key == "probability") {
            strikes.probability = chance(element, place);
        } else if (key == "next") {
            strikes.next = whole(element, place, 0, 1'000'000'000);
        } else {
            change_detail(next, what, key, element);
        }
    }
}

void misbehaviour::change_detail(state& next, fault what, const std::string& key,
                                 const json& value) {
    const std::string place = std::string(fault_name(what)) + "." + key;
    const bool delays = what == fault::delay_ms || what == fault::delay_after_ms;
    if (delays && (key == "min" || key == "max")) {
        span& range = next.delays[what == fault::delay_ms ? 0 : 1];
        (key == "min" ? range.low : range.high) = whole(value, place, 0, k_wait_ms_max);
        // A minimum without a maximum is a fixed delay.
        range.high = std::max(range.low, range.high);
    } else if (what == fault::throttle && key == "retry_after_s") {
        next.retry_after_s = whole(value, place, 0, 86'400);
    } else if (what == fault::status && key == "code") {
        next.status_code = static_cast<int>(whole(value, place, 200, 599));
    } else if (what == fault::slow_loris && key == "byte_ms") {
        next.loris_byte_ms = whole(value, place, 0, 60'000);
    } else if (what == fault::garbage && key == "form") {
        next.garbage_form = one_of(value, place, {"any", "noise", "truncated"});
    } else if (what == fault::item_answer && key == "status") {
        next.item_status = one_of(value, place, {"throttled", "forbidden", "error", "in_progress"});
    } else {
        wrong(place, "no such setting");
    }
}

void misbehaviour::change_setting(state& next, const std::string& name, const json& value) {
    if (name == "clear" || name == "forget_keys" || name == "query_too") {
        if (!value.is_boolean()) wrong(name, "expected true or false");
        if (name == "query_too") next.query_too = value.get<bool>();
    } else if (name == "forget_gateway") {
        if (!value.is_string()) wrong(name, "expected a gateway's name");
    } else if (name == "vanish_ms") {
        whole(value, name, 1, k_wait_ms_max);
    } else if (name == "max_batch_items") {
        next.batch_items_max = whole(value, name, 1, k_batch_items_max);
    } else if (name == "seed") {
        next.seed = whole(value, name, 0, UINT64_MAX);
    } else if (name == "refuse_keys") {
        if (!value.is_array()) wrong(name, "expected a list of event ids");
        next.refuse_keys.clear();
        for (const json& id : value) {
            if (!id.is_string()) wrong(name, "expected a list of event ids");
            next.refuse_keys.insert(id.get<std::string>());
        }
    } else {
        wrong(name, "no such misbehaviour");
    }
}

std::string misbehaviour::describe() const {
    json out;
    for (std::size_t index = 0; index < k_faults; ++index) {
        const setting& strikes = state_.faults[index];
        out[std::string(k_names[index])] = {{"probability", strikes.probability},
                                            {"next", strikes.next}};
    }
    for (const std::size_t index : {std::size_t{0}, std::size_t{1}}) {
        json& delay = out[index == 0 ? "delay_ms" : "delay_after_ms"];
        delay["min"] = state_.delays[index].low;
        delay["max"] = state_.delays[index].high;
    }
    out["throttle"]["retry_after_s"] = state_.retry_after_s;
    out["status"]["code"] = state_.status_code;
    out["item_answer"]["status"] = state_.item_status;
    out["garbage"]["form"] = state_.garbage_form;
    out["slow_loris"]["byte_ms"] = state_.loris_byte_ms;
    out["refuse_keys"] = state_.refuse_keys;
    out["max_batch_items"] = state_.batch_items_max;
    out["query_too"] = state_.query_too;
    out["seed"] = state_.seed;
    return out.dump(2) + "\n";
}

bool misbehaviour::strikes(fault what) {
    setting& strikes = state_.faults[static_cast<std::size_t>(what)];
    if (strikes.next > 0) {
        --strikes.next;
        return true;
    }
    // A fault that is off draws nothing, so that switching others on does not shift its sequence.
    if (strikes.probability <= 0) return false;
    constexpr double k_unit = 1.0 / 9007199254740992.0; // 2^-53
    return static_cast<double>(random_() >> 11) * k_unit < strikes.probability;
}

bool misbehaviour::coin() {
    return (random_() >> 63) != 0;
}

std::uint64_t misbehaviour::between(std::uint64_t low, std::uint64_t high) {
    return low + random_() % (high - low + 1);
}

std::uint64_t misbehaviour::delay_draw(fault what) {
    const span& range = state_.delays[what == fault::delay_ms ? 0 : 1];
    return between(range.low, range.high);
}

} // namespace erp
