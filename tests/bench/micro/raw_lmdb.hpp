// The peer of the journal: a bare LMDB append of as many bytes per record under a rising 8-byte
// key, opened with the journal's own flags. One thread; a failure ends the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

struct MDB_env;

namespace bench {

class raw_lmdb {
  public:
    raw_lmdb(const std::string& path, std::uint64_t size_mb, std::size_t record_bytes);
    ~raw_lmdb();
    raw_lmdb(const raw_lmdb&) = delete;
    raw_lmdb& operator=(const raw_lmdb&) = delete;

    // One transaction.
    void commit(std::size_t count);

  private:
    MDB_env* env_ = nullptr;
    unsigned database_ = 0;
    std::string record_;
    std::uint64_t last_ = 0;
};

} // namespace bench
