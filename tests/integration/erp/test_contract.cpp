// The contract of docs/formats/erp.md, held against the real program.
#include "tests/integration/erp/erp_fixture.hpp"
#include "tests/integration/erp/messages.hpp"
#include "wharf/v1/update.pb.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace erp_test;
using nlohmann::json;

namespace {

constexpr const char* k_updates = "/v1/updates";
constexpr const char* k_query = "/v1/updates/query";
constexpr const char* k_protobuf = "Content-Type: application/x-protobuf\r\n";

std::string quantity_of(const std::string& db, const std::string& stock_key) {
    return query_db(db, "SELECT quantity FROM stock WHERE stock_key='" + stock_key + "'");
}

} // namespace

TEST_CASE("an update takes effect once, whatever its repetition says") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db);

    const response first = erp.post(k_updates, batch({adjusted(1, "12.50")}));
    CHECK(first.status == 200);
    CHECK(first.head.find("application/json") != std::string::npos);
    CHECK(json::parse(first.body) ==
          json{{"items", {{{"idempotency_key", "WH7-1-1"}, {"status", "applied"}}}}});
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "12.50")})).body) == "already_applied");
    const response other = erp.post(k_updates, batch({adjusted(1, "12.51")}));
    CHECK(statuses(other.body) == "conflict");

    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "12500000000");
    CHECK(query_db(db, "SELECT count(*) FROM applied") == "1");
    CHECK(query_db(db, "SELECT status||' '||event_id FROM refused") == "conflict a-1");
}

TEST_CASE(
    "framing is not content: another batch, arrival time or number spelling is a repetition") {
    scratch folder;
    erp_process erp(folder.file("erp.db"));
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1")})).body) == "applied");
    json again = adjusted(1, "1");
    again["received_at"] = "2026-03-02T11:00:00Z";
    again["id"]["sequence"] = 1;
    CHECK(statuses(erp.post(k_updates, batch({again, adjusted(2, "1")})).body) ==
          "already_applied,applied");
}

TEST_CASE("the same event under two keys is applied twice and both rows bear witness") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db);
    json twin = adjusted(1, "1");
    twin["idempotency_key"] = "another-key";
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1"), twin})).body) == "applied,applied");
    CHECK(query_db(db, "SELECT count(*) FROM applied WHERE source='scanner-07' AND event_id='a-1' "
                       "AND sequence=1 AND epoch=1059761179") == "2");
}

TEST_CASE("a protobuf body is the same update as its JSON and gets a protobuf answer") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db);
    wharf::v1::UpdateBatch sent;
    sent.set_batch_id("WH7-b1");
    auto& item = *sent.add_items();
    item.set_idempotency_key("WH7-1-1");
    item.mutable_id()->set_gateway("WH7");
    item.mutable_id()->set_epoch(1059761179);
    item.mutable_id()->set_sequence(1);
    item.set_site("ber1");
    auto& event = *item.mutable_event();
    event.set_source("scanner-07");
    event.set_event_id("a-1");
    event.mutable_occurred_at()->set_seconds(1772445599);
    event.mutable_occurred_at()->set_nanos(900'000'000);
    auto& body = *event.mutable_inventory_adjusted();
    body.mutable_stock()->set_site("ber1");
    body.mutable_stock()->set_location("A-01");
    body.mutable_stock()->set_sku("4711");
    body.mutable_stock()->set_unit("EA");
    body.mutable_delta()->mutable_value()->set_coefficient(1250);
    body.mutable_delta()->mutable_value()->set_scale(2);
    body.mutable_delta()->set_unit("EA");
    body.set_reason("found");
    body.set_document("ADJ-9");
    body.set_line("1");

    const response got = erp.post(k_updates, sent.SerializeAsString(), k_protobuf);
    wharf::v1::BatchAnswer answer;
    REQUIRE(got.status == 200);
    REQUIRE(answer.ParseFromString(got.body));
    REQUIRE(answer.items_size() == 1);
    CHECK(answer.items(0).status() == wharf::v1::ITEM_STATUS_APPLIED);
    CHECK(query_db(db, "SELECT quantity||' '||unit FROM applied") == "12.50 EA");
    // The JSON of this update has the same digest.
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "12.50")})).body) == "already_applied");

    wharf::v1::BatchAnswer asked;
    asked.add_items()->set_idempotency_key("WH7-1-1");
    asked.add_items()->set_idempotency_key("WH7-1-2");
    REQUIRE(answer.ParseFromString(erp.post(k_query, asked.SerializeAsString(), k_protobuf).body));
    CHECK(answer.items(0).status() == wharf::v1::ITEM_STATUS_ALREADY_APPLIED);
    CHECK(answer.items(1).status() == wharf::v1::ITEM_STATUS_NOT_HELD);

    const std::string unknown = sent.SerializeAsString() + std::string("\xf8\x07\x01", 3);
    CHECK(erp.post(k_updates, unknown, k_protobuf).status == 400);
}

TEST_CASE("what it holds survives kill -9, and it says so when asked") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    {
        erp_process erp(db);
        CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1"), adjusted(2, "1")})).body) ==
              "applied,applied");
        erp.kill();
    }
    erp_process erp(db);
    CHECK(statuses(erp.post(k_query, question({1, 3, 2})).body) ==
          "already_applied,not_held,already_applied");
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1")})).body) == "already_applied");
    CHECK(json::parse(erp.get("/stats").body).at("items_applied") == 2);
    CHECK(erp.stop() == 0);
}

TEST_CASE("in order: nothing is attempted after the first item that was not applied") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db, {"--unknown-sku", "0815", "--unknown-sku", "0816"});
    const json items = {adjusted(1, "1"), adjusted(2, "1", "0815"), adjusted(3, "1")};
    CHECK(statuses(erp.post(k_updates, batch(items, true)).body) ==
          "applied,refused,not_attempted");
    CHECK(query_db(db, "SELECT count(*) FROM applied") == "1");

    const response loose = erp.post(k_updates, batch(items));
    CHECK(statuses(loose.body) == "already_applied,refused,applied");
    const json no = json::parse(loose.body).at("items").at(1);
    CHECK(no.at("code") == "unknown_item");
    CHECK(no.at("message") == "there is no item 0815 in the item master");
    CHECK(query_db(db, "SELECT group_concat(event_id) FROM (SELECT * FROM applied ORDER BY n)") ==
          "a-1,a-3");
}

TEST_CASE("strict stock refuses in business words and applies once the stock is there") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db, {"--strict-stock"});
    const std::string take = batch({adjusted(2, "-2")});
    CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1.0")})).body) == "applied");
    const json no = json::parse(erp.post(k_updates, take).body).at("items").at(0);
    CHECK(no.at("status") == "refused");
    CHECK(no.at("code") == "insufficient_stock");
    CHECK(no.at("message") == "A-01 holds 1 EA of 4711, 2 were to be taken");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "1000000000");
    CHECK(statuses(erp.post(k_updates, batch({adjusted(3, "1")})).body) == "applied");
    CHECK(statuses(erp.post(k_updates, take).body) == "applied");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "0");

    // A refused pick leaves nothing behind, not even its line's total: tried again it counts in
    // full.
    const std::string pick = batch({update(
        4, "picked",
        {{"stock", stock()}, {"quantity", pieces("3")}, {"task", "P1"}, {"cumulative", true}})});
    CHECK(statuses(erp.post(k_updates, pick).body) == "refused");
    CHECK(query_db(db, "SELECT count(*) FROM picked") == "0");
    CHECK(statuses(erp.post(k_updates, batch({adjusted(5, "4")})).body) == "applied");
    CHECK(statuses(erp.post(k_updates, pick).body) == "applied");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "1000000000");
}

TEST_CASE("stock follows every kind of event, exactly") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    erp_process erp(db);
    const json items = {
        update(1, "received",
               {{"stock", stock()},
                {"quantity", pieces("10.000000001")},
                {"receipt", "R1"},
                {"line", "1"}}),
        update(2, "stock_moved",
               {{"from", stock()},
                {"to", {{"location", "B-02"}}},
                {"quantity", pieces("4")},
                {"task", "T1"}}),
        update(3, "stock_status_changed",
               {{"stock", stock()},
                {"new_status", "damaged"},
                {"quantity", pieces("1")},
                {"document", "S1"}}),
        update(4, "reserved", {{"stock", stock()}, {"quantity", pieces("3")}, {"document", "O1"}}),
        update(5, "released", {{"stock", stock()}, {"quantity", pieces("1")}, {"document", "O1"}}),
        update(6, "picked",
               {{"stock", stock()},
                {"quantity", pieces("2")},
                {"task", "P1"},
                {"line", "1"},
                {"cumulative", true}}),
        update(7, "picked",
               {{"stock", stock()},
                {"quantity", pieces("3")},
                {"task", "P1"},
                {"line", "1"},
                {"cumulative", true}}),
        update(8, "shipped",
               {{"stock", stock()},
                {"quantity", pieces("3")},
                {"shipment", "SH1"},
                {"extent", "partial"}}),
        update(9, "milestone", {{"shipment", "SH1"}, {"code", "delivered"}}),
        update(10, "returned", {{"stock", stock()}, {"quantity", pieces("1")}, {"rma", "RMA1"}}),
        update(11, "inventory_counted",
               {{"stock", stock("4711", "B-02")}, {"counted", pieces("7")}, {"document", "C1"}}),
        update(12, "packed",
               {{"package", "PK1"},
                {"revision", 2},
                {"contents", {{{"stock", {{"sku", "4711"}}}, {"quantity", pieces("3")}}}}}),
    };
    const response got = erp.post(k_updates, batch(items));
    CHECK(statuses(got.body) == "applied,applied,applied,applied,applied,applied,applied,applied,"
                                "applied,applied,applied,applied");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "2000000001");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||damaged||EA|") == "1000000000");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||returned||EA|") == "1000000000");
    CHECK(quantity_of(db, "ber1|B-02|4711|||||available||EA|") == "7000000000");
    CHECK(query_db(db, "SELECT reserved FROM stock WHERE quantity='2000000001'") == "2000000000");
    CHECK(query_db(db, "SELECT state||' '||updates FROM documents WHERE id='SH1'") ==
          "delivered 2");

    json undo = update(13, "picked",
                       {{"stock", stock()},
                        {"quantity", pieces("3")},
                        {"task", "P1"},
                        {"line", "1"},
                        {"cumulative", true}});
    undo["event"]["reversal"] = {{"event_id", "a-7"}};
    CHECK(statuses(erp.post(k_updates, batch({undo})).body) == "applied");
    CHECK(quantity_of(db, "ber1|A-01|4711|||||available||EA|") == "5000000001");
}

TEST_CASE("a request that is not of the contract is refused and says why") {
    scratch folder;
    std::ofstream(folder.file("token")) << "secret\n";
    erp_process erp(folder.file("erp.db"), {"--token-file", folder.file("token")});
    const std::string json_type = "Content-Type: application/json\r\n";
    const std::string good = json_type + "Authorization: Bearer secret\r\n";
    const std::string body = batch({adjusted(1, "1")});
    CHECK(erp.post(k_updates, body).status == 401);
    CHECK(erp.post(k_updates, body, json_type + "Authorization: Bearer other\r\n").status == 401);
    CHECK(erp.post(k_updates, body, "Authorization: Bearer secret\r\n").status == 415);
    CHECK(erp.post("/v2/updates", body, good).status == 404);
    CHECK(erp.post(k_updates, "{", good).status == 400);
    CHECK(erp.post(k_updates, batch(json::array()), good).status == 400);
    json odd = adjusted(1, "1");
    odd["event"]["inventory_adjusted"]["colour"] = "red";
    const response named = erp.post(k_updates, batch({odd}), good);
    CHECK(named.status == 400);
    CHECK(json::parse(named.body).at("error") ==
          "items[0].event.inventory_adjusted.colour: no such field");
    const response decimal = erp.post(k_updates, batch({adjusted(1, "1e3")}), good);
    CHECK(decimal.body.find("delta.value: expected a decimal") != std::string::npos);
    const std::string key = good + "Idempotency-Key: ";
    CHECK(erp.post(k_updates, body, key + "WH7-1-2\r\n").status == 400);
    CHECK(statuses(erp.post(k_updates, body, key + "WH7-1-1\r\n").body) == "applied");
    const std::string two = batch({adjusted(2, "1"), adjusted(3, "1")});
    CHECK(erp.post(k_updates, two, key + "WH7-1-2\r\n").status == 400);
    CHECK(statuses(erp.post(k_updates, two, key + "WH7-b1\r\n").body) == "applied,applied");
}

TEST_CASE("a connection is kept over requests, and /applied reads on from a row") {
    scratch folder;
    erp_process erp(folder.file("erp.db"));
    http_client client(erp.port());
    const std::string type = "Content-Type: application/json\r\n";
    for (int sequence = 1; sequence <= 3; ++sequence) {
        const response got =
            client.request("POST", k_updates, batch({adjusted(sequence, "1")}), type);
        CHECK(statuses(got.body) == "applied");
    }
    const json page = json::parse(client.request("GET", "/applied?after=1&limit=1").body);
    CHECK(page.at("last") == 2);
    CHECK(page.at("applied").at(0).at("event_id") == "a-2");
    CHECK(client.request("GET", "/healthz").body == "ok\n");
}

TEST_CASE("a start that cannot work ends with a clear error") {
    scratch folder;
    erp_process erp(folder.file("erp.db"));
    const std::string port = std::to_string(erp.port());
    CHECK(run_to_end({"--db", folder.file("b.db"), "--port", port}) ==
          "1: wharf-reference-erp: cannot listen on 127.0.0.1 port " + port +
              ": Address already in use\n");
    CHECK(run_to_end({"--db", folder.file("c.db"), "--misbehave", "{\"drop_afer\": 1}"}) ==
          "1: wharf-reference-erp: --misbehave: drop_afer: no such misbehaviour\n");
    CHECK(run_to_end({"--db", folder.file("no/such.db")}).starts_with("1: wharf-reference-erp: "));
}

namespace {

std::string said_by(const std::string& takeover, const std::string& epoch,
                    const std::string& gateway = "WH7") {
    return "Content-Type: application/json\r\nWharf-Gateway: " + gateway +
           "\r\nWharf-Takeover: " + takeover + "\r\nWharf-Epoch: " + epoch + "\r\n";
}

} // namespace

TEST_CASE("who comes with less than the highest takeover is fenced, and nothing takes effect") {
    scratch folder;
    const std::string db = folder.file("erp.db");
    {
        erp_process erp(db);
        auto apply = [&](int number, const std::string& headers) {
            return erp.post(k_updates, batch({adjusted(number, "1")}), headers);
        };
        CHECK(apply(1, said_by("0", "0000aaaa")).status == 200);
        CHECK(apply(2, said_by("0", "0000bbbb")).status == 200); // begun anew: no takeover
        CHECK(apply(3, said_by("1", "0000cafe")).status == 200);
        const response fenced = apply(4, said_by("0", "0000aaaa"));
        CHECK(fenced.status == 409);
        CHECK(json::parse(fenced.body)["code"] == "fenced");
        CHECK(json::parse(fenced.body)["message"].get<std::string>().find("takeover 1 of WH7") ==
              0);
        CHECK(apply(5, "Content-Type: application/json\r\nWharf-Gateway: WH7\r\n").status == 409);
        CHECK(apply(6, said_by("1", "0000beef")).status == 409); // another spare
        CHECK(apply(7, said_by("1", "0000cafe")).status == 200);
        CHECK(apply(8, said_by("0", "0000aaaa", "WH8")).status == 200);
        const std::string question = R"({"items":[{"idempotency_key":"WH7-1-1"}]})";
        CHECK(erp.post(k_query, question, said_by("0", "0000aaaa")).status == 409);
        CHECK(erp.post(k_query, question).status == 200); // a person asks
        erp.stop();
    }
    erp_process again(db);
    CHECK(again.post(k_updates, batch({adjusted(9, "1")}), said_by("0", "0000aaaa")).status == 409);
    CHECK(again.post("/control", R"({"forget_gateway": "WH7"})").status == 200);
    CHECK(again.post(k_updates, batch({adjusted(9, "1")}), said_by("0", "0000aaaa")).status == 200);
    CHECK(query_db(db, "SELECT group_concat(sequence) FROM applied") == "1,2,3,7,8,9");
}

TEST_CASE("an ERP that knows nothing of takeovers fences nobody") {
    scratch folder;
    erp_process erp(folder.file("erp.db"), {"--no-takeovers"});
    for (const char* takeover : {"2", "1", "0"})
        CHECK(statuses(erp.post(k_updates, batch({adjusted(1, "1")}), said_by(takeover, "1")).body)
                  .ends_with("applied"));
}
