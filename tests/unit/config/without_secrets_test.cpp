// What may be shown of a configuration.
#include "gateway/config/without_secrets.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using Catch::Matchers::Contains;

TEST_CASE("secrets, comments and what stands before a host in a URL are left out") {
    const auto shown = without_secrets(R"(# the old password was hunter2
[gateway]
name = "dock-1"
[[destination]]
name = "erp"
url = "https://ann:hunter2@erp.example.com/x?to=a@b"
token_file = "/etc/wharf/erp.token"
token = "hunter2"
[fleet]
password = "hunter2"
nested = { client_secret = ["hunter2", "hunter2"] }
url = "ssl://fleet.example.com:8883"
)",
                                       "wharf.toml");
    REQUIRE(shown.ok());
    CHECK_THAT(*shown, !Contains("hunter2"));
    CHECK_THAT(*shown, Contains("dock-1") && Contains("/etc/wharf/erp.token") &&
                           Contains("https://left out@erp.example.com/x?to=a@b") &&
                           Contains("ssl://fleet.example.com:8883"));
}

TEST_CASE("what cannot be read is not quoted") {
    const auto shown = without_secrets("password = hunter2\n", "wharf.toml");
    REQUIRE_FALSE(shown.ok());
    CHECK_THAT(shown.failure().message, Contains("wharf.toml: line 1") && !Contains("hunter2"));
}
