// Which updates of a destination may be sent now: per lane a bounded window over the journal, order
// by links, priority inherited by what stands in the way. A pure machine: heads come in from the
// announcements or from pages, ready updates and journal operations come out. One thread (the sync
// thread); cannot fail, what contradicts the journal's contract is an assertion.
//
// Order: an update knows for each of its ordering keys the last earlier update that shares it. It
// is ready when none of those is pending. By induction nothing before it under any of its keys is
// pending then. docs/adr/0003-ordering-by-key-links.md has the argument.
#pragma once

#include "gateway/journal/view.hpp"

#include <map>
#include <set>
#include <vector>

namespace wharf {

// A page of a lane's heads that is needed now.
struct head_page_wanted {
    lane in_lane = lane::shipment;
    sequence after = k_no_sequence;
    std::size_t heads_max = 0;
};

struct lane_wants {
    std::vector<head_page_wanted> pages;
    std::vector<sequence> heads; // outside of every window, wanted because something waits for them
};

class lane_windows {
  public:
    // Begins from what the journal holds. `taken` are updates that are on their way already (open
    // batches): they are pending, but never offered as ready until they are put back.
    void start(const delivery_state& state, const std::set<sequence>& taken);

    // A committed group, in sequence order. What does not fit is read from the journal later.
    void on_appended(const std::vector<event_head>& heads);
    // There is more, up to this number, than was announced one by one.
    void on_more(sequence last);
    void on_heads(lane in_lane, const head_page& page);
    // The answer to a wanted head; nothing where the journal no longer has it.
    void on_head(sequence number, const event_head* head);

    // What has to be read now. Each is asked for once, until its answer came.
    [[nodiscard]] lane_wants wanted();

    // Became ready since the last call (and still are), in sequence order.
    [[nodiscard]] std::vector<sequence> drain_newly_ready();
    // Ready to be sent, by the lane whose priority they have.
    [[nodiscard]] const std::set<sequence>& ready(lane priority) const {
        return ready_[index_of(priority)];
    }
    // The ones that wait for this one and for nothing that is not in `besides`, in sequence order.
    [[nodiscard]] std::vector<sequence> followers(sequence number,
                                                  const std::set<sequence>& besides) const;
    // A pending update; null where it is not in a window.
    [[nodiscard]] const event_head* find(sequence number) const;
    [[nodiscard]] bool is_ready(sequence number) const;
    [[nodiscard]] bool resolved(const order_link& link) const;
    // Pending: neither settled nor parked.
    [[nodiscard]] bool pending(lane in_lane, sequence number) const;

    // On its way. REQUIRES: find(number).
    void take(sequence number);
    // It did not get there: pending as before, ready once its links are.
    void put_back(sequence number);
    // Settled or parked: it is out of the way of others.
    void finish(lane in_lane, sequence number);
    // While updates of the lane are shed its window goes on past those that wait.
    void widen(lane in_lane, bool wide) { lanes_[index_of(in_lane)].wide = wide; }
    // The marks and low-water marks that follow from what was finished since the last call. They
    // belong into the same request as the settlements, or a later one.
    void collect_ops(std::vector<delivery_op>& ops);
    // A low-water mark has passed marks that the journal still has: collect_ops() would say so.
    [[nodiscard]] bool marks_passed() const;

    [[nodiscard]] sequence low_water(lane in_lane) const { return lanes_[index_of(in_lane)].low; }
    [[nodiscard]] std::size_t pending_in_window(lane in_lane) const {
        return lanes_[index_of(in_lane)].pending.size();
    }
    // Journal time of the lane's oldest pending update; 0 where nothing is pending.
    [[nodiscard]] std::int64_t oldest_pending_us(lane in_lane) const;
    // Of the window, in sequence order. Not for long: finish() changes it.
    [[nodiscard]] const std::set<sequence>& pending_of(lane in_lane) const {
        return lanes_[index_of(in_lane)].pending;
    }
    // Everything that was announced has been looked at.
    [[nodiscard]] bool at_tail(lane in_lane) const { return !lanes_[index_of(in_lane)].behind; }
    // Pending updates that were pulled out of the order of their lane.
    [[nodiscard]] std::size_t outside_windows() const;

  private:
    struct entry {
        event_head head;
        std::size_t unresolved = 0;
        lane priority = lane::telemetry;
        bool taken = false;
    };
    struct lane_state {
        sequence low = k_no_sequence; // everything of the lane up to here is done
        sequence persisted_low = k_no_sequence;
        sequence scanned_to =
            k_no_sequence;              // everything of the lane up to here is in pending or done
        std::set<sequence> pending;     // of the window: <= scanned_to
        std::set<sequence> outside;     // pending and known, but beyond scanned_to
        std::set<sequence> done;        // above low
        std::set<sequence> marked;      // of done: the journal has a mark
        std::vector<sequence> unmarked; // finished since the last collect_ops
        std::map<sequence, std::vector<sequence>> waiters; // for one of this lane, who waits
        bool behind = true;
        bool loading = false;
        bool wide = false;
        sequence announced_then = k_no_sequence; // when the page under way was asked for
    };

    [[nodiscard]] std::size_t room(const lane_state& state) const;
    void push(const event_head& head);
    void add_entry(const event_head& head);
    void raise(sequence number, lane of, lane priority);
    void raise_links(const entry& e);
    void make_ready(sequence number, entry& e);
    void release_waiters(lane_state& state, sequence number);
    void count_links(sequence number, entry& e);
    void advance(lane_state& state);

    std::array<lane_state, k_lane_count> lanes_;
    std::map<sequence, entry> entries_;
    std::array<std::set<sequence>, k_lane_count> ready_;
    std::set<sequence> newly_ready_;
    std::set<sequence> taken_;
    // Heads that stand in the way from outside of their window: wanted, with the lane they are in
    // and the priority they get.
    struct promotion {
        lane of = lane::telemetry;
        lane priority = lane::telemetry;
        bool asked = false;
    };
    std::map<sequence, promotion> promoted_;
    bool promotion_dropped_ = false; // for want of room: looked at again when there is
    sequence announced_ = k_no_sequence;
};

} // namespace wharf
