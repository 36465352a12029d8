// Which handler answers which request. Pure: no socket here. Built before the server starts, read
// only afterwards; handlers are called on the server's executor and may answer later, from any
// thread, exactly once. A second answer is ignored; none at all becomes 504 after a while.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::admin {

struct request {
    std::string method;
    std::string path;
    std::map<std::string, std::string, std::less<>> parameters; // from {name} in the pattern
    std::string body;
    // Who asks, as the system says: "uid 1000". Empty over TCP.
    std::string user = {};
    // Root, or the user that this program runs as.
    bool owner = false;
};

struct response {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
};

// {"error": "..."}
[[nodiscard]] response error_response(int status, std::string_view what);

using answer = std::function<void(response)>;
using handler = std::function<void(const request&, answer)>;

class router {
  public:
    // Segments of the pattern are text or {name}, which stands for one segment:
    // "/v1/dead/{destination}/{sequence}/retry".
    void handle(std::string method, std::string_view pattern, handler how);
    // For what can be answered at once.
    void handle_now(std::string method, std::string_view pattern,
                    std::function<response(const request&)> how);

    // Calls the handler that fits, or answers 404, 405 or 400. The query of the path is cut off;
    // %XX in segments is decoded.
    void dispatch(request asked, answer reply) const;

  private:
    struct route {
        std::string method;
        std::vector<std::string> segments;
        handler how;
    };
    std::vector<route> routes_;
};

} // namespace wharf::admin
