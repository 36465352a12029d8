// The state between two tokens of a JSON text: which message and field the next value belongs to.
// Driven by the parser of nlohmann/json, whose handler concept it satisfies; used by json_codec
// alone. One text, one reader.
#pragma once

#include "gateway/codec/json_codec.hpp"

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace wharf {

// What the parser says about a text that is not JSON, in our words and without the text.
[[nodiscard]] error json_syntax_error(std::size_t position, std::string_view why);

class json_reader {
  public:
    enum class root : std::uint8_t { object, object_or_array };

    json_reader(json_sink& sink, root shape, unknown_field unknown)
        : sink_(sink), shape_(shape), unknown_(unknown) {}

    // Why the text as a whole is refused, if it is.
    [[nodiscard]] const std::optional<error>& refused() const noexcept { return refused_; }

    // The handler of the parser. False ends the parsing.
    bool null();
    bool boolean(bool value);
    bool number_integer(std::int64_t value);
    bool number_unsigned(std::uint64_t value);
    bool number_float(double value, const std::string& text);
    bool string(std::string& value);
    template <class Binary> bool binary(Binary&) { return false; } // JSON has none
    bool start_object(std::size_t);
    bool key(std::string& name);
    bool end_object();
    bool start_array(std::size_t);
    bool end_array();
    template <class Failure>
    bool parse_error(std::size_t position, const std::string&, const Failure& why) {
        return refuse_syntax(position, why.what());
    }

  private:
    using message = google::protobuf::Message;
    using field_descriptor = google::protobuf::FieldDescriptor;

    // An open object, or an open array of a repeated field.
    struct frame {
        message* target;
        const field_descriptor* field; // the object's present one, or the array's
        bool array;
        std::uint64_t seen;  // of an object: its fields by index
        std::uint32_t index; // of an array: its present element
    };

    [[nodiscard]] bool skipping() const noexcept { return failed_ || ignore_below_ != 0; }
    [[nodiscard]] std::uint32_t root_depth() const noexcept { return in_root_array_ ? 1 : 0; }

    bool refuse(errc code, std::string why);
    bool refuse_syntax(std::size_t position, std::string_view why);
    bool fail(std::string_view expectation, std::string_view got = {});
    bool fail_at(std::string path, std::string_view expectation);
    [[nodiscard]] std::string path() const;
    bool expected(const field_descriptor& field, std::string_view got);

    bool begin_root();
    bool finish_root();
    bool scalar_at_root();
    // The field of a value that is not a container; nothing where it was dealt with.
    const field_descriptor* scalar_field(std::string_view got);
    bool value_done();
    bool open(std::string_view got);
    bool close();
    bool start_submessage();
    bool ignore_value();
    bool unknown(const frame& top, const std::string& name);

    bool store_integer(const field_descriptor& field, bool negative, std::uint64_t magnitude,
                       std::string_view text);
    bool store_text(const field_descriptor& field, std::string& value);
    bool store_in_message(const field_descriptor& field, const std::string& value);
    message* child(const field_descriptor& field);

    json_sink& sink_;
    root shape_;
    unknown_field unknown_;
    std::vector<frame> frames_;
    std::uint32_t depth_ = 0; // open containers
    bool in_root_array_ = false;
    // The present object of the root is not read any further.
    std::optional<error> failed_;
    // Inside, or just before, the value of a field that is ignored: one more than the depth it
    // stands at; 0 where there is none.
    std::uint32_t ignore_below_ = 0;
    std::optional<error> refused_;
};

} // namespace wharf
