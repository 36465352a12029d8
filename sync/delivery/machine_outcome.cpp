// What an answer does to a batch: the actions behind the verdicts of answers.hpp.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "sync/delivery/text.hpp"

#include <algorithm>

namespace wharf {

namespace {

std::string words_of(const connector_answer& answer) {
    if (!answer.words.empty()) return answer.words;
    if (answer.how == connector_answer::way::answered)
        return "HTTP " + std::to_string(answer.http_status);
    return answer.how == connector_answer::way::not_sent ? "the ERP cannot be reached"
                                                         : "no answer";
}

std::vector<std::vector<std::size_t>> halves(std::size_t count) {
    std::vector<std::vector<std::size_t>> out(2);
    for (std::size_t i = 0; i < count; ++i)
        out[i < count / 2 ? 0 : 1].push_back(i);
    return out;
}

std::vector<std::vector<std::size_t>> singles(std::size_t count) {
    std::vector<std::vector<std::size_t>> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back({i});
    return out;
}

} // namespace

void destination_machine::on_answer(batch_number batch, const connector_answer& answer,
                                    instant at) {
    auto& b = batches_.at(batch);
    const bool asked = b.now == open_batch::stage::asking;
    WHARF_ASSERT(asked || b.now == open_batch::stage::sending);
    b.now = open_batch::stage::sealed;
    if (!asked) b.last_sent_us = at.now_us;
    if (options_.notes && !asked && answer.how == connector_answer::way::answered)
        notes_.push_back(
            {delivery_note::what::answered, b.priority, at.now_us - b.sending_us, 0, 1});
    const auto verdict = classify_request(answer);
    if (verdict == request_verdict::fenced) {
        on_fenced(b, answer, asked, at);
    } else if (verdict == request_verdict::per_item) {
        on_items(b, answer, asked, at);
    } else {
        b.words = last_error_ = words_of(answer);
        if (!asked) {
            on_request_verdict(b, answer, at);
        } else if (verdict == request_verdict::too_large && b.items.size() > 1) {
            divide(b, std::vector<item_fate>(b.items.size()), halves(b.items.size()), at);
        } else if (verdict == request_verdict::stop_credentials ||
                   verdict == request_verdict::stop || verdict == request_verdict::forbidden ||
                   verdict == request_verdict::refused || verdict == request_verdict::too_large) {
            stop("the ERP does not answer what it holds: " + b.words);
            again(b, answer.retry_after_us, at);
        } else {
            unlucky(b, at, verdict == request_verdict::not_sent);
            if (verdict == request_verdict::not_sent)
                again(b, answer.retry_after_us, at);
            else
                on_ask_failed(b, answer, at);
        }
    }
    pump(at);
}

void destination_machine::on_request_verdict(open_batch& b, const connector_answer& answer,
                                             instant at) {
    const auto verdict = classify_request(answer);
    const bool certain =
        verdict != request_verdict::unknown && verdict != request_verdict::failed &&
        verdict != request_verdict::overloaded && verdict != request_verdict::retry;
    if (certain) {
        // Nothing took effect by this attempt.
        b.maybe_sent = b.maybe_before;
        if (!b.maybe_sent) b.first_sent_at_us = 0;
    }
    switch (verdict) {
    case request_verdict::retry:
        // It is about something in this batch: found by halving, as a poison update is.
        return on_put_off(b, answer,
                          b.items.size() > 1 ? options_.halve_after : options_.aside_after, at);
    case request_verdict::overloaded:
        if (answer.retry_after_us)
            hold_until_us_ = std::max(
                hold_until_us_, at.now_us + std::clamp<std::int64_t>(*answer.retry_after_us, 0,
                                                                     options_.retry_after_max_us));
        unlucky(b, at);
        return on_put_off(b, answer, options_.aside_after, at);
    case request_verdict::not_sent:
        unlucky(b, at, true);
        return again(b, answer.retry_after_us, at);
    case request_verdict::unknown:
    case request_verdict::failed:
        return on_failed(b, answer, at);
    case request_verdict::too_large:
        if (b.items.size() > 1)
            return divide(b, std::vector<item_fate>(b.items.size()), halves(b.items.size()), at);
        return resolve(b.number,
                       {{item_fate::what::dead, "too_large",
                         "the ERP says that this update alone is too large: " + b.words, 0}},
                       at);
    case request_verdict::forbidden:
        return on_forbidden(b, answer, at);
    case request_verdict::refused: {
        if (b.items.size() > 1)
            return divide(b, std::vector<item_fate>(b.items.size()), singles(b.items.size()), at);
        lucky();
        item_answer as_item{wharf::v1::ITEM_STATUS_REFUSED, answer.code, b.words};
        return resolve(b.number, {fate_of(b, b.items[0], as_item, true)}, at);
    }
    case request_verdict::stop_credentials:
        stop("the ERP refuses the credentials: " + b.words);
        return again(b, answer.retry_after_us, at);
    default:
        stop("the ERP answers what is not in the contract: " + b.words);
        return again(b, answer.retry_after_us, at);
    }
}

// Nothing took effect by this attempt, and nothing of ours ever will: whoever took over goes on
// with everything that is in the journal up to its export. Durable, so that no restart tries again.
void destination_machine::on_fenced(open_batch& b, const connector_answer& answer, bool asked,
                                    instant at) {
    b.words = words_of(answer);
    if (!asked) {
        b.maybe_sent = b.maybe_before;
        if (!b.maybe_sent) b.first_sent_at_us = 0;
    }
    again(b, answer.retry_after_us, at);
    if (!options_.fenced.empty()) return;
    const std::string why = "another gateway has taken over this one's journal: " + b.words;
    draft d;
    d.request.urgent = true;
    d.request.ops.emplace_back(
        fence_gateway{presentable(why, limits::k_dead_message_bytes_max), at.journal_us});
    submit(d);
    fence(why, at);
    alarm(k_alarm_fenced, why);
}

// One document may be forbidden, or all are: then it is the credentials, and nothing is dead. A
// success of another since the first refusal tells, and so does trying again where there is no
// other.
void destination_machine::on_forbidden(open_batch& b, const connector_answer& answer, instant at) {
    if (b.items.size() > 1)
        return divide(b, std::vector<item_fate>(b.items.size()), singles(b.items.size()), at);
    if (b.forbidden++ == 0) b.forbidden_serial = successes_;
    forbidden_batches_.insert(b.number); // until a success, also after its dead letter
    if (forbidden_batches_.size() >= options_.forbidden_stop) {
        stop("the ERP forbids everything, as if the credentials were refused: " + b.words);
        return again(b, answer.retry_after_us, at);
    }
    if (successes_ == b.forbidden_serial && b.forbidden < options_.forbidden_stop)
        return again(b, answer.retry_after_us, at);
    resolve(b.number,
            {{item_fate::what::dead, answer.code.empty() ? "forbidden" : answer.code, b.words, 0}},
            at);
}

// 500, a time-out, an unreadable answer: the outcome is unknown. Where one of several items is to
// blame, halving finds it; an ERP that fails for everything is only asked less and less often.
void destination_machine::on_failed(open_batch& b, const connector_answer& answer, instant at) {
    if (WHARF_MUTANT(unknown_outcome_settled))
        return resolve(
            b.number, std::vector<item_fate>(b.items.size(), {item_fate::what::applied, "", "", 0}),
            at);
    unlucky(b, at);
    ++b.failed;
    if (b.items.size() == 1) {
        auto fate = fate_of_unknown(b.items[0], b.words);
        if (fate.becomes == item_fate::what::dead) return resolve(b.number, {fate}, at);
    } else if (b.failed >= options_.halve_after) {
        return divide(b, std::vector<item_fate>(b.items.size()), halves(b.items.size()), at);
    }
    again(b, answer.retry_after_us, at);
}

// Counted only where others went through since the last count: an ERP that is away or overloaded
// puts off everything. One that holds up others of its own batch counts by itself.
bool destination_machine::put_off_too_often(open_batch& b, std::uint32_t times_max, bool held_up) {
    if (b.put_off_serial != successes_ || held_up) {
        b.put_off_serial = successes_;
        ++b.put_off;
    }
    return b.put_off >= times_max;
}

// "Not now" for the whole request. One update alone that hears it again and again leaves its lane
// to the others. What became of it is not known for certain, and the record says so: where its key
// may be forgotten, it is asked for first.
void destination_machine::on_put_off(open_batch& b, const connector_answer& answer,
                                     std::uint32_t times_max, instant at, bool held_up) {
    again(b, answer.retry_after_us, at);
    if (!put_off_too_often(b, times_max, held_up)) return;
    if (b.items.size() > 1)
        return divide(b, std::vector<item_fate>(b.items.size()), halves(b.items.size()), at);
    const auto& e = b.items[0];
    if (e.parked && e.unknown_on_record) {
        // Its record says all there is: it only makes room for other batches meanwhile.
        troubles_[e.item.number].not_held = false;
        return resolve(b.number, {{item_fate::what::back, "", "", b.next_at_us - at.now_us}}, at);
    }
    if (full_) return; // nothing more can be blocked
    resolve(b.number, {{item_fate::what::aside, k_code_outcome_unknown, b.words, 0}}, at);
}

// The ERP does not say what it holds while it works for others. One update alone is then a matter
// for a person.
void destination_machine::on_ask_failed(open_batch& b, const connector_answer& answer, instant at) {
    again(b, answer.retry_after_us, at);
    if (!put_off_too_often(b, options_.aside_after)) return;
    if (b.items.size() > 1)
        return divide(b, std::vector<item_fate>(b.items.size()), halves(b.items.size()), at);
    resolve(b.number,
            {{item_fate::what::dead, k_code_outcome_unknown,
              "it was sent, its outcome is unknown, and the ERP, asked " +
                  std::to_string(b.put_off) + " times while others went through, does not tell" +
                  (b.words.empty() ? std::string() : ": " + b.words),
              0}},
            at);
}

void destination_machine::on_items(open_batch& b, const connector_answer& answer, bool asked,
                                   instant at) {
    std::vector<item_answer> answers = answer.items;
    answers.resize(b.items.size());
    if (WHARF_MUTANT(neighbours_answer)) std::ranges::rotate(answers, answers.begin() + 1);
    // "Not held" answers a question, nothing else.
    for (auto& item : answers)
        if (!asked && item.status == wharf::v1::ITEM_STATUS_NOT_HELD)
            item.status = wharf::v1::ITEM_STATUS_UNSPECIFIED;
    bool decided = false; // the ERP works: it took something, or said why not
    bool moved = false;   // something is different from before
    bool known = false;
    for (const auto& item : answers) {
        const auto verdict = classify_item(item.status);
        decided = decided || verdict == item_verdict::applied || verdict == item_verdict::refused ||
                  verdict == item_verdict::dead;
        moved = moved || decided || verdict == item_verdict::not_held;
        known = known || verdict != item_verdict::unknown;
    }
    if (decided) {
        lucky();
        b.failures = 0; // what stays of it waits as after a first failure
    }
    if (!known && !asked) {
        // Errors item by item tell which ones; an answer that says nothing does not.
        b.words = last_error_ =
            answer.words.empty() ? "the answer does not say what became of it" : answer.words;
        const bool says_error = std::ranges::any_of(answers, [](const item_answer& item) {
            return item.status == wharf::v1::ITEM_STATUS_ERROR;
        });
        if (!says_error) return on_failed(b, answer, at);
    }
    std::vector<item_fate> fates;
    bool under_way = false;
    bool held_up = false;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const auto verdict = classify_item(answers[i].status);
        if (!answers[i].message.empty() && verdict != item_verdict::applied)
            b.words = last_error_ = answers[i].message;
        item_fate fate; // unknown: where it was asked for, it is asked for again
        if (!asked || (verdict != item_verdict::later && verdict != item_verdict::unattempted &&
                       verdict != item_verdict::unknown))
            fate = fate_of(b, b.items[i], answers[i], moved);
        if (!asked && fate.becomes == item_fate::what::back && answer.retry_after_us)
            fate.delay_us =
                std::max(fate.delay_us, std::clamp<std::int64_t>(*answer.retry_after_us, 0,
                                                                 options_.retry_after_max_us));
        // What was not attempted behind one that may be under way may be so by the same attempt.
        if (verdict == item_verdict::unattempted && under_way) {
            fate.becomes = item_fate::what::unknown;
            held_up = true;
        }
        under_way = under_way || fate.becomes == item_fate::what::unknown;
        fates.push_back(std::move(fate));
    }
    if (std::ranges::all_of(fates, [](const item_fate& fate) {
            return fate.becomes == item_fate::what::unknown;
        })) {
        if (asked) return on_ask_failed(b, answer, at);
        if (known)
            return on_put_off(b, answer,
                              b.items.size() > 1 ? options_.halve_after : options_.aside_after, at,
                              held_up);
        unlucky(b, at);
        return again(b, answer.retry_after_us, at);
    }
    resolve(b.number, std::move(fates), at);
}

item_fate destination_machine::fate_of(open_batch& b, const batch_entry& e,
                                       const item_answer& answer, bool moved) {
    using what = item_fate::what;
    item_fate fate;
    fate.code = answer.code.empty() ? default_code(answer.status) : answer.code;
    fate.message = answer.message;
    auto& t = troubles_[e.item.number];
    switch (classify_item(answer.status)) {
    case item_verdict::applied:
        fate.becomes = what::applied;
        break;
    case item_verdict::refused:
        fate.becomes = fate.code == k_code_insufficient_stock && waits_for_dead(e) ? what::waiting
                                                                                   : what::dead;
        break;
    case item_verdict::dead:
        fate.becomes = what::dead;
        break;
    case item_verdict::not_held:
        t.not_held = true;
        fate.becomes = what::back;
        break;
    case item_verdict::unattempted:
        if (b.maybe_before) break; // it may yet take effect by an attempt before
        fate.becomes = what::back;
        if (moved) break;
        fate.delay_us =
            backoff_us(random_, options_.retry_base_us, options_.retry_cap_us, ++t.later);
        break;
    case item_verdict::later:
        ++t.later;
        ++retries_;
        // It may yet take effect, now or by an attempt before: in its lane it would be one that was
        // never sent, which may be shed, and whose key is as young as its next batch.
        if ((answer.status == wharf::v1::ITEM_STATUS_IN_PROGRESS || b.maybe_before) &&
            !WHARF_MUTANT(shed_while_in_progress))
            break;
        fate.becomes =
            !e.parked && t.later >= options_.aside_after && !full_ ? what::aside : what::back;
        fate.delay_us = backoff_us(random_, options_.retry_base_us, options_.retry_cap_us, t.later);
        break;
    case item_verdict::unknown:
        fate = fate_of_unknown(e, b.words);
        break;
    }
    return fate;
}

// Counted only where the ERP did something right since the last count: what fails while everything
// fails is not to blame.
item_fate destination_machine::fate_of_unknown(const batch_entry& e, const std::string& words) {
    auto& t = troubles_[e.item.number];
    item_fate fate;
    if (t.serial != successes_) {
        t.serial = successes_;
        ++t.unknown;
    }
    if (t.unknown < options_.poison_attempts) return fate;
    fate.becomes = item_fate::what::dead;
    fate.code = k_code_outcome_unknown;
    fate.message = "the ERP failed " + std::to_string(t.unknown) +
                   " times on this update while others went through; whether it took effect is "
                   "unknown" +
                   (words.empty() ? std::string() : ": " + words);
    return fate;
}

void destination_machine::again(open_batch& b, std::optional<std::int64_t> retry_after_us,
                                instant at) {
    ++b.failures;
    auto wait = backoff_us(random_, options_.retry_base_us, options_.retry_cap_us, b.failures);
    if (retry_after_us)
        wait = std::max(wait,
                        std::clamp<std::int64_t>(*retry_after_us, 0, options_.retry_after_max_us));
    b.next_at_us = at.now_us + wait;
}

// An ERP that cannot be reached fails for every key, however few wait.
void destination_machine::unlucky(open_batch& b, instant at, bool unreachable) {
    const auto before = circuit_.open_until_us();
    circuit_.on_failure(b.number, unreachable || b.items.size() > 1, at.now_us, random_);
    if (before == 0 && circuit_.open_until_us() != 0)
        alarm("circuit", "the ERP fails for everything, it is tried less often: " + last_error_);
}

void destination_machine::close_circuit(const std::string& why) {
    if (circuit_.open_until_us() != 0) alarm("circuit", why, false);
    circuit_.on_success();
}

void destination_machine::lucky() {
    ++successes_;
    forbidden_batches_.clear();
    close_circuit("the ERP answers again");
}

} // namespace wharf
