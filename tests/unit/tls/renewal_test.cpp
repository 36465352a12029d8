// A certificate that is asked for, judged, and put in place.
#include "gateway/base/limits.hpp"
#include "gateway/platform/tls/chain.hpp"
#include "gateway/platform/tls/pair_files.hpp"
#include "gateway/platform/tls/request.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace wharf;
using namespace wharf::tls;
using Catch::Matchers::Contains;

namespace {

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string fixture(const std::string& name) {
    std::string text = read(std::string(WHARF_TEST_CERTIFICATES) + "/" + name);
    REQUIRE_FALSE(text.empty());
    return text;
}

private_key key_of(const std::string& name) {
    auto key = private_key::read(fixture(name + ".key"));
    REQUIRE(key.ok());
    return *key;
}

chain_rules rules_for(const std::string& name, bool server = true) {
    return {key_of(name).half(), server, fixture("authority.pem"), std::time(nullptr)};
}

std::string why_not(const std::string& pem, const chain_rules& by) {
    const auto judged = judge_chain(pem, by);
    REQUIRE_FALSE(judged.ok());
    return judged.failure().message;
}

struct place {
    tests::temporary_folder folder;
    std::string certificate = folder.in("own.pem");
    std::string key = folder.in("own.key");
    pair_files files{certificate, key};

    place() {
        std::ofstream(certificate) << fixture("server.pem");
        std::ofstream(key) << fixture("server.key");
    }
    [[nodiscard]] bool has(const std::string& name) const {
        const auto own = private_key::read(read(key));
        return read(certificate) == fixture(name + ".pem") && own.ok() &&
               own->half().fingerprint() == key_of(name).half().fingerprint();
    }
    void ask() const { REQUIRE(files.keep_pending(key_of("renewed")).ok()); }
    void put(bool on_trial) const {
        REQUIRE(files.put(fixture("renewed.pem"), "id", on_trial).ok());
    }
    [[nodiscard]] pair_record record() const {
        auto found = files.record();
        REQUIRE(found.ok());
        return *found;
    }
    [[nodiscard]] bool is_tidy() const {
        for (const char* more : {".former", ".next", ".new"})
            for (const std::string& one : {certificate, key})
                if (std::filesystem::exists(one + more)) return false;
        return true;
    }
};

std::string request_text(const std::string& pem) {
    mbedtls_x509_csr read;
    mbedtls_x509_csr_init(&read);
    std::array<char, 4096> text{};
    const bool good =
        mbedtls_x509_csr_parse(&read, reinterpret_cast<const unsigned char*>(pem.c_str()),
                               pem.size() + 1) == 0 &&
        mbedtls_x509_csr_info(text.data(), text.size(), "", &read) > 0;
    mbedtls_x509_csr_free(&read);
    REQUIRE(good);
    return text.data();
}

} // namespace

TEST_CASE("a request has the subject of the present certificate, or what is given") {
    const auto key = private_key::make();
    REQUIRE(key.ok());
    auto made = make_request(*key, {fixture("server.pem"), "", {}});
    REQUIRE(made.ok());
    CHECK_THAT(request_text(*made), Contains("CN=gateway"));
    made = make_request(*key, {"", "dock, seven", {"dock-7.test", "10.0.0.1", "::1", "urn:x:7"}});
    REQUIRE(made.ok());
    CHECK_THAT(request_text(*made), Contains("dock"));
    for (const std::string& wrong : {std::string("a b"), std::string(300, 'a'), std::string(),
                                     std::string("a\n"), std::string("a\\b")})
        CHECK(make_request(*key, {"", "x", {wrong}}).failure().code == errc::invalid);
    CHECK(make_request(*key, {"", "", {}}).failure().code == errc::invalid);
    CHECK(make_request(*key, {"", std::string(65, 'a'), {}}).failure().code == errc::invalid);
    CHECK(make_request(*key, {"", "x", std::vector<std::string>(100, "a.test")}).failure().code ==
          errc::invalid);
    CHECK_FALSE(make_request(*key, {"nonsense", "", {}}).ok());
}

TEST_CASE("a good chain is taken, with intermediates, for the key that asked") {
    auto facts = judge_chain(fixture("renewed.pem"), rules_for("renewed"));
    REQUIRE(facts.ok());
    CHECK_THAT(facts->subject, Contains("gateway"));
    CHECK_THAT(facts->issuer, Contains("authority"));
    CHECK(facts->from_s < facts->to_s);
    CHECK(judge_chain(fixture("chained.pem"), rules_for("chained")).ok());
    CHECK(judge_chain(fixture("device.pem"), rules_for("device", false)).ok());
    auto unknown = rules_for("unknown");
    CHECK_THAT(why_not(fixture("unknown.pem"), unknown),
               Contains("no authority that the gateway knows vouches for it"));
    unknown.authorities.clear();
    CHECK(judge_chain(fixture("unknown.pem"), unknown).ok());
}

TEST_CASE("what is not good is refused by its reason") {
    const auto rules = rules_for("renewed");
    const std::string good = fixture("renewed.pem");
    CHECK_THAT(why_not(fixture("server.pem"), rules), Contains("it is not of the key"));
    CHECK_THAT(why_not(fixture("rsa.pem"), rules), Contains("it is not of the key"));
    CHECK_THAT(why_not("", rules), Contains("expected PEM"));
    CHECK_THAT(why_not("nonsense", rules), Contains("expected PEM"));
    CHECK_THAT(why_not(fixture("renewed.key"), rules), Contains("expected PEM"));
    CHECK_THAT(why_not(good + std::string(1, '\0'), rules), Contains("expected PEM"));
    CHECK_THAT(
        why_not(good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", rules),
        Contains("one of the chain cannot be read"));
    std::string many;
    for (std::size_t i = 0; i <= limits::k_certificate_chain_max; ++i)
        many += good;
    CHECK_THAT(why_not(many, rules), Contains("in the chain"));
    CHECK(judge_chain(good + std::string(limits::k_certificate_chain_bytes_max, ' '), rules)
              .failure()
              .code == errc::too_large);
    auto later = rules;
    later.now_s += 20LL * 366 * 86'400;
    CHECK_THAT(why_not(good, later), Contains("it ended at"));
    auto earlier = rules;
    earlier.now_s = 1'000'000'000;
    CHECK_THAT(why_not(good, earlier), Contains("it begins only at"));
    auto nonsense = rules;
    nonsense.authorities = "nonsense";
    CHECK_THAT(why_not(good, nonsense), Contains("can be read"));
    // The intermediate is missing.
    const std::string chained = fixture("chained.pem");
    const auto alone = chained.substr(0, chained.find("-----BEGIN CERTIFICATE-----", 10));
    CHECK_THAT(why_not(alone, rules_for("chained")), Contains("vouches for it"));
}

TEST_CASE("a pair is replaced, and the next request finds it") {
    place it;
    REQUIRE(it.files.settle().ok());
    CHECK(it.record().stage == pair_stage::untouched);
    CHECK(it.files.pending().failure().code == errc::not_found);
    it.ask();
    it.put(false);
    CHECK(it.has("renewed"));
    CHECK(it.record().stage == pair_stage::good);
    CHECK(it.record().command == "id");
    CHECK(it.files.pending().failure().code == errc::not_found);
    REQUIRE(it.files.hold("id").ok());
    CHECK(it.is_tidy());
    CHECK(std::filesystem::status(it.key).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("a pair on trial holds, or the one before is back and the key waits again") {
    place it;
    it.ask();
    it.put(true);
    CHECK(it.has("renewed"));
    SECTION("it holds") {
        REQUIRE(it.files.hold("id").ok());
        REQUIRE(it.files.settle().ok());
        CHECK(it.has("renewed"));
        CHECK(it.record().stage == pair_stage::good);
    }
    SECTION("it does not") {
        REQUIRE(it.files.back("id", "the broker\nrefuses").ok());
        CHECK(it.has("server"));
        CHECK(it.record().stage == pair_stage::back);
        CHECK_THAT(it.record().why, Contains("refuses"));
        CHECK(it.files.pending().ok());
        it.put(true);
        CHECK(it.has("renewed"));
    }
    SECTION("the process ends") {
        REQUIRE(it.files.settle().ok());
        CHECK(it.has("server"));
        CHECK(it.record().why == "the gateway ended while it was on trial");
        CHECK(it.files.pending().ok());
    }
    REQUIRE(it.files.settle().ok());
    if (it.record().stage != pair_stage::trying) CHECK(it.is_tidy());
}

TEST_CASE("wherever a process ends while a pair is replaced, there is a pair") {
    place it;
    it.ask();
    const bool on_trial = GENERATE(false, true);
    const int step = GENERATE(0, 1, 2, 3, 4);
    // The steps of put(), by hand.
    std::filesystem::copy_file(it.key, it.key + ".former");
    std::filesystem::permissions(it.key + ".former", std::filesystem::perms::owner_read |
                                                         std::filesystem::perms::owner_write);
    std::filesystem::copy_file(it.certificate, it.certificate + ".former");
    std::ofstream(it.certificate + ".next") << fixture("renewed.pem");
    if (step >= 1) {
        std::ofstream(it.certificate + ".change")
            << (on_trial ? "trying" : "going") << "\n6964\n\n";
        std::filesystem::permissions(it.certificate + ".change",
                                     std::filesystem::perms::owner_read |
                                         std::filesystem::perms::owner_write);
    }
    if (step >= 2) std::filesystem::rename(it.files.pending_path(), it.key);
    if (step >= 3) std::filesystem::rename(it.certificate + ".next", it.certificate);
    if (step >= 4 && on_trial) { // and while it goes back
        std::filesystem::copy_file(it.key, it.files.pending_path());
        std::filesystem::copy_file(it.key + ".former", it.key,
                                   std::filesystem::copy_options::overwrite_existing);
        std::ofstream(it.certificate + ".change") << "returning\n6964\nwhy\n";
    }
    REQUIRE(it.files.settle().ok());
    const bool done = step >= 1 && !on_trial;
    CHECK(it.has(done ? "renewed" : "server"));
    CHECK(it.files.pending().ok() == !done);
    REQUIRE(it.files.settle().ok());
    if (step >= 1) CHECK(it.is_tidy());
    if (!done) {
        it.put(on_trial);
        CHECK(it.has("renewed"));
    }
}

TEST_CASE("a record that is damaged is an error, and a link stays one") {
    place it;
    std::ofstream(it.certificate + ".change") << "nonsense\n";
    std::filesystem::permissions(it.certificate + ".change",
                                 std::filesystem::perms::owner_read |
                                     std::filesystem::perms::owner_write);
    CHECK(it.files.record().failure().code == errc::corrupt);
    CHECK_FALSE(it.files.settle().ok());
    std::filesystem::remove(it.certificate + ".change");
    std::filesystem::create_symlink(it.certificate, it.folder.in("link.pem"));
    std::filesystem::create_symlink(it.key, it.folder.in("link.key"));
    const pair_files linked(it.folder.in("link.pem"), it.folder.in("link.key"));
    it.ask();
    REQUIRE(linked.put(fixture("renewed.pem"), "id", false).ok());
    CHECK(it.has("renewed"));
    CHECK(std::filesystem::is_symlink(it.folder.in("link.pem")));
}
