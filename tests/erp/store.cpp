#include "tests/erp/store.hpp"

#include "tests/erp/canonical_json.hpp"

#include <google/protobuf/util/time_util.h>
#include <mbedtls/sha256.h>
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <stdexcept>

namespace erp {
namespace {

using namespace wharf::v1;

constexpr const char* k_schema = R"(
CREATE TABLE IF NOT EXISTS ledger(
    idempotency_key TEXT PRIMARY KEY, digest TEXT NOT NULL, applied_at TEXT NOT NULL,
    seq_no INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied(
    n INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL, gateway TEXT NOT NULL,
    epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, revision INTEGER NOT NULL,
    site TEXT NOT NULL, device TEXT NOT NULL, stream TEXT NOT NULL, source TEXT NOT NULL,
    event_id TEXT NOT NULL, device_sequence INTEGER, kind TEXT NOT NULL,
    document_type TEXT NOT NULL, document TEXT NOT NULL, line TEXT NOT NULL, sku TEXT NOT NULL,
    location TEXT NOT NULL, stock_key TEXT NOT NULL, to_stock_key TEXT NOT NULL,
    quantity TEXT NOT NULL, unit TEXT NOT NULL, body TEXT NOT NULL, batch_id TEXT NOT NULL,
    applied_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stock(
    stock_key TEXT PRIMARY KEY, quantity TEXT NOT NULL, reserved TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS picked(
    site TEXT NOT NULL, task TEXT NOT NULL, line TEXT NOT NULL, total TEXT NOT NULL,
    PRIMARY KEY(site, task, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents(
    site TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, line TEXT NOT NULL,
    state TEXT NOT NULL, updates INTEGER NOT NULL, last_n INTEGER NOT NULL,
    PRIMARY KEY(site, type, id, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused(
    n INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL, source TEXT NOT NULL,
    event_id TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
    at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gateways(
    gateway TEXT PRIMARY KEY, takeover INTEGER NOT NULL, epoch TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests(name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
)";

std::string now_text() {
    return google::protobuf::util::TimeUtil::ToString(
        google::protobuf::util::TimeUtil::GetCurrentTime());
}

// Over what the update says and which event it is, never over how it travelled: the same content in
// JSON and in protobuf, alone or in a batch, has one digest.
std::string content_digest(const Update& update) {
    std::string bytes = update.id().SerializeAsString();
    bytes.insert(0, std::to_string(bytes.size()) + ":");
    update.event().AppendToString(&bytes);
    std::array<unsigned char, 32> digest{};
    mbedtls_sha256_ret(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                       digest.data(), 0);
    static constexpr char k_hex[] = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text.push_back(k_hex[byte >> 4]);
        text.push_back(k_hex[byte & 0xf]);
    }
    return text;
}

ItemAnswer answer_of(const Update& update, ItemStatus status) {
    ItemAnswer answer;
    answer.set_idempotency_key(update.idempotency_key());
    answer.set_status(status);
    return answer;
}

// Opens the file's schema before the statements that need it are prepared.
database open_prepared(const store_options& options) {
    database opened(options.path);
    opened.execute("PRAGMA journal_mode=WAL");
    opened.execute(options.sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
    opened.execute(k_schema);
    return opened;
}

} // namespace

store::store(store_options options)
    : options_(std::move(options)), database_(open_prepared(options_)),
      find_key_(database_.handle(), "SELECT digest FROM ledger WHERE idempotency_key=?"),
      add_key_(database_.handle(), "INSERT INTO ledger VALUES(?,?,?,?)"),
      add_applied_(database_.handle(),
                   "INSERT INTO applied VALUES(NULL,?,?,?,?,?,?,?,?,?,?,nullif(?,''),?,?,?,?,?,?,"
                   "?,?,?,?,?,?,?)"),
      find_stock_(database_.handle(), "SELECT quantity, reserved FROM stock WHERE stock_key=?"),
      put_stock_(database_.handle(), "INSERT OR REPLACE INTO stock VALUES(?,?,?)"),
      find_picked_(database_.handle(),
                   "SELECT total FROM picked WHERE site=? AND task=? AND line=?"),
      put_picked_(database_.handle(), "INSERT OR REPLACE INTO picked VALUES(?,?,?,?)"),
      put_document_(database_.handle(),
                    "INSERT INTO documents VALUES(?,?,?,?,?,1,?) ON CONFLICT DO UPDATE SET "
                    "state=excluded.state, updates=updates+1, last_n=excluded.last_n"),
      add_refused_(database_.handle(), "INSERT INTO refused VALUES(NULL,?,?,?,?,?,?,?)"),
      put_counter_(database_.handle(), "INSERT OR REPLACE INTO requests VALUES(?,?)"),
      find_gateway_(database_.handle(), "SELECT takeover, epoch FROM gateways WHERE gateway=?"),
      put_gateway_(database_.handle(), "INSERT OR REPLACE INTO gateways VALUES(?,?,?)"),
      savepoint_(database_.handle(), "SAVEPOINT item"),
      release_(database_.handle(), "RELEASE item"),
      rollback_to_(database_.handle(), "ROLLBACK TO item") {}

void store::begin() {
    database_.execute("BEGIN IMMEDIATE");
}

void store::commit() {
    database_.execute("COMMIT");
}

void store::abandon() noexcept {
    // SQLite may have ended the transaction itself; then there is nothing left to do.
    if (sqlite3_get_autocommit(database_.handle()) == 0) {
        sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

ItemAnswer store::apply(const Update& update, const std::string& batch_id) {
    const std::string digest = content_digest(update);
    if (find_key_.run(update.idempotency_key())) {
        const bool same = find_key_.text(0) == digest;
        find_key_.done();
        if (same) return answer_of(update, ITEM_STATUS_ALREADY_APPLIED);
        return refuse(update, ITEM_STATUS_CONFLICT,
                      {"conflict", "this key was used before for an update that said otherwise"});
    }
    savepoint_.run();
    effect what;
    std::optional<refusal> no = describe(update, what);
    if (!no) no = perform(update, what);
    if (no) {
        rollback_to_.run();
        release_.run();
        return refuse(update, ITEM_STATUS_REFUSED, *no);
    }
    const std::string at = now_text();
    const std::int64_t n = record(update, what, batch_id, at);
    record_document(update, what, n);
    add_key_.run(update.idempotency_key(), digest, at, n);
    release_.run();
    return answer_of(update, ITEM_STATUS_APPLIED);
}

ItemAnswer store::refuse(const Update& update, ItemStatus status, const refusal& why) {
    add_refused_.run(update.idempotency_key(), update.event().source(), update.event().event_id(),
                     enum_text(*ItemStatus_descriptor(), status), why.code, why.message,
                     now_text());
    ItemAnswer answer = answer_of(update, status);
    answer.set_code(why.code);
    answer.set_message(why.message);
    return answer;
}

std::optional<refusal> store::perform(const Update& update, effect& what) {
    for (const std::string& sku : what.skus) {
        if (options_.unknown_skus.contains(sku)) {
            return refusal{"unknown_item", "there is no item " + sku + " in the item master"};
        }
    }
    // A picked line is the one posting of its update.
    if (what.kind == "picked") {
        posting& line = what.postings.front();
        line.amount = picked_difference(update, what, line.amount);
    }
    for (const posting& entry : what.postings) {
        if (auto no = post(entry, what.reversed)) return no;
    }
    return std::nullopt;
}

// What leaves the stock for a pick that states `stated` (negative: it takes away). A line's total
// is kept for sources that count up and for those that report each pick alike, so both may be
// mixed.
nano_units store::picked_difference(const Update& update, const effect& what, nano_units stated) {
    if (what.document.empty()) return stated;
    nano_units before = 0;
    if (find_picked_.run(update.site(), what.document, what.line)) {
        before = parse_integer(find_picked_.text(0));
        find_picked_.done();
    }
    const bool states_total = what.cumulative && !what.reversed;
    const nano_units total = states_total ? -stated : before - stated;
    put_picked_.run(update.site(), what.document, what.line, integer_text(total));
    return before - total;
}

store::holding store::read_stock(const std::string& stock_key) {
    holding held;
    if (find_stock_.run(stock_key)) {
        held.quantity = parse_integer(find_stock_.text(0));
        held.reserved = parse_integer(find_stock_.text(1));
        find_stock_.done();
    }
    return held;
}

std::optional<refusal> store::post(const posting& entry, bool always) {
    holding held = read_stock(entry.stock_key);
    const nano_units before = held.quantity;
    const nano_units free = held.quantity - held.reserved;
    const nano_units reserved_before = held.reserved;
    switch (entry.how) {
    case change::add:
        held.quantity += entry.amount;
        break;
    case change::set:
        held.quantity = entry.amount;
        break;
    case change::reserve:
        held.reserved += entry.amount;
        break;
    }
    if (options_.strict_stock && !always) {
        const std::string unit = " " + entry.unit;
        const std::string of = unit + " of " + entry.sku;
        if (entry.how == change::add && entry.amount < 0 && held.quantity < 0) {
            return refusal{"insufficient_stock", entry.location + " holds " + human_text(before) +
                                                     of + ", " + human_text(-entry.amount) +
                                                     " were to be taken"};
        }
        if (entry.how == change::reserve && entry.amount > 0 && entry.amount > free) {
            return refusal{"insufficient_stock", entry.location + " has " + human_text(free) + of +
                                                     " free, " + human_text(entry.amount) +
                                                     " were to be reserved"};
        }
        if (entry.how == change::reserve && held.reserved < 0) {
            return refusal{"insufficient_stock", entry.location + " has " +
                                                     human_text(reserved_before) + of +
                                                     " reserved, " + human_text(-entry.amount) +
                                                     " were to be given back"};
        }
    }
    put_stock_.run(entry.stock_key, integer_text(held.quantity), integer_text(held.reserved));
    return std::nullopt;
}

std::int64_t store::record(const Update& update, const effect& what, const std::string& batch_id,
                           const std::string& at) {
    const Event& event = update.event();
    const EventId& id = update.id();
    // The column has integer affinity, so the text becomes a number, and '' stands for none.
    const std::string device_sequence =
        event.has_device_sequence() ? std::to_string(event.device_sequence()) : std::string{};
    add_applied_.run(update.idempotency_key(), id.gateway(), std::int64_t{id.epoch()},
                     static_cast<std::int64_t>(id.sequence()), std::int64_t{id.revision()},
                     update.site(), update.device(), update.stream(), event.source(),
                     event.event_id(), device_sequence, what.kind, what.document_type,
                     what.document, what.line, what.sku, what.location, what.stock_key,
                     what.to_stock_key, what.quantity, what.unit, to_json(event), batch_id, at);
    return sqlite3_last_insert_rowid(database_.handle());
}

void store::record_document(const Update& update, const effect& what, std::int64_t n) {
    if (what.document.empty()) return;
    put_document_.run(update.site(), what.document_type, what.document, what.line,
                      what.document_state, n);
}

bool store::holds(const std::string& key) {
    const bool found = find_key_.run(key);
    find_key_.done();
    return found;
}

void store::forget_keys() {
    database_.execute("DELETE FROM ledger");
}

std::optional<std::string> store::outrun(const std::string& gateway, const std::string& takeover,
                                         const std::string& epoch) {
    if (!options_.knows_takeovers) return std::nullopt;
    std::int64_t number = 0; // of a gateway that says none
    std::from_chars(takeover.data(), takeover.data() + takeover.size(), number);
    std::int64_t known = 0;
    std::string under;
    if (find_gateway_.run(gateway)) {
        known = find_gateway_.integer(0);
        under = find_gateway_.text(1);
    } // 0: no takeover was heard of
    find_gateway_.done();
    if (number > known) put_gateway_.run(gateway, number, epoch);
    // A journal that was begun anew under an old name is none's successor, and none's predecessor
    // where there was no takeover.
    if (number > known || known == 0 || (number == known && epoch == under)) return std::nullopt;
    return "takeover " + std::to_string(known) + " of " + gateway + " holds, under epoch " + under +
           "; this is takeover " + std::to_string(number) + " under epoch " + epoch;
}

void store::forget_gateway(const std::string& gateway) {
    statement forget(database_.handle(), "DELETE FROM gateways WHERE gateway=?");
    forget.run(gateway);
}

std::map<std::string, std::uint64_t> store::read_counters() {
    std::map<std::string, std::uint64_t> counters;
    statement read(database_.handle(), "SELECT name, count FROM requests");
    for (bool row = read.run(); row; row = read.step()) {
        counters[read.text(0)] = static_cast<std::uint64_t>(read.integer(1));
    }
    return counters;
}

void store::write_counters(const std::map<std::string, std::uint64_t>& counters) {
    for (const auto& [name, count] : counters) {
        put_counter_.run(name, static_cast<std::int64_t>(count));
    }
}

std::string store::applied_after(std::int64_t after, std::int64_t limit) {
    statement read(database_.handle(),
                   "SELECT n, idempotency_key, gateway, epoch, sequence, revision, site, device, "
                   "stream, source, event_id, device_sequence, kind, document_type, document, "
                   "line, sku, location, stock_key, to_stock_key, quantity, unit, batch_id, "
                   "applied_at FROM applied WHERE n>? ORDER BY n LIMIT ?");
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    std::int64_t last = after;
    for (bool row = read.run(after, limit); row; row = read.step()) {
        nlohmann::ordered_json entry;
        sqlite3_stmt* handle = read.handle();
        for (int column = 0; column < sqlite3_column_count(handle); ++column) {
            const char* name = sqlite3_column_name(handle, column);
            switch (sqlite3_column_type(handle, column)) {
            case SQLITE_INTEGER:
                entry[name] = read.integer(column);
                break;
            case SQLITE_NULL:
                entry[name] = nullptr;
                break;
            default:
                entry[name] = read.text(column);
            }
        }
        last = read.integer(0);
        rows.push_back(std::move(entry));
    }
    return nlohmann::ordered_json{{"applied", std::move(rows)}, {"last", last}}.dump();
}

} // namespace erp
