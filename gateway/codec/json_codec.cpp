#include "gateway/codec/json_codec.hpp"

#include "gateway/codec/json_reader.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

namespace {

class one_message final : public json_sink {
  public:
    explicit one_message(google::protobuf::Message& target) noexcept : target_(target) {}
    google::protobuf::Message* begin() override { return &target_; }
    void finish(status how) override { how_ = std::move(how); }
    [[nodiscard]] status take() { return std::move(how_); }

  private:
    google::protobuf::Message& target_;
    status how_ = ok();
};

status read(std::string_view text, json_reader& reader) {
    // The parser would skip it without a word.
    if (text.starts_with("\xef\xbb\xbf"))
        return error{errc::invalid, "not valid JSON at byte 1: it starts with a byte order mark"};
    nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
    if (reader.refused()) return *reader.refused();
    return ok();
}

} // namespace

status message_from_json(std::string_view text, google::protobuf::Message& out,
                         unknown_field unknown) {
    one_message sink(out);
    json_reader reader(sink, json_reader::root::object, unknown);
    WHARF_TRY(read(text, reader));
    return sink.take();
}

status messages_from_json(std::string_view text, json_sink& sink, unknown_field unknown) {
    json_reader reader(sink, json_reader::root::object_or_array, unknown);
    return read(text, reader);
}

} // namespace wharf
