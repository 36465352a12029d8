// Any bytes as one event and as a batch.
#include "tests/fuzz/codec/round_trip.hpp"

#include <google/protobuf/stubs/logging.h>

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    google::protobuf::SetLogHandler(nullptr); // it reports text that is not UTF-8
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = wharf::fuzz::view_of(data, size);
    wharf::fuzz::check_all(wharf::decode(wharf::codec_kind::protobuf, bytes));
    wharf::fuzz::check_all(wharf::decode(wharf::codec_kind::protobuf_batch, bytes));
    return 0;
}
