// The ERP's answers: the contract's two questions, and the handles of whoever runs it (/control,
// /stats, /applied, /healthz). No socket and no timer: a reply says how it is to be sent. One
// thread.
#pragma once

#include "tests/erp/misbehaviour.hpp"
#include "tests/erp/store.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace erp {

struct http_request {
    std::string method;
    std::string target;
    std::string content_type;
    std::string authorization;
    std::string idempotency_key;
    // Who sends it, and which takeover of its journal it goes on from.
    std::string gateway;
    std::string takeover;
    std::string epoch;
    std::string body;
};

enum class sending { whole, byte_by_byte, close_instead, reset_instead };

struct reply {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    sending how = sending::whole;
    std::uint64_t byte_ms = 0;
    // Before sending.
    std::uint64_t wait_ms = 0;
    // After sending, the whole server goes away for this long.
    std::uint64_t vanish_ms = 0;
};

class service {
  public:
    // An empty token admits everyone; `base` is the path before /v1, empty or starting with '/'.
    service(store& kept, misbehaviour& faults, std::string token, std::string base);

    // How long to sit on a request before it is handled.
    [[nodiscard]] std::uint64_t delay_before_ms(const http_request& request);
    [[nodiscard]] reply handle(const http_request& request);
    // For a body above the server's bound, which is not read.
    [[nodiscard]] static reply too_large();

    // Writes the counters; at a clean end.
    void close();

  private:
    enum class format { json, protobuf };

    [[nodiscard]] bool is_apply(const http_request& request) const;
    [[nodiscard]] bool is_query(const http_request& request) const;
    [[nodiscard]] bool misbehaves(const http_request& request) const;
    [[nodiscard]] bool strikes(fault what);
    void count(const std::string& name, std::uint64_t by = 1) { counters_[name] += by; }

    [[nodiscard]] reply route(const http_request& request);
    [[nodiscard]] reply contract(const http_request& request);
    [[nodiscard]] bool fault_before(reply& out);
    void fault_after(wharf::v1::BatchAnswer& answer, format as, reply& out);
    [[nodiscard]] reply apply(const http_request& request, format as);
    [[nodiscard]] reply query(const http_request& request, format as);
    [[nodiscard]] reply refuse_batch(const http_request& request,
                                     const wharf::v1::UpdateBatch& batch) const;
    [[nodiscard]] bool is_fenced(const http_request& request, const std::string& gateway, format as,
                                 reply& out);
    void apply_items(const wharf::v1::UpdateBatch& batch, wharf::v1::BatchAnswer& answer);
    [[nodiscard]] bool answer_badly(const wharf::v1::Update& update, wharf::v1::ItemAnswer& answer);
    [[nodiscard]] reply control(const http_request& request);
    [[nodiscard]] reply applied(const http_request& request);
    [[nodiscard]] std::string stats() const;

    store& store_;
    misbehaviour& faults_;
    std::string token_;
    std::string base_;
    std::map<std::string, std::uint64_t> counters_;
};

} // namespace erp
