// The record of the configuration: believed as a whole, or not.
#include "gateway/manage/configuration.hpp"

#include <catch2/catch.hpp>

using namespace wharf::manage;

namespace {

configuration_record one_that_holds() {
    configuration_record out;
    out.set_confirmed(1);
    out.set_last_version(1);
    auto& one = *out.add_kept();
    one.set_version(1);
    one.set_confirmed(true);
    return out;
}

} // namespace

TEST_CASE("a record that is damaged or contradicts itself is not believed") {
    const auto record = one_that_holds();
    const auto good = bytes_of(record);
    REQUIRE(read_record(good).ok());
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bent = good;
        bent[i] = static_cast<char>(bent[i] ^ 1);
        CHECK_FALSE(read_record(bent).ok());
        CHECK_FALSE(read_record(std::string_view(good).substr(0, i)).ok());
    }
    auto other = record;
    other.set_confirmed(7);
    CHECK_FALSE(read_record(bytes_of(other)).ok());
    other = record;
    other.set_last_version(0);
    CHECK_FALSE(read_record(bytes_of(other)).ok());
    other = record;
    other.mutable_trial()->set_version(2);
    CHECK_FALSE(read_record(bytes_of(other)).ok());
}

TEST_CASE("what holds and cannot be used is set aside for the run, and told") {
    const configuration_machine machine(plan_run(one_that_holds(), {}), "listener.port: wrong",
                                        {1, 1});
    CHECK(machine.in_effect() == 0);
    CHECK(machine.digest().empty());
    CHECK(machine.problem() == "listener.port: wrong");
    CHECK(machine.record().confirmed() == 1);
}
