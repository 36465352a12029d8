// The ways in which this ERP can be told to be a bad one. Faults strike by chance, from a seed, or
// for the next N requests. Pure but for its own random state; one thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace erp {

enum class fault {
    // Per item.
    refuse_item,
    in_progress,
    item_answer,
    // Per request.
    delay_ms,
    delay_after_ms,
    throttle,
    error_503,
    status,
    error_500_before,
    drop_before,
    error_500_after,
    drop_after,
    garbage,
    missing_items,
    slow_loris,
};
inline constexpr std::size_t k_faults = 15;

[[nodiscard]] std::string_view fault_name(fault what);

class misbehaviour {
  public:
    misbehaviour();

    // Changes what `change` names and leaves the rest; nothing is changed where a part of it is
    // wrong, and the answer says what. "forget_keys" and "vanish_ms" are one-shot and only checked
    // here.
    [[nodiscard]] std::optional<std::string> change(const nlohmann::json& change);
    [[nodiscard]] std::string describe() const;

    // Draws: a fault with a count strikes until that is used up, else by its probability.
    [[nodiscard]] bool strikes(fault what);
    [[nodiscard]] bool coin();
    [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high);

    [[nodiscard]] bool refuses(std::string_view event_id) const {
        return state_.refuse_keys.contains(event_id);
    }
    [[nodiscard]] std::uint64_t delay_draw(fault what);
    [[nodiscard]] std::uint64_t retry_after_s() const { return state_.retry_after_s; }
    [[nodiscard]] int status_code() const { return state_.status_code; }
    [[nodiscard]] const std::string& item_status() const { return state_.item_status; }
    [[nodiscard]] const std::string& garbage_form() const { return state_.garbage_form; }
    [[nodiscard]] std::uint64_t loris_byte_ms() const { return state_.loris_byte_ms; }
    [[nodiscard]] std::size_t batch_items_max() const { return state_.batch_items_max; }
    [[nodiscard]] bool query_too() const { return state_.query_too; }

  private:
    struct setting {
        double probability = 0;
        std::uint64_t next = 0;
    };
    struct span {
        std::uint64_t low = 0;
        std::uint64_t high = 0;
    };
    struct state {
        std::array<setting, k_faults> faults{};
        std::set<std::string, std::less<>> refuse_keys;
        std::array<span, 2> delays{};
        std::uint64_t retry_after_s = 1;
        std::uint64_t loris_byte_ms = 5;
        int status_code = 403;
        std::string item_status = "throttled";
        std::string garbage_form = "any";
        std::size_t batch_items_max = 1000;
        bool query_too = false;
        std::uint64_t seed = 1;
    };
    static void change_fault(state& next, fault what, const nlohmann::json& value);
    static void change_detail(state& next, fault what, const std::string& name,
                              const nlohmann::json& value);
    static void change_setting(state& next, const std::string& name, const nlohmann::json& value);

    state state_;
    std::mt19937_64 random_;
};

} // namespace erp
