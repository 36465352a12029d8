#include "gateway/access/identity.hpp"
#include "gateway/access/rights.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using namespace wharf::access;

namespace {

rights rights_of(const std::vector<std::string>& publish, const std::vector<std::string>& subscribe,
                 const placeholder_values& values = {"scanner-07", "c-1", "ber1"}) {
    auto made = rights::make(publish, subscribe, values);
    if (!made.ok()) FAIL(made.failure().message);
    return std::move(made).value();
}

} // namespace

TEST_CASE("the default right of a device is its own name and nobody else's") {
    auto own = rights_of({"wharf/1/{site}/{user}/#"}, {"wharf/1/{site}/{user}/#"});
    struct row {
        const char* topic;
        bool publish;
    };
    for (const auto& [topic, publish] :
         {row{"wharf/1/ber1/scanner-07/stock", true}, row{"wharf/1/ber1/scanner-07/stock.pb", true},
          row{"wharf/1/ber1/scanner-07", true}, row{"wharf/1/ber1/scanner-08/stock", false},
          row{"wharf/1/ber1/scanner-070/stock", false}, row{"wharf/1/ber1/scanner-0/stock", false},
          row{"wharf/1/muc2/scanner-07/stock", false}, row{"wharf/2/ber1/scanner-07/stock", false},
          row{"wharf/1/ber1", false}, row{"$SYS/anything", false}, row{"", false}}) {
        INFO(topic);
        CHECK(own.may_publish(topic) == publish);
        CHECK(own.may_publish(topic) == publish); // as remembered
    }
    struct filter_row {
        const char* filter;
        bool subscribe;
    };
    for (const auto& [filter, subscribe] :
         {filter_row{"wharf/1/ber1/scanner-07/#", true},
          filter_row{"wharf/1/ber1/scanner-07/+", true},
          filter_row{"wharf/1/ber1/scanner-07/task", true},
          filter_row{"wharf/1/ber1/+/task", false}, filter_row{"wharf/1/ber1/#", false},
          filter_row{"wharf/1/+/scanner-07/#", false}, filter_row{"#", false},
          filter_row{"+/#", false}, filter_row{"$SYS/#", false}}) {
        INFO(filter);
        CHECK(own.may_subscribe(filter) == subscribe);
    }
}

TEST_CASE("without a filter there is no right, and # is every topic but the server's own") {
    auto none = rights_of({}, {});
    CHECK_FALSE(none.may_publish("a"));
    CHECK_FALSE(none.may_subscribe("a"));
    auto all = rights_of({"#"}, {"#"});
    CHECK(all.may_publish("a/b/c"));
    CHECK_FALSE(all.may_publish("$SYS/x"));
    CHECK(all.may_subscribe("#"));
    CHECK(all.may_subscribe("+/a"));
    CHECK_FALSE(all.may_subscribe("$SYS/#"));
}

TEST_CASE("more topics than are remembered stay right") {
    auto some = rights_of({"t/+"}, {});
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < 50; ++i) {
            CHECK(some.may_publish("t/" + std::to_string(i)));
            CHECK_FALSE(some.may_publish("u/" + std::to_string(i)));
        }
}

TEST_CASE(
    "a right for a name that is not there is none, and a name of several levels signs nobody in") {
    auto anonymous = rights_of({"wharf/1/{site}/{user}/#", "open/{client}"}, {}, {"", "c", "ber1"});
    CHECK(anonymous.publish_filters() == std::vector<std::string>{"open/c"});
    for (const char* client : {"a/b", "+", "#", "x/#", "$c"}) {
        INFO(client);
        CHECK_FALSE(rights::make({"open/{client}/#"}, {}, {"u", client, "ber1"}).ok());
        CHECK_FALSE(rights::make({}, {"open/{client}/#"}, {"u", client, "ber1"}).ok());
        // Who has no right by the client identifier may have any.
        CHECK(rights::make({"open/{user}/#"}, {}, {"u", client, "ber1"}).ok());
    }
}

TEST_CASE("client identifiers are bound by patterns where there are some") {
    const placeholder_values values{"wms", "", "ber1"};
    CHECK(may_use_client({}, values, "anything"));
    CHECK(may_use_client({"{user}", "{user}-*"}, values, "wms"));
    CHECK(may_use_client({"{user}", "{user}-*"}, values, "wms-2"));
    CHECK_FALSE(may_use_client({"{user}", "{user}-*"}, values, "wms2"));
    CHECK_FALSE(may_use_client({"{user}"}, values, ""));
    CHECK(may_use_client({"*a*b*"}, values, "xxaxxbxx"));
    CHECK_FALSE(may_use_client({"*a*b"}, values, "xxaxxbxx"));
    CHECK(may_use_client({"a*a*a*a*a*a*a*b"}, values, std::string(10'000, 'a') + "b"));
}

TEST_CASE("names of identities are one level of a topic, and no pattern") {
    CHECK(check_identity_name("scanner-07").empty());
    CHECK(check_identity_name("Lager 3, Tor 2").empty());
    for (const char* bad : {"", "a/b", "+", "a#", "$SYS", "a*", "a\x01"}) {
        INFO(bad);
        CHECK_FALSE(check_identity_name(bad).empty());
    }
    CHECK_FALSE(check_identity_name(std::string(65, 'a')).empty());
}

TEST_CASE("two identities do not share a name or a certificate") {
    identity one;
    one.name = "a";
    one.certificates = {"ca", "cb"};
    identity two;
    two.name = "b";
    two.certificates = {"cc"};
    auto both = identities::make({two, one});
    REQUIRE(both.ok());
    CHECK(both->by_name("a")->name == "a");
    CHECK(both->by_certificate("cb")->name == "a");
    CHECK(both->by_certificate("cc")->name == "b");
    CHECK(both->by_name("c") == nullptr);
    two.certificates = {"cb"};
    CHECK(identities::make({one, two}).failure().code == errc::conflict);
    two = one;
    two.certificates.clear();
    CHECK(identities::make({one, two}).failure().code == errc::conflict);
}
