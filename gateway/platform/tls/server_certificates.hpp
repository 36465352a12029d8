// The server's certificate, key and authorities, kept up to date with their files while the program
// runs. What cannot be used is not: the former goes on, and an alarm says so. The thread of the
// io_context; files are read and judged by a worker.
#pragma once

#include "gateway/platform/tls/context.hpp"
#include "gateway/platform/worker_pool.hpp"

#include <functional>
#include <string>
#include <vector>

namespace wharf::tls {

struct certificate_callbacks {
    // A new context is to be used from now on.
    std::function<void(std::shared_ptr<const context>)> replaced;
    std::function<void(bool bad, const std::string&)> log;
};

class server_certificates {
  public:
    // REQUIRES: clock and workers outlive it.
    server_certificates(file_names files, server_options options, worker_pool& workers,
                        clock_port& clock, certificate_callbacks callbacks);

    // At the start, at once. Whatever is wrong but for dates is an error.
    status load();
    [[nodiscard]] const std::shared_ptr<const context>& current() const { return current_; }

    // Reads the files again; then `done` with why what was read is refused, or nothing. REQUIRES:
    // load() went well.
    void reload(std::function<void(const std::string& why)> done = {});
    // From time to time: reloads once the files have changed and then rested from one look to the
    // next, so that a certificate and its key, which are two files, are taken together.
    void look();

    // What somebody should see to, for health: a refused reload; a certificate that has ended, is
    // about to, or has not begun.
    [[nodiscard]] std::vector<std::string> problems() const;

  private:
    struct attempt;
    void judge(const attempt& made);
    void tell(const std::string& why);
    [[nodiscard]] std::string date_problem(const context& of) const;

    const file_names files_;
    const server_options options_;
    worker_pool& workers_;
    clock_port& clock_;
    const certificate_callbacks callbacks_;
    std::shared_ptr<const context> current_;
    file_stamps used_; // good or bad
    file_stamps seen_;
    bool reading_ = false;
    bool again_ = false;
    std::vector<std::function<void(const std::string&)>> told_;      // of the reading under way
    std::vector<std::function<void(const std::string&)>> told_next_; // of the one after it
    std::string refused_;
    // A worker may still be at it when this goes.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace wharf::tls
