#include "gateway/broker/subscriptions.hpp"

#include "gateway/base/topic_filter.hpp"

#include <algorithm>

namespace wharf::broker {

// What is subscribed to at this place, and what is below it.
struct subscriptions::node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> levels; // "+" is one of them
    std::vector<entry> here;
    std::vector<entry> below; // by "#": here and everything below

    [[nodiscard]] bool empty() const { return levels.empty() && here.empty() && below.empty(); }
};

subscriptions::subscriptions() : root_(std::make_unique<node>()) {}
subscriptions::~subscriptions() = default;

// The place of a filter without its last "#".
subscriptions::node& subscriptions::reach(std::string_view filter) {
    node* at = root_.get();
    for (bool ended = false; !ended && filter != "#";) {
        const auto [level, rest, last] = split_topic(filter);
        auto found = at->levels.find(level);
        if (found == at->levels.end())
            found = at->levels.emplace(std::string(level), std::make_unique<node>()).first;
        at = found->second.get();
        filter = rest;
        ended = last;
    }
    return *at;
}

bool subscriptions::set(session_number who, std::string_view filter,
                        const subscription_options& how) {
    node& at = reach(filter);
    auto& entries = filter == "#" || filter.ends_with("/#") ? at.below : at.here;
    const auto place = std::ranges::lower_bound(entries, who, {}, &entry::who);
    if (place != entries.end() && place->who == who) {
        place->how = how;
        return false;
    }
    entries.insert(place, {who, how});
    ++count_;
    return true;
}

bool subscriptions::erase(session_number who, std::string_view filter) {
    bool erased = false;
    prune(*root_, filter, false, who, erased);
    if (erased) --count_;
    return erased;
}

// Takes it out below this node; true: nothing is left there.
bool subscriptions::prune(node& at, std::string_view rest, bool ended, session_number who,
                          bool& erased) {
    if (ended || rest == "#") {
        auto& entries = ended ? at.here : at.below;
        const auto place = std::ranges::lower_bound(entries, who, {}, &entry::who);
        if (place != entries.end() && place->who == who) {
            entries.erase(place);
            erased = true;
        }
        return at.empty();
    }
    const auto [level, further, last] = split_topic(rest);
    const auto found = at.levels.find(level);
    if (found == at.levels.end()) return false;
    if (prune(*found->second, further, last, who, erased)) at.levels.erase(found);
    return at.empty();
}

void subscriptions::find(std::string_view topic, session_number from,
                         std::vector<match>& out) const {
    const auto begin = static_cast<std::ptrdiff_t>(out.size());
    visit(*root_, topic, false, !topic.starts_with('$'), from, out);
    // One for each session.
    std::ranges::stable_sort(out.begin() + begin, out.end(), {}, &match::who);
    auto last = out.begin() + begin;
    for (auto each = last; each != out.end(); ++each) {
        if (each == last) continue;
        if (each->who != last->who) {
            if (++last != each) *last = std::move(*each);
            continue;
        }
        last->qos = std::max(last->qos, each->qos);
        last->retain_as_published = last->retain_as_published || each->retain_as_published;
        last->identifiers.insert(last->identifiers.end(), each->identifiers.begin(),
                                 each->identifiers.end());
    }
    if (last != out.end()) out.erase(last + 1, out.end());
}

// Wildcards stand for no first level that begins with "$" [MQTT-4.7.2-1].
void subscriptions::visit(const node& at, std::string_view rest, bool ended, bool wildcards,
                          session_number from, std::vector<match>& out) {
    if (wildcards) take(at.below, from, out);
    if (ended) return take(at.here, from, out);
    const auto [level, further, last] = split_topic(rest);
    if (const auto found = at.levels.find(level); found != at.levels.end() && level != "+")
        visit(*found->second, further, last, true, from, out);
    if (!wildcards) return;
    if (const auto any = at.levels.find("+"); any != at.levels.end())
        visit(*any->second, further, last, true, from, out);
}

void subscriptions::take(const std::vector<entry>& entries, session_number from,
                         std::vector<match>& out) {
    for (const entry& each : entries) {
        if (each.how.no_local && each.who == from) continue;
        match& one = out.emplace_back();
        one.who = each.who;
        one.qos = each.how.qos;
        one.retain_as_published = each.how.retain_as_published;
        if (each.how.identifier != 0) one.identifiers.push_back(each.how.identifier);
    }
}

} // namespace wharf::broker
