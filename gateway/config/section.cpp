#include "gateway/config/section.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace wharf::config_detail {

namespace {

constexpr std::size_t k_shown_bytes_max = 48;

// Levenshtein distance, given up above `max`.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t max) {
    if (a.size() > b.size() + max || b.size() > a.size() + max) return max + 1;
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row[b.size()];
}

std::string did_you_mean(std::string_view found, const std::set<std::string, std::less<>>& known) {
    const std::size_t near_enough = std::max<std::size_t>(2, found.size() / 3);
    std::size_t best = near_enough + 1;
    std::string_view nearest;
    for (const auto& name : known)
        if (auto distance = edit_distance(found, name, near_enough); distance < best) {
            best = distance;
            nearest = name;
        }
    return nearest.empty() ? std::string{} : " (did you mean " + std::string(nearest) + "?)";
}

} // namespace

void findings::add(list& to, std::uint32_t line, std::string_view key, std::string_view what) {
    std::string text;
    if (!file_name_.empty()) text = file_name_ + ":" + std::to_string(std::max(line, 1U)) + ": ";
    if (!key.empty()) text.append(key).append(": ");
    to.emplace_back(line, text.append(what));
}

std::vector<std::string> findings::sorted(list& from) {
    std::stable_sort(from.begin(), from.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> out;
    for (auto& [line, text] : from) {
        if (out.size() == limits::k_config_errors_max) {
            out.push_back("and " + std::to_string(from.size() - out.size()) + " more");
            break;
        }
        out.push_back(std::move(text));
    }
    return out;
}

bool too_deep(std::string_view text) {
    std::size_t depth = 0;
    for (char c : text) {
        if (c == '[' || c == '{') ++depth;
        if ((c == ']' || c == '}') && depth > 0) --depth;
        if (c == '\n' && depth > limits::k_config_depth_max) return true;
    }
    return depth > limits::k_config_depth_max;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (char c : text.substr(0, k_shown_bytes_max))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return out + (text.size() > k_shown_bytes_max ? "...\"" : "\"");
}

std::string shown(const toml::node& node) {
    if (const auto* text = node.as_string()) return quoted(text->get());
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* number = node.as_floating_point())
        return "the fraction " + std::to_string(number->get());
    if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
    if (node.is_table()) return "a table";
    if (node.is_array()) return "a list";
    return "a date or time";
}

const toml::node* section::find(std::string_view key) {
    known_.emplace(key);
    out_->looked_for(path(key));
    return table_ == nullptr ? nullptr : table_->get(key);
}

bool section::has(std::string_view key) const {
    return table_ != nullptr && table_->get(key) != nullptr;
}

std::string section::path(std::string_view key) const {
    return path_.empty() ? std::string(key) : key.empty() ? path_ : path_ + "." + std::string(key);
}

std::uint32_t section::line(std::string_view key) const {
    if (table_ != nullptr)
        if (auto entry = table_->find(key); entry != table_->end()) {
            if (auto at = entry->first.source().begin.line; at != 0) return at;
            if (auto at = entry->second.source().begin.line; at != 0) return at;
        }
    return line_;
}

void section::wrong(std::string_view key, std::string_view expected, const toml::node& found) {
    error(key, "expected " + std::string(expected) + ", found " + shown(found));
}

void section::required(std::string_view key, std::string_view expected) {
    known_.emplace(key);
    if (!has(key)) error(key, "is required: expected " + std::string(expected) + ", found nothing");
}

bool section::text(std::string_view key, std::string& to, std::string_view expected,
                   const text_check& check) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->as_string();
    if (value == nullptr) return wrong(key, expected, *node), false;
    if (check)
        if (auto what = check(value->get()); !what.empty()) {
            error(key, what + ", found " + quoted(value->get()));
            return false;
        }
    to = value->get();
    return true;
}

bool section::secret(std::string_view key, std::string& to, const text_check& check) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->as_string();
    const auto what = check(value == nullptr ? std::string_view() : value->get());
    if (value == nullptr || !what.empty()) return error(key, what), false;
    to = value->get();
    return true;
}

bool section::boolean(std::string_view key, bool& to) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->as_boolean();
    if (value == nullptr) return wrong(key, "true or false", *node), false;
    to = value->get();
    return true;
}

bool section::whole_number(std::string_view key, std::uint64_t& to, std::uint64_t min,
                           std::uint64_t max, std::string_view unit) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < 0 || static_cast<std::uint64_t>(value->get()) < min ||
        static_cast<std::uint64_t>(value->get()) > max) {
        std::string expected =
            "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
        if (!unit.empty()) expected += " (" + std::string(unit) + ")";
        return wrong(key, expected, *node), false;
    }
    to = static_cast<std::uint64_t>(value->get());
    return true;
}

bool section::fraction(std::string_view key, double& to, double min, double max) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* value = node->as_floating_point();
    if (value == nullptr || !(value->get() >= min && value->get() <= max)) {
        const auto text = [](double of) {
            std::array<char, 32> digits{};
            const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), of).ptr;
            return std::string(digits.data(), end);
        };
        return wrong(key, "a number with a point from " + text(min) + " to " + text(max), *node),
               false;
    }
    to = value->get();
    return true;
}

bool section::texts(std::string_view key, std::vector<std::string>& to, std::size_t count_max,
                    std::string_view expected, const text_check& check) {
    const auto* node = find(key);
    if (node == nullptr) return false;
    const auto* values = node->as_array();
    if (values == nullptr || values->size() > count_max) {
        wrong(key, "a list of at most " + std::to_string(count_max) + " " + std::string(expected),
              *node);
        return false;
    }
    bool good = true;
    for (const auto& item : *values) {
        const auto* value = item.as_string();
        auto what = "expected " + std::string(expected);
        if (value != nullptr) what = check(value->get());
        if (value != nullptr && what.empty()) {
            to.push_back(value->get());
            continue;
        }
        out_->error(item.source().begin.line, path(key), what + ", found " + shown(item));
        good = false;
    }
    return good;
}

section section::inner(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) return {nullptr, path(key), line_, *out_};
    if (!node->is_table()) wrong(key, "a table: [" + path(key) + "]", *node);
    return {node->as_table(), path(key), line(key), *out_};
}

std::vector<section> section::list(std::string_view key, std::size_t count_max) {
    std::vector<section> out;
    const auto* node = find(key);
    if (node == nullptr) return out;
    const auto* items = node->as_array();
    if (items == nullptr) {
        wrong(key, "a list of tables: [[" + path(key) + "]]", *node);
        return out;
    }
    if (items->size() > count_max)
        error(key, "expected at most " + std::to_string(count_max) + ", found " +
                       std::to_string(items->size()));
    for (std::size_t i = 0; i < items->size() && i < count_max; ++i) {
        const auto& item = *items->get(i);
        auto name = path(key) + "[" + std::to_string(i) + "]";
        auto at = item.source().begin.line;
        if (item.is_table())
            out.emplace_back(item.as_table(), name, at, *out_);
        else
            out_->error(at, name, "expected a table: [[" + path(key) + "]], found " + shown(item));
    }
    return out;
}

std::vector<std::string> section::keys() const {
    std::vector<std::string> out;
    if (table_ != nullptr)
        for (const auto& entry : *table_)
            out.emplace_back(entry.first.str());
    return out;
}

void section::finish() {
    for (const auto& key : keys())
        if (!known_.contains(key)) {
            auto printable = quoted(key);
            out_->error(line(key), path(printable.substr(1, printable.size() - 2)),
                        "unknown key" + did_you_mean(key, known_));
        }
}

} // namespace wharf::config_detail
