// Logins, with passwords whose hash is "hash of <password>".
#include "gateway/access/doorkeeper.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using namespace wharf::access;

namespace {

identity device(const std::string& name, const std::string& password = {}) {
    identity out;
    out.name = name;
    if (!password.empty()) out.password = "hash of " + password;
    return out;
}

std::shared_ptr<const identities> set_of(std::vector<identity> all) {
    auto made = identities::make(std::move(all));
    if (!made.ok()) FAIL(made.failure().message);
    return std::make_shared<const identities>(std::move(made).value());
}

door_settings settings() {
    door_settings out;
    out.site = "ber1";
    out.decoy_hash = "hash of nothing";
    return out;
}

struct rig {
    explicit rig(std::vector<identity> all, door_settings with = settings())
        : door(std::move(with), digest_key{'k'}) {
        door.use(set_of(std::move(all)));
    }

    static applicant login_of(std::string_view user, std::string_view password,
                              std::string_view address = "10.0.0.1") {
        applicant out;
        out.address = address;
        out.user = user;
        out.password = password;
        out.client_id = "c";
        return out;
    }

    // Hashes what is to be hashed until this one is decided.
    verdict run(const applicant& who) {
        const auto login = ++last;
        auto out = door.begin(login, who, now_ms);
        while (out.what == verdict::kind::waits) {
            auto check = door.next_check(now_ms);
            if (!check) {
                REQUIRE(door.next_due_ms());
                now_ms = *door.next_due_ms();
                continue;
            }
            ++hashed;
            hashes.push_back(check->hash);
            auto decided =
                door.checked(check->login, check->hash == "hash of " + check->password, now_ms);
            REQUIRE(decided);
            REQUIRE(check->login == login);
            out = std::move(*decided);
        }
        return out;
    }
    bool enters(std::string_view user, std::string_view password,
                std::string_view address = "10.0.0.1") {
        return run(login_of(user, password, address)).what == verdict::kind::admitted;
    }

    doorkeeper door;
    std::int64_t now_ms = 1000;
    std::uint64_t last = 0;
    int hashed = 0;
    std::vector<std::string> hashes;
};

} // namespace

TEST_CASE("the right password comes in with its own rights") {
    rig at({device("scanner-07", "tangerine")});
    auto out = at.run(rig::login_of("scanner-07", "tangerine"));
    REQUIRE(out.what == verdict::kind::admitted);
    CHECK(out.in->name() == "scanner-07");
    CHECK(out.in->rights.may_publish("wharf/1/ber1/scanner-07/stock"));
    CHECK_FALSE(out.in->rights.may_publish("wharf/1/ber1/scanner-08/stock"));
}

TEST_CASE(
    "a wrong password, a name of nobody, a switched off one and one without password are alike") {
    auto off = device("off", "tangerine");
    off.enabled = false;
    auto certificate_only = device("certificate");
    certificate_only.certificates = {"cn"};
    rig at({device("scanner-07", "tangerine"), off, certificate_only});
    int before = 0;
    for (const auto& [user, password] : {std::pair{"scanner-07", "tangerin"},
                                         {"scanner-07", ""},
                                         {"nobody", "tangerine"},
                                         {"off", "tangerine"},
                                         {"certificate", ""},
                                         {"certificate", "tangerine"},
                                         {"", ""}}) {
        INFO(user << " " << password);
        auto out = at.run(rig::login_of(user, password));
        CHECK(out.what == verdict::kind::refused);
        CHECK(out.why == refusal::credentials);
        CHECK(at.hashed == ++before); // each cost one hash
    }
    // Of a real one's parameters.
    for (const auto& hash : at.hashes)
        CHECK((hash == "hash of tangerine" || hash == "hash of nothing"));
}

TEST_CASE("where nobody has a password a decoy is hashed") {
    rig at({});
    CHECK_FALSE(at.enters("nobody", "nothing")); // even with the decoy's own password
    CHECK(at.hashes == std::vector<std::string>{"hash of nothing"});
}

TEST_CASE("a password that was found right is not hashed again, until the identity changes") {
    rig at({device("a", "tangerine"), device("b", "tangerine")});
    CHECK(at.enters("a", "tangerine"));
    CHECK(at.enters("a", "tangerine"));
    CHECK(at.hashed == 1);
    CHECK(at.enters("b", "tangerine"));
    CHECK(at.hashed == 2);
    CHECK_FALSE(at.enters("a", "tangerines"));
    CHECK(at.hashed == 3);
    CHECK(at.door.use(set_of({device("a", "clementine"), device("b", "tangerine")})) ==
          std::vector<std::string>{"a"});
    CHECK_FALSE(at.enters("a", "tangerine"));
    CHECK(at.enters("a", "clementine"));
    CHECK(at.enters("b", "tangerine"));
    CHECK(at.hashed == 5);
    auto off = device("b", "tangerine");
    off.enabled = false;
    CHECK(at.door.use(set_of({off})) == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(at.enters("b", "tangerine"));
    CHECK_FALSE(at.enters("a", "clementine"));
}

TEST_CASE("who is removed while the password is hashed does not come in") {
    rig at({device("a", "tangerine")});
    CHECK(at.door.begin(1, rig::login_of("a", "tangerine"), 0).what == verdict::kind::waits);
    auto check = at.door.next_check(0);
    REQUIRE(check);
    at.door.use(set_of({}));
    auto out = at.door.checked(check->login, true, 0);
    REQUIRE(out);
    CHECK(out->what == verdict::kind::refused);
    CHECK(at.door.waiting() == 0);
}

TEST_CASE("a password that changed while it was hashed is not the right one any more") {
    rig at({device("a", "tangerine")});
    (void)at.door.begin(1, rig::login_of("a", "tangerine"), 0);
    auto check = at.door.next_check(0);
    at.door.use(set_of({device("a", "clementine")}));
    CHECK(at.door.checked(check->login, true, 0)->what == verdict::kind::refused);
}

TEST_CASE("failures slow further logins down, and lock nobody out") {
    rig at({device("a", "tangerine"), device("b", "clementine")});
    for (std::uint32_t i = 0; i < limits::k_login_failures_free; ++i)
        CHECK_FALSE(at.enters("a", "guess"));
    CHECK(at.now_ms == 1000);
    CHECK_FALSE(at.enters("a", "guess"));
    CHECK(at.now_ms == 1000 + limits::k_login_delay_ms);
    for (int i = 0; i < 10; ++i)
        CHECK_FALSE(at.enters("a", "guess"));
    const auto before = at.now_ms;
    // The name has failed: slow from another address too, but it comes in.
    CHECK(at.enters("a", "tangerine", "10.0.0.2"));
    CHECK(at.now_ms - before == limits::k_login_delay_ms_max);
    // The address has failed: slow for another name too.
    const auto later = at.now_ms;
    CHECK(at.enters("b", "clementine", "10.0.0.1"));
    CHECK(at.now_ms - later == limits::k_login_delay_ms_max);
    // Who was found right before is not slowed by anybody.
    const auto then = at.now_ms;
    CHECK_FALSE(at.enters("a", "guess"));
    const auto after_guess = at.now_ms;
    CHECK(after_guess > then);
    CHECK(at.enters("a", "tangerine", "10.0.0.2"));
    CHECK(at.now_ms == after_guess);
    // Time heals.
    at.now_ms += std::int64_t{100} * limits::k_login_failure_forgotten_ms;
    const auto much_later = at.now_ms;
    CHECK_FALSE(at.enters("a", "guess"));
    CHECK(at.now_ms == much_later);
}

TEST_CASE("a certificate signs in its identity, and a name beside it has to be the same") {
    auto one = device("scanner-07", "tangerine");
    one.certificates = {"scanner-07.site"};
    auto strict = device("wms", "clementine");
    strict.certificates = {"wms.site"};
    strict.proof = needs::both;
    rig at({one, strict, device("plain", "tangerine")});
    auto with = [](std::optional<std::string_view> user, std::optional<std::string_view> password,
                   std::span<const std::string> names) {
        applicant out = rig::login_of("", "");
        out.user = user;
        out.password = password;
        out.certificate_names = names;
        return out;
    };
    const std::vector<std::string> scanner = {"unknown", "scanner-07.site"};
    const std::vector<std::string> wms = {"wms.site"};
    const std::vector<std::string> stranger = {"stranger"};
    auto enters = [&](const applicant& who) { return at.run(who).what == verdict::kind::admitted; };
    CHECK(enters(with({}, {}, scanner)));
    CHECK(enters(with("scanner-07", {}, scanner)));
    CHECK(at.hashed == 0);
    CHECK_FALSE(
        enters(with("plain", "tangerine", scanner))); // one identity's certificate, another's name
    CHECK_FALSE(enters(with({}, {}, wms)));
    CHECK_FALSE(enters(with("wms", "wrong", wms)));
    CHECK(enters(with("wms", "clementine", wms)));
    CHECK_FALSE(enters(with("wms", "clementine", {})));
    CHECK_FALSE(enters(with("wms", "clementine", stranger)));
    CHECK_FALSE(enters(with({}, {}, stranger)));
    CHECK(enters(with("plain", "tangerine", stranger)));
}

TEST_CASE("without a name only where the settings say so, with the rights they say") {
    rig closed({device("a", "tangerine")});
    applicant nobody;
    nobody.address = "10.0.0.1";
    nobody.client_id = "c";
    CHECK(closed.run(nobody).what == verdict::kind::refused);
    auto with = settings();
    with.anonymous = true;
    with.anonymous_publish = {"open/{client}", "wharf/1/{site}/{user}/#"};
    rig open({device("a", "tangerine")}, with);
    auto out = open.run(nobody);
    REQUIRE(out.what == verdict::kind::admitted);
    CHECK(out.in->name().empty());
    CHECK(out.in->rights.may_publish("open/c"));
    CHECK_FALSE(out.in->rights.may_publish("wharf/1/ber1/a/stock"));
    // A wrong name is not anonymous.
    CHECK_FALSE(open.enters("a", "wrong"));
    CHECK_FALSE(open.enters("b", "wrong"));
}

TEST_CASE("a client identifier that is not for the identity, and a will it may not publish, are "
          "refused") {
    auto one = device("a", "tangerine");
    one.clients = {"{user}-*"};
    auto by_client = device("b", "tangerine");
    by_client.publish = {"x/{client}/#"};
    rig at({one, by_client});
    auto as = rig::login_of("a", "tangerine");
    as.client_id = "b-1";
    CHECK(at.run(as).why == refusal::client_id);
    as.client_id = "a-1";
    CHECK(at.run(as).what == verdict::kind::admitted);
    as.will_topic = "wharf/1/ber1/b/stock";
    CHECK(at.run(as).why == refusal::will);
    as.will_topic = "wharf/1/ber1/a/stock";
    CHECK(at.run(as).what == verdict::kind::admitted);
    auto other = rig::login_of("b", "tangerine");
    other.client_id = "#";
    CHECK(at.run(other).why == refusal::client_id);
}

TEST_CASE("logins that wait are bounded in all and by address, and who leaves makes room") {
    rig at({device("a", "tangerine")});
    std::uint64_t login = 0;
    auto knock = [&](const std::string& address) {
        return at.door.begin(++login, rig::login_of("a", "x", address), 0).what;
    };
    for (std::size_t i = 0; i < limits::k_logins_waiting_per_address_max; ++i)
        CHECK(knock("one") == verdict::kind::waits);
    CHECK(knock("one") == verdict::kind::refused);
    CHECK(knock("two") == verdict::kind::waits);
    at.door.give_up(1);
    CHECK(knock("one") == verdict::kind::waits);
    for (int address = 0; at.door.waiting() < limits::k_logins_waiting_max; ++address)
        CHECK(knock("many" + std::to_string(address)) == verdict::kind::waits);
    CHECK(knock("last") == verdict::kind::refused);
    // No more than so many are hashed at once.
    std::vector<doorkeeper::check> checks;
    while (auto check = at.door.next_check(0))
        checks.push_back(*check);
    CHECK(checks.size() == limits::k_logins_hashed_at_once_max);
    CHECK_FALSE(at.door.next_due_ms());
    at.door.give_up(checks[0].login);
    CHECK_FALSE(at.door.checked(checks[0].login, true, 0));
    CHECK(at.door.next_check(0));
}
