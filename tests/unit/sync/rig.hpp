// Drives a destination machine in virtual time against the journal model and an ERP that the test
// plays. Loads and renders are answered at once; what the journal commits and when the ERP answers
// is up to the test.
#pragma once

#include "sync/delivery/machine.hpp"
#include "tests/unit/sync/journal_model.hpp"

#include <deque>
#include <functional>
#include <memory>

namespace wharf::test {

struct request {
    batch_number batch = 0;
    bool asks = false;
    std::vector<batch_item> items;
    std::vector<sequence> numbers() const;
};

// Shortcuts to answers.
connector_answer applied(const request& r);
connector_answer each(const request& r, wharf::v1::ItemStatus status, std::string code = "",
                      std::string message = "");
connector_answer http(int status);
connector_answer reset();
connector_answer refused_connection();
item_answer says(wharf::v1::ItemStatus status, std::string code = "");

class rig {
  public:
    explicit rig(delivery_options options = {}, std::uint64_t seed = 1);

    // A new machine over what is committed; what is not is lost.
    void restart();
    event_head append(lane in_lane, const std::vector<std::uint64_t>& keys);
    // Without an announcement: for the journal's pages.
    event_head append_silently(lane in_lane, const std::vector<std::uint64_t>& keys);

    // Performs actions until only commits, answers and time are left.
    void settle();
    bool commit_one(); // the oldest request with the journal becomes durable
    void commit_all();
    void advance(std::int64_t us);
    // Commits and lets time pass up to this much, until a request is on its way.
    bool until_request(std::int64_t us_max = 10'000'000);
    // Answers the oldest request on its way, and commits what follows.
    request answer(const std::function<connector_answer(const request&)>& erp);
    request answer_all_applied();
    void answer(const request& which, const connector_answer& what);
    // Lets this ERP answer everything until nothing happens before the time has passed. Returns
    // what was asked or sent.
    std::vector<request> run(const std::function<connector_answer(const request&)>& erp,
                             std::int64_t us = 600'000'000);

    instant now() const { return {now_us, k_journal_start + now_us}; }
    bool alarmed(const std::string& code) const;

    static constexpr std::int64_t k_journal_start = 1'700'000'000'000'000;
    delivery_options options;
    journal_model journal;
    std::unique_ptr<destination_machine> machine;
    std::deque<delivery_request> journaling;
    std::deque<request> on_the_way;
    std::map<batch_number, std::vector<batch_item>> rendered;
    std::vector<act::alarm> alarms;
    std::vector<act::reply> replies;
    std::vector<std::string> logs;
    std::string rendering = "v1"; // another one gives other bytes
    std::size_t pages = 0;
    std::size_t scan_max = 4096;
    std::int64_t now_us = 1'000'000;
    // The machine's rules that every test holds: see perform().
    void perform(const action& what);

  private:
    std::optional<sequence> first_blocking(std::uint64_t key, parked_page* page) const;
    std::uint64_t seed_;
};

} // namespace wharf::test
