#include "gateway/manage/succession.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <optional>

namespace wharf::manage {

namespace {

using wharf::v1::KeySuccession;
using wharf::v1::KeySuccessionStatement;

std::string to_sign(std::string_view statement) {
    std::string out = "wharf-fleet-1 succession";
    out.push_back('\0');
    return out.append(statement);
}

std::optional<KeySuccessionStatement> statement_of(const KeySuccession& link) {
    KeySuccessionStatement out;
    if (!out.ParseFromString(link.statement())) return std::nullopt;
    return out;
}

bool is_signed(const KeySuccession& link, const KeySuccessionStatement& what) {
    const auto by = public_key::read(what.former());
    // One key has one form: a fingerprint is of that.
    return by.ok() && by->der() == what.former() &&
           link.signature().key() == view_of(by->fingerprint()) &&
           by->verifies(to_sign(link.statement()), link.signature().value());
}

} // namespace

result<KeySuccession> succeed(const private_key& former, const public_key& next, std::int64_t at_us,
                              std::string_view command) {
    KeySuccessionStatement what;
    what.set_former(former.half().der());
    what.set_next(next.der());
    what.set_at_us(at_us);
    what.set_command(std::string(command));
    KeySuccession out;
    out.set_statement(what.SerializeAsString());
    WHARF_TRY_ASSIGN(auto value, former.sign(to_sign(out.statement())));
    out.mutable_signature()->set_key(std::string(view_of(former.half().fingerprint())));
    out.mutable_signature()->set_value(std::move(value));
    return out;
}

successions leading_to(const successions& links, const public_key& key) {
    int end = links.links_size();
    for (; end > 0; --end)
        if (const auto what = statement_of(links.links(end - 1)); what && what->next() == key.der())
            break;
    successions out;
    const int most = static_cast<int>(limits::k_succession_max);
    for (int i = std::max(0, end - most); i < end; ++i)
        *out.add_links() = links.links(i);
    return out;
}

bool leads(const google::protobuf::RepeatedPtrField<KeySuccession>& links,
           const key_fingerprint& from, const key_fingerprint& to) {
    if (links.size() > static_cast<int>(limits::k_succession_max)) return false;
    sha256_digest at = from;
    bool begun = false;
    for (const KeySuccession& link : links) {
        const auto what = statement_of(link);
        if (!what) return false;
        if (sha256(what->former()) != at) {
            if (begun) return false;
            continue; // of keys that it had before the one that is known
        }
        if (!is_signed(link, *what)) return false;
        begun = true;
        at = sha256(what->next());
    }
    return begun && at == to;
}

std::vector<key_fingerprint> former_keys(const successions& links) {
    std::vector<key_fingerprint> out;
    for (const KeySuccession& link : links.links())
        if (const auto what = statement_of(link)) out.push_back(sha256(what->former()));
    return out;
}

std::string ordered_by(const successions& links) {
    if (links.links_size() == 0) return {};
    const auto what = statement_of(links.links(links.links_size() - 1));
    return what ? what->command() : std::string();
}

} // namespace wharf::manage
