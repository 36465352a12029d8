// Canonical JSON of the schema's messages (docs/formats/event.md): read strictly, written so that
// equal messages have equal bytes. Any thread, no state. Reading fails with the full path of the
// field and what was expected there; writing cannot fail.
#pragma once

#include "gateway/base/result.hpp"

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

enum class unknown_field : std::uint8_t {
    refuse, // events: a fact that would be half understood is not taken
    ignore, // answers of systems that may know more than we do
};

// One object. What it holds is added to the message, which is unusable after an error.
[[nodiscard]] status message_from_json(std::string_view text, google::protobuf::Message& out,
                                       unknown_field unknown = unknown_field::refuse);

// Receives the objects of a text that is one object or an array of them.
class json_sink {
  public:
    // Where the next object goes, or nothing if there were enough: then the whole text is refused.
    // Valid until finish().
    virtual google::protobuf::Message* begin() = 0;
    // It was read, or it was not; the other objects go on.
    virtual void finish(status how) = 0;

  protected:
    ~json_sink() = default;
};

// Fails where the text as a whole is not JSON of that shape: then nothing the sink got counts.
[[nodiscard]] status messages_from_json(std::string_view text, json_sink& sink,
                                        unknown_field unknown = unknown_field::refuse);

// Appends the message. Fields in the order of their numbers, defaults left out, no white space.
// REQUIRES: decimals and times in range, as messages that were read and validated have them.
void message_to_json(const google::protobuf::Message& message, std::string& out);
// The same for a string alone, quotes included.
void append_json_string(std::string_view text, std::string& out);

} // namespace wharf
