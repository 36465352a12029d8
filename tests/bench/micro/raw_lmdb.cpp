#include "tests/bench/micro/raw_lmdb.hpp"

#include "tests/bench/micro/journal_rig.hpp"

#include <fcntl.h>
#include <filesystem>
#include <lmdb.h>

namespace bench {

namespace {
void must(int code, const char* doing) {
    if (code != 0) die(std::string(doing) + ": " + mdb_strerror(code));
}
} // namespace

raw_lmdb::raw_lmdb(const std::string& path, std::uint64_t size_mb, std::size_t record_bytes)
    : record_(record_bytes, 'x') {
    std::filesystem::create_directories(path);
    must(mdb_env_create(&env_), "create");
    must(mdb_env_set_mapsize(env_, size_mb << 20), "size");
    must(mdb_env_open(env_, path.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600), "open");
    int fd = -1;
    mdb_env_get_fd(env_, &fd);
    must(posix_fallocate(fd, 0, static_cast<off_t>(size_mb << 20)), "allocate");
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    must(mdb_dbi_open(txn, nullptr, 0, &database_), "open database");
    must(mdb_txn_commit(txn), "commit");
}

raw_lmdb::~raw_lmdb() {
    mdb_env_close(env_);
}

void raw_lmdb::commit(std::size_t count) {
    MDB_txn* txn = nullptr;
    must(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t number = __builtin_bswap64(++last_);
        MDB_val key{sizeof number, const_cast<std::uint64_t*>(&number)};
        MDB_val value{record_.size(), record_.data()};
        must(mdb_put(txn, database_, &key, &value, MDB_APPEND), "put");
    }
    must(mdb_txn_commit(txn), "commit");
}

} // namespace bench
