// The kinds of fault and of hardship that a seed may draw, by name. Each is counted where it takes
// effect, not where it is drawn: what never fires tests nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wharf::sim {

#define WHARF_SIM_FAULTS(X)                                                                        \
    X(killed)                                                                                      \
    X(killed_before_commit)                                                                        \
    X(killed_after_commit)                                                                         \
    X(killed_between_write_and_sync)                                                               \
    X(killed_while_delivering)                                                                     \
    X(power_cut)                                                                                   \
    X(power_cut_lost_group)                                                                        \
    X(power_cut_kept_group)                                                                        \
    X(unsynced_state_lost)                                                                         \
    X(ring_write_torn)                                                                             \
    X(ring_reshaped)                                                                               \
    X(checkpoint_failed)                                                                           \
    X(orderly_restart)                                                                             \
    X(recovery_interrupted)                                                                        \
    X(commit_failed_lost)                                                                          \
    X(commit_failed_readable)                                                                      \
    X(commit_failed_kept)                                                                          \
    X(commit_no_space)                                                                             \
    X(put_no_space)                                                                                \
    X(quota_reached)                                                                               \
    X(read_failed)                                                                                 \
    X(slow_commit)                                                                                 \
    X(queue_full)                                                                                  \
    X(heads_not_announced)                                                                         \
    X(retention_took_events)                                                                       \
    X(updates_shed)                                                                                \
    X(shed_updates_given_up)                                                                       \
    X(wall_clock_forward)                                                                          \
    X(wall_clock_back)                                                                             \
    X(connection_reset)                                                                            \
    X(connection_half_open)                                                                        \
    X(connection_refused)                                                                          \
    X(bytes_in_pieces)                                                                             \
    X(session_taken_over)                                                                          \
    X(session_expired)                                                                             \
    X(client_gave_up_waiting)                                                                      \
    X(publish_repeated)                                                                            \
    X(bad_payload)                                                                                 \
    X(unknown_topic)                                                                               \
    X(duplicate_event)                                                                             \
    X(contradiction)                                                                               \
    X(event_without_identity)                                                                      \
    X(erp_away)                                                                                    \
    X(erp_lost_request)                                                                            \
    X(erp_lost_answer)                                                                             \
    X(erp_applied_late)                                                                            \
    X(erp_throttled)                                                                               \
    X(erp_unavailable)                                                                             \
    X(erp_failed)                                                                                  \
    X(erp_refused_item)                                                                            \
    X(erp_refused_request)                                                                         \
    X(erp_forbade)                                                                                 \
    X(erp_too_large)                                                                               \
    X(erp_item_in_progress)                                                                        \
    X(erp_item_error)                                                                              \
    X(erp_item_missing)                                                                            \
    X(erp_nonsense)                                                                                \
    X(erp_credentials)                                                                             \
    X(erp_restarted)                                                                               \
    X(erp_forgot_keys)                                                                             \
    X(erp_asked)                                                                                   \
    X(erp_not_attempted)                                                                           \
    X(person_retried)                                                                              \
    X(person_discarded)                                                                            \
    X(person_resumed)                                                                              \
    X(checkpoint_asked)                                                                            \
    X(quarantine_discarded)                                                                        \
    X(subscriber_away)                                                                             \
    X(subscriber_does_not_read)                                                                    \
    X(subscription_renewed)                                                                        \
    X(subscriber_session_lost)                                                                     \
    X(delivery_repeated)                                                                           \
    X(retained_delivered)                                                                          \
    X(local_queue_full)                                                                            \
    X(stranger_refused)                                                                            \
    X(stranger_let_in)                                                                             \
    X(will_lost)                                                                                   \
    X(will_taken_back)                                                                             \
    X(will_delivered)                                                                              \
    X(not_retained)

enum class fault : std::uint8_t {
#define WHARF_SIM_NAME(name) name,
    WHARF_SIM_FAULTS(WHARF_SIM_NAME)
#undef WHARF_SIM_NAME
        count_
};

inline constexpr std::size_t k_fault_count = static_cast<std::size_t>(fault::count_);
inline constexpr std::array<std::string_view, k_fault_count> k_fault_names = {
#define WHARF_SIM_NAME(name) #name,
    WHARF_SIM_FAULTS(WHARF_SIM_NAME)
#undef WHARF_SIM_NAME
};

using fault_counts = std::array<std::uint32_t, k_fault_count>;

} // namespace wharf::sim
