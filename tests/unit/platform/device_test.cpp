// The helper that stands for the device: how it is called, and what is believed of it.
#include "gateway/platform/device/helper.hpp"
#include "gateway/platform/device/helper_device.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

struct bench {
    std::string helper(const std::string& text, ::mode_t mode = 0755) {
        const std::string path = folder.in("helper");
        std::ofstream(path) << "#!/bin/sh\n" << text;
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        return path;
    }
    result<int> run(const std::string& text, std::uint32_t seconds = 20) {
        return run_helper({helper(text), {"one", "two words; $(three)"}, seconds, nullptr},
                          [&](std::string_view line) { lines.emplace_back(line); });
    }
    tests::temporary_folder folder;
    std::vector<std::string> lines;
};

bool not_root() {
    if (::geteuid() == 0) return false;
    WARN("not root: its files are not root's");
    return true;
}

} // namespace

TEST_CASE("a helper gets its arguments as they are, nothing else, and is read line by line") {
    if (not_root()) return;
    bench b;
    const auto ended =
        b.run("echo $#; echo \"$2\"; env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= | sort;"
              " ls /proc/self/fd | wc -l; cat; exit 3");
    REQUIRE(ended.ok());
    CHECK(*ended == 3);
    // 0, 1, 2 and the folder that ls reads.
    CHECK(b.lines == std::vector<std::string>{"2", "two words; $(three)", "LC_ALL=C",
                                              "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "4"});
}

TEST_CASE("a helper that others may write, or that is none, is not run") {
    if (not_root()) return;
    bench b;
    const auto call = [&](const std::string& path) {
        return run_helper({path, {}, 5, nullptr}, [](std::string_view) {});
    };
    CHECK_THAT(call(b.helper("exit 0", 0775)).failure().message, Contains("nobody else may write"));
    CHECK_THAT(call(b.helper("exit 0", 0644)).failure().message, Contains("executable"));
    const std::string path = b.helper("exit 0");
    REQUIRE(::chown(path.c_str(), 1, 1) == 0);
    CHECK_THAT(call(path).failure().message, Contains("root's"));
    CHECK(call(b.folder.in("none")).failure().code == errc::not_found);
    CHECK_FALSE(call(b.folder.path).ok());
}

TEST_CASE("a helper that does not end, says too much or is killed has failed") {
    if (not_root()) return;
    bench b;
    const auto began = std::chrono::steady_clock::now();
    // What it started has its output open, too.
    CHECK_THAT(b.run("sleep 60 & sleep 60", 1).failure().message, Contains("within 1 s"));
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
    CHECK_THAT(b.run("head -c 5000 /dev/zero").failure().message, Contains("too much"));
    CHECK_THAT(b.run("yes 0123456789").failure().message, Contains("too much"));
    CHECK_THAT(b.run("kill -9 $$").failure().message, Contains("killed"));
    const std::atomic<bool> stop = true;
    CHECK_THAT(run_helper({b.helper("sleep 60"), {}, 60, &stop}, [](std::string_view) {})
                   .failure()
                   .message,
               Contains("broken off"));
}

TEST_CASE("without a helper the device can nothing, and says why") {
    boost::asio::io_context io;
    helper_device device(io, "");
    std::optional<device_facts> facts;
    std::optional<device_answer> answer;
    device.look([&](const device_facts& found) { facts = found; });
    device.order({"00", device_order::reboot{}}, {},
                 [&](const device_answer& said) { answer = said; });
    io.run();
    REQUIRE(facts);
    CHECK(facts->can.empty());
    CHECK_THAT(facts->why_not, Contains("not a Wharf image"));
    CHECK(facts->boot == kernel_boot_id());
    REQUIRE(answer);
    CHECK(answer->became == device_answer::how::cannot);
}

TEST_CASE("what a helper says is taken within bounds: abilities, steps, the end") {
    if (not_root()) return;
    bench b;
    boost::asio::io_context io;
    const std::string path = b.helper(
        "case $1 in describe) echo '{\"can\":[\"update\",\"fly\",7],\"software\":\"2.0\","
        "\"boot\":\"b1\"}';;\n"
        "update) echo '{\"step\":\"download\",\"percent\":500,\"words\":\"'$5'\"}'; echo nonsense;"
        " echo '{\"words\":\"no room\"}'; exit 1;; *) exit 2;; esac");
    helper_device device(io, path);
    std::optional<device_facts> facts;
    std::vector<device_step> steps;
    // Each has a place of its own: which one comes first is not said.
    std::optional<device_answer> updated;
    std::optional<device_answer> meanwhile;
    std::optional<device_answer> afterwards;
    const auto keep_in = [](std::optional<device_answer>& place) {
        return [&place](const device_answer& said) { place = said; };
    };
    const auto work = boost::asio::make_work_guard(io);
    device.look([&](const device_facts& found) { facts = found; });
    device.order(
        {"aa", device_order::update{"/x", "ff", "2.1"}},
        [&](const device_step& one) { steps.push_back(one); }, keep_in(updated));
    device.order({"bb", device_order::reboot{}}, {}, keep_in(meanwhile));
    while (!facts || !updated || !meanwhile)
        io.run_one();
    CHECK(facts->can == std::vector{device_ability::update});
    CHECK(facts->software == "2.0");
    CHECK(facts->boot == "b1");
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].percent == 100);
    CHECK(steps[0].words == "2.1");
    CHECK_THAT(meanwhile->words, Contains("busy"));
    CHECK(updated->became == device_answer::how::failed);
    CHECK(updated->words == "no room");
    device.order({"cc", device_order::reboot{}}, {}, keep_in(afterwards));
    while (!afterwards)
        io.run_one();
    CHECK(afterwards->became == device_answer::how::cannot);
    CHECK_THAT(afterwards->words, Contains("exit code 2"));
}
