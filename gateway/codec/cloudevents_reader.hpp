// The state between two tokens of a JSON text that is a CloudEvent or a batch of them: which
// attribute the next value belongs to. What stands below "data" goes to a json_reader, token by
// token, so that an event is read as strictly there as anywhere. Driven by the parser of
// nlohmann/json; used by cloudevents alone. One text, one reader.
#pragma once

#include "gateway/codec/cloudevent_attributes.hpp"
#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/json_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace wharf {

class cloudevents_reader {
  public:
    enum class root : std::uint8_t { object, array, either };

    explicit cloudevents_reader(root shape) : shape_(shape) {}

    [[nodiscard]] const std::optional<error>& refused() const noexcept { return refused_; }
    [[nodiscard]] decoded_events take() { return std::move(events_); }

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
        refused_ = json_syntax_error(position, why.what());
        return false;
    }

  private:
    // Receives the one event of a data object.
    class data_sink final : public json_sink {
      public:
        google::protobuf::Message* begin() override {
            event.Clear();
            return &event;
        }
        void finish(status outcome) override { how = std::move(outcome); }
        wharf::v1::Event event;
        status how = ok();
    };

    bool refuse(errc code, std::string why);
    // What is still to come of the present CloudEvent is only skipped.
    bool fail(error why);
    bool wrong_type(std::string_view got);
    // Where an event was expected and there is something else.
    bool stray(std::string_view got);
    bool begin_event();
    void finish_event();
    [[nodiscard]] result<wharf::v1::Event> event_of_data();
    [[nodiscard]] bool at_root() const noexcept { return depth_ == (in_batch_ ? 1u : 0u); }
    bool scalar(std::string_view got);

    root shape_;
    bool in_batch_ = false;
    std::uint32_t depth_ = 0;   // open containers down to the CloudEvent itself
    std::uint32_t skipped_ = 0; // open ones below it that nobody reads
    std::uint32_t data_depth_ = 0;
    std::optional<json_reader> data_;

    // Of the present CloudEvent.
    cloudevent_attributes attributes_;
    std::string attribute_;
    data_sink sink_;
    std::optional<std::string> base64_;
    bool has_data_ = false;
    std::optional<error> failed_;

    decoded_events events_;
    std::optional<error> refused_;
};

} // namespace wharf
