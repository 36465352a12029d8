// The http connector: requests as bytes, answers as statuses. Pure; any thread, no state after
// create(). Rendering cannot fail; an answer that cannot be read is "outcome unknown", not an
// error.
#pragma once

#include "gateway/base/http_url.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/view.hpp"
#include "sync/delivery/answers.hpp"
#include "sync/delivery/names.hpp"

#include <string>
#include <utility>
#include <vector>

namespace wharf {

enum class http_format : std::uint8_t { json, protobuf };

struct http_connector_options {
    std::string url;
    http_format format = http_format::json;
    std::string token; // bearer; empty: none
    std::string gateway;
    epochs names;
    std::uint32_t mapping_revision = 1;
    // The ERP says by 200, 201 or 204 alone that the one item was applied. Never assumed: an empty
    // answer of an ERP that answers per item says nothing.
    bool answers_by_status = false;
};

struct http_request {
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers; // without Host and Content-Length
    std::string body;
};

struct http_response {
    int status = 0;
    std::string content_type;
    std::string retry_after;
    std::string body;
};

class http_connector {
  public:
    // errc::invalid or unsupported where the address cannot be used; a token is refused over plain
    // text except to this machine.
    static result<http_connector> create(http_connector_options options);

    [[nodiscard]] const http_url& endpoint() const { return endpoint_; }

    // REQUIRES: a record for each item, in the same order. Takes the records' events, not their
    // heads. errc::corrupt where an event that has to be read is none.
    [[nodiscard]] result<http_request> render(batch_number batch,
                                              const std::vector<batch_item>& items,
                                              std::vector<raw_record>&& records,
                                              bool in_order) const;
    // Each attempt is a span of its own: docs/formats/erp.md. Nothing where there is no trace.
    static void begin_span(http_request& request, std::uint64_t span_id);
    [[nodiscard]] http_request render_ask(const std::vector<batch_item>& items) const;

    // `asked`: the answer is to render_ask. wall_us: for a Retry-After that is a date.
    [[nodiscard]] connector_answer parse(const http_response& response,
                                         const std::vector<batch_item>& items, bool asked,
                                         std::int64_t wall_us) const;

  private:
    http_connector(http_connector_options options, http_url endpoint)
        : options_(std::move(options)), endpoint_(std::move(endpoint)) {}

    [[nodiscard]] http_request request_to(std::string_view path) const;
    void add_trace(const std::string& name, const std::vector<raw_record>& records,
                   http_request& out) const;
    template <class Batch>
    status write_batch(batch_number batch, const std::vector<batch_item>& items,
                       std::vector<raw_record>& records, bool in_order, std::string& out) const;
    void write(const google::protobuf::Message& message, std::string& out) const;
    [[nodiscard]] bool read(const http_response& response, wharf::v1::BatchAnswer& out) const;
    [[nodiscard]] bool take_in_order(wharf::v1::BatchAnswer& answer,
                                     const std::vector<batch_item>& items,
                                     connector_answer& out) const;
    [[nodiscard]] std::string key_of(const batch_item& item) const;
    [[nodiscard]] std::string id_of(batch_number batch, const std::vector<batch_item>& items) const;

    http_connector_options options_;
    http_url endpoint_;
};

} // namespace wharf
