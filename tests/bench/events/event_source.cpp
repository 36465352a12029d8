#include "tests/bench/events/event_source.hpp"

#include "gateway/base/assert.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdio>
#include <utility>

namespace bench {

namespace {

constexpr std::string_view k_id_mark = "################";
constexpr std::string_view k_stock_mark = "$$$$$$";

constexpr std::string_view k_trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::string as_protobuf(payload_kind kind) {
    wharf::v1::Event event;
    if (kind == payload_kind::traced) event.set_traceparent(std::string(k_trace));
    event.set_event_id("018f5c1e-" + std::string(k_id_mark));
    event.mutable_occurred_at()->set_seconds(1'772'445'599);
    event.mutable_occurred_at()->set_nanos(900'000'000);
    event.set_correlation_id("wave-20260302-0017");
    event.set_user("operator-0117");
    auto* body = event.mutable_inventory_adjusted();
    auto* stock = body->mutable_stock();
    stock->set_site("ber1");
    stock->set_location("A-17-04-02");
    stock->set_sku("SKU-" + std::string(k_stock_mark));
    stock->set_lot("LOT-2026-0311-A");
    stock->set_owner("owner-1");
    stock->set_lpn("PALLET-000004711");
    body->mutable_delta()->mutable_value()->set_coefficient(-2);
    body->mutable_delta()->set_unit("EA");
    body->set_reason("damage at the dock");
    // Its tag and its length are two bytes.
    if (kind == payload_kind::padded) body->mutable_reason()->append(k_trace.size() + 2, '.');
    return event.SerializeAsString();
}

std::string as_json() {
    return R"({"event_id":"018f5c1e-)" + std::string(k_id_mark) +
           R"(","occurred_at":"2026-03-02T09:59:59.900Z","correlation_id":"wave-20260302-0017",)"
           R"("user":"operator-0117","inventory_adjusted":{"stock":{"site":"ber1",)"
           R"("location":"A-17-04-02","sku":"SKU-)" +
           std::string(k_stock_mark) +
           R"(","lot":"LOT-2026-0311-A","owner":"owner-1","lpn":"PALLET-000004711"},)"
           R"("delta":{"value":"-2","unit":"EA"},"reason":"damage at the dock"}})";
}

} // namespace

event_template::event_template(payload_kind kind)
    : bytes_(kind == payload_kind::json ? as_json() : as_protobuf(kind)),
      id_at_(bytes_.find(k_id_mark)), stock_at_(bytes_.find(k_stock_mark)) {
    WHARF_ASSERT(id_at_ != std::string::npos && stock_at_ != std::string::npos);
}

void event_template::number(char* copy, std::uint64_t id) const {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::uint64_t rest = id;
    for (std::size_t i = k_id_mark.size(); i-- > 0; rest >>= 4)
        copy[id_at_ + i] = k_digits[rest & 0xf];
    rest = id % k_stock_keys;
    for (std::size_t i = k_stock_mark.size(); i-- > 0; rest /= 10)
        copy[stock_at_ + i] = static_cast<char>('0' + rest % 10);
}

std::string topic_of(payload_kind kind, unsigned device) {
    char name[64];
    std::snprintf(name, sizeof name, "wharf/1/ber1/scanner-%04u/stock%s", device,
                  kind == payload_kind::json ? "" : ".pb");
    return name;
}

} // namespace bench
