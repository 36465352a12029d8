// An export as somebody else may have made it. The input is a list of frames: kind u8, length u16,
// content; each gets a sound head and a trailer its SHA-256, because no fuzzer finds checksums.
// With a first byte of 0xff the rest is the file as it is. Whatever it says: no crash, no journal
// where it is refused, and where it is taken one that verifies or is found out.
#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/import.hpp"
#include "tests/support/model_store.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace wharf;
using namespace wharf::test;

class counter final : public random_port {
  public:
    std::uint64_t next() override { return ++last_; }

  private:
    std::uint64_t last_ = 0;
};

void expect(bool holds) {
    if (!holds) std::abort();
}

std::string file_of(std::string_view input) {
    if (input.starts_with('\xff')) return std::string(input.substr(1));
    std::string out = "WHARFEXP";
    byte_reader in(input);
    for (std::uint32_t number = 0; !in.rest().empty(); ++number) {
        std::string head(in.take(1));
        std::string content(in.short_string());
        if (!in.ok()) break;
        wharf::v1::ExportTrailer trailer;
        if (head == "T" && trailer.ParseFromString(content)) {
            trailer.set_sha256(std::string(view_of(sha256(out))));
            content = trailer.SerializeAsString();
        }
        put_little(head, static_cast<std::uint32_t>(content.size()));
        put_little(head, number);
        put_little(head, crc32c(content, crc32c(head)));
        out += head + content;
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string file = file_of({reinterpret_cast<const char*>(data), size});
    std::string_view rest = file;
    export_reader from([&rest](char* into, std::size_t wanted) -> result<std::size_t> {
        const auto taken = rest.substr(0, wanted);
        std::ranges::copy(taken, into);
        rest.remove_prefix(taken.size());
        return taken.size();
    });
    auto header = from.header();
    if (!header.ok()) {
        expect(header.failure().code == errc::corrupt ||
               header.failure().code == errc::unsupported);
        return 0;
    }
    model_store into;
    counter random;
    auto imported = import_records(from, *header, into, random, {});
    if (!imported.ok()) {
        expect(!read_header(into).ok());
        return 0;
    }
    expect(rest.empty());
    auto found = read_header(into);
    expect(found.ok() && found->takeovers_size() > 0 && found->gateway() == header->gateway());
    expect(verify(into).ok());
    return 0;
}
