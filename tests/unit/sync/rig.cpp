#include "tests/unit/sync/rig.hpp"

#include <algorithm>
#include <stdexcept>

namespace wharf::test {

std::vector<sequence> request::numbers() const {
    std::vector<sequence> out;
    for (const auto& item : items)
        out.push_back(item.number);
    return out;
}

item_answer says(wharf::v1::ItemStatus status, std::string code) {
    return {status, std::move(code), ""};
}

connector_answer each(const request& r, wharf::v1::ItemStatus status, std::string code,
                      std::string message) {
    connector_answer out;
    out.how = connector_answer::way::answered;
    out.http_status = 200;
    out.items.assign(r.items.size(), item_answer{status, std::move(code), std::move(message)});
    return out;
}

connector_answer applied(const request& r) {
    return each(r, wharf::v1::ITEM_STATUS_APPLIED);
}

connector_answer http(int status) {
    connector_answer out;
    out.how = connector_answer::way::answered;
    out.http_status = status;
    return out;
}

connector_answer reset() {
    return {};
}

connector_answer refused_connection() {
    connector_answer out;
    out.how = connector_answer::way::not_sent;
    return out;
}

rig::rig(delivery_options given, std::uint64_t seed) : options(std::move(given)), seed_(seed) {
    options.gateway = "WH7";
    restart();
}

void rig::restart() {
    journaling.clear();
    on_the_way.clear();
    rendered.clear();
    machine = std::make_unique<destination_machine>(options, seed_++);
    machine->start(journal.delivery(), now());
    settle();
}

event_head rig::append_silently(lane in_lane, const std::vector<std::uint64_t>& keys) {
    return journal.append(in_lane, keys, now().journal_us);
}

event_head rig::append(lane in_lane, const std::vector<std::uint64_t>& keys) {
    auto head = append_silently(in_lane, keys);
    machine->on_appended({head}, now());
    settle();
    return head;
}

void rig::settle() {
    for (std::size_t rounds = 0;; ++rounds) {
        if (rounds > 100'000) throw std::logic_error("the machine does not come to rest");
        const auto actions = machine->take_actions();
        if (actions.empty()) return;
        for (const auto& what : actions)
            perform(what);
    }
}

std::optional<sequence> rig::first_blocking(std::uint64_t key, parked_page* page) const {
    auto number = journal.first_parked(key, k_no_sequence);
    while (number && !journal.parked(*number)->blocks()) {
        if (page != nullptr) page->loose.emplace_back(*number, *journal.parked(*number));
        number = journal.first_parked(key, *number);
    }
    return number;
}

void rig::perform(const action& what) {
    if (const auto* load = std::get_if<act::load_heads>(&what)) {
        ++pages;
        machine->on_heads(load->in_lane,
                          journal.heads(load->in_lane, load->after, load->heads_max, scan_max),
                          now());
    } else if (const auto* one = std::get_if<act::load_head>(&what)) {
        machine->on_head(one->number, &journal.head(one->number), now());
    } else if (const auto* keys = std::get_if<act::load_parked_keys>(&what)) {
        // As the shell does it: the first that blocks, the ones in front of it apart.
        parked_page page;
        const auto found = journal.parked_keys(keys->from_key_hash, keys->count_max);
        for (const auto& key : found)
            if (const auto first = first_blocking(key.key_hash, &page))
                page.blocking.push_back({key.key_hash, *first});
        if (found.size() == keys->count_max) page.next_from = found.back().key_hash + 1;
        machine->on_parked_keys(page, now());
    } else if (const auto* first = std::get_if<act::load_first_parked>(&what)) {
        machine->on_first_parked(first->key_hash, first_blocking(first->key_hash, nullptr), now());
    } else if (const auto* parked = std::get_if<act::load_parked>(&what)) {
        machine->on_parked(parked->number, journal.parked(parked->number), now());
    } else if (const auto* render = std::get_if<act::render>(&what)) {
        rendered[render->batch] = render->items;
        std::string digest = rendering + std::to_string(render->batch);
        std::vector<event_head> heads;
        for (const auto& item : render->items) {
            digest += "," + std::to_string(item.number) + "-" + std::to_string(item.revision);
            heads.push_back(journal.head(item.number));
        }
        machine->on_rendered(render->batch, digest, 200 * heads.size(), heads, now());
    } else if (const auto* forget = std::get_if<act::forget>(&what)) {
        rendered.erase(forget->batch);
    } else if (const auto* request_op = std::get_if<act::journal>(&what)) {
        journaling.push_back(request_op->request);
    } else if (const auto* send = std::get_if<act::send>(&what)) {
        // Seal before send: durable, with these very items.
        const auto at = journal.open().find(send->batch);
        if (at == journal.open().end()) throw std::logic_error("sent before it was sealed");
        const auto& items = rendered.at(send->batch);
        if (static_cast<std::size_t>(at->second.items_size()) != items.size())
            throw std::logic_error("sent otherwise than sealed");
        for (int i = 0; i < at->second.items_size(); ++i)
            if (at->second.items(i).sequence() != items[static_cast<std::size_t>(i)].number)
                throw std::logic_error("sent otherwise than sealed");
        // One update per key on its way, except in order within one batch.
        for (const auto& other : on_the_way) {
            if (other.asks) continue;
            for (const auto& a : other.items)
                for (const auto& b : items)
                    for (const auto& x : journal.head(a.number).links)
                        for (const auto& y : journal.head(b.number).links)
                            if (x.key_hash == y.key_hash)
                                throw std::logic_error("two batches on their way share a key");
        }
        on_the_way.push_back({send->batch, false, items});
    } else if (const auto* ask = std::get_if<act::ask>(&what)) {
        on_the_way.push_back({ask->batch, true, ask->items});
    } else if (const auto* alarm = std::get_if<act::alarm>(&what)) {
        alarms.push_back(*alarm);
    } else if (const auto* reply = std::get_if<act::reply>(&what)) {
        replies.push_back(*reply);
    } else if (const auto* log = std::get_if<act::log>(&what)) {
        logs.push_back(log->text);
    }
}

bool rig::commit_one() {
    if (journaling.empty()) return false;
    const auto request_now = std::move(journaling.front());
    journaling.pop_front();
    journal.apply(request_now);
    machine->on_journaled(request_now.token, now());
    settle();
    return true;
}

void rig::commit_all() {
    while (commit_one()) {
    }
}

void rig::advance(std::int64_t us) {
    const auto end = now_us + us;
    while (true) {
        const auto wake = machine->next_wake_us();
        if (!wake || *wake > end) break;
        now_us = std::max(now_us, *wake);
        machine->on_tick(now());
        settle();
        commit_all();
    }
    now_us = end;
    machine->on_tick(now());
    settle();
    commit_all();
}

bool rig::until_request(std::int64_t us_max) {
    commit_all();
    const auto end = now_us + us_max;
    while (on_the_way.empty()) {
        const auto wake = machine->next_wake_us();
        if (!wake || *wake > end) return false;
        now_us = std::max(now_us, *wake);
        machine->on_tick(now());
        settle();
        commit_all();
    }
    return true;
}

void rig::answer(const request& which, const connector_answer& what) {
    const auto at = std::ranges::find(on_the_way, which.batch, &request::batch);
    if (at == on_the_way.end()) throw std::logic_error("not on its way");
    on_the_way.erase(at);
    machine->on_answer(which.batch, what, now());
    settle();
}

request rig::answer(const std::function<connector_answer(const request&)>& erp) {
    if (!until_request(600'000'000)) throw std::logic_error("nothing is on its way");
    const auto first = on_the_way.front();
    answer(first, erp(first));
    commit_all();
    return first;
}

request rig::answer_all_applied() {
    return answer([](const request& r) { return applied(r); });
}

std::vector<request> rig::run(const std::function<connector_answer(const request&)>& erp,
                              std::int64_t us) {
    std::vector<request> out;
    const auto end = now_us + us;
    while (now_us < end && until_request(end - now_us)) {
        const auto first = on_the_way.front();
        out.push_back(first);
        answer(first, erp(first));
        commit_all();
        if (out.size() > 200'000) throw std::logic_error("too many requests");
    }
    now_us = std::max(now_us, end);
    machine->on_tick(now());
    settle();
    commit_all();
    return out;
}

bool rig::alarmed(const std::string& code) const {
    bool raised = false;
    for (const auto& alarm : alarms)
        if (alarm.code == code) raised = alarm.raised;
    return raised;
}

} // namespace wharf::test
