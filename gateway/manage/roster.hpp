// The operators whose commands a gateway obeys: their keys and roles, and which commands two of
// them have to sign. Immutable; a change makes another one. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/manage/kinds.hpp"
#include "gateway/ports/keys.hpp"
#include "wharf/v1/fleet.pb.h"

#include <string>
#include <string_view>
#include <vector>

namespace wharf::manage {

class roster {
  public:
    struct entry {
        std::string name;
        wharf::v1::OperatorRole role = wharf::v1::OPERATOR_ROLE_VIEWER;
        public_key key;
    };

    // Nobody: no command is obeyed.
    roster() = default;
    // Errors name the operator and the field. At least one admin, no key and no name twice; where
    // two have to sign, two that may.
    static result<roster> make(wharf::v1::OperatorRoster content);

    [[nodiscard]] const wharf::v1::OperatorRoster& content() const { return content_; }
    // By fingerprint; nullptr for a stranger's.
    [[nodiscard]] const entry* find(std::string_view fingerprint) const;
    [[nodiscard]] bool wants_two(std::string_view command) const;
    // Who may not, in words; empty where these signers may give it. REQUIRES: no signer twice.
    [[nodiscard]] std::string objection(const command_kind& to,
                                        const std::vector<const entry*>& signers) const;
    // All of it or an error; the result has the next revision.
    [[nodiscard]] result<roster> changed(const wharf::v1::OperatorsChangeCommand& how) const;

  private:
    wharf::v1::OperatorRoster content_;
    std::vector<entry> entries_;
};

} // namespace wharf::manage
