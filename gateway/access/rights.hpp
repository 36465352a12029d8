// What one connection may publish and subscribe to. Made when it signs in, with its names put into
// the filters; the thread of the connection.
//
// A device publishes on the same few topics again and again, so the last ones that were allowed are
// remembered: then a message costs one comparison.
#pragma once

#include "gateway/access/topic_filter.hpp"
#include "gateway/base/limits.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::access {

class rights {
  public:
    // Filters with placeholders. One whose placeholder has no value here is left out. errc::invalid
    // where a value is not one level of a topic: such a name must not sign in at all.
    // REQUIRES: the filters are well formed.
    [[nodiscard]] static result<rights> make(const std::vector<std::string>& publish,
                                             const std::vector<std::string>& subscribe,
                                             const placeholder_values& values);

    [[nodiscard]] bool may_publish(std::string_view topic);
    // Everything that the filter can match lies inside one of the filters that are permitted.
    [[nodiscard]] bool may_subscribe(std::string_view filter) const;

    [[nodiscard]] const std::vector<std::string>& publish_filters() const { return publish_; }
    [[nodiscard]] const std::vector<std::string>& subscribe_filters() const { return subscribe_; }

  private:
    std::vector<std::string> publish_;
    std::vector<std::string> subscribe_;
    std::array<std::string, limits::k_allowed_topics_max> allowed_;
    std::size_t last_ = 0; // the place of the one that was allowed last
    std::size_t next_ = 0; // the place that is overwritten next
};

// A client identifier fits one of the patterns: placeholders, and * for any text. No pattern: yes.
[[nodiscard]] bool may_use_client(const std::vector<std::string>& patterns,
                                  const placeholder_values& values, std::string_view client_id);

} // namespace wharf::access
