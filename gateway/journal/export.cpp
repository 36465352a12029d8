#include "gateway/journal/export.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr std::string_view k_magic = "WHARFEXP";
constexpr char k_frame_header = 'H';
constexpr char k_frame_records = 'R';
constexpr char k_frame_trailer = 'T';
constexpr std::size_t k_frame_bytes = 13; // before its content
constexpr std::size_t k_read_bytes = 256 * 1024;
constexpr std::uint64_t k_progress_every = 16'384;

// Everything of a frame's head that its checksum covers.
std::string head_of(char kind, std::size_t size, std::uint32_t number) {
    std::string out(1, kind);
    put_little(out, static_cast<std::uint32_t>(size));
    put_little(out, number);
    return out;
}

class writer {
  public:
    explicit writer(const byte_sink& to) : to_(to) {}

    status begin(const wharf::v1::ExportHeader& header) {
        WHARF_TRY(write(k_magic));
        return write_frame(k_frame_header, header.SerializeAsString());
    }

    status add(std::string_view key, std::string_view value) {
        if (key.size() > limits::k_record_key_bytes_max ||
            value.size() > limits::k_record_value_bytes_max)
            return error{errc::too_large, format::describe_key(key) + ": " +
                                              std::to_string(value.size()) +
                                              " bytes are more than an export takes"};
        put_short_string(chunk_, key);
        put_little(chunk_, static_cast<std::uint32_t>(value.size()));
        chunk_.append(value);
        ++records_;
        bytes_ += key.size() + value.size();
        return chunk_.size() < limits::k_export_chunk_bytes ? ok() : close_chunk();
    }

    status end(wharf::v1::ExportTrailer& trailer) {
        WHARF_TRY(close_chunk());
        trailer.set_records(records_);
        trailer.set_bytes(bytes_);
        trailer.set_sha256(std::string(view_of(digest_.finish())));
        ended_ = true;
        return write_frame(k_frame_trailer, trailer.SerializeAsString());
    }

    [[nodiscard]] std::uint64_t records() const { return records_; }

  private:
    status close_chunk() {
        if (chunk_.empty()) return ok();
        WHARF_TRY(write_frame(k_frame_records, chunk_));
        chunk_.clear();
        return ok();
    }

    status write_frame(char kind, const std::string& content) {
        std::string head = head_of(kind, content.size(), frames_++);
        put_little(head, crc32c(content, crc32c(head)));
        WHARF_TRY(write(head));
        return write(content);
    }

    status write(std::string_view bytes) {
        if (!ended_) digest_.add(bytes);
        return to_(bytes);
    }

    const byte_sink& to_;
    std::string chunk_;
    sha256_stream digest_;
    bool ended_ = false;
    std::uint32_t frames_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace

result<export_summary> export_journal(store& from, std::string program, std::int64_t now_us,
                                      const byte_sink& to, const record_progress& progress) {
    WHARF_TRY_ASSIGN(const auto header, read_header(from));
    WHARF_TRY_ASSIGN(const auto state, read_state(from));
    const epochs names = epochs_of(header);
    export_summary out;
    out.header.set_format_version(k_export_version);
    out.header.set_journal_version(header.format_version());
    out.header.set_gateway(header.gateway());
    out.header.set_epoch(names.newest());
    out.header.set_takeover(names.takeover_number());
    out.header.set_exported_at_us(now_us);
    out.header.set_program(std::move(program));
    writer file(to);
    WHARF_TRY(file.begin(out.header));
    status written = ok();
    WHARF_TRY(walk(from, {}, [&](std::string_view key, std::string_view value) {
        written = file.add(key, value);
        if (progress && file.records() % k_progress_every == 0) progress(file.records());
        return written.ok();
    }));
    WHARF_TRY(std::move(written));
    WHARF_TRY_ASSIGN(const auto after, read_state(from));
    if (after.SerializeAsString() != state.SerializeAsString())
        return error{errc::conflict, "the journal was written to meanwhile"};
    out.trailer.set_last_sequence(state.last_sequence());
    *out.trailer.mutable_intake() = state.intake();
    *out.trailer.mutable_destinations() = state.destinations();
    WHARF_TRY(file.end(out.trailer));
    return out;
}

error export_reader::broken(const std::string& how) const {
    return error{errc::corrupt,
                 "the export is damaged at byte " + std::to_string(offset_) + ": " + how};
}

// bytes_ holds the next `size` bytes. False: the file ends before the first of them.
result<bool> export_reader::fill(std::size_t size) {
    bytes_.clear();
    // As it comes, not as it is said: a wrong length asks for no memory.
    while (bytes_.size() < size) {
        const std::size_t had = bytes_.size();
        bytes_.resize(had + std::min(size - had, k_read_bytes));
        WHARF_TRY_ASSIGN(const std::size_t got, from_(bytes_.data() + had, bytes_.size() - had));
        WHARF_ASSERT(got <= bytes_.size() - had);
        bytes_.resize(had + got);
        if (got > 0) continue;
        if (bytes_.empty()) return false;
        return broken("it ends here");
    }
    return true;
}

// content_ holds its content, checked.
result<export_reader::frame_head> export_reader::next_frame() {
    WHARF_TRY_ASSIGN(const bool there, fill(k_frame_bytes));
    if (!there) return broken("it ends here, without its trailer");
    const std::string head = bytes_;
    byte_reader fields(head);
    frame_head out{fields.take(1).front(), fields.little<std::uint32_t>()};
    const auto number = fields.little<std::uint32_t>();
    const auto checksum = fields.little<std::uint32_t>();
    if (out.size > limits::k_export_frame_bytes_max) return broken("a frame of impossible size");
    if (out.kind == k_frame_trailer) before_ = digest_.finish();
    WHARF_TRY_ASSIGN(const bool whole, fill(out.size));
    if (!whole && out.size > 0) return broken("it ends here");
    const std::string_view covered = std::string_view(head).substr(0, k_frame_bytes - 4);
    if (crc32c(bytes_, crc32c(covered)) != checksum) return broken("the checksum does not match");
    if (number != frames_) return broken("a frame is missing or comes twice");
    ++frames_;
    offset_ += k_frame_bytes + out.size;
    if (out.kind != k_frame_trailer) {
        digest_.add(head);
        digest_.add(bytes_);
    }
    content_.swap(bytes_);
    return out;
}

result<wharf::v1::ExportHeader> export_reader::header() {
    WHARF_TRY_ASSIGN(const bool there, fill(k_magic.size()));
    if (!there || bytes_ != k_magic)
        return error{errc::corrupt, "this is not an export of a journal"};
    digest_.add(bytes_);
    offset_ = k_magic.size();
    WHARF_TRY_ASSIGN(const frame_head head, next_frame());
    wharf::v1::ExportHeader out;
    if (head.kind != k_frame_header || !out.ParseFromString(content_))
        return broken("it does not begin with a header");
    if (out.format_version() > k_export_version || out.journal_version() > format::k_version)
        return error{errc::unsupported,
                     "the export has format " + std::to_string(out.format_version()) +
                         " of a journal of format " + std::to_string(out.journal_version()) +
                         ", this program knows up to " + std::to_string(k_export_version) +
                         " and " + std::to_string(format::k_version) + ". Use a newer program"};
    return out;
}

status export_reader::read_records(const visitor& visit) {
    byte_reader in(content_);
    while (!in.rest().empty()) {
        const auto key = in.short_string();
        const auto size = in.little<std::uint32_t>();
        const auto value = in.take(size);
        if (!in.ok()) return broken("a record does not fit into its frame");
        if (key.empty() || key.size() > limits::k_record_key_bytes_max ||
            value.size() > limits::k_record_value_bytes_max || format::kind_of(key) == "?")
            return broken("a record that no journal has");
        if (key <= last_key_) return broken("the records are not in order");
        last_key_ = key;
        ++records_;
        record_bytes_ += key.size() + value.size();
        WHARF_TRY(visit(key, value));
    }
    return ok();
}

result<wharf::v1::ExportTrailer> export_reader::read(const visitor& visit) {
    while (true) {
        WHARF_TRY_ASSIGN(const frame_head head, next_frame());
        if (head.kind == k_frame_records) {
            WHARF_TRY(read_records(visit));
            continue;
        }
        wharf::v1::ExportTrailer trailer;
        if (head.kind != k_frame_trailer || !trailer.ParseFromString(content_))
            return broken("a frame of no known kind");
        if (trailer.sha256() != view_of(before_))
            return broken("its SHA-256 does not match its content");
        if (trailer.records() != records_ || trailer.bytes() != record_bytes_)
            return broken("its trailer counts other records");
        WHARF_TRY_ASSIGN(const bool more, fill(1));
        if (more) return broken("something follows its trailer");
        return trailer;
    }
}

} // namespace wharf
