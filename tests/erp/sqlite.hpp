// SQLite with its errors as exceptions (std::runtime_error, in SQLite's words). One thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace erp {

class statement {
  public:
    statement(sqlite3* database, std::string_view sql);

    // Binds the parameters in order and steps once; true where there is a row.
    template <typename... values> bool run(const values&... parameters) {
        sqlite3_reset(handle_.get());
        int index = 0;
        (bind(++index, parameters), ...);
        return step();
    }
    bool step();

    // Of the present row; columns count from 0.
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;

    [[nodiscard]] sqlite3_stmt* handle() const { return handle_.get(); }

    // Ends a read, so that it does not keep a transaction open.
    void done() { sqlite3_reset(handle_.get()); }

  private:
    struct finalizer {
        void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
    };
    void bind(int index, std::string_view text);
    void bind(int index, std::int64_t number);

    std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

class database {
  public:
    explicit database(const std::string& path);
    void execute(const char* sql);
    [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

  private:
    struct closer {
        void operator()(sqlite3* handle) const { sqlite3_close(handle); }
    };
    std::unique_ptr<sqlite3, closer> handle_;
};

} // namespace erp
