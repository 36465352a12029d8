#include "gateway/observe/books.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::observe;
using Catch::Matchers::Contains;

namespace {

books balanced() {
    books out;
    out.intake = {10, 1, 2, 3, 4};
    destination_books erp;
    erp.name = "erp";
    erp.pending = 1;
    erp.applied = 2;
    erp.dead = 1;
    out.destinations.push_back(erp);
    return out;
}

} // namespace

TEST_CASE("the books balance when both equations hold") {
    auto of = balanced();
    CHECK(of.balance());
    CHECK_THAT(books_table(of), !Contains("NOT"));
    CHECK_THAT(books_table(of),
               Contains("received = refused + quarantined + duplicate + accepted"));
}

TEST_CASE("a missing event is named on the side where it is missing") {
    auto of = balanced();
    of.intake.received = 12;
    CHECK_FALSE(of.balance());
    CHECK_THAT(books_table(of), Contains("DOES NOT BALANCE: 2 missing on the right"));

    of = balanced();
    of.destinations[0].applied = 5;
    CHECK_FALSE(of.balance());
    CHECK_THAT(books_table(of), Contains("DOES NOT BALANCE: 3 too many on the right"));
    CHECK_THAT(books_json(of), Contains("\"balance\": false"));
}

TEST_CASE("every term of a destination counts in its equation") {
    for (auto term :
         {&destination_books::filtered, &destination_books::pending, &destination_books::superseded,
          &destination_books::applied, &destination_books::handed_over, &destination_books::dead,
          &destination_books::discarded, &destination_books::shed}) {
        destination_books each;
        each.*term = 7;
        CHECK(each.balances(7));
    }
}

TEST_CASE("books survive the way through JSON") {
    auto of = balanced();
    auto back = books_from_json(books_json(of)).value();
    CHECK(back.balance());
    CHECK(back.intake.duplicate == 3);
    CHECK(back.destinations.at(0).name == "erp");
    CHECK(back.destinations.at(0).applied == 2);
    CHECK(books_table(back) == books_table(of));
}

TEST_CASE("JSON that is not books is refused") {
    for (const char* text : {"", "[]", "{}", "{\"intake\":{},\"destinations\":[]}",
                             "{\"intake\":{\"received\":-1},\"destinations\":[]}"})
        CHECK_FALSE(books_from_json(text).ok());
}

TEST_CASE("the journal's state becomes books; unused places are left out") {
    v1::JournalState state;
    state.mutable_intake()->set_received(5);
    state.mutable_intake()->set_accepted(5);
    state.add_destinations();
    auto* erp = state.add_destinations();
    erp->set_name("erp");
    erp->set_applied(5);
    auto of = books_of(state);
    REQUIRE(of.destinations.size() == 1);
    CHECK(of.balance());
}
