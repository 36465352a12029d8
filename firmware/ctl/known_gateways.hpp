// Which key belongs to which gateway, as an operator's tool saw it first: a file of lines
// "site/gateway fingerprint". One thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/keys.hpp"

#include <map>
#include <string>
#include <string_view>

namespace wharf::ctl {

class known_gateways {
  public:
    // A file that is not there is an empty one. accept_changed: a key that changed is the new one.
    static result<known_gateways> read(const std::string& path, bool accept_changed);

    // Whether this is its key; a gateway that was never seen is taken at its word, once.
    [[nodiscard]] bool is(const std::string& name, const key_fingerprint& key);
    // Where something was added.
    status write() const;

  private:
    std::string path_;
    bool accept_changed_ = false;
    bool changed_ = false;
    std::map<std::string, std::string, std::less<>> keys_; // in hexadecimal digits
};

} // namespace wharf::ctl
