#include "gateway/codec/json_codec.hpp"
#include "wharf/v1/journal.pb.h"
#include "wharf/v1/update.pb.h"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

std::string json_of(const google::protobuf::Message& message) {
    std::string out;
    message_to_json(message, out);
    return out;
}

} // namespace

TEST_CASE("an update is written as the ERP contract shows it, byte for byte") {
    wharf::v1::UpdateBatch batch;
    batch.set_in_order(true);
    batch.set_mapping_revision(1);
    batch.set_gateway("WH7");
    auto& update = *batch.add_items();
    update.set_idempotency_key("k-1");
    update.mutable_id()->set_gateway("WH7");
    update.mutable_id()->set_epoch(1059761179);
    update.mutable_id()->set_sequence(1234);
    update.mutable_received_at()->set_seconds(1772445600);
    update.mutable_received_at()->set_nanos(123456000);
    auto& adjusted = *update.mutable_event()->mutable_inventory_adjusted();
    adjusted.mutable_stock()->set_status(wharf::v1::STOCK_STATUS_IN_TRANSIT);
    adjusted.mutable_delta()->mutable_value()->set_coefficient(-25);
    adjusted.mutable_delta()->mutable_value()->set_scale(1);
    adjusted.mutable_delta()->set_unit("EA");
    CHECK(json_of(batch) ==
          R"({"gateway":"WH7","mapping_revision":1,"items":[{"idempotency_key":"k-1",)"
          R"("id":{"gateway":"WH7","epoch":1059761179,"sequence":"1234"},)"
          R"("received_at":"2026-03-02T10:00:00.123456Z",)"
          R"("event":{"inventory_adjusted":{"stock":{"status":"in_transit"},)"
          R"("delta":{"value":"-2.5","unit":"EA"}}}}],"in_order":true})");
}

TEST_CASE("what has a default is left out, what was given explicitly is not") {
    wharf::v1::Event event;
    CHECK(json_of(event) == "{}");
    event.set_device_sequence(0);
    event.mutable_inventory_counted()->mutable_counted()->mutable_value();
    event.mutable_occurred_at();
    CHECK(json_of(event) == R"({"device_sequence":"0","occurred_at":"1970-01-01T00:00:00Z",)"
                            R"("inventory_counted":{"counted":{"value":"0"}}})");
}

TEST_CASE("text is escaped where JSON demands it and nowhere else") {
    wharf::v1::ItemAnswer answer;
    answer.set_message(std::string("\"a\\b\" /\n\r\t\x01\x1f\x7f \xc3\xa9", 16));
    CHECK(json_of(answer) ==
          "{\"message\":\"\\\"a\\\\b\\\" /\\n\\r\\t\\u0001\\u001f\x7f \xc3\xa9\"}");
    wharf::v1::ItemAnswer back;
    REQUIRE(message_from_json(json_of(answer), back).ok());
    CHECK(back.message() == answer.message());
}

TEST_CASE("bytes are base64 and come back as they were") {
    wharf::v1::SealedBatch batch;
    batch.set_digest(std::string("\x00\xff\x10", 3));
    batch.set_sealed_at_us(-5);
    CHECK(json_of(batch) == R"({"digest":"AP8Q","sealed_at_us":"-5"})");
    wharf::v1::SealedBatch back;
    REQUIRE(message_from_json(json_of(batch), back).ok());
    CHECK(back.digest() == batch.digest());
    CHECK(back.sealed_at_us() == -5);
}

TEST_CASE("a number that its enum does not name stands for itself") {
    wharf::v1::ItemAnswer answer;
    answer.set_status(static_cast<wharf::v1::ItemStatus>(77));
    CHECK(json_of(answer) == R"({"status":77})");
    answer.set_status(wharf::v1::ITEM_STATUS_ALREADY_APPLIED);
    CHECK(json_of(answer) == R"({"status":"already_applied"})");
}
