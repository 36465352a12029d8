#include "gateway/platform/tls/server_certificates.hpp"
#include "tests/unit/tls/sockets.hpp"

#include <filesystem>
#include <unistd.h>

namespace wharf::tls {

namespace {

namespace fs = std::filesystem;

class kept_up_to_date {
  public:
    kept_up_to_date()
        : folder(fs::temp_directory_path() / ("wharf-tls-" + std::to_string(::getpid()))),
          workers(io) {
        fs::create_directories(folder);
        install("server");
        clock.wall_s = good_time_s();
        REQUIRE(workers.start(1).ok());
        const file_names files{folder / "own.pem", folder / "own.key", {}, {}};
        certificates.emplace(files, server_options{}, workers, clock,
                             certificate_callbacks{[this](auto) { ++replaced; },
                                                   [this](bool bad, const std::string& text) {
                                                       (bad ? alarms : notes).push_back(text);
                                                   }});
        REQUIRE(certificates->load().ok());
    }
    ~kept_up_to_date() {
        workers.stop();
        fs::remove_all(folder);
    }
    kept_up_to_date(const kept_up_to_date&) = delete;
    kept_up_to_date& operator=(const kept_up_to_date&) = delete;

    // As a tool would: a new file under the old name.
    void install(const std::string& name, bool with_key = true) {
        auto put_file = [&](const std::string& from, const char* to) {
            fs::copy_file(file(from), folder / "new", fs::copy_options::overwrite_existing);
            fs::rename(folder / "new", folder / to);
        };
        put_file(name + ".pem", "own.pem");
        if (with_key) put_file(name + ".key", "own.key");
    }
    void settle() {
        io.restart();
        io.run();
    }

    const fs::path folder;
    asio::io_context io;
    manual_clock clock;
    worker_pool workers;
    int replaced = 0;
    std::vector<std::string> alarms;
    std::vector<std::string> notes;
    std::optional<server_certificates> certificates;
};

} // namespace

TEST_CASE("certificates that are put in place are read, once they rest") {
    kept_up_to_date it;
    const auto before = it.certificates->current();
    it.certificates->look();
    it.settle();
    CHECK(it.replaced == 0);
    it.install("renewed");
    it.certificates->look(); // changed: perhaps there is more to come
    it.settle();
    CHECK(it.replaced == 0);
    it.certificates->look();
    it.settle();
    CHECK(it.replaced == 1);
    CHECK(it.certificates->current() != before);
    CHECK(it.alarms.empty());
    CHECK(it.certificates->problems().empty());
    it.certificates->look();
    it.certificates->look();
    it.settle();
    CHECK(it.replaced == 1);
}

TEST_CASE("a bad new certificate is refused with an alarm, and the former stays") {
    kept_up_to_date it;
    const auto before = it.certificates->current();
    it.install("renewed", false); // the key is the former's
    it.certificates->reload();
    it.settle();
    CHECK(it.replaced == 0);
    CHECK(it.certificates->current() == before);
    REQUIRE(it.alarms.size() == 1);
    CHECK(it.alarms[0].find("the former stay in use") != std::string::npos);
    CHECK(it.alarms[0].find("is not the key of") != std::string::npos);
    CHECK(it.certificates->problems() == it.alarms);
    // It is said once, not at every look.
    for (int i = 0; i < 5; ++i)
        it.certificates->look();
    it.settle();
    CHECK(it.alarms.size() == 1);
    fs::remove(it.folder / "own.key");
    it.certificates->reload();
    it.settle();
    CHECK(it.certificates->current() == before);
    CHECK(it.alarms.back().find("own.key") != std::string::npos);
    it.install("renewed");
    it.certificates->look();
    it.certificates->look();
    it.settle();
    CHECK(it.replaced == 1);
    CHECK(it.certificates->problems().empty());
}

TEST_CASE("a certificate that has ended is not taken in place of one that has not") {
    kept_up_to_date it;
    const auto period = it.certificates->current()->own_period();
    it.clock.wall_s = period.to_s - 7 * 24 * 3600;
    REQUIRE(it.certificates->problems().size() == 1);
    CHECK(it.certificates->problems()[0].find("it ends at") != std::string::npos);
    it.clock.wall_s = period.to_s + 3600;
    CHECK(it.certificates->problems()[0].find("it ended at") != std::string::npos);
    // Both have ended: either will do.
    it.install("renewed");
    it.certificates->reload();
    it.settle();
    CHECK(it.replaced == 1);
    it.clock.wall_s = period.from_s - 3600;
    CHECK(it.certificates->problems()[0].find("begins only") != std::string::npos);
}

TEST_CASE("reloads that are asked for one after the other are each done") {
    kept_up_to_date it;
    it.certificates->reload();
    it.certificates->reload();
    it.certificates->reload();
    it.settle();
    CHECK(it.replaced == 2); // the second saw what the third would have seen
}

} // namespace wharf::tls
