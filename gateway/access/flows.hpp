// How much may come: messages and bytes per second, of one address and of one identity, with a
// burst. Who is above it is not read for a while, which TCP tells the sender; nothing is lost and
// nobody else waits. The network thread; times are microseconds of any clock that never goes back.
#pragma once

#include "gateway/access/recent_table.hpp"
#include "gateway/access/token_bucket.hpp"

#include <memory>
#include <string_view>

namespace wharf::access {

struct flow_limits {
    rate messages;
    rate bytes;

    [[nodiscard]] bool bounded() const { return messages.per_s != 0 || bytes.per_s != 0; }
    bool operator==(const flow_limits&) const = default;
};

// What one address or identity may send, over all its connections.
class flow {
  public:
    flow(const flow_limits& with, std::int64_t now_us)
        : limits_(with), messages_(with.messages, now_us), bytes_(with.bytes, now_us) {}

    void spend(std::uint64_t messages, std::uint64_t bytes, std::int64_t now_us) {
        messages_.spend(messages, now_us);
        bytes_.spend(bytes, now_us);
    }
    // False: it has had more than its share; ask again later.
    [[nodiscard]] bool may_read(std::int64_t now_us) {
        const bool messages = messages_.in_debt(now_us);
        const bool bytes = bytes_.in_debt(now_us);
        return !messages && !bytes;
    }
    [[nodiscard]] const flow_limits& limits() const { return limits_; }

  private:
    flow_limits limits_;
    token_bucket messages_;
    token_bucket bytes_;
};

class flows {
  public:
    flows() : known_(limits::k_watched_max) {}

    // The one of this subject: connections share it, and who comes back finds it as it was. Nothing
    // where there is no bound.
    [[nodiscard]] std::shared_ptr<flow> of(std::string_view subject, const flow_limits& with,
                                           std::int64_t now_us) {
        if (!with.bounded()) return nullptr;
        auto& known = known_.get(subject, nullptr);
        if (known == nullptr || known->limits() != with)
            known = std::make_shared<flow>(with, now_us);
        return known;
    }
    [[nodiscard]] std::size_t size() const { return known_.size(); }

  private:
    recent_table<std::shared_ptr<flow>> known_;
};

} // namespace wharf::access
