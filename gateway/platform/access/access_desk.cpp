#include "gateway/platform/access/access_desk.hpp"

#include "gateway/access/secret.hpp"
#include "gateway/platform/access/access_guest.hpp"
#include "gateway/platform/access/address_key.hpp"
#include "gateway/platform/access/enrolment_file.hpp"
#include "gateway/platform/access/password.hpp"

namespace wharf {

namespace {

digest_key drawn_key(random_port& random) {
    digest_key out;
    for (char& byte : out)
        byte = static_cast<char>(random.next());
    return out;
}

} // namespace

access_desk::access_desk(access_settings with, worker_pool& workers, clock_port& clock,
                         random_port& random, log_function log)
    : with_(std::move(with)), workers_(workers), clock_(clock), log_(std::move(log)),
      gate_(with_.gate), door_(with_.door, drawn_key(random)) {}

status access_desk::open() {
    if (with_.open_to_all) return ok();
    WHARF_TRY_ASSIGN(auto decoy, access::decoy_hash());
    door_.use_decoy(std::move(decoy));
    if (with_.identities_path.empty()) return ok();
    auto loaded = access::load_enrolment(with_.identities_path);
    if (!loaded.ok()) return std::move(loaded).failure().in("identities");
    use(std::move(loaded).value());
    return ok();
}

void access_desk::use(std::shared_ptr<const access::identities> now) {
    counters_.identities = now->all().size();
    const auto names = door_.use(std::move(now));
    if (!names.empty() && changed_) changed_(names);
}

void access_desk::reload(std::function<void(const status&)> done) {
    if (with_.identities_path.empty())
        return done(error{errc::unsupported, "no identities file is named in [access]"});
    // What is under way may have read the file before it was changed.
    auto& list = reloading_ ? reload_next_ : reload_done_;
    list.push_back(std::move(done));
    if (!reloading_) start_reload();
}

void access_desk::start_reload() {
    using loaded = result<std::shared_ptr<const access::identities>>;
    auto outcome = std::make_shared<loaded>(error{errc::io, "not read"});
    auto tell = [this](const status& how) {
        reloading_ = false;
        auto done = std::exchange(reload_done_, {});
        for (auto& one : done)
            one(how);
        if (reload_next_.empty() || reloading_) return;
        reload_done_ = std::exchange(reload_next_, {});
        start_reload();
    };
    reloading_ = true;
    const bool posted = workers_.post(
        [outcome, path = with_.identities_path] { *outcome = access::load_enrolment(path); },
        [this, outcome, tell] {
            if (!outcome->ok()) {
                problem_ = "the identities stay as they were, because the file cannot be used: " +
                           outcome->failure().message;
                log_(true, problem_);
                return tell(outcome->failure());
            }
            problem_.clear();
            use(std::move(*outcome).value());
            log_(false, "identities read again: " + std::to_string(counters_.identities));
            tell(ok());
        });
    if (!posted) tell(error{errc::io, "too much waits for the workers: try again"});
}

bool access_desk::limits(const boost::asio::ip::address& peer) const {
    return with_.this_machine_too || !peer.is_loopback();
}

access::connection_gate::answer access_desk::arrive(std::uint64_t id,
                                                    const boost::asio::ip::address& peer) {
    const auto key = address_key(peer);
    auto answer = gate_.arrive(id, key, limits(peer), clock_.monotonic_us());
    switch (answer.verdict) {
    case access::arrival::welcome:
        break;
    case access::arrival::too_many:
        log("full", "", "a connection of " + key + " is refused: there are as many as may be");
        break;
    case access::arrival::too_many_of_address:
        ++counters_.connections_over_address;
        log("address", key,
            "a connection of " + key + " is refused: it has as many as it may have");
        break;
    case access::arrival::too_often:
        ++counters_.connections_too_often;
        log("often", key, "a connection of " + key + " is refused: it connects too often");
        break;
    }
    if (answer.make_room) note_room_made();
    return answer;
}

void access_desk::note_room_made() {
    ++counters_.half_open_dropped;
    log("half open", "", "a connection that had not signed in makes room for a new one");
}

std::optional<std::uint64_t> access_desk::handshake_done(std::uint64_t id) {
    const auto goes = gate_.await(id, clock_.monotonic_us());
    if (goes) note_room_made();
    return goes;
}

std::vector<std::uint64_t> access_desk::too_silent() {
    auto out = gate_.too_silent(clock_.monotonic_us());
    for (std::size_t i = 0; i < out.size(); ++i)
        note_room_made();
    return out;
}

void access_desk::leave(std::uint64_t id) {
    gate_.leave(id);
    if (waiting_.erase(id) > 0) door_.give_up(id);
}

void access_desk::begin(access_guest& guest, const access::applicant& who) {
    gate_.answered(guest.id());
    waiting_[guest.id()] = &guest;
    auto verdict = door_.begin(guest.id(), who, now_ms());
    if (verdict.what == access::verdict::kind::waits) return check_next();
    decided(guest.id(), std::move(verdict));
}

// Hands passwords to the workers, as many as may be hashed at once.
void access_desk::check_next() {
    while (auto next = door_.next_check(now_ms())) {
        struct job {
            access::doorkeeper::check check;
            bool right = false;
        };
        auto one = std::make_shared<job>(job{std::move(*next), false});
        const bool posted = workers_.post(
            [one] {
                one->right = access::password_fits(one->check.hash, one->check.password);
                access::wipe(one->check.password);
            },
            [this, one] {
                auto verdict = door_.checked(one->check.login, one->right, now_ms());
                if (verdict) decided(one->check.login, std::move(*verdict));
                check_next();
            });
        if (posted) continue;
        access::wipe(one->check.password);
        if (auto verdict = door_.not_checked(one->check.login))
            decided(one->check.login, std::move(*verdict));
    }
}

void access_desk::decided(std::uint64_t id, access::verdict verdict) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    access_guest& guest = *found->second;
    waiting_.erase(found);
    auto refuse = [&](mqtt::reason code, std::string_view detail) {
        log("login", guest.address(),
            "login of " + guest.shown() + " refused: " + std::string(detail));
        guest.tell(code);
    };
    if (verdict.what == access::verdict::kind::refused) {
        switch (verdict.why) {
        case access::refusal::credentials:
            ++counters_.logins_bad_credentials;
            return refuse(mqtt::reason::bad_user_name_or_password, verdict.detail);
        case access::refusal::client_id:
        case access::refusal::will:
            ++counters_.logins_not_authorized;
            return refuse(mqtt::reason::not_authorized, verdict.detail);
        case access::refusal::busy:
            ++counters_.logins_over_limit;
            return refuse(mqtt::reason::server_busy, verdict.detail);
        }
    }
    const auto& who = verdict.in->who;
    const std::size_t max = who == nullptr ? 0 : who->connections.value_or(0);
    if (!gate_.sign_in(id, verdict.in->name(), max)) {
        ++counters_.logins_over_limit;
        return refuse(mqtt::reason::quota_exceeded, "it has as many connections as it may have");
    }
    if (who != nullptr) {
        access::flow_limits flow = with_.identity_flow;
        if (who->messages_per_s) flow.messages = {*who->messages_per_s, 0};
        if (who->bytes_per_s) flow.bytes = {*who->bytes_per_s, 0};
        flow.messages.burst = flow.messages.per_s * with_.burst_s;
        flow.bytes.burst = flow.bytes.per_s * with_.burst_s;
        guest.of_identity_ = identity_flows_.of(who->name, flow, clock_.monotonic_us());
    }
    ++counters_.logins_admitted;
    guest.admitted_ = std::move(verdict.in);
    guest.tell(mqtt::reason::success);
}

void access_desk::log(std::string_view kind, std::string_view subject, const std::string& line) {
    if (budget_.take(kind, subject, now_ms()))
        log_(false, line);
    else
        ++counters_.log_lines_left_out;
}

void access_desk::tick() {
    check_next();
    for (const auto& one : budget_.take_left_out(now_ms()))
        log_(false, std::to_string(one.lines) + " more lines like this were left out (" + one.kind +
                        (one.subject.empty() ? "" : ", " + one.subject) + ")");
}

const access_counters& access_desk::counters() {
    counters_.half_open = gate_.half_open();
    counters_.logins_waiting = door_.waiting();
    return counters_;
}

} // namespace wharf
