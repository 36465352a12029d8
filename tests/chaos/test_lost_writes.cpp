#include <catch2/catch.hpp>

#include "tests/chaos/fault_plan.hpp"
#include "tests/chaos/undo_log.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

class rig {
  public:
    rig() {
        std::string name = (fs::temp_directory_path() / "wharf-lost-writes-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        root_ = name;
        fs::create_directory(dir());
    }
    ~rig() { fs::remove_all(root_); }
    rig(const rig&) = delete;
    rig& operator=(const rig&) = delete;

    fs::path dir() const { return root_ / "data"; }
    fs::path control() const { return root_ / "control"; }

    // The probe's output, under the layer with these settings.
    std::string run(const std::string& settings, const std::string& arguments) const {
        return shell("LD_PRELOAD=" LOST_WRITES_LAYER " WHARF_LOST_WRITES_DIR=" + dir().string() +
                     " " + settings + " " LOST_WRITES_PROBE " " + arguments);
    }
    std::string without_layer(const std::string& arguments) const {
        return shell(LOST_WRITES_PROBE " " + arguments);
    }
    std::string cut(const std::string& arguments, int expected = 0) const {
        const std::string out =
            shell(LOST_WRITES_CUT " " + dir().string() + " " + arguments + " 2>&1; echo \" $?\"");
        const std::string ending = " " + std::to_string(expected) + "\n";
        INFO(out);
        REQUIRE(out.ends_with(ending));
        return out.substr(0, out.size() - ending.size());
    }

    std::string content(const std::string& name) const {
        std::ifstream in(dir() / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    std::vector<fs::path> logs() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(dir().string() + ".undo")) {
            found.push_back(entry.path());
        }
        return found;
    }

  private:
    std::string shell(const std::string& command) const {
        // The shell reports a killed child on its own stderr: not part of a test's output.
        const std::string line = "{ cd " + dir().string() + " && " + command + "; } 2>/dev/null";
        FILE* pipe = popen(line.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::string out;
        char piece[4096];
        while (const std::size_t got = std::fread(piece, 1, sizeof piece, pipe)) {
            out.append(piece, got);
        }
        pclose(pipe);
        return out;
    }

    fs::path root_;
};

std::string times(std::size_t count, char c) {
    return std::string(count, c);
}

// "committed 7" as the last whole line: 7.
std::size_t last_committed(const std::string& out) {
    std::istringstream in(out);
    std::size_t last = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("committed ")) last = std::stoul(line.substr(10));
    }
    return last;
}

} // namespace

TEST_CASE("a write that no sync covered is gone after the cut") {
    const rig r;
    r.run("", "script open:a write:0:0:100:x sync:0 write:0:50:100:y kill");
    REQUIRE(r.content("a") == times(50, 'x') + times(100, 'y'));
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'x'));
}

TEST_CASE("a write that a sync covered survives the cut") {
    const rig r;
    r.run("", "script open:a append:0:10:x append:0:10:y sync:0 kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(10, 'x') + times(10, 'y'));
}

TEST_CASE("with syncs switched off a sync is reported and promises nothing") {
    const rig r;
    const std::string out =
        r.run("WHARF_LOST_WRITES_SYNC=off", "script open:a write:0:0:100:x sync:0 kill");
    CHECK(out == "done\ndone\ndone\n");
    r.cut("--keep none");
    CHECK(r.content("a").empty());
}

TEST_CASE("a write on an O_DSYNC descriptor makes its own range durable and nothing else") {
    const rig r;
    r.run("", "script open:a write:0:0:300:x sync:0 write:0:0:300:y opensync:a "
              "write:1:100:100:z write:0:150:100:q kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'x') + times(100, 'z') + times(100, 'x'));
}

TEST_CASE("a file that is only written durably keeps every write and no log of them") {
    const rig r;
    r.run("",
          "script open:a write:0:0:8192:x sync:0 opensync:a write:1:0:4096:y write:1:4096:4096:z "
          "write:1:0:4096:w kill");
    for (const auto& log : r.logs())
        CHECK(fs::file_size(log) == 0);
    r.cut("--keep none");
    CHECK(r.content("a") == times(4096, 'w') + times(4096, 'z'));
}

TEST_CASE("durable writes after one that no sync covered leave it undurable") {
    const rig r;
    r.run("", "script open:a write:0:0:300:x sync:0 write:0:0:100:y opensync:a write:1:100:100:z "
              "write:1:100:100:w kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'x') + times(100, 'w') + times(100, 'x'));
}

TEST_CASE("a durable write past the end keeps the size it needs") {
    const rig r;
    r.run("", "script open:a opensync:a write:1:1000:10:z write:0:1010:50:y kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(1000, '\0') + times(10, 'z'));
}

TEST_CASE("a truncation that no sync covered is taken back with its bytes") {
    const rig r;
    r.run("", "script open:a write:0:0:100:x sync:0 truncate:0:10 truncate:0:60 kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'x'));
}

TEST_CASE("a renamed file keeps its undo log") {
    const rig r;
    r.run("", "script open:a write:0:0:10:x sync:0 write:0:0:10:y rename:a:b kill");
    r.cut("--keep none");
    CHECK(r.content("b") == times(10, 'x'));
}

TEST_CASE("writes of a process that died without a cut still wait for a sync") {
    const rig r;
    r.run("", "script open:a write:0:0:10:x sync:0 write:0:0:10:y kill");
    r.run("", "script open:a write:0:5:10:z kill");
    r.cut("--keep none");
    CHECK(r.content("a") == times(10, 'x'));
}

TEST_CASE("after a failed sync the next one does not make the lost writes durable") {
    const rig r;
    const std::string out =
        r.run("WHARF_LOST_WRITES_FAIL=fdatasync:EIO:2",
              "script open:a write:0:0:8192:x sync:0 write:0:0:10:y sync:0 write:0:4096:10:z "
              "sync:0 kill");
    CHECK(out == "done\ndone\ndone\ndone\nfailed Input/output error\ndone\ndone\n");
    r.cut("--keep none");
    CHECK(r.content("a") == times(4096, 'x') + times(10, 'z') + times(4086, 'x'));
}

TEST_CASE("a cut that keeps everything leaves the files alone and forgets the log") {
    const rig r;
    r.run("", "script open:a write:0:0:100:x kill");
    r.cut("--keep all");
    CHECK(r.content("a") == times(100, 'x'));
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'x'));
}

TEST_CASE("a random cut keeps whole pages, a torn one sectors, each as its seed says") {
    std::vector<std::string> seen;
    for (const std::string torn : {"", " --torn"}) {
        const std::size_t unit = torn.empty() ? 4096 : 512;
        const rig r;
        r.run("", "script open:a write:0:0:40960:x sync:0 write:0:0:40960:y kill");
        r.cut("--keep random --seed 7" + torn);
        const std::string got = r.content("a");
        REQUIRE(got.size() == 40960);
        std::size_t kept = 0;
        for (std::size_t at = 0; at < got.size(); at += unit) {
            const std::string piece = got.substr(at, unit);
            REQUIRE((piece == times(unit, 'x') || piece == times(unit, 'y')));
            kept += piece[0] == 'y' ? 1 : 0;
        }
        CHECK(kept > 0);
        CHECK(kept < got.size() / unit);
    }
}

TEST_CASE("an undo log with a changed byte is reported and no file is touched") {
    const rig r;
    r.run("", "script open:a write:0:0:100:x sync:0 write:0:0:100:y kill");
    {
        std::fstream log(r.logs().at(0), std::ios::in | std::ios::out | std::ios::binary);
        log.seekp(60);
        log.put('#');
    }
    CHECK_THAT(r.cut("--keep none", 2), Catch::Contains("wrong checksum"));
    CHECK(r.content("a") == times(100, 'y'));
}

TEST_CASE("an undo record that ends early belongs to a write that never began") {
    const rig r;
    r.run("", "script open:a write:0:0:100:x sync:0 write:0:0:100:y kill");
    fs::resize_file(r.logs().at(0), fs::file_size(r.logs().at(0)) - 1);
    r.cut("--keep none");
    CHECK(r.content("a") == times(100, 'y'));
}

TEST_CASE("the control file turns faults on and off while the program runs") {
    const rig r;
    std::ofstream(r.control()) << "pwrite:ENOSPC:1+";
    const std::string setting = "WHARF_LOST_WRITES_CONTROL=" + r.control().string();
    CHECK(r.run(setting, "script open:a append:0:10:x append:0:10:x") ==
          "done\nfailed No space left on device\nfailed No space left on device\n");
    fs::remove(r.control());
    CHECK(r.run(setting, "script open:a append:0:10:x") == "done\ndone\n");
}

TEST_CASE("the process is killed before or after the call that the plan names") {
    const rig before;
    CHECK(before.run("WHARF_LOST_WRITES_FAIL=kill_before:pwrite:2",
                     "script open:a append:0:10:x append:0:10:y") == "done\ndone\n");
    CHECK(before.content("a") == times(10, 'x'));
    const rig after;
    CHECK(after.run("WHARF_LOST_WRITES_FAIL=kill_after:any:2",
                    "script open:a append:0:10:x append:0:10:y") == "done\ndone\n");
    CHECK(after.content("a") == times(10, 'x') + times(10, 'y'));
}

TEST_CASE("a short write writes half and says so") {
    const rig r;
    r.run("WHARF_LOST_WRITES_FAIL=pwrite:SHORT:1", "script open:a write:0:0:10:x");
    CHECK(r.content("a") == times(5, 'x'));
}

TEST_CASE("a fault plan that cannot be read is named") {
    std::string why;
    CHECK_FALSE(chaos::fault_plan::parse("pwrite:EIO", why));
    CHECK_FALSE(chaos::fault_plan::parse("pwrite:EWHAT:1", why));
    CHECK_FALSE(chaos::fault_plan::parse("fdatasync:EIO:0", why));
    CHECK_FALSE(chaos::fault_plan::parse("pwrite:EIO:1,kill_never:any:1", why));
    CHECK(why == "cannot read the fault 'kill_never:any:1'");
}

TEST_CASE("LMDB commits that returned survive every cut, wherever the process was killed") {
    std::size_t killed_inside = 0;
    for (int step = 1; step <= 60; step += 1) {
        const rig r;
        const std::string moment = step % 2 == 0 ? "kill_before" : "kill_after";
        const std::string out =
            r.run("WHARF_LOST_WRITES_FAIL=" + moment + ":any:" + std::to_string(step), "commit 12");
        const std::size_t promised = last_committed(out);
        killed_inside += promised < 12 ? 1 : 0;
        const std::string how = step % 3 == 0   ? "--keep none"
                                : step % 3 == 1 ? "--keep random --seed " + std::to_string(step)
                                                : "--keep random --torn --seed 3";
        r.cut(how);
        // Before the first commit LMDB promises nothing, not even a file that opens.
        if (promised == 0) continue;
        const std::string found = r.without_layer("read");
        INFO(moment << " " << step << " " << how << ": promised " << promised << ", " << found);
        REQUIRE_FALSE(found.empty());
        REQUIRE(std::stoul(found) >= promised);
    }
    CHECK(killed_inside > 20);
}

TEST_CASE("with syncs switched off the same rig sees LMDB lose what it had committed") {
    const rig r;
    CHECK(last_committed(r.run("WHARF_LOST_WRITES_SYNC=off", "commit 12")) == 12);
    CHECK_THAT(r.cut("--keep none"), !Catch::Contains("\"bytes_discarded\":0"));
    CHECK(fs::file_size(r.dir() / "data.mdb") == 0);
}
