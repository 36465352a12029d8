#include "gateway/base/text.hpp"

#include <catch2/catch.hpp>

using wharf::printable;

TEST_CASE("text that may be shown is shown as it is") {
    CHECK(printable("") == "");
    CHECK(printable("Regal A-01 \xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa6") ==
          "Regal A-01 \xc3\xbc \xe2\x82\xac \xf0\x9f\x93\xa6");
}

TEST_CASE("what could steer a terminal or forge a line is not shown") {
    CHECK(printable("a\x1b[2Jb") == "a?[2Jb");
    CHECK(printable("a\nb\x7f") == "a?b?");
    CHECK(printable("a\xc2\x9b"
                    "2J") == "a?2J"); // CSI as one character
    CHECK(printable("a\xe2\x80\xa8z") == "a?z");
    CHECK(printable("a\xe2\x80\xaez") == "a?z"); // right-to-left override
    CHECK(printable("a\xe2\x81\xa6z") == "a?z");
}

TEST_CASE("bytes that are not UTF-8 are not shown") {
    CHECK(printable("a\x9b"
                    "b") == "a?b");
    CHECK(printable("\xc3") == "?");
    CHECK(printable("\xc3(") == "?(");
    CHECK(printable("\xc0\x80") == "??");
    CHECK(printable("\xed\xa0\x80") == "???");
    CHECK(printable("\xf5\x80\x80\x80") == "????");
}
