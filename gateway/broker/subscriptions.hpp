// Which sessions want what is published: a tree of topic filters, by level. Sessions are named by
// numbers that their owner gives out. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::broker {

using session_number = std::uint32_t;

struct subscription_options {
    std::uint8_t qos = 0; // the most that is delivered
    bool no_local = false;
    bool retain_as_published = false;
    std::uint32_t identifier = 0; // 0: none

    bool operator==(const subscription_options&) const = default;
};

// What one session gets of one published message: one copy, however many of its subscriptions fit
// (MQTT 5 section 3.3.4 leaves the choice).
struct match {
    session_number who = 0;
    std::uint8_t qos = 0;             // the highest of them
    bool retain_as_published = false; // one of them asks for it
    std::vector<std::uint32_t> identifiers;
};

class subscriptions {
  public:
    subscriptions();
    ~subscriptions();
    subscriptions(const subscriptions&) = delete;
    subscriptions& operator=(const subscriptions&) = delete;

    // True: it is new; false: it took the place of one with this filter.
    // REQUIRES: the filter is well formed and no shared one.
    bool set(session_number who, std::string_view filter, const subscription_options& how);
    // False: there was none.
    bool erase(session_number who, std::string_view filter);

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t count() const { return count_; }

    // Appends one match for each session that is to get it, in the order of their numbers. `from`:
    // who published it, for No Local.
    void find(std::string_view topic, session_number from, std::vector<match>& out) const;

  private:
    struct entry {
        session_number who;
        subscription_options how;
    };
    struct node;

    node& reach(std::string_view filter);
    static bool prune(node& at, std::string_view rest, bool ended, session_number who,
                      bool& erased);
    static void visit(const node& at, std::string_view rest, bool ended, bool wildcards,
                      session_number from, std::vector<match>& out);
    static void take(const std::vector<entry>& entries, session_number from,
                     std::vector<match>& out);

    std::unique_ptr<node> root_;
    std::size_t count_ = 0;
};

} // namespace wharf::broker
