// A certificate and its key in two files, replaced together: what a process leaves that ends
// between them, settle() brings to a pair that matches, the new one or the one before. Any thread,
// one at a time.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/keys.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::tls {

enum class pair_stage : std::uint8_t {
    untouched, // never replaced here
    going,     // it is being replaced, for good
    trying,    // the same, on trial, or on trial
    returning, // the one before comes back
    good,      // the last one that was put in place holds
    back,      // it did not
};

struct pair_record {
    pair_stage stage = pair_stage::untouched;
    std::string command; // the id of the one that put it there
    std::string why;     // it did not hold
};

class pair_files {
  public:
    // Links are followed, once.
    pair_files(const std::string& certificate, const std::string& key);

    // Before anybody reads the pair. A trial ends with its process. Nothing is written where
    // nothing was begun.
    [[nodiscard]] status settle() const;
    [[nodiscard]] result<pair_record> record() const;

    // A key that waits for its certificate; errc::not_found.
    [[nodiscard]] status keep_pending(const private_key& key) const;
    [[nodiscard]] result<private_key> pending() const;
    // The pending key and this chain take the place of the present pair, which is kept for back().
    [[nodiscard]] status put(std::string_view chain, std::string_view command, bool on_trial) const;
    // What is on trial holds.
    [[nodiscard]] status hold(std::string_view command) const;
    // The pair before is in place again; the key waits again.
    [[nodiscard]] status back(std::string_view command, std::string_view why) const;

    [[nodiscard]] const std::string& certificate() const { return certificate_; }
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] std::string pending_path() const { return key_ + ".pending"; }

  private:
    [[nodiscard]] status write(const pair_record& what) const;
    [[nodiscard]] status prepare(std::string_view chain) const;
    [[nodiscard]] status move_in() const;
    [[nodiscard]] status bring_back() const;
    [[nodiscard]] status forget_former() const;

    std::string certificate_;
    std::string key_;
};

} // namespace wharf::tls
