// The Prometheus text of a snapshot (text format 0.0.4). Names are stable: dashboards stand on
// them. Label values come from the configuration and from fixed lists, never from devices, so their
// number is bounded. Pure; any thread.
#pragma once

#include "gateway/observe/snapshot.hpp"

#include <string>
#include <string_view>

namespace wharf::observe {

inline constexpr std::string_view k_metrics_content_type = "text/plain; version=0.0.4";

[[nodiscard]] std::string render_metrics(const gateway_snapshot& now);

// A label's value with backslash, quotation mark and line feed escaped.
[[nodiscard]] std::string escaped_label(std::string_view value);

} // namespace wharf::observe
