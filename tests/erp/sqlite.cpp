#include "tests/erp/sqlite.hpp"

#include <stdexcept>

namespace erp {
namespace {

constexpr int k_busy_timeout_ms = 5000;

void check(int code, sqlite3* handle, std::string_view doing) {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
    const char* words = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    throw std::runtime_error("sqlite: " + std::string(words) + " (" + std::string(doing) + ")");
}

} // namespace

statement::statement(sqlite3* database, std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    handle_.reset(handle);
    check(code, database, sql);
}

bool statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    sqlite3* owner = sqlite3_db_handle(handle_.get());
    const char* sql = sqlite3_sql(handle_.get());
    if (code != SQLITE_DONE) {
        const std::string words = sqlite3_errmsg(owner);
        sqlite3_reset(handle_.get());
        throw std::runtime_error("sqlite: " + words + " (" + sql + ")");
    }
    sqlite3_reset(handle_.get());
    return false;
}

std::string statement::text(int column) const {
    const auto* bytes = sqlite3_column_text(handle_.get(), column);
    const int length = sqlite3_column_bytes(handle_.get(), column);
    return bytes == nullptr ? std::string{}
                            : std::string(reinterpret_cast<const char*>(bytes),
                                          static_cast<std::size_t>(length));
}

std::int64_t statement::integer(int column) const {
    return sqlite3_column_int64(handle_.get(), column);
}

void statement::bind(int index, std::string_view text) {
    // The caller's text outlives the step, so SQLite need not copy it. An empty view may have no
    // address, and that would bind NULL.
    const char* bytes = text.data() != nullptr ? text.data() : "";
    check(sqlite3_bind_text(handle_.get(), index, bytes, static_cast<int>(text.size()),
                            SQLITE_STATIC),
          sqlite3_db_handle(handle_.get()), sqlite3_sql(handle_.get()));
}

void statement::bind(int index, std::int64_t number) {
    check(sqlite3_bind_int64(handle_.get(), index, number), sqlite3_db_handle(handle_.get()),
          sqlite3_sql(handle_.get()));
}

database::database(const std::string& path) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open(path.c_str(), &handle);
    handle_.reset(handle);
    check(code, handle, path);
    sqlite3_busy_timeout(handle, k_busy_timeout_ms);
}

void database::execute(const char* sql) {
    check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr), handle_.get(), sql);
}

} // namespace erp
