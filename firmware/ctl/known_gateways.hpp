// Which key belongs to which gateway, as an operator's tool saw it first, and how far its audit
// trail was: a file of lines "site/gateway fingerprint [number:hash]", and of lines "retired
// fingerprint" of keys that are never believed again. One thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/keys.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::ctl {

class known_gateways {
  public:
    // A file that is not there is an empty one. accept_changed: a key that changed is the new one.
    static result<known_gateways> read(const std::string& path, bool accept_changed);

    using links = google::protobuf::RepeatedPtrField<wharf::v1::KeySuccession>;
    enum class standing : std::uint8_t { known, succeeded, other };
    // Whether this is its key; a gateway that was never seen is taken at its word, once. One that
    // the key that is known leads to takes its place.
    [[nodiscard]] standing look_at(const std::string& name, const key_fingerprint& key,
                                   const links& from);
    // The gateway said that it has ended: its key is not believed any more, whatever it signs and
    // under whatever name. False: it is not this one's key, and nothing is retired.
    [[nodiscard]] bool retire(const std::string& name, const key_fingerprint& key);
    [[nodiscard]] bool is_retired(const key_fingerprint& key) const;
    // What is wrong with a trail that ends so, after what it was; empty: nothing, and it is noted.
    [[nodiscard]] std::string trail_objection(const std::string& name, std::uint64_t number,
                                              std::string_view head);
    // Those that have not ended.
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::size_t count() const { return known_.size(); }
    // What is new, beside what others wrote meanwhile.
    status write() const;

  private:
    std::string path_;
    bool accept_changed_ = false;
    struct entry {
        std::string key; // in hexadecimal digits
        std::uint64_t audit_number = 0;
        std::string audit_head; // in hexadecimal digits
        bool changed = false;
        std::string succeeds = {}; // the key that was known and leads to this one
    };
    [[nodiscard]] std::string text() const;
    std::map<std::string, entry, std::less<>> known_;
    std::set<std::string> retired_; // keys, in hexadecimal digits
    bool retired_changed_ = false;
};

} // namespace wharf::ctl
