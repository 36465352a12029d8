// Faults planted on purpose, by name, to see whether the simulator notices them. The product does
// not have them: WHARF_MUTANT(name) is false there and costs nothing. tests/sim compiles the
// machines a second time with WHARF_MUTANTS defined and plants one at a time (docs/simulator.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wharf {

#define WHARF_MUTANT_NAMES(X)                                                                      \
    X(none)                                                                                        \
    /* MQTT */                                                                                     \
    X(puback_before_commit)                                                                        \
    X(pubrec_before_commit)                                                                        \
    X(pubcomp_before_release)                                                                      \
    X(qos2_id_forgotten_at_pubrec)                                                                 \
    X(qos2_ids_of_session_forgotten)                                                               \
    X(session_present_lies)                                                                        \
    X(acknowledged_out_of_order)                                                                   \
    /* the journal */                                                                              \
    X(failed_commit_taken_for_durable)                                                             \
    X(roll_back_keeps_order_table)                                                                 \
    X(roll_back_keeps_connections)                                                                 \
    X(replaced_connection_still_taken)                                                             \
    X(contradiction_taken_for_duplicate)                                                           \
    X(identity_not_remembered)                                                                     \
    X(fingerprint_trusted)                                                                         \
    X(identity_roll_back_keeps_entries)                                                            \
    X(merged_run_left_behind)                                                                      \
    X(redelivery_hint_not_noted)                                                                   \
    X(qos2_id_not_journaled)                                                                       \
    X(release_not_journaled)                                                                       \
    X(clean_start_keeps_packet_ids)                                                                \
    X(pending_counted_twice)                                                                       \
    X(quarantine_counted_not_written)                                                              \
    X(parked_index_left_behind)                                                                    \
    X(order_not_rebuilt)                                                                           \
    X(journal_time_is_wall_clock)                                                                  \
    X(retention_takes_pending)                                                                     \
    X(retention_takes_parked)                                                                      \
    X(hollow_takes_pending)                                                                        \
    /* the local broker */                                                                         \
    X(queue_not_journaled)                                                                         \
    X(subscription_not_journaled)                                                                  \
    X(unsubscription_not_journaled)                                                                \
    X(retained_not_journaled)                                                                      \
    X(dead_incarnation_applied)                                                                    \
    X(session_end_keeps_queue)                                                                     \
    X(queue_not_restored)                                                                          \
    X(delivered_at_routing)                                                                        \
    X(pubrel_before_release)                                                                       \
    X(queue_erased_at_pubrec)                                                                      \
    X(identifier_given_twice)                                                                      \
    X(inflight_bound_ignored)                                                                      \
    X(repeated_without_dup)                                                                        \
    X(will_not_journaled)                                                                          \
    X(will_not_erased)                                                                             \
    X(will_in_spite_of_goodbye)                                                                    \
    /* delivery */                                                                                 \
    X(order_links_ignored)                                                                         \
    X(low_water_before_answer)                                                                     \
    X(marks_not_cleared)                                                                           \
    X(unannounced_heads_forgotten)                                                                 \
    X(sent_before_sealed)                                                                          \
    X(open_batches_forgotten_at_start)                                                             \
    X(parked_keys_do_not_block)                                                                    \
    X(waiting_never_released)                                                                      \
    X(parked_without_space)                                                                        \
    X(delayed_item_lost)                                                                           \
    X(circuit_stays_open)                                                                          \
    X(neighbours_answer)                                                                           \
    X(throttled_taken_for_refused)                                                                 \
    X(unknown_outcome_settled)                                                                     \
    X(shed_of_any_lane)                                                                            \
    X(shed_while_in_progress)                                                                      \
    X(retry_under_new_key)                                                                         \
    X(forgotten_key_not_asked)                                                                     \
    X(parts_not_kept_together)                                                                     \
    X(missing_answer_taken_for_applied)                                                            \
    X(unreadable_answer_taken_for_applied)

enum class mutant : std::uint8_t {
#define WHARF_MUTANT_NAME(name) name,
    WHARF_MUTANT_NAMES(WHARF_MUTANT_NAME)
#undef WHARF_MUTANT_NAME
};

#ifdef WHARF_MUTANTS
inline constexpr std::array k_mutant_names = {
#define WHARF_MUTANT_NAME(name) std::string_view(#name),
    WHARF_MUTANT_NAMES(WHARF_MUTANT_NAME)
#undef WHARF_MUTANT_NAME
};
inline mutant planted_mutant = mutant::none;
#define WHARF_MUTANT(name) (::wharf::planted_mutant == ::wharf::mutant::name)
#else
#define WHARF_MUTANT(name) (static_cast<void>(::wharf::mutant::name), false)
#endif

} // namespace wharf
