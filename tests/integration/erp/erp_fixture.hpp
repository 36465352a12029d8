// The real reference ERP as a child process, and an HTTP client plain enough to see what a
// well-kept one would hide: a connection that ends without an answer, an answer that trickles.
// Throws std::runtime_error where the process does not start or end as it should.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace erp_test {

struct response {
    // 0 where the connection ended before a whole answer had come.
    int status = 0;
    std::string head;
    std::string body;
    // Pieces in which the answer was read.
    int pieces = 0;
};

// One connection, kept alive over requests.
class http_client {
  public:
    explicit http_client(std::uint16_t port);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    // From another thread: a request under way ends without an answer.
    void hang_up();
    [[nodiscard]] bool connected() const { return socket_ >= 0; }
    response request(const std::string& method, const std::string& target,
                     const std::string& body = {}, const std::string& headers = {});

  private:
    int socket_ = -1;
};

// A folder of its own that goes with it.
class scratch {
  public:
    scratch();
    ~scratch();
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

class erp_process {
  public:
    explicit erp_process(const std::string& db, std::vector<std::string> arguments = {});
    ~erp_process();
    erp_process(const erp_process&) = delete;
    erp_process& operator=(const erp_process&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    // SIGTERM; the exit status.
    int stop();
    // SIGKILL.
    void kill();

    // Each on a connection of its own.
    response post(const std::string& target, const std::string& body,
                  const std::string& headers = "Content-Type: application/json\r\n");
    response get(const std::string& target);

  private:
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;
};

// What the program says and how it ends when it cannot start: "<status>: <stderr>".
std::string run_to_end(const std::vector<std::string>& arguments);

// The first column of the first row, as text.
std::string query_db(const std::string& db, const std::string& sql);

} // namespace erp_test
