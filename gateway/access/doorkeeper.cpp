#include "gateway/access/doorkeeper.hpp"

#include "gateway/access/secret.hpp"
#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"

#include <algorithm>

namespace wharf::access {

namespace {
std::string of_address(std::string_view address) {
    return "a" + std::string(address);
}
std::string of_user(std::string_view user) {
    return "u" + std::string(user);
}
} // namespace

doorkeeper::doorkeeper(door_settings with, const digest_key& key)
    : with_(std::move(with)), key_(key), verified_(key) {}

std::vector<std::string> doorkeeper::use(std::shared_ptr<const identities> now) {
    std::vector<std::string> changed;
    for (const auto& before : known_->all()) {
        const auto after = now->by_name(before->name);
        if (after != nullptr && *after == *before) continue;
        changed.push_back(before->name);
        verified_.forget(before->name);
    }
    known_ = std::move(now);
    with_password_.clear();
    for (const auto& one : known_->all())
        if (!one->password.empty()) with_password_.push_back(one);
    // Whoever waits with a hash of before is judged by what holds now.
    for (auto& [login, one] : waiting_) {
        const auto named = known_->by_name(one.user);
        if (one.decoy || (named != nullptr && named->password == one.hash)) continue;
        one.decoy = true;
        one.detail = "the identity changed meanwhile";
    }
    return changed;
}

verdict doorkeeper::refused(refusal why, std::string_view detail) {
    verdict out;
    out.detail = detail;
    out.what = verdict::kind::refused;
    out.why = why;
    return out;
}

std::shared_ptr<const identity>
doorkeeper::of_certificate(std::span<const std::string> names) const {
    for (const std::string& name : names)
        if (auto found = known_->by_certificate(name); found != nullptr) return found;
    return nullptr;
}

verdict doorkeeper::begin(std::uint64_t login, const applicant& who, std::int64_t now_ms) {
    WHARF_ASSERT(!waiting_.contains(login));
    const auto certified = of_certificate(who.certificate_names);
    if (!who.user && !who.password) {
        if (certified != nullptr && certified->enabled && certified->proof == needs::either)
            return admit(certified, who.client_id, who.will_topic);
        // A certificate that stands for nobody, or for somebody who is not to come in, is no way
        // to come in without a name; where nobody has a name it is the whole proof.
        if (with_.anonymous && (who.certificate_names.empty() || known_->empty()))
            return admit(nullptr, who.client_id, who.will_topic);
        throttle_.failed(of_address(who.address), now_ms);
        return refused(refusal::credentials, certified == nullptr ? "it gave no name"
                                             : !certified->enabled
                                                 ? "the identity is disabled"
                                                 : "the identity needs a password as well");
    }
    const auto user = who.user.value_or(std::string_view());
    // A certificate says who it is: a name beside it has to be the same.
    const bool is_certified = certified != nullptr && certified->name == user;
    if (is_certified && certified->enabled && certified->proof == needs::either)
        return admit(certified, who.client_id, who.will_topic);
    auto named = known_->by_name(user);
    std::string_view detail;
    if (named == nullptr)
        detail = "there is no such identity";
    else if (!named->enabled)
        detail = "the identity is disabled";
    else if (named->proof == needs::both && !is_certified)
        detail = "the identity needs its certificate as well";
    else if (certified != nullptr && !is_certified)
        detail = "its certificate is another identity's";
    else if (named->password.empty())
        detail = "the identity has no password";
    if (!detail.empty()) named = nullptr;
    const auto password = who.password.value_or(std::string_view());
    if (named != nullptr && verified_.knows(*named, password))
        return admit(named, who.client_id, who.will_topic);
    return wait(login, who, named, detail, now_ms);
}

// Somebody's hash, always the same one for the same name: so that a name that nobody has takes as
// long as one that somebody has, whatever the parameters of the hashes are.
const std::string& doorkeeper::decoy_for(std::string_view user) const {
    if (with_password_.empty()) return with_.decoy_hash;
    const auto digest = keyed_digest(key_, user);
    const auto pick =
        static_cast<std::size_t>(get_big<std::uint64_t>(digest.data()) % with_password_.size());
    return with_password_[pick]->password;
}

verdict doorkeeper::wait(std::uint64_t login, const applicant& who,
                         const std::shared_ptr<const identity>& named, std::string_view detail,
                         std::int64_t now_ms) {
    const auto password = who.password.value_or(std::string_view());
    const auto user = who.user.value_or(std::string_view());
    std::size_t& of_this_address = per_address_[std::string(who.address)];
    if (waiting_.size() >= limits::k_logins_waiting_max ||
        of_this_address >= limits::k_logins_waiting_per_address_max) {
        if (of_this_address == 0) per_address_.erase(std::string(who.address));
        return refused(refusal::busy, "too many logins wait");
    }
    ++of_this_address;
    login_state one;
    one.address = who.address;
    one.user = user.substr(0, limits::k_user_name_bytes_max + 1);
    one.password = password.substr(0, limits::k_password_bytes_max + 1);
    one.client_id = who.client_id;
    if (who.will_topic) one.will_topic = *who.will_topic;
    one.decoy = named == nullptr || password.size() > limits::k_password_bytes_max;
    one.detail = detail;
    one.hash = named == nullptr ? decoy_for(user) : named->password;
    one.due_ms = now_ms + std::max(throttle_.delay_ms(of_address(one.address), now_ms),
                                   throttle_.delay_ms(of_user(one.user), now_ms));
    one.place = ++last_place_;
    due_.emplace(std::pair{one.due_ms, one.place}, login);
    waiting_.emplace(login, std::move(one));
    return {};
}

std::optional<doorkeeper::check> doorkeeper::next_check(std::int64_t now_ms) {
    if (hashing_ >= limits::k_logins_hashed_at_once_max || due_.empty()) return std::nullopt;
    const auto first = due_.begin();
    if (first->first.first > now_ms) return std::nullopt;
    const auto login = first->second;
    due_.erase(first);
    login_state& one = waiting_.find(login)->second;
    one.hashing = true;
    ++hashing_;
    return check{login, one.password, one.hash};
}

std::optional<std::int64_t> doorkeeper::next_due_ms() const {
    if (due_.empty() || hashing_ >= limits::k_logins_hashed_at_once_max) return std::nullopt;
    return due_.begin()->first.first;
}

std::optional<verdict> doorkeeper::checked(std::uint64_t login, bool right, std::int64_t now_ms) {
    WHARF_ASSERT(hashing_ > 0);
    --hashing_;
    const auto found = waiting_.find(login);
    if (found == waiting_.end() || !found->second.hashing) return std::nullopt;
    login_state one = found->second;
    remove(found);
    const auto named = known_->by_name(one.user);
    if (!right || one.decoy || named == nullptr || !named->enabled) {
        wipe(one.password);
        throttle_.failed(of_address(one.address), now_ms);
        throttle_.failed(of_user(one.user), now_ms);
        return refused(refusal::credentials,
                       one.detail.empty() ? "the password is wrong" : one.detail);
    }
    verified_.add(*named, one.password);
    wipe(one.password);
    // Not the address's: one right password must not buy more guesses at others.
    throttle_.forget(of_user(one.user));
    std::optional<std::string_view> will;
    if (one.will_topic) will = *one.will_topic;
    return admit(named, one.client_id, will);
}

std::optional<verdict> doorkeeper::not_checked(std::uint64_t login) {
    WHARF_ASSERT(hashing_ > 0);
    --hashing_;
    const auto found = waiting_.find(login);
    if (found == waiting_.end() || !found->second.hashing) return std::nullopt;
    remove(found);
    return refused(refusal::busy, "too much waits for the workers");
}

void doorkeeper::give_up(std::uint64_t login) {
    const auto found = waiting_.find(login);
    if (found == waiting_.end()) return;
    if (!found->second.hashing) due_.erase({found->second.due_ms, found->second.place});
    remove(found);
}

void doorkeeper::remove(std::unordered_map<std::uint64_t, login_state>::iterator at) {
    wipe(at->second.password);
    const auto of = per_address_.find(at->second.address);
    if (of != per_address_.end() && --of->second == 0) per_address_.erase(of);
    waiting_.erase(at);
}

verdict doorkeeper::admit(std::shared_ptr<const identity> who, std::string_view client_id,
                          std::optional<std::string_view> will_topic) const {
    placeholder_values values;
    values.site = with_.site;
    values.client = client_id;
    if (who != nullptr) values.user = who->name;
    if (who != nullptr && !may_use_client(who->clients, values, client_id))
        return refused(refusal::client_id, "the client identifier is not for this identity");
    const auto& publish = who == nullptr             ? with_.anonymous_publish
                          : who->publish.has_value() ? *who->publish
                                                     : with_.publish;
    const auto& subscribe = who == nullptr               ? with_.anonymous_subscribe
                            : who->subscribe.has_value() ? *who->subscribe
                                                         : with_.subscribe;
    auto made = rights::make(publish, subscribe, values);
    if (!made.ok())
        return refused(refusal::client_id, "the client identifier cannot stand in a topic");
    if (will_topic && !made->may_publish(*will_topic))
        return refused(refusal::will, "it may not publish its will");
    verdict out;
    out.what = verdict::kind::admitted;
    out.in.emplace(admission{std::move(who), std::move(made).value()});
    return out;
}

} // namespace wharf::access
