#include "gateway/codec/cloudevents_reader.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/base64.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/protobuf_codec.hpp"
#include "gateway/codec/wire_values.hpp"

namespace wharf {

namespace {

constexpr std::string_view k_data = "data";
constexpr std::string_view k_base64 = "data_base64";

} // namespace

bool cloudevents_reader::refuse(errc code, std::string why) {
    refused_ = error{code, std::move(why)};
    return false;
}

bool cloudevents_reader::fail(error why) {
    if (!failed_) failed_ = std::move(why);
    return true;
}

bool cloudevents_reader::wrong_type(std::string_view got) {
    std::string_view expected = "expected a string, a whole number, true or false";
    if (cloudevent_attributes::is_defined(attribute_) || attribute_ == k_base64)
        expected = "expected a string";
    if (attribute_ == k_data) expected = "expected the event as an object";
    return fail(
        {errc::invalid, attribute_ + ": " + std::string(expected) + ", got " + std::string(got)});
}

bool cloudevents_reader::stray(std::string_view got) {
    if (!in_batch_) {
        std::string expected = shape_ == root::array    ? "an array of CloudEvents"
                               : shape_ == root::object ? "a CloudEvent as an object"
                                                        : "a CloudEvent, or an array of them";
        return refuse(errc::invalid, "expected " + expected + ", got " + std::string(got));
    }
    if (!begin_event()) return false;
    fail({errc::invalid, "expected a CloudEvent as an object, got " + std::string(got)});
    finish_event();
    return true;
}

// --- one CloudEvent ------------------------------------------------------------------------------

bool cloudevents_reader::begin_event() {
    if (events_.size() == limits::k_events_per_message_max) {
        refused_ = too_many_events();
        return false;
    }
    attributes_.clear();
    attribute_.clear();
    base64_.reset();
    has_data_ = false;
    failed_.reset();
    return true;
}

result<wharf::v1::Event> cloudevents_reader::event_of_data() {
    WHARF_TRY(attributes_.check());
    WHARF_TRY_ASSIGN(const auto format, attributes_.format());
    if (has_data_ && base64_)
        return error{errc::invalid, "data: there is already data_base64; expected only one of the "
                                    "two"};
    if (!has_data_ && !base64_) return error{errc::invalid, "data: missing; expected the event"};
    if (has_data_ && format == data_format::protobuf)
        return error{errc::invalid, "data: expected data_base64, because datacontenttype says "
                                    "protobuf"};
    wharf::v1::Event event;
    if (has_data_) {
        if (!sink_.how.ok())
            return error{sink_.how.failure().code, "data." + sink_.how.failure().message};
        event = std::move(sink_.event);
    } else {
        const auto bytes = from_base64(*base64_);
        if (!bytes) return error{errc::invalid, "data_base64: expected base64 (RFC 4648)"};
        auto read = event_from_data(format, *bytes);
        if (!read.ok()) return std::move(read).failure().in(k_base64);
        event = std::move(*read);
    }
    WHARF_TRY(attributes_.apply_to(event));
    return event;
}

void cloudevents_reader::finish_event() {
    if (failed_) {
        events_.emplace_back(std::move(*failed_));
        failed_.reset();
    } else {
        events_.emplace_back(event_of_data());
    }
}

// --- values --------------------------------------------------------------------------------------

// A value that is no text. Extensions may have it, and nobody reads them.
bool cloudevents_reader::scalar(std::string_view got) {
    if (skipped_ > 0) return true;
    if (at_root()) return stray(got);
    const bool read = cloudevent_attributes::is_defined(attribute_) || attribute_ == k_data ||
                      attribute_ == k_base64;
    return failed_ || !read || wrong_type(got);
}

// An attribute that is null is not set (JSON event format, section 2.2).
bool cloudevents_reader::null() {
    if (data_) return data_->null();
    return skipped_ > 0 || !at_root() || stray("null");
}

bool cloudevents_reader::boolean(bool value) {
    return data_ ? data_->boolean(value) : scalar(value ? "true" : "false");
}

bool cloudevents_reader::number_integer(std::int64_t value) {
    return data_ ? data_->number_integer(value) : scalar("a number");
}

bool cloudevents_reader::number_unsigned(std::uint64_t value) {
    return data_ ? data_->number_unsigned(value) : scalar("a number");
}

bool cloudevents_reader::number_float(double value, const std::string& text) {
    if (data_) return data_->number_float(value, text);
    if (skipped_ > 0 || at_root() || failed_) return scalar("a number");
    return wrong_type("a number with a fraction");
}

bool cloudevents_reader::string(std::string& value) {
    if (data_) return data_->string(value);
    if (skipped_ > 0) return true;
    if (at_root()) return stray("a string");
    if (failed_) return true;
    if (attribute_ == k_data) return wrong_type("a string");
    if (attribute_ == k_base64) {
        base64_ = std::move(value);
        return true;
    }
    if (auto set = attributes_.set(attribute_, value); !set.ok()) fail(std::move(set).failure());
    return true;
}

bool cloudevents_reader::start_object(std::size_t size) {
    if (data_) {
        ++data_depth_;
        return data_->start_object(size);
    }
    if (skipped_ > 0) {
        ++skipped_;
        return true;
    }
    if (at_root()) {
        if (!in_batch_ && shape_ == root::array) return stray("an object");
        ++depth_;
        return begin_event();
    }
    if (attribute_ == k_data && !failed_) {
        has_data_ = true;
        data_.emplace(sink_, json_reader::root::object, unknown_field::refuse);
        data_depth_ = 1;
        return data_->start_object(size);
    }
    skipped_ = 1;
    return failed_ ? true : wrong_type("an object");
}

bool cloudevents_reader::key(std::string& name) {
    if (data_) return data_->key(name);
    if (skipped_ > 0 || failed_) return true;
    attribute_ = name;
    if (name != k_base64 && !cloudevent_attributes::is_name(name)) {
        const auto shown = quoted(name);
        return fail({errc::invalid,
                     "attribute " + shown + ": expected a name of lower-case letters and digits"});
    }
    if (auto noted = attributes_.note(name); !noted.ok()) fail(std::move(noted).failure());
    return true;
}

bool cloudevents_reader::end_object() {
    if (data_) {
        const bool going = data_->end_object();
        if (--data_depth_ == 0) data_.reset();
        return going;
    }
    if (skipped_ > 0) {
        --skipped_;
        return true;
    }
    --depth_;
    finish_event();
    return true;
}

bool cloudevents_reader::start_array(std::size_t size) {
    if (data_) {
        ++data_depth_;
        return data_->start_array(size);
    }
    if (skipped_ > 0) {
        ++skipped_;
        return true;
    }
    if (at_root() && !in_batch_) {
        if (shape_ == root::object) return stray("an array");
        ++depth_;
        in_batch_ = true;
        return true;
    }
    skipped_ = 1;
    if (at_root()) return stray("an array");
    return failed_ ? true : wrong_type("an array");
}

bool cloudevents_reader::end_array() {
    if (data_) {
        const bool going = data_->end_array();
        --data_depth_;
        return going;
    }
    if (skipped_ > 0) {
        --skipped_;
        return true;
    }
    --depth_;
    return true;
}

} // namespace wharf
