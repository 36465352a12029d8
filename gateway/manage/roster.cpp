#include "gateway/manage/roster.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf::manage {

namespace {

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= limits::k_name_bytes_max &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.' || c == '@';
           });
}

status check_two_person(const wharf::v1::OperatorRoster& content) {
    for (const std::string& name : content.two_person().commands()) {
        const command_kind* kind = kind_named(name);
        if (kind == nullptr)
            return error{errc::invalid, "two_person: there is no command \"" + name + "\""};
        const auto able = std::ranges::count_if(
            content.operators(), [&](const auto& one) { return one.role() >= kind->role; });
        if (able < 2)
            return error{errc::invalid, "two_person: " + name +
                                            " needs two operators with the "
                                            "role " +
                                            std::string(to_string(kind->role)) +
                                            ", and there is only " + std::to_string(able)};
    }
    return ok();
}

} // namespace

result<roster> roster::make(wharf::v1::OperatorRoster content) {
    roster out;
    const auto count = static_cast<std::size_t>(content.operators_size());
    if (count > limits::k_operators_max)
        return error{errc::too_large, "operators: expected at most " +
                                          std::to_string(limits::k_operators_max) + ", got " +
                                          std::to_string(count)};
    for (const wharf::v1::Operator& one : content.operators()) {
        if (!is_name(one.name()))
            return error{errc::invalid, "operators: name: expected 1 to " +
                                            std::to_string(limits::k_name_bytes_max) +
                                            " letters, digits, - _ . or @"};
        const std::string where = "operator " + one.name() + ": ";
        if (one.role() < wharf::v1::OPERATOR_ROLE_VIEWER ||
            one.role() > wharf::v1::OPERATOR_ROLE_ADMIN)
            return error{errc::invalid, where + "role: expected viewer, operator or admin"};
        auto key = public_key::read(one.public_key());
        if (!key.ok()) return error{errc::invalid, where + "key: " + key.failure().message};
        for (const entry& before : out.entries_)
            if (before.name == one.name() || before.key.fingerprint() == key->fingerprint())
                return error{errc::conflict, where + "this name or key is there already"};
        out.entries_.push_back({one.name(), one.role(), std::move(*key)});
    }
    if (std::ranges::none_of(out.entries_, [](const entry& one) {
            return one.role == wharf::v1::OPERATOR_ROLE_ADMIN;
        }))
        return error{errc::conflict, "operators: at least one admin has to be left"};
    WHARF_TRY(check_two_person(content));
    out.content_ = std::move(content);
    return out;
}

const roster::entry* roster::find(std::string_view fingerprint) const {
    const auto found = std::ranges::find_if(
        entries_, [&](const entry& one) { return view_of(one.key.fingerprint()) == fingerprint; });
    return found == entries_.end() ? nullptr : &*found;
}

bool roster::wants_two(std::string_view command) const {
    return std::ranges::find(content_.two_person().commands(), command) !=
           content_.two_person().commands().end();
}

std::string roster::objection(const command_kind& to,
                              const std::vector<const entry*>& signers) const {
    const auto able =
        std::ranges::count_if(signers, [&](const entry* one) { return one->role >= to.role; });
    const std::string command(to.name);
    if (able == 0)
        return command + " needs the role " + std::string(to_string(to.role)) + ", and " +
               (signers.empty() ? "nobody" : signers.front()->name) + " has the role " +
               std::string(to_string(signers.empty() ? wharf::v1::OPERATOR_ROLE_UNSPECIFIED
                                                     : signers.front()->role));
    if (wants_two(to.name) && able < 2)
        return command + " has to be signed by two operators with the role " +
               std::string(to_string(to.role));
    return {};
}

result<roster> roster::changed(const wharf::v1::OperatorsChangeCommand& how) const {
    wharf::v1::OperatorRoster next = content_;
    auto* all = next.mutable_operators();
    const auto at = [&](std::string_view fingerprint) {
        return std::ranges::find_if(*all, [&](const wharf::v1::Operator& one) {
            return view_of(sha256(one.public_key())) == fingerprint;
        });
    };
    for (const std::string& fingerprint : how.remove()) {
        const auto found = at(fingerprint);
        if (found == all->end())
            return error{errc::not_found, "remove: no operator has the key " + to_hex(fingerprint)};
        all->erase(found);
    }
    for (const wharf::v1::Operator& one : how.add()) {
        auto key = public_key::read(one.public_key());
        if (!key.ok())
            return error{errc::invalid, "add: " + one.name() + ": key: " + key.failure().message};
        const auto found = at(view_of(key->fingerprint()));
        wharf::v1::Operator& place = found != all->end() ? *found : *all->Add();
        place = one;
        place.set_public_key(key->der()); // in one form, whatever it came in
    }
    if (how.has_two_person()) *next.mutable_two_person() = how.two_person();
    next.set_revision(content_.revision() + 1);
    return make(std::move(next));
}

} // namespace wharf::manage
