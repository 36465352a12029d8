#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wharf::test {

namespace fs = std::filesystem;

namespace {

std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

outcome run(const temporary_folder& in, const std::string& program,
            const std::vector<std::string>& arguments, const std::vector<std::string>& settings) {
    const std::string out = (in.root() / "out").string();
    const std::string err = (in.root() / "err").string();
    std::vector<const char*> argv = {program.c_str()};
    for (const std::string& one : arguments)
        argv.push_back(one.c_str());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        ::alarm(60); // one that hangs is ended, and seen as ended by a signal
        for (const std::string& one : settings)
            ::putenv(const_cast<char*>(one.c_str()));
        ::execv(program.c_str(), const_cast<char**>(argv.data()));
        ::_exit(127);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    outcome got;
    if (WIFEXITED(status)) got.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) got.signal = WTERMSIG(status);
    got.out = content_of(out);
    got.words = content_of(err);
    return got;
}

} // namespace

temporary_folder::temporary_folder() {
    std::string name = (fs::temp_directory_path() / "wharf-journal-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
}
temporary_folder::~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

std::vector<std::uint64_t> outcome::numbers(const std::string& before) const {
    std::vector<std::uint64_t> found;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(before + " "))
            found.push_back(std::stoull(line.substr(before.size())));
    return found;
}
std::uint64_t outcome::number(const std::string& before) const {
    const auto found = numbers(before);
    return found.empty() ? 0 : found.back();
}

outcome run_child(const temporary_folder& in, const std::vector<std::string>& arguments,
                  const std::string& faults) {
    std::vector<std::string> settings;
    if (!faults.empty())
        settings = {"LD_PRELOAD=" LOST_WRITES_LAYER, "WHARF_LOST_WRITES_DIR=" + in.journal(),
                    "WHARF_LOST_WRITES_FAIL=" + faults};
    return run(in, JOURNAL_CHILD, arguments, settings);
}

void cut(const temporary_folder& in, const std::vector<std::string>& how) {
    std::vector<std::string> arguments = {in.journal()};
    arguments.insert(arguments.end(), how.begin(), how.end());
    const outcome got = run(in, LOST_WRITES_CUT, arguments, {});
    INFO(got.out << got.words);
    REQUIRE(got.exit_code == 0);
}

} // namespace wharf::test
