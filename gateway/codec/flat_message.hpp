// A message of the schema as it lies in its protobuf bytes: where each field's text is and what
// each number is, without copying or building anything. For the events that are in order, which are
// nearly all; whatever is not plainly so is left to protobuf itself and to the code that has words
// for it. One thread at a time; nothing fails, it says no.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

namespace wharf {

// What a field may hold, from its descriptor.
struct flat_form;
struct flat_field {
    enum class kind : std::uint8_t { none, text, number, message };
    kind what = kind::none;
    bool repeated = false;
    bool optional = false; // written even where it is zero
    bool body = false;     // of the oneof
    std::uint64_t max = 0; // bytes of a text; a number as it is encoded
    const flat_form* child = nullptr;
};
struct flat_form {
    enum class rule : std::uint8_t { none, decimal, timestamp };
    rule also = rule::none;
    std::vector<flat_field> fields; // by number; 0 is none
};

// A field's place. A message is a row of them, by number; the first is the row's link.
struct flat_slot {
    const char* text = nullptr; // where it was read; nullptr: it is not there
    std::uint64_t number = 0;   // as encoded; of a message or the first of several: its row
    std::uint32_t size = 0;     // of the text; of a message as last measured; how many of several
    std::uint32_t last = 0;     // of several: the last one's row; of a row: the one after it
};

class flat_message {
  public:
    explicit flat_message(const google::protobuf::Descriptor& type);
    flat_message(const flat_message&) = delete;
    flat_message& operator=(const flat_message&) = delete;

    // False where the bytes are not this type's with every field known, in form by itself
    // (field_rules.hpp) and there once. The bytes must outlive what is done with it.
    [[nodiscard]] bool read(std::string_view bytes);

    [[nodiscard]] flat_slot& slot(std::size_t row, std::size_t field) {
        return slots_[row + field];
    }
    // The number of the field that is the oneof's; 0 where none is there.
    [[nodiscard]] std::uint32_t body() const { return body_; }

    // The fields from one number to another as protobuf writes them: in the order of numbers,
    // defaults left out. measure() first, and again after a change.
    [[nodiscard]] std::size_t measure(std::size_t from, std::size_t to);
    char* write(std::size_t from, std::size_t to, char* out) const;

  private:
    struct input {
        const char* at;
        const char* end;
    };
    using forms = std::map<const google::protobuf::Descriptor*, const flat_form*>;

    const flat_form* form_of(const google::protobuf::Descriptor& type, forms& known);
    bool read_row(const flat_form& form, input in, std::uint32_t row);
    bool read_number(const flat_field& field, flat_slot& slot, input& in) const;
    bool read_bytes(const flat_field& field, std::uint32_t place, input& in);
    bool read_child(const flat_form& form, std::uint32_t place, input in);
    bool read_further(const flat_field& field, std::uint32_t place, input in);
    [[nodiscard]] bool in_form(const flat_form& form, std::uint32_t row) const;
    // 0 where there is no room for more.
    std::uint32_t add_row(const flat_form& form);
    std::size_t measure_row(const flat_form& form, std::size_t row, std::size_t from,
                            std::size_t to);
    std::size_t measure_several(const flat_field& field, const flat_slot& slot);
    char* write_row(const flat_form& form, std::size_t row, std::size_t from, std::size_t to,
                    char* out) const;
    char* write_several(const flat_field& field, const flat_slot& slot, std::size_t number,
                        char* out) const;

    std::deque<flat_form> forms_;
    const flat_form* form_;
    std::vector<flat_slot> slots_;
    std::uint32_t used_ = 0;
    std::uint32_t body_ = 0;
};

} // namespace wharf
