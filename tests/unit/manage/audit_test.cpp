// The audit trail in the journal: a chain.
#include "gateway/base/frame.hpp"
#include "gateway/journal/format.hpp"
#include "tests/unit/manage/office.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using Catch::Matchers::Contains;

namespace {

std::string entry(const std::string& text) {
    AuditEntry out;
    out.set_message(text);
    return out.SerializeAsString();
}

std::vector<journal_request> appended(std::vector<std::string> texts) {
    manage_request request;
    for (const std::string& text : texts)
        request.ops.emplace_back(append_audit{entry(text)});
    std::vector<journal_request> out;
    out.emplace_back(std::move(request));
    return out;
}

} // namespace

TEST_CASE("entries are numbered and linked, over groups, restarts and what was rolled back") {
    rig it;
    it.open();
    it.commit(appended({"a", "b"}));
    it.roll_back(appended({"never"}));
    it.power_cut();
    it.commit(appended({"c"}));
    auto all = list_audit(it.store, 0, 100);
    REQUIRE(all.ok());
    REQUIRE(all->size() == 3);
    audit_hash head{};
    for (std::size_t i = 0; i < all->size(); ++i) {
        CHECK((*all)[i].number == i + 1);
        CHECK((*all)[i].before == head);
        head = link_of(head, i + 1, (*all)[i].bytes);
    }
    CHECK(head_of(it.state()) == head);
    CHECK((*all)[2].entry.message() == "c");
    auto page = list_audit(it.store, 1, 1);
    REQUIRE(page.ok());
    REQUIRE(page->size() == 1);
    CHECK(page->front().entry.message() == "b");
}

TEST_CASE("an entry that was changed or taken out is noticed") {
    rig it;
    it.open();
    it.commit(appended({"a", "b", "c"}));
    const auto put = [&](std::uint64_t number, const std::string& content) {
        auto writer = it.store.begin_write();
        REQUIRE(writer.ok());
        const std::string key = format::audit_key(number);
        if (content.empty())
            REQUIRE((*writer)->erase(key).ok());
        else
            REQUIRE((*writer)->put(key, frame(key, content)).ok());
        REQUIRE((*writer)->commit().outcome == commit_outcome::durable);
    };
    SECTION("changed") {
        auto all = list_audit(it.store, 0, 100);
        put(2, std::string(view_of((*all)[1].before)) + entry("bent"));
    }
    SECTION("taken out") {
        put(2, {});
    }
    auto found = list_audit(it.store, 0, 100);
    REQUIRE_FALSE(found.ok());
    CHECK_THAT(found.failure().message, Contains("audit entry 3: does not follow"));
}
