// An event over its bytes against the same event by protobuf, for the examples of
// docs/formats/event.md, for events with every field, and for what damage makes of them.
#include "gateway/base/limits.hpp"
#include "gateway/codec/event_codec.hpp"
#include "tests/support/plain_event.hpp"

#include <catch2/catch.hpp>

#include <google/protobuf/stubs/logging.h>

#include <fstream>
#include <random>

using namespace wharf;
using test::taken_by_protobuf;
using test::taken_plainly;

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::vector<std::string> examples() {
    std::ifstream file(WHARF_DOCS "/formats/event.md");
    REQUIRE(file.good());
    std::vector<std::string> out;
    std::string line;
    std::string text;
    bool inside = false;
    while (std::getline(file, line)) {
        if (inside && line == "```") {
            const auto events = decode(codec_kind::json, text);
            REQUIRE(events.ok());
            for (const auto& each : *events)
                out.push_back(each->SerializeAsString());
            inside = false;
        } else if (inside) {
            text.append(line).append("\n");
        } else if (line == "```json") {
            inside = true;
            text.clear();
        }
    }
    return out;
}

void set_text(Message& message, const FieldDescriptor& field) {
    std::string value = field.name();
    if (value == "gtin") value = "04012345678901";
    if (value == "expiry") value = "2026-12-31";
    if (value == "lpn" || value == "sscc") value = "340123450000000000";
    if (value == "unit") value = "EA";
    if (value == "site") value = "ber1";
    if (value == "traceparent") value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    if (value == "tracestate") value = "rojo=00f067aa0ba902b7";
    if (value == "reason")
        value = "Sch\xc3\xa4"
                "den \xe2\x82\xac";
    const auto& reflection = *message.GetReflection();
    if (field.is_repeated())
        reflection.AddString(&message, &field, value);
    else
        reflection.SetString(&message, &field, value);
}

// Every field of the message and below, but of the oneof only this one.
void fill(Message& message, const FieldDescriptor* body) {
    const auto& reflection = *message.GetReflection();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
        const auto& field = *message.GetDescriptor()->field(i);
        if (field.real_containing_oneof() != nullptr && &field != body) continue;
        switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_STRING:
            set_text(message, field);
            break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
            for (int n = 0; n < (field.is_repeated() ? 3 : 1); ++n)
                fill(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                         : *reflection.MutableMessage(&message, &field),
                     body);
            break;
        case FieldDescriptor::CPPTYPE_ENUM:
            reflection.SetEnumValue(&message, &field, field.name() == "new_status" ? 2 : 1);
            break;
        case FieldDescriptor::CPPTYPE_BOOL:
            reflection.SetBool(&message, &field, true);
            break;
        case FieldDescriptor::CPPTYPE_INT32:
            reflection.SetInt32(&message, &field, 500'000'000);
            break;
        case FieldDescriptor::CPPTYPE_UINT32:
            reflection.SetUInt32(&message, &field, field.name() == "scale" ? 2 : 300);
            break;
        case FieldDescriptor::CPPTYPE_INT64:
            reflection.SetInt64(&message, &field, field.name() == "coefficient" ? 12'345 : -7);
            break;
        case FieldDescriptor::CPPTYPE_UINT64:
            reflection.SetUInt64(&message, &field, 1'000'000);
            break;
        default:
            FAIL("a field of a kind that the schema does not have: " << field.full_name());
        }
    }
}

std::vector<std::string> full_events() {
    std::vector<std::string> out;
    const auto& bodies = *wharf::v1::Event::descriptor()->FindOneofByName("body");
    for (int i = 0; i < bodies.field_count(); ++i) {
        wharf::v1::Event event;
        fill(event, bodies.field(i));
        event.mutable_reversal()->set_event_id("another");
        if (event.has_stock_moved()) event.mutable_stock_moved()->mutable_to()->set_location("B");
        out.push_back(event.SerializeAsString());
    }
    return out;
}

// False: not taken plainly. Where it is, protobuf says the same.
bool agree(std::string_view bytes) {
    const auto plainly = taken_plainly(bytes);
    if (!plainly) return false;
    auto expected = taken_by_protobuf(bytes);
    INFO((expected.ok() ? std::string() : expected.failure().message));
    REQUIRE(expected.ok());
    REQUIRE(plainly->stored == expected->stored);
    REQUIRE(*plainly == *expected);
    return true;
}

// No words of protobuf's about bytes that are meant to be damaged.
struct silence {
    google::protobuf::LogHandler* before = google::protobuf::SetLogHandler(nullptr);
    ~silence() { google::protobuf::SetLogHandler(before); }
};

} // namespace

TEST_CASE("every example is taken plainly and is the same to the journal") {
    for (const auto& bytes : examples())
        CHECK(agree(bytes));
    CHECK(examples().size() >= 13);
}

TEST_CASE("an event with every field of the schema is taken plainly") {
    for (const auto& bytes : full_events()) {
        const auto expected = taken_by_protobuf(bytes);
        INFO((expected.ok() ? std::string() : expected.failure().message));
        CHECK(agree(bytes));
    }
    CHECK(full_events().size() == 13);
}

TEST_CASE("damaged bytes are never taken for more than protobuf takes them") {
    const silence quiet;
    auto all = examples();
    for (auto& each : full_events())
        all.push_back(std::move(each));
    std::mt19937_64 random(1);
    std::size_t taken = 0;
    for (const auto& bytes : all) {
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
            taken += agree(damaged);
            damaged[at] = static_cast<char>(random());
            taken += agree(damaged);
            taken += agree(bytes.substr(0, at));
            damaged = bytes;
            damaged.erase(at, 1);
            taken += agree(damaged);
            damaged.insert(at, 2, static_cast<char>(random()));
            taken += agree(damaged);
        }
    }
    CHECK(taken > 1000); // most of a text's letters may be others
}

TEST_CASE("what protobuf merges or reads in another way is left to it") {
    wharf::v1::Event event;
    auto& adjusted = *event.mutable_inventory_adjusted();
    adjusted.mutable_stock()->set_location("A");
    adjusted.mutable_stock()->set_sku("1");
    adjusted.mutable_delta()->set_unit("EA");
    adjusted.mutable_delta()->mutable_value()->set_coefficient(5);
    adjusted.set_reason("found");
    const auto bytes = event.SerializeAsString();
    REQUIRE(agree(bytes));
    const auto with = [&](std::string_view more) { return bytes + std::string(more); };
    using namespace std::string_view_literals;
    CHECK_FALSE(taken_plainly(bytes + bytes));             // a body in two pieces
    CHECK(taken_by_protobuf(bytes + bytes).ok());          // which protobuf merges
    CHECK_FALSE(taken_plainly(with("\x0a\1a\x0a\1b")));    // a field twice
    CHECK(taken_by_protobuf(with("\x0a\1a\x0a\1b")).ok()); // of which it takes the last
    CHECK_FALSE(taken_plainly(with("\xf8\x01\x01"sv)));    // a number where a message belongs
    CHECK_FALSE(taken_plainly(with("\xd8\x04\x01"sv)));    // a field that is not known
    CHECK_FALSE(taken_plainly(with("\x1b\x1c"sv)));        // a group
    CHECK_FALSE(taken_plainly(with("\x3a\2a\n"sv)));       // a control character
    CHECK_FALSE(taken_plainly(with("\x3a\1\xff"sv)));      // not UTF-8
    CHECK_FALSE(taken_plainly(with("\x3a\7a"sv)));         // a text that is longer than the rest
    CHECK(agree(with("\x18\x80\x00"sv)));                  // a zero in two bytes
    CHECK(agree(with("\x3a\x00"sv)));                      // an empty text
    adjusted.mutable_delta()->mutable_value()->set_scale(1);
    adjusted.mutable_delta()->mutable_value()->set_coefficient(50);
    CHECK_FALSE(taken_plainly(event.SerializeAsString())); // 5.0 is not canonical
    CHECK(taken_by_protobuf(event.SerializeAsString())->stored == taken_by_protobuf(bytes)->stored);
}

TEST_CASE("more parts than there is room for are left to protobuf") {
    wharf::v1::Event event;
    auto& packed = *event.mutable_packed();
    packed.set_package("P");
    const auto add = [&] {
        auto& line = *packed.add_contents();
        line.mutable_stock()->set_sku("1");
        line.mutable_quantity()->set_unit("EA");
        line.mutable_quantity()->mutable_value()->set_coefficient(1);
    };
    while (packed.contents_size() < static_cast<int>(limits::k_packed_lines_max))
        add();
    CHECK(agree(event.SerializeAsString()));
    while (packed.contents_size() < 200)
        add();
    CHECK_FALSE(taken_plainly(event.SerializeAsString()));
}
