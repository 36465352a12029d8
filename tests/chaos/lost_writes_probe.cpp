// The program that the layer's tests run under it.
//
//   lost-writes-probe script STEP...      files in the working directory; prints a line per step
//       open:NAME opensync:NAME           the next descriptor, from 0; opensync: O_DSYNC
//       write:FD:OFFSET:LENGTH:CHAR  append:FD:LENGTH:CHAR  truncate:FD:SIZE
//       sync:FD  rename:FROM:TO  kill
//   lost-writes-probe commit N            N LMDB commits, a line after each, then kills itself
//   lost-writes-probe read                prints how many of them an LMDB reader finds whole
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ':');)
        parts.push_back(part);
    return parts;
}

long run_step(const std::vector<std::string>& step, std::vector<int>& fds) {
    const std::string& name = step.at(0);
    const auto figure = [&](std::size_t i) { return std::stol(step.at(i)); };
    const auto fd = [&] { return fds.at(static_cast<std::size_t>(figure(1))); };
    if (name == "open" || name == "opensync") {
        const int flags = O_RDWR | O_CREAT | (name == "open" ? 0 : O_DSYNC);
        fds.push_back(open(step.at(1).c_str(), flags, 0600));
        return fds.back();
    }
    if (name == "write") {
        const std::string data(static_cast<std::size_t>(figure(3)), step.at(4).at(0));
        return pwrite(fd(), data.data(), data.size(), figure(2));
    }
    if (name == "append") {
        const std::string data(static_cast<std::size_t>(figure(2)), step.at(3).at(0));
        lseek(fd(), 0, SEEK_END);
        return write(fd(), data.data(), data.size());
    }
    if (name == "truncate") return ftruncate(fd(), figure(2));
    if (name == "sync") return fdatasync(fd());
    if (name == "rename") return std::rename(step.at(1).c_str(), step.at(2).c_str());
    if (name == "kill") return kill(getpid(), SIGKILL);
    std::abort();
}

int script(int argc, char** argv) {
    std::vector<int> fds;
    for (int i = 2; i < argc; ++i) {
        errno = 0;
        const long done = run_step(split(argv[i]), fds);
        say(done < 0 ? std::string("failed ") + std::strerror(errno) : "done");
    }
    return 0;
}

void need(int code, const char* what) {
    if (code == 0) return;
    say(std::string(what) + ": " + mdb_strerror(code));
    std::exit(1);
}

std::string value_of(std::size_t number) {
    return std::string(1500 + number * 37 % 3000, static_cast<char>('a' + number % 26));
}

MDB_env* open_env() {
    MDB_env* env = nullptr;
    need(mdb_env_create(&env), "create");
    need(mdb_env_set_mapsize(env, 64 << 20), "mapsize");
    need(mdb_env_open(env, ".", 0, 0600), "open");
    return env;
}

int commit(std::size_t count) {
    MDB_env* env = open_env();
    for (std::size_t i = 0; i < count; ++i) {
        MDB_txn* txn = nullptr;
        MDB_dbi dbi = 0;
        need(mdb_txn_begin(env, nullptr, 0, &txn), "begin");
        need(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi), "dbi");
        std::string value = value_of(i);
        MDB_val k{sizeof i, &i};
        MDB_val v{value.size(), value.data()};
        need(mdb_put(txn, dbi, &k, &v, 0), "put");
        need(mdb_txn_commit(txn), "commit");
        say("committed " + std::to_string(i + 1));
    }
    kill(getpid(), SIGKILL);
    return 1;
}

int read_back() {
    MDB_env* env = open_env();
    MDB_txn* txn = nullptr;
    MDB_dbi dbi = 0;
    need(mdb_txn_begin(env, nullptr, 0, &txn), "begin");
    need(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi), "dbi");
    std::size_t whole = 0;
    for (;; ++whole) {
        MDB_val k{sizeof whole, &whole};
        MDB_val v{};
        if (mdb_get(txn, dbi, &k, &v) != 0) break;
        const std::string value = value_of(whole);
        if (v.mv_size != value.size() || std::memcmp(v.mv_data, value.data(), v.mv_size) != 0) {
            break;
        }
    }
    say(std::to_string(whole));
    mdb_txn_abort(txn);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "script") return script(argc, argv);
    if (what == "commit" && argc > 2) return commit(static_cast<std::size_t>(std::stol(argv[2])));
    if (what == "read") return read_back();
    return 2;
}
