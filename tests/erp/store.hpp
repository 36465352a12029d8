// What the ERP keeps, in one SQLite file: the key ledger, one row per effect in order of
// application, stock, documents, refusals. Whoever judges a run reads these tables and nothing
// else. One thread; throws std::runtime_error where SQLite fails, after which the open transaction
// is to be abandoned.
#pragma once

#include "tests/erp/effect.hpp"
#include "tests/erp/sqlite.hpp"
#include "wharf/v1/update.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace erp {

struct store_options {
    std::string path;
    // Off gives up durability for speed: a power cut may take answered updates away.
    bool sync = true;
    bool strict_stock = false;
    std::set<std::string, std::less<>> unknown_skus;
    bool knows_takeovers = true;
};

class store {
  public:
    explicit store(store_options options);

    void begin();
    void commit();
    void abandon() noexcept;

    // Inside a transaction. Effect and key are both in it or neither is.
    [[nodiscard]] wharf::v1::ItemAnswer apply(const wharf::v1::Update& update,
                                              const std::string& batch_id);
    // Inside a transaction: writes down a no and gives it as the answer.
    [[nodiscard]] wharf::v1::ItemAnswer refuse(const wharf::v1::Update& update,
                                               wharf::v1::ItemStatus status, const refusal& why);

    [[nodiscard]] bool holds(const std::string& key);
    void forget_keys();

    // Inside a transaction. Words where another has taken over from who says this; else it is
    // remembered. The first to come with a takeover's number has it, under its epoch.
    [[nodiscard]] std::optional<std::string>
    outrun(const std::string& gateway, const std::string& takeover, const std::string& epoch);
    void forget_gateway(const std::string& gateway);

    // Counters that survive a restart; inside or outside a transaction.
    [[nodiscard]] std::map<std::string, std::uint64_t> read_counters();
    void write_counters(const std::map<std::string, std::uint64_t>& counters);

    // JSON text {"applied": [...], "last": n} of rows after `after`, at most `limit`.
    [[nodiscard]] std::string applied_after(std::int64_t after, std::int64_t limit);

  private:
    struct holding {
        nano_units quantity = 0;
        nano_units reserved = 0;
    };

    [[nodiscard]] std::optional<refusal> perform(const wharf::v1::Update& update, effect& what);
    [[nodiscard]] std::optional<refusal> post(const posting& entry, bool always);
    [[nodiscard]] holding read_stock(const std::string& stock_key);
    [[nodiscard]] nano_units picked_difference(const wharf::v1::Update& update, const effect& what,
                                               nano_units stated);
    std::int64_t record(const wharf::v1::Update& update, const effect& what,
                        const std::string& batch_id, const std::string& at);
    void record_document(const wharf::v1::Update& update, const effect& what, std::int64_t n);

    store_options options_;
    database database_;
    statement find_key_;
    statement add_key_;
    statement add_applied_;
    statement find_stock_;
    statement put_stock_;
    statement find_picked_;
    statement put_picked_;
    statement put_document_;
    statement add_refused_;
    statement put_counter_;
    statement find_gateway_;
    statement put_gateway_;
    statement savepoint_;
    statement release_;
    statement rollback_to_;
};

} // namespace erp
