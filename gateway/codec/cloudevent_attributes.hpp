// The context attributes of one CloudEvent, and what they say to the event in its data. Used by
// cloudevents alone. One event at a time; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/event.pb.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

enum class data_format { json, protobuf };

// An event from a CloudEvent's data.
[[nodiscard]] result<wharf::v1::Event> event_from_data(data_format format, std::string_view bytes);

class cloudevent_attributes {
  public:
    // Lower-case letters and digits.
    [[nodiscard]] static bool is_name(std::string_view name) noexcept;
    // One that the specification defines: its value is a string.
    [[nodiscard]] static bool is_defined(std::string_view name) noexcept;

    void clear();
    // Notes the name, which may stand only once. data and data_base64 have names too.
    [[nodiscard]] status note(std::string_view name);
    // REQUIRES: the name was noted.
    [[nodiscard]] status set(std::string_view name, std::string_view value);

    // Whether what has to be there is, and is as it should be.
    [[nodiscard]] status check() const;
    // What the data is, by datacontenttype.
    [[nodiscard]] result<data_format> format() const;
    // Gives the event its identity, its time and its trace where it has none of its own.
    [[nodiscard]] status apply_to(wharf::v1::Event& event) const;

  private:
    enum known {
        specversion,
        id,
        source,
        type,
        content,
        schema,
        subject,
        time,
        trace,
        state,
        correlation
    };
    static constexpr std::size_t k_known_count = correlation + 1;
    static const std::array<std::string_view, k_known_count> k_names;

    [[nodiscard]] const std::optional<std::string>& at(known which) const { return known_[which]; }

    std::vector<std::string> names_;
    std::array<std::optional<std::string>, k_known_count> known_;
};

} // namespace wharf
