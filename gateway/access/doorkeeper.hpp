// The way of a login, as a machine: who signs in, with which rights, and what has to be hashed for
// it. The shell hashes passwords on a worker and brings the outcome back; the network thread owns
// the rest. Times are milliseconds of any clock that never goes back.
//
//   begin()  ->  admitted or refused at once, or waits
//   next_check()  ->  what to hash now;  checked()  ->  admitted or refused
//
// A name that nobody has, a name without a password and a wrong password take the same way: one
// hash, of another identity's parameters where there is none of its own, and the same answer. A
// password that was found right a while ago is admitted without a hash. After failures of the same
// address or of the same name a login waits before it is hashed, so that guesses are slow and
// nobody is locked out.
#pragma once

#include "gateway/access/identity.hpp"
#include "gateway/access/login_throttle.hpp"
#include "gateway/access/rights.hpp"
#include "gateway/access/verified_cache.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace wharf::access {

struct door_settings {
    std::string site;
    // Who has no name may come in, with these rights.
    bool anonymous = false;
    std::vector<std::string> anonymous_publish = {"#"};
    std::vector<std::string> anonymous_subscribe = {"#"};
    // Of an identity that says nothing of its own: under its own name only.
    std::vector<std::string> publish = {"wharf/1/{site}/{user}/#"};
    std::vector<std::string> subscribe = {"wharf/1/{site}/{user}/#"};
    std::string decoy_hash; // see use_decoy()
};

// Views are valid during the call only.
struct applicant {
    std::string_view address; // as limits count it: addresses.hpp
    std::optional<std::string_view> user;
    std::optional<std::string_view> password;
    // Of a client certificate that was checked; none: there was none.
    std::span<const std::string> certificate_names;
    std::string_view client_id;
    std::optional<std::string_view> will_topic;
};

enum class refusal : std::uint8_t {
    credentials, // nobody's, or not right: which is not said
    client_id,   // not for this identity, or it cannot stand in its topics
    will,        // it may not publish there
    busy,        // too many logins wait already
};

struct admission {
    std::shared_ptr<const identity> who; // nullptr: nobody by name
    access::rights rights;

    [[nodiscard]] std::string_view name() const {
        return who == nullptr ? std::string_view() : std::string_view(who->name);
    }
};

struct verdict {
    enum class kind : std::uint8_t { waits, admitted, refused };
    kind what = kind::waits;
    refusal why = refusal::credentials;
    std::string_view detail; // for the log alone: the peer must not learn it
    std::optional<admission> in;
};

class doorkeeper {
  public:
    doorkeeper(door_settings with, const digest_key& key);

    // The identities from now on. Returns the names of those who are not what they were: their
    // connections have to end. What was found right for them is forgotten.
    std::vector<std::string> use(std::shared_ptr<const identities> now);
    // What is hashed for a name of nobody where nobody has a password.
    void use_decoy(std::string hash) { with_.decoy_hash = std::move(hash); }

    [[nodiscard]] bool knows(std::string_view name) const {
        return known_->by_name(name) != nullptr;
    }

    // login: the caller's number for it. REQUIRES: it is not waiting.
    [[nodiscard]] verdict begin(std::uint64_t login, const applicant& who, std::int64_t now_ms);

    struct check {
        std::uint64_t login = 0;
        std::string password; // to be wiped
        std::string hash;
    };
    // The next password to hash, where one is due and fewer than
    // limits::k_logins_hashed_at_once_max are being hashed.
    [[nodiscard]] std::optional<check> next_check(std::int64_t now_ms);
    // Nothing where the login was given up meanwhile, here and below.
    [[nodiscard]] std::optional<verdict> checked(std::uint64_t login, bool right,
                                                 std::int64_t now_ms);
    // It could not be hashed: too much waits for the workers.
    [[nodiscard]] std::optional<verdict> not_checked(std::uint64_t login);
    // The connection has gone.
    void give_up(std::uint64_t login);

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
    // When next_check() may have something that it has not now; nothing: when something changes.
    [[nodiscard]] std::optional<std::int64_t> next_due_ms() const;

  private:
    struct login_state {
        std::string address;
        std::string user;
        std::string password;
        std::string client_id;
        std::optional<std::string> will_topic;
        std::string hash;   // what the password is hashed against
        bool decoy = false; // whatever comes of it, it is wrong: for this reason
        std::string_view detail;
        bool hashing = false;
        std::int64_t due_ms = 0;
        std::uint64_t place = 0;
    };

    [[nodiscard]] static verdict refused(refusal why, std::string_view detail);
    [[nodiscard]] verdict admit(std::shared_ptr<const identity> who, std::string_view client_id,
                                std::optional<std::string_view> will_topic) const;
    [[nodiscard]] std::shared_ptr<const identity>
    of_certificate(std::span<const std::string> names) const;
    [[nodiscard]] verdict wait(std::uint64_t login, const applicant& who,
                               const std::shared_ptr<const identity>& named,
                               std::string_view detail, std::int64_t now_ms);
    [[nodiscard]] const std::string& decoy_for(std::string_view user) const;
    void remove(std::unordered_map<std::uint64_t, login_state>::iterator at);

    door_settings with_;
    digest_key key_;
    std::shared_ptr<const identities> known_ = std::make_shared<identities>();
    std::vector<std::shared_ptr<const identity>> with_password_;
    verified_cache verified_;
    login_throttle throttle_;
    std::unordered_map<std::uint64_t, login_state> waiting_;
    std::map<std::pair<std::int64_t, std::uint64_t>, std::uint64_t> due_; // (time, place): login
    std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>> per_address_;
    std::uint64_t last_place_ = 0;
    std::size_t hashing_ = 0;
};

} // namespace wharf::access
