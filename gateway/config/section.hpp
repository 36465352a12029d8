// Walks a TOML document and remembers everything that is wrong with it. Only for this module: the
// one place that knows the TOML library. A section is one table; what it reads it ticks off, and
// what is left over at the end is a key that nobody knows.
#pragma once

#include "gateway/base/limits.hpp"

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf::config_detail {

// Collects findings; they come out in the order of their lines.
class findings {
  public:
    // Without a name: what comes of several files, so that no line of one is meant.
    explicit findings(std::string_view file_name) : file_name_(file_name) {}

    void error(std::uint32_t line, std::string_view key, std::string_view what) {
        add(errors_, line, key, what);
    }
    void warning(std::uint32_t line, std::string_view key, std::string_view what) {
        add(warnings_, line, key, what);
    }
    [[nodiscard]] bool has_errors() const noexcept { return !errors_.empty(); }
    [[nodiscard]] std::vector<std::string> take_errors() { return sorted(errors_); }
    [[nodiscard]] std::vector<std::string> take_warnings() { return sorted(warnings_); }

    // Every key that was looked for.
    void looked_for(std::string key) { keys_.insert(std::move(key)); }
    [[nodiscard]] const std::set<std::string>& keys() const { return keys_; }

  private:
    using list = std::vector<std::pair<std::uint32_t, std::string>>;
    void add(list& to, std::uint32_t line, std::string_view key, std::string_view what);
    static std::vector<std::string> sorted(list& from);

    std::string file_name_;
    list errors_;
    list warnings_;
    std::set<std::string> keys_;
};

// The parser takes 256 levels by default, each a few stack frames deep, in builds with sanitizers
// large ones: more than this program ever needs is refused before.
[[nodiscard]] bool too_deep(std::string_view text);

// A value as it is shown in a message: short, on one line, printable.
[[nodiscard]] std::string shown(const toml::node& node);
[[nodiscard]] std::string quoted(std::string_view text);

template <class E> using choices = std::vector<std::pair<std::string_view, E>>;

class section {
  public:
    // table may be null: then the section is absent and everything keeps its default.
    section(const toml::table* table, std::string path, std::uint32_t line, findings& out)
        : table_(table), path_(std::move(path)), line_(line), out_(&out) {}

    // Each reads a key into `to`, or leaves `to` alone and notes what is wrong. True: it was there
    // and good.
    using text_check = std::function<std::string(std::string_view)>; // what is wrong, or empty
    bool text(std::string_view key, std::string& to, std::string_view expected,
              const text_check& check = {});
    // The same for what no message may repeat.
    bool secret(std::string_view key, std::string& to, const text_check& check);
    bool boolean(std::string_view key, bool& to);
    bool texts(std::string_view key, std::vector<std::string>& to, std::size_t count_max,
               std::string_view expected, const text_check& check);
    template <class T>
    bool number(std::string_view key, T& to, std::uint64_t min, std::uint64_t max,
                std::string_view unit = {}) {
        std::uint64_t value = 0;
        if (!whole_number(key, value, min, max, unit)) return false;
        to = static_cast<T>(value);
        return true;
    }
    // A number with a point.
    bool fraction(std::string_view key, double& to, double min, double max);
    template <class E> bool choice(std::string_view key, E& to, const choices<E>& from) {
        std::string expected;
        for (const auto& [name, value] : from)
            expected += (expected.empty() ? "\"" : " or \"") + std::string(name) + "\"";
        std::string picked;
        auto known = [&](std::string_view name) -> std::string {
            for (const auto& [known_name, value] : from)
                if (known_name == name) return {};
            return "expected " + expected;
        };
        if (!text(key, picked, expected, known)) return false;
        for (const auto& [name, value] : from)
            if (name == picked) to = value;
        return true;
    }
    // Notes an error where the key is not there.
    void required(std::string_view key, std::string_view expected);

    [[nodiscard]] section inner(std::string_view key);
    // [[key]]: each table of the list.
    [[nodiscard]] std::vector<section> list(std::string_view key, std::size_t count_max);
    // The keys as they stand, for a table whose keys are data.
    [[nodiscard]] std::vector<std::string> keys() const;

    // Notes every key that nothing has read.
    void finish();

    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] bool present() const noexcept { return table_ != nullptr; }
    [[nodiscard]] std::string path(std::string_view key) const;
    [[nodiscard]] std::uint32_t line(std::string_view key) const;
    void error(std::string_view key, std::string_view what) {
        out_->error(line(key), path(key), what);
    }
    void warning(std::string_view key, std::string_view what) {
        out_->warning(line(key), path(key), what);
    }

  private:
    const toml::node* find(std::string_view key);
    bool whole_number(std::string_view key, std::uint64_t& to, std::uint64_t min, std::uint64_t max,
                      std::string_view unit);
    void wrong(std::string_view key, std::string_view expected, const toml::node& found);

    const toml::table* table_;
    std::string path_;
    std::uint32_t line_;
    findings* out_;
    std::set<std::string, std::less<>> known_;
};

} // namespace wharf::config_detail
