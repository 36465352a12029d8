// A message of the schema as it lies in its protobuf bytes: where each field's text is and what
// each number is, without copying or building anything. For the events that are in order, which are
// nearly all; whatever is not plainly so is left to protobuf itself and to the code that has words
// for it. One thread at a time; nothing fails, it says no.
#pragma once

#include "gateway/codec/wire_bytes.hpp"

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

// A field's place. A message is a row of them, by number, with its head at 0.
struct flat_slot {
    union {
        const char* text;     // of a text
        std::uint64_t number; // as encoded; of a message its row, of several the last one's; of a
                              // head which fields are there, by bit
    };
    std::uint32_t size;   // of the text; how many of several
    std::uint32_t before; // of the head of one of several: the row of the one before it
};
static_assert(sizeof(flat_slot) == 16);

class flat_message {
  public:
    explicit flat_message(const google::protobuf::Descriptor& type);
    flat_message(const flat_message&) = delete;
    flat_message& operator=(const flat_message&) = delete;

    // False where the bytes are not this type's with every field known, in form by itself
    // (field_rules.hpp) and there once. The bytes must outlive what is done with it.
    [[nodiscard]] bool read(std::string_view bytes);

    // What is not there is zero.
    [[nodiscard]] const flat_slot& slot(std::size_t row, std::size_t field) const {
        return slots_[row + field];
    }
    [[nodiscard]] bool has(std::size_t row, std::size_t field) const {
        return (slots_[row].number >> field & 1) != 0;
    }
    void set(std::size_t row, std::size_t field, const flat_slot& value) {
        slots_[row + field] = value;
        slots_[row].number |= std::uint64_t{1} << field;
    }
    // The number of the field that is the oneof's; 0 where none is there.
    [[nodiscard]] std::uint32_t body() const { return body_; }

    // The fields from one number to another as protobuf writes them: in the order of numbers,
    // defaults left out. At most limits::k_flat_written_bytes_max of what was read and filled in.
    void write(std::size_t from, std::size_t to, wire::back_writer& out) const;

  private:
    struct input {
        const char* at;
        const char* end;
    };
    using forms = std::map<const google::protobuf::Descriptor*, const flat_form*>;

    const flat_form* form_of(const google::protobuf::Descriptor& type, forms& known);
    bool read_row(const flat_form& form, input in, std::uint32_t row);
    bool read_delimited(const flat_field& field, std::uint32_t row, std::uint32_t number, input in);
    bool read_child(const flat_form& form, flat_slot& slot, input in);
    bool read_further(const flat_field& field, flat_slot& list, input in);
    [[nodiscard]] bool in_form(const flat_form& form, std::uint32_t row) const;
    // 0 where there is no room for more.
    std::uint32_t add_row(std::size_t fields);
    void write_row(const flat_form& form, std::size_t row, std::uint64_t fields,
                   wire::back_writer& out) const;
    void write_several(const flat_field& field, const flat_slot& slot, std::size_t number,
                       wire::back_writer& out) const;

    std::deque<flat_form> forms_;
    const flat_form* form_;
    std::vector<flat_slot> slots_;
    std::uint32_t used_ = 0;
    std::uint32_t body_ = 0;
};

} // namespace wharf
