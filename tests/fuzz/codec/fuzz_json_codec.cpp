// Any bytes as JSON: events, and an ERP's answer in which unknown fields are skipped.
#include "tests/fuzz/codec/round_trip.hpp"
#include "wharf/v1/update.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = wharf::fuzz::view_of(data, size);
    wharf::fuzz::check_all(wharf::decode(wharf::codec_kind::json, text));

    wharf::v1::BatchAnswer answer;
    if (wharf::message_from_json(text, answer, wharf::unknown_field::ignore).ok()) {
        std::string once;
        wharf::message_to_json(answer, once);
        wharf::v1::BatchAnswer back;
        WHARF_ASSERT(wharf::message_from_json(once, back).ok());
        std::string twice;
        wharf::message_to_json(back, twice);
        WHARF_ASSERT(once == twice);
    }
    return 0;
}
