// From the configuration's values to what each part wants. Pure.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/bridge_port.hpp"
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/listener.hpp"
#include "sync/platform/sync_shell.hpp"

namespace wharf {

[[nodiscard]] intake_options intake_options_of(const config& from);
[[nodiscard]] journal_store_options journal_store_options_of(const config& from);
[[nodiscard]] journal_options journal_options_of(const config& from);
[[nodiscard]] listener_options listener_options_of(const config& from);
[[nodiscard]] access_settings access_settings_of(const config& from);
[[nodiscard]] tls::file_names tls_files_of(const listener_tls_config& from);
[[nodiscard]] tls::server_options tls_options_of(const listener_tls_config& from);
[[nodiscard]] bridge_port_options bridge_port_options_of(const config& from);
// Where the journal stands among those that were taken over from each other.
struct standing {
    epochs names;
    std::string fenced; // in words, where another gateway has taken over
};
[[nodiscard]] standing standing_of(const journal& of);
// number: the destination's in the journal. token: what its token file says.
[[nodiscard]] sync_destination sync_destination_of(const config& from, const destination_config& to,
                                                   std::uint8_t number, standing of,
                                                   std::string token);

} // namespace wharf
