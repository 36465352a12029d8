#include "tests/sim/runner.hpp"

#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {
constexpr std::size_t k_loose_max = 4096;
constexpr std::int64_t k_request_us = 300; // on the way to the ERP
} // namespace

sim_runner::sim_runner(world& in, process& of, const plan& with, delivery_options options,
                       http_connector connector, store& from, sim_disk& disk, model_erp& erp,
                       std::function<void(journal_request)> submit, std::function<void()> changed)
    : world_(in), process_(of), plan_(with), store_(from), disk_(disk),
      random_(in.random(80).split(of.life() * 8 + options.destination)),
      machine_(std::move(options), random_.next()), connector_(std::move(connector)), view_(from),
      erp_(erp), submit_(std::move(submit)), changed_(std::move(changed)) {}

instant sim_runner::now() {
    const auto monotonic_us = process_.monotonic_us();
    if (latest_us_ != 0) latest_us_ += monotonic_us - latest_monotonic_us_;
    latest_monotonic_us_ = monotonic_us;
    latest_us_ = std::max(latest_us_, process_.wall_us());
    return {monotonic_us, latest_us_};
}

bool sim_runner::start() {
    const auto state = view_.delivery(number());
    if (!state.ok()) {
        if (state.failure().code == errc::corrupt)
            violated("journal", "delivery state: " + state.failure().message);
        return false;
    }
    machine_.start(*state, now());
    drain();
    return true;
}

void sim_runner::on_appended(const std::vector<event_head>& heads) {
    machine_.on_appended(heads, now());
    drain();
}

void sim_runner::on_more(sequence last) {
    machine_.on_more(last, now());
    drain();
}

void sim_runner::on_journaled(std::uint64_t token) {
    machine_.on_journaled(token, now());
    drain();
}

void sim_runner::on_space(bool full) {
    machine_.on_space(full, now());
    drain();
}

void sim_runner::on_tick() {
    machine_.on_tick(now());
    drain();
}

void sim_runner::retry_dead(sequence number, command_reply done) {
    const auto id = next_command_++;
    replies_.emplace(id, std::move(done));
    machine_.retry_dead(id, number, now());
    drain();
}

void sim_runner::discard_dead(sequence number, command_reply done) {
    const auto id = next_command_++;
    replies_.emplace(id, std::move(done));
    machine_.discard_dead(id, number, "it will not be applied", now());
    drain();
}

void sim_runner::pause() {
    machine_.pause(now());
    drain();
}

void sim_runner::resume() {
    machine_.resume(now());
    draining_ = true;
    for (auto& load : std::exchange(failed_loads_, {}))
        std::visit([&](auto& one) { perform(one); }, load);
    draining_ = false;
    drain();
}

void sim_runner::drain() {
    if (draining_) return;
    draining_ = true;
    for (auto actions = machine_.take_actions(); !actions.empty();
         actions = machine_.take_actions())
        for (auto& what : actions)
            std::visit([&](auto& one) { perform(one); }, what);
    draining_ = false;
    changed_();
}

void sim_runner::failed(action load, const error& why) {
    if (why.code == errc::corrupt) violated("journal", "delivery reads: " + why.message);
    failed_loads_.push_back(std::move(load));
    machine_.on_failure("the journal cannot be read: " + why.message, now());
}

// Between two steps of delivery, too, the process may die.
void sim_runner::maybe_die() {
    if (healed_ || !random_.chance(plan_.machine.kill_at_delivery)) return;
    world_.fired(fault::killed_while_delivering);
    throw process_death{random_.chance(5000) ? death::killed : death::power_cut};
}

// --- reading the journal
// --------------------------------------------------------------------------

void sim_runner::perform(const act::load_heads& what) {
    process_.post(0, [this, what] {
        if (abandoned_) return;
        if (!healed_ && random_.chance(plan_.machine.read_fails)) {
            world_.fired(fault::read_failed);
            disk_.tree.fail_next_read();
        }
        auto page = view_.heads(what.in_lane, what.after, what.heads_max, limits::k_head_scan_max);
        if (page.ok())
            machine_.on_heads(what.in_lane, *page, now());
        else
            failed(what, page.failure());
        drain();
    });
}

void sim_runner::perform(const act::load_head& what) {
    auto head = view_.head(what.number);
    if (!head.ok() && head.failure().code != errc::not_found) return failed(what, head.failure());
    machine_.on_head(what.number, head.ok() ? &head.value() : nullptr, now());
}

result<std::optional<sequence>> sim_runner::first_blocking(std::uint64_t key, sequence from,
                                                           parked_page* page) const {
    auto number = std::optional<sequence>(from);
    if (from == k_no_sequence) {
        WHARF_TRY_ASSIGN(number, view_.first_parked(this->number(), key));
    }
    while (number) {
        WHARF_TRY_ASSIGN(auto content, view_.parked(this->number(), *number));
        if (content && content->blocks()) break;
        if (content && page != nullptr && page->loose.size() < k_loose_max)
            page->loose.emplace_back(*number, std::move(*content));
        WHARF_TRY_ASSIGN(number, view_.first_parked(this->number(), key, *number));
    }
    return number;
}

void sim_runner::perform(const act::load_parked_keys& what) {
    auto found = view_.parked_keys(number(), what.from_key_hash, what.count_max);
    if (!found.ok()) return failed(what, found.failure());
    parked_page page;
    for (const auto& key : *found) {
        auto first = first_blocking(key.key_hash, key.first, &page);
        if (!first.ok()) return failed(what, first.failure());
        if (*first) page.blocking.push_back({key.key_hash, **first});
    }
    if (found->size() == what.count_max && found->back().key_hash != UINT64_MAX)
        page.next_from = found->back().key_hash + 1;
    machine_.on_parked_keys(page, now());
}

void sim_runner::perform(const act::load_first_parked& what) {
    auto first = first_blocking(what.key_hash, k_no_sequence, nullptr);
    if (!first.ok()) return failed(what, first.failure());
    machine_.on_first_parked(what.key_hash, *first, now());
}

void sim_runner::perform(const act::load_parked& what) {
    auto content = view_.parked(number(), what.number);
    if (!content.ok()) return failed(what, content.failure());
    const auto& found = content.value();
    machine_.on_parked(what.number, found ? &*found : nullptr, now());
}

// --- batches
// --------------------------------------------------------------------------------------

void sim_runner::perform(const act::render& what) {
    std::vector<sequence> numbers;
    for (const auto& item : what.items)
        numbers.push_back(item.number);
    auto records = view_.events(numbers);
    if (!records.ok()) {
        if (records.failure().code != errc::io)
            violated("journal", "a batch cannot be made: " + records.failure().message);
        return machine_.on_render_failed(what.batch, records.failure().message, now());
    }
    auto request = connector_.render(what.batch, what.items, std::move(*records), what.in_order);
    if (!request.ok()) violated("journal", "a batch cannot be made: " + request.failure().message);
    const auto digest = hash128(request->body);
    const auto bytes = request->body.size();
    std::vector<event_head> heads;
    for (auto& record : *records)
        heads.push_back(std::move(record.head));
    rendered_[what.batch] = {what.items, std::move(*request)};
    machine_.on_rendered(what.batch, std::string(digest.data(), digest.size()), bytes, heads,
                         now());
}

void sim_runner::perform(const act::forget& what) {
    rendered_.erase(what.batch);
}

void sim_runner::perform(act::journal& what) {
    submit_(journal_request{std::move(what.request)});
}

void sim_runner::perform(const act::send& what) {
    maybe_die();
    const auto& batch = rendered_.at(what.batch);
    check_sealed(what.batch, batch.items);
    world_.note("send", number(), what.batch, batch.items.size());
    transmit(what.batch, batch.request, batch.items, false);
    maybe_die();
}

// What leaves is what the journal says would leave.
void sim_runner::check_sealed(batch_number batch, const std::vector<batch_item>& items) const {
    auto reader = store_.begin_read();
    WHARF_ASSERT(reader.ok());
    const auto key = format::batch_key(number(), batch);
    const auto value = (*reader)->get(key);
    wharf::v1::SealedBatch sealed;
    if (!value.ok() || !value->has_value() || !format::unseal(key, **value, sealed).ok())
        violated("sealed before sent", "batch " + std::to_string(batch) + " is not sealed");
    const bool same = std::ranges::equal(
        sealed.items(), items, [](const wharf::v1::SealedItem& a, const batch_item& b) {
            return a.sequence() == b.number && a.revision() == b.revision;
        });
    if (!same) violated("sealed before sent", "batch " + std::to_string(batch) + " is another");
}

void sim_runner::perform(const act::ask& what) {
    maybe_die();
    world_.note("ask", number(), what.batch, what.items.size());
    transmit(what.batch, connector_.render_ask(what.items), what.items, true);
}

// What was sent arrives, whatever becomes of the sender.
void sim_runner::transmit(batch_number batch, const http_request& request,
                          std::vector<batch_item> items, bool asked) {
    struct exchange {
        bool over = false;
    };
    const auto one = std::make_shared<exchange>();
    const auto life = process_.life();
    const auto end = [this, of = &process_, one, batch, items = std::move(items), asked,
                      life](connector_answer::way how, const http_response& response) {
        if (life != of->life() || std::exchange(one->over, true)) return;
        of->run([&] {
            if (abandoned_) return;
            maybe_die();
            answered(batch, items, asked, how, response);
        });
    };
    world_.after(k_request_us + random_.between(0, 2000), [erp = &erp_, &in = world_, request,
                                                           end] {
        erp->receive(request, [&in, end](model_erp::transport how, const http_response& response) {
            const auto way = how == model_erp::transport::answered ? connector_answer::way::answered
                             : how == model_erp::transport::refused
                                 ? connector_answer::way::not_sent
                                 : connector_answer::way::unknown;
            in.after(k_request_us, [end, way, response] { end(way, response); });
        });
    });
    process_.post(erp_.plan().timeout_us,
                  [end] { end(connector_answer::way::unknown, http_response{}); });
}

void sim_runner::answered(batch_number batch, const std::vector<batch_item>& items, bool asked,
                          connector_answer::way how, const http_response& response) {
    connector_answer answer;
    if (how == connector_answer::way::answered) {
        answer = connector_.parse(response, items, asked, process_.wall_us());
    } else {
        answer.how = how;
        answer.words = how == connector_answer::way::unknown ? "no answer" : "refused";
    }
    world_.note("answer", number(), batch, static_cast<std::uint64_t>(answer.http_status));
    machine_.on_answer(batch, answer, now());
    drain();
}

// --- words for people
// -----------------------------------------------------------------------------

void sim_runner::perform(const act::alarm& what) {
    world_.note(what.raised ? "alarm" : "alarm over", number(), what.code.size());
}

void sim_runner::perform(const act::log&) {}

void sim_runner::perform(const act::reply& what) {
    auto node = replies_.extract(what.command);
    if (!node.empty() && node.mapped()) node.mapped()(what.failure);
}

} // namespace wharf::sim
