// A table of what was seen lately, with a bound: two generations, of which the older one is let go
// when the younger one is full. However many different keys come, it holds at most twice the bound,
// and a key that is used stays. One thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace wharf::access {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};

template <class Value> class recent_table {
  public:
    explicit recent_table(std::size_t generation_max) : generation_max_(generation_max) {}

    // nullptr: it is not known, or not any more.
    [[nodiscard]] Value* find(std::string_view key) {
        if (auto found = young_.find(key); found != young_.end()) return &found->second;
        auto found = old_.find(key);
        if (found == old_.end()) return nullptr;
        auto kept = old_.extract(found);
        make_room();
        return &young_.insert(std::move(kept)).position->second;
    }
    // The one that is there, or else `fresh`.
    Value& get(std::string_view key, Value fresh) {
        if (Value* known = find(key)) return *known;
        make_room();
        return young_.emplace(std::string(key), std::move(fresh)).first->second;
    }
    void erase(std::string_view key) {
        if (auto found = young_.find(key); found != young_.end()) young_.erase(found);
        if (auto found = old_.find(key); found != old_.end()) old_.erase(found);
    }
    template <class Condition> void erase_if(Condition condition) {
        auto of_entry = [&](const auto& entry) { return condition(entry.second); };
        std::erase_if(young_, of_entry);
        std::erase_if(old_, of_entry);
    }
    void clear() {
        young_.clear();
        old_.clear();
    }
    template <class Visit> void visit(Visit visit) {
        for (auto& [key, value] : young_)
            visit(key, value);
        for (auto& [key, value] : old_)
            visit(key, value);
    }
    [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

  private:
    using generation = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

    void make_room() {
        if (young_.size() < generation_max_) return;
        old_ = std::exchange(young_, {});
    }

    std::size_t generation_max_;
    generation young_;
    generation old_;
};

} // namespace wharf::access
