// wharfctl's verbs on a real journal, without a daemon and with a stand-in for one.
#include "firmware/ctl/sight.hpp"
#include "firmware/ctl/verbs.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/platform/admin/server.hpp"
#include "gateway/platform/lmdb_store.hpp"
#include "tests/support/identities.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <sstream>
#include <stdlib.h>
#include <thread>

using namespace wharf;
using namespace wharf::ctl;
using Catch::Matchers::Contains;

namespace {

struct said {
    int code = 0;
    std::string out;
    std::string err;
    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

template <class Verb, class... Arguments>
said run(Verb verb, const places& at, const Arguments&... arguments) {
    std::ostringstream out;
    std::ostringstream err;
    said result;
    result.code = verb(at, console{out, err}, arguments...);
    result.out = out.str();
    result.err = err.str();
    return result;
}

const char* k_pick = R"({"site": "ber1", "device": "scanner-07", "stream": "stock",
    "received_at_us": "1772445600000000",
    "event": {"source": "scanner-07", "event_id": "a-1", "user": "anna", "picked": {
        "stock": {"site": "ber1", "location": "A-01", "sku": "4711", "unit": "EA"},
        "quantity": {"value": "2", "unit": "EA"}, "task": "T-9", "order": "SO-7"}}})";

prepared_item accepted_item(const std::string& id) {
    v1::StoredEvent stored;
    REQUIRE(message_from_json(k_pick, stored).ok());
    stored.mutable_event()->set_event_id(id);
    prepared_event event;
    event.identity_keys = test::keys_of({id});
    event.content = test::content_of(id);
    event.order_keys = {42};
    event.stored = stored.SerializeAsString();
    return {0, event};
}

park_update parked(sequence number, v1::ParkedState state) {
    park_update op{number, {}};
    op.content.set_state(state);
    op.content.set_lane(index_of(lane::inventory));
    op.content.add_order_keys(42);
    op.content.set_blocks(true);
    op.content.set_code("insufficient_stock");
    op.content.set_message("A-01 holds 1 EA of 4711, 2 were to be taken");
    op.content.set_attempts(2);
    return op;
}

// Three accepted events, of which the first is dead and the second waits behind it, and one
// message in quarantine.
struct rig {
    rig() {
        char pattern[] = "/tmp/wharf-ctl-XXXXXX";
        REQUIRE(::mkdtemp(pattern) != nullptr);
        folder = pattern;
        at.journal = folder + "/journal";
        at.journal_named = true;
        at.socket = folder + "/wharfd.sock";
        auto opened = open_lmdb({at.journal, 16 << 20});
        if (!opened.ok()) FAIL(opened.failure().message);
        identity_window identity;
        journal_options options;
        options.gateway = "WH7";
        options.destinations = {"erp"};
        options.identity = {1'000'000'000, 1000};
        options.retention_us = 1'000'000'000;
        options.epoch = 7;
        auto made = journal::open(**opened, identity, options, 1'772'445'600'000'000);
        if (!made.ok()) FAIL(made.failure().message);
        fill(**made);
    }
    ~rig() { std::filesystem::remove_all(folder); }

    static void commit(journal& to, const journal_request& request) {
        REQUIRE(to.begin(1'000'000).ok());
        REQUIRE(to.apply(request).ok());
        REQUIRE(to.commit().outcome == commit_outcome::durable);
    }

    static void fill(journal& to) {
        commit(to, session_open_request{1, "c", true, 60});
        auto opened = std::get<session_opened>(to.take_answers().at(0));
        ingest_request good;
        good.message.client_id = "c";
        good.message.generation = opened.generation;
        good.message.device = "scanner-07";
        good.message.items = {accepted_item("a-1"), accepted_item("a-2"), accepted_item("a-3")};
        ingest_request bad;
        bad.message.client_id = "c";
        bad.message.site = "ber1";
        bad.message.device = "scanner-08";
        bad.message.topic = "wharf/1/ber1/scanner-08/stock";
        bad.message.payload = "{\"picked\": \x01}";
        bad.message.items = {{std::nullopt, prepared_quarantine{"unreadable",
                                                                "picked: expected an "
                                                                "object",
                                                                1}}};
        delivery_request refused;
        refused.ops = {parked(1, v1::PARKED_STATE_DEAD), parked(2, v1::PARKED_STATE_WAITING),
                       advance_low_water{lane::inventory, 2}};
        bad.message.generation = opened.generation;
        refused.destination = to.destinations().at(0);
        for (const journal_request& each :
             {journal_request(good), journal_request(bad), journal_request(refused)})
            commit(to, each);
    }

    std::string folder;
    places at;
};

// Answers as wharfd would, and remembers what it was asked.
struct stand_in {
    explicit stand_in(const std::string& socket) {
        admin::router commands;
        commands.handle_now("POST", "/v1/dead/{destination}/{sequence}/{verb}",
                            [this](const admin::request& asked) {
                                last = asked.path + " " + asked.body;
                                return asked.parameters.at("sequence") == "1"
                                           ? admin::response{200, "{}"}
                                           : admin::error_response(409, "it is not dead");
                            });
        commands.handle_now("POST", "/v1/destinations/{name}/resume",
                            [this](const admin::request& asked) {
                                last = asked.path + " " + asked.body;
                                return admin::response{200, "{}"};
                            });
        server.emplace(context.get_executor(), std::move(commands), admin::router{});
        REQUIRE(server->start({socket}).ok());
        runner = std::thread([this] { context.run(); });
    }
    ~stand_in() {
        boost::asio::post(context, [this] { server->stop(); });
        runner.join();
    }
    std::string last;
    boost::asio::io_context context;
    std::optional<admin::server> server;
    std::thread runner;
};

} // namespace

TEST_CASE("books come from the journal where no daemon runs") {
    rig on;
    on.at.journal_named = false;
    auto table = run(show_books, on.at);
    CHECK(table.code == k_exit_good);
    CHECK_THAT(table.out, Contains("balances") && Contains("Destination erp"));
    on.at.json = true;
    auto books = run(show_books, on.at).json();
    CHECK(books["intake"]["received"] == 4);
    CHECK(books["intake"]["quarantined"] == 1);
    CHECK(books["destinations"][0]["dead"] == 1);
    CHECK(books["destinations"][0]["pending"] == 2);
}

TEST_CASE("a dead letter is shown in words: the ERP's, the event, the item, the device, the time") {
    rig on;
    auto shown = run(show_dead, on.at, std::string(), sequence{1});
    CHECK(shown.code == k_exit_good);
    CHECK_THAT(shown.out, Contains("A-01 holds 1 EA of 4711, 2 were to be taken"));
    CHECK_THAT(shown.out, Contains("2 EA of 4711 were picked from A-01 for order SO-7"));
    CHECK_THAT(shown.out, Contains("SKU 4711") && Contains("scanner-07 at site ber1"));
    CHECK_THAT(shown.out, Contains("used by anna") && Contains("2026-03-02T10:00:00Z"));
    CHECK_THAT(shown.out, Contains("Holds back") && Contains("1 later update"));
    CHECK_THAT(shown.out, Contains("wharfctl dead retry 1 --destination erp"));
}

TEST_CASE("dead letters are listed without what waits, unless asked for") {
    rig on;
    on.at.json = true;
    auto listed = run(list_dead, on.at, dead_list_options{}).json();
    REQUIRE(listed.size() == 1);
    CHECK(listed[0]["number"] == 1);
    CHECK(listed[0]["stored"]["device"] == "scanner-07");
    dead_list_options all;
    all.waiting = true;
    CHECK(run(list_dead, on.at, all).json().size() == 2);
    all.page.count_max = 1;
    CHECK(run(list_dead, on.at, all).json().size() == 1);
    all.page.after = 1;
    CHECK(run(list_dead, on.at, all).json()[0]["number"] == 2);
    all.destination = "nowhere";
    CHECK(run(list_dead, on.at, all).code == k_exit_failed);
}

TEST_CASE("quarantine is listed and shown with its bytes") {
    rig on;
    auto listed = run(list_quarantined, on.at, page_options{});
    CHECK_THAT(listed.out, Contains("scanner-08") && Contains("unreadable"));
    auto shown = run(show_quarantined, on.at, std::uint64_t{1});
    CHECK_THAT(shown.out, Contains("picked: expected an object") && Contains("7b 22 70 69"));
    CHECK(shown.out.find('\x01') == std::string::npos);
    on.at.json = true;
    CHECK(run(show_quarantined, on.at, std::uint64_t{1}).json()["payload_hex"] ==
          "7b227069636b6564223a20017d");
    CHECK(run(show_quarantined, on.at, std::uint64_t{99}).code == k_exit_failed);
}

TEST_CASE("a sound journal verifies, is counted and dumped in its numbers' order") {
    rig on;
    CHECK(run(verify_journal, on.at).code == k_exit_good);
    CHECK_THAT(run(show_journal, on.at).out,
               Contains("gateway WH7, epoch 00000007") &&
                   Contains("3 updates undelivered, 1 messages in quarantine"));
    auto dump = [&](sequence from, sequence to) {
        auto out = run(dump_journal, on.at, dump_options{from, to}).out;
        return std::count(out.begin(), out.end(), '\n');
    };
    CHECK(dump(0, 100) == 3);
    CHECK(dump(2, 2) == 1);
    CHECK(dump(4, 100) == 0);
    on.at.json = true;
    CHECK(run(show_journal, on.at).json()["undelivered"] == 3);
    CHECK(run(show_journal, on.at).json()["quarantined"] == 1);
    CHECK(run(dump_journal, on.at, dump_options{3, 3}).json()["stored"]["event"]["event_id"] ==
          "a-3");
}

TEST_CASE("a trace says in words where an event is, and behind what it waits") {
    rig on;
    v1::TraceCommand asked;
    asked.set_event_id("a-2");
    auto shown = run(show_trace, on.at, asked);
    CHECK(shown.code == k_exit_good);
    CHECK_THAT(shown.out, Contains("Event 2, a-2: 2 EA of 4711 were picked from A-01") &&
                              Contains("from scanner-07 at ber1") && Contains("erp: waiting") &&
                              Contains("behind 1 (dead, lane inventory)") &&
                              Contains("key WH7-00000007-00000000000000000002-0"));
    asked.set_order_key("SO-7");
    CHECK_THAT(run(show_trace, on.at, asked).out, Contains("Nothing found in events 1 to 3"));
    on.at.json = true;
    asked.set_sequence(1);
    CHECK(run(show_trace, on.at, asked).json()["events"][0]["destinations"][0]["code"] ==
          "insufficient_stock");
    asked.set_sequence(99);
    CHECK_THAT(run(show_trace, on.at, asked).err, Contains("holds 1 to 3"));
}

TEST_CASE("retry and discard find the destination and ask the daemon") {
    rig on;
    stand_in daemon(on.at.socket);
    CHECK(run(retry_dead, on.at, std::string(), sequence{1}).code == k_exit_good);
    CHECK(daemon.last == "/v1/dead/erp/1/retry ");
    CHECK(run(discard_dead, on.at, std::string("erp"), sequence{1}, std::string("twice")).code ==
          k_exit_good);
    CHECK(daemon.last == "/v1/dead/erp/1/discard {\"reason\":\"twice\"}");
    auto refused = run(retry_dead, on.at, std::string("erp"), sequence{3});
    CHECK(refused.code == k_exit_failed);
    CHECK_THAT(refused.err, Contains("it is not dead"));
    CHECK_THAT(run(retry_dead, on.at, std::string(), sequence{3}).err, Contains("is not parked"));
    CHECK(run(resume_destination, on.at, std::string("erp"), std::string()).code == k_exit_good);
    CHECK(daemon.last == "/v1/destinations/erp/resume ");
    CHECK(run(resume_destination, on.at, std::string("erp"), std::string("count")).code ==
          k_exit_good);
    CHECK(daemon.last == "/v1/destinations/erp/resume {\"lane\":\"count\"}");
}

TEST_CASE("without a daemon and without a journal the words say what is missing") {
    places nowhere;
    nowhere.socket = "/nowhere/wharfd.sock";
    nowhere.journal = "/nowhere/journal";
    CHECK_THAT(run(resume_destination, nowhere, std::string("erp"), std::string()).err,
               Contains("nobody answers on /nowhere/wharfd.sock"));
    CHECK(run(show_status, nowhere).code == k_exit_failed);
    CHECK_THAT(run(show_books, nowhere).err, Contains("/nowhere/journal"));
    nowhere.journal.clear();
    CHECK_THAT(run(verify_journal, nowhere).err, Contains("--journal DIR"));
}
