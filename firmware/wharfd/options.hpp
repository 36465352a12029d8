// From the configuration's values to what each part wants. Pure.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/platform/listener.hpp"

namespace wharf {

[[nodiscard]] intake_options intake_options_of(const config& from);
[[nodiscard]] journal_options journal_options_of(const config& from, std::uint32_t epoch);
[[nodiscard]] listener_options listener_options_of(const config& from);

} // namespace wharf
