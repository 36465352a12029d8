// Who may sign in: one entry of the identities file, and all of them. The file's format is that of
// gateway/config/identities_file.hpp. Any thread; a set does not change once it is made.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::access {

enum class needs : std::uint8_t { either, both };

struct identity {
    std::string name;                      // the user name of a login
    std::string password;                  // a hash with its parameters; empty: no password
    std::vector<std::string> certificates; // names (CN or SAN) that stand for it; none: no way in
    needs proof = needs::either;           // both: a password and a certificate
    bool enabled = true;
    // Topic filters with {user}, {client} and {site}; nothing: those of the settings.
    std::optional<std::vector<std::string>> publish;
    std::optional<std::vector<std::string>> subscribe;
    // Client identifiers it may use, with the same placeholders and * for any text; none: any.
    std::vector<std::string> clients;
    // Instead of the settings' limits.
    std::optional<std::uint32_t> connections;
    std::optional<std::uint64_t> messages_per_s;
    std::optional<std::uint64_t> bytes_per_s;

    bool operator==(const identity&) const = default;
};

class identities {
  public:
    identities() = default;
    // errc::conflict where two have a name or a certificate in common.
    [[nodiscard]] static result<identities> make(std::vector<identity> all);

    // nullptr: nobody.
    [[nodiscard]] std::shared_ptr<const identity> by_name(std::string_view name) const;
    [[nodiscard]] std::shared_ptr<const identity> by_certificate(std::string_view name) const;
    // By name.
    [[nodiscard]] const std::vector<std::shared_ptr<const identity>>& all() const { return all_; }
    [[nodiscard]] bool empty() const { return all_.empty(); }

  private:
    using index = std::map<std::string, std::shared_ptr<const identity>, std::less<>>;
    std::vector<std::shared_ptr<const identity>> all_;
    index names_;
    index certificates_;
};

// What is wrong with a name of an identity, or nothing. What stands for a level of a topic must not
// be more than one: no /, + or #, nothing that does not print.
[[nodiscard]] std::string check_identity_name(std::string_view name);

} // namespace wharf::access
