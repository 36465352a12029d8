// lost-writes-cut DIR [--keep none|all|random] [--seed N] [--torn]: the power cut. For a program
// that ran under the lost-writes layer and is dead, takes back writes of DIR's files that no sync
// covered: all of them, none, or what a seed says, page by page or (--torn) sector by sector; a
// unit that was written several times may come out in any of its states. Prints one line of JSON.
//
// Run again after having been killed itself, it comes to the same end. Exit: 0 done, 2 the undo log
// is broken or the files cannot be changed: the rig's fault, never the program's.
#include "tests/chaos/undo_log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace chaos;
namespace fs = std::filesystem;

constexpr std::uint64_t k_page_bytes = 4096;
constexpr std::uint64_t k_sector_bytes = 512;
constexpr std::size_t k_keep_all = std::numeric_limits<std::size_t>::max();

enum class keep { none, all, random };

struct options {
    fs::path dir;
    keep what = keep::none;
    std::uint64_t seed = 1;
    bool torn = false;
};

struct tally {
    std::size_t files = 0;
    std::size_t records = 0;
    std::uint64_t bytes_unsynced = 0;
    std::uint64_t bytes_discarded = 0;
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "lost-writes-cut: %s\n", what.c_str());
    std::exit(2);
}

std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15ULL;
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31U);
}

// How many of the log's records reached the disk for one unit of one file.
std::size_t kept_of(const options& wanted, std::uint64_t inode, std::uint64_t unit,
                    std::size_t records) {
    if (wanted.what == keep::none) return 0;
    if (wanted.what == keep::all) return k_keep_all;
    const std::uint64_t drawn = mix(mix(mix(wanted.seed) ^ inode) ^ unit);
    if (drawn % 3 == 0) return 0;
    if (drawn % 3 == 1) return k_keep_all;
    return static_cast<std::size_t>(drawn / 3 % (records + 1));
}

class cut_file {
  public:
    cut_file(int fd, std::uint64_t inode, const options& wanted, const undo_log& log)
        : fd_(fd), inode_(inode), wanted_(wanted), log_(log),
          unit_bytes_(wanted.torn ? k_sector_bytes : k_page_bytes) {}

    void run(tally& sum) {
        struct stat info {};
        if (fstat(fd_, &info) != 0) fail("cannot stat a file");
        std::uint64_t size = static_cast<std::uint64_t>(info.st_size);
        // The size is a unit of its own: it reaches the disk by itself.
        const std::size_t size_kept =
            kept_of(wanted_, inode_, ~std::uint64_t{0}, log_.records.size());
        for (std::size_t i = log_.records.size(); i-- > 0;) {
            const undo_record& record = log_.records[i];
            if (record.kind == undo_kind::durable) {
                protect(record.offset, record.offset + record.length);
                continue;
            }
            sum.bytes_unsynced += record.length;
            take_back(record, i, sum);
            if (i >= size_kept) size = std::max(record.old_size, protected_end_);
        }
        if (ftruncate(fd_, static_cast<off_t>(size)) != 0) fail("cannot set a file's size");
        if (size < static_cast<std::uint64_t>(info.st_size)) {
            sum.bytes_discarded += static_cast<std::uint64_t>(info.st_size) - size;
        }
        sum.records += log_.records.size();
    }

  private:
    void protect(std::uint64_t from, std::uint64_t to) {
        protected_end_ = std::max(protected_end_, to);
        for (auto it = protected_.begin(); it != protected_.end();) {
            if (it->first <= to && from <= it->second) {
                from = std::min(from, it->first);
                to = std::max(to, it->second);
                it = protected_.erase(it);
            } else {
                ++it;
            }
        }
        protected_[from] = to;
    }

    void take_back(const undo_record& record, std::size_t index, tally& sum) {
        std::string old = record.bytes;
        old.resize(record.length, '\0');
        const std::uint64_t end = record.offset + record.length;
        for (std::uint64_t at = record.offset; at < end;) {
            const std::uint64_t unit = at / unit_bytes_;
            const std::uint64_t stop = std::min(end, (unit + 1) * unit_bytes_);
            if (index >= kept_of(wanted_, inode_, unit, log_.records.size())) {
                put_unprotected(old, record.offset, at, stop, sum);
            }
            at = stop;
        }
    }

    void put_unprotected(const std::string& old, std::uint64_t base, std::uint64_t at,
                         std::uint64_t stop, tally& sum) {
        for (const auto& [from, to] : protected_) {
            if (at >= stop || from >= stop) break;
            if (to <= at) continue;
            if (from > at) put(old, base, at, from, sum);
            at = to;
        }
        if (at < stop) put(old, base, at, stop, sum);
    }

    void put(const std::string& old, std::uint64_t base, std::uint64_t at, std::uint64_t stop,
             tally& sum) {
        const std::size_t length = stop - at;
        if (pwrite(fd_, old.data() + (at - base), length, static_cast<off_t>(at)) !=
            static_cast<ssize_t>(length)) {
            fail("cannot take a write back");
        }
        sum.bytes_discarded += length;
    }

    int fd_;
    std::uint64_t inode_;
    const options& wanted_;
    const undo_log& log_;
    std::uint64_t unit_bytes_;
    std::map<std::uint64_t, std::uint64_t> protected_;
    std::uint64_t protected_end_ = 0;
};

std::map<std::uint64_t, fs::path> files_by_inode(const fs::path& dir) {
    std::map<std::uint64_t, fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir)) {
        struct stat info {};
        if (!entry.is_regular_file() || stat(entry.path().c_str(), &info) != 0) continue;
        found[info.st_ino] = entry.path();
    }
    return found;
}

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [at, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (bad != std::errc{} || at != text.data() + text.size()) fail("not a number: " + text);
    return value;
}

options parse(int argc, char** argv) {
    options wanted;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] {
            if (i + 1 >= argc) fail(word + " needs a value");
            return std::string(argv[++i]);
        };
        if (word == "--torn") {
            wanted.torn = true;
        } else if (word == "--seed") {
            wanted.seed = number(value());
        } else if (word == "--keep") {
            const std::string name = value();
            if (name != "none" && name != "all" && name != "random") fail("unknown keep: " + name);
            wanted.what = name == "none" ? keep::none : name == "all" ? keep::all : keep::random;
        } else if (wanted.dir.empty() && !word.starts_with("-")) {
            wanted.dir = word;
        } else {
            fail("unknown argument: " + word);
        }
    }
    if (!fs::is_directory(wanted.dir)) fail("no directory: " + wanted.dir.string());
    return wanted;
}

undo_log read_log(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string data((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    std::string why;
    auto log = decode(data, why);
    if (!in || !log) fail(path.string() + " is broken: " + why);
    return std::move(*log);
}

} // namespace

int main(int argc, char** argv) {
    const options wanted = parse(argc, argv);
    tally sum;
    const auto files = files_by_inode(wanted.dir);
    const fs::path undo_dir = fs::canonical(wanted.dir).string() + ".undo";
    std::set<fs::path> logs;
    if (fs::is_directory(undo_dir)) {
        for (const auto& entry : fs::directory_iterator(undo_dir))
            logs.insert(entry.path());
    }
    // All logs are read before the first file is touched: a broken one must not leave half a cut.
    std::map<fs::path, undo_log> read;
    for (const fs::path& path : logs)
        read[path] = read_log(path);
    for (const auto& [path, log] : read) {
        const std::uint64_t inode = number(path.filename().string());
        const auto file = files.find(inode);
        if (file != files.end() && !log.records.empty()) {
            const int fd = open(file->second.c_str(), O_RDWR | O_CLOEXEC);
            if (fd < 0) fail("cannot open " + file->second.string());
            cut_file(fd, inode, wanted, log).run(sum);
            ++sum.files;
            close(fd);
        }
        if (truncate(path.c_str(), 0) != 0) fail("cannot empty " + path.string());
    }
    std::printf(
        "{\"files\":%zu,\"records\":%zu,\"bytes_unsynced\":%llu,\"bytes_discarded\":%llu}\n",
        sum.files, sum.records, static_cast<unsigned long long>(sum.bytes_unsynced),
        static_cast<unsigned long long>(sum.bytes_discarded));
    return 0;
}
