// A journal as a file that any machine reads: every record in order of its key, in frames with
// checksums, between a header and a trailer. docs/formats/export.md says every byte. Streaming: no
// more than one frame is in memory. One thread per object.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/digest.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace wharf {

inline constexpr std::uint32_t k_export_version = 1;

// The number of records so far, now and then.
using record_progress = std::function<void(std::uint64_t)>;
using byte_sink = std::function<status(std::string_view)>;
// Fills at most `size` bytes and says how many; 0: the end.
using byte_source = std::function<result<std::size_t>(char* into, std::size_t size)>;

struct export_summary {
    wharf::v1::ExportHeader header;
    wharf::v1::ExportTrailer trailer;
};

// Writes the whole journal. REQUIRES: nobody writes to it meanwhile; where the books tell that
// somebody did, errc::conflict, and what was written is worth nothing.
result<export_summary> export_journal(store& from, std::string program, std::int64_t now_us,
                                      const byte_sink& to, const record_progress& progress = {});

// Reads an export. Nothing is handed on of a frame whose checksum does not hold; but only when
// read() has returned it is known that the whole is one: what was made of it before counts for
// nothing without that.
class export_reader {
  public:
    explicit export_reader(byte_source from) : from_(std::move(from)) {}

    // First. errc::unsupported: of a later version; errc::corrupt: not an export, or damaged.
    result<wharf::v1::ExportHeader> header();
    // Then, once: every record, keys rising, to the end of the file. errc::corrupt: truncated,
    // altered, or with something behind it. A failure of the visitor comes back as it is.
    using visitor = std::function<status(std::string_view key, std::string_view value)>;
    result<wharf::v1::ExportTrailer> read(const visitor& visit);

  private:
    struct frame_head {
        char kind = 0;
        std::uint32_t size = 0;
    };
    result<bool> fill(std::size_t size);
    result<frame_head> next_frame();
    status read_records(const visitor& visit);
    [[nodiscard]] error broken(const std::string& how) const;

    byte_source from_;
    std::string bytes_;   // what was read last
    std::string content_; // of the frame that was read last
    sha256_stream digest_;
    sha256_digest before_{}; // the digest of everything before the trailer
    std::uint32_t frames_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t record_bytes_ = 0;
    std::uint64_t offset_ = 0;
    std::string last_key_;
};

} // namespace wharf
