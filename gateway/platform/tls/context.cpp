#include "gateway/platform/tls/context.hpp"

#include "gateway/base/http_url.hpp"
#include "gateway/platform/tls/seat.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

namespace wharf::tls {

struct context::parts {
    std::unique_ptr<ticket_box> tickets; // outlives the seats
    std::vector<std::unique_ptr<seat>> seats;
    std::atomic<std::size_t> dealt{0};
};

namespace {

context::period period_of(const mbedtls_x509_crt& chain) {
    context::period out;
    for (const auto* one = &chain; one != nullptr && one->version != 0; one = one->next) {
        out.from_s = std::max(out.from_s, seconds_of(one->valid_from));
        out.to_s = std::min(out.to_s, seconds_of(one->valid_to));
    }
    return out;
}

} // namespace

context::context() : parts_(std::make_unique<parts>()) {}
context::~context() = default;

result<std::shared_ptr<const context>>
context::make_server(const file_names& files, const server_options& options, clock_port& clock) {
    WHARF_ASSERT(!files.certificate.empty() && !files.key.empty());
    WHARF_ASSERT(options.from_clients == client_certificates::none || !files.trusted.empty());
    std::shared_ptr<context> out(new context);
    WHARF_TRY_ASSIGN(const auto contents, read_files(files));
    WHARF_TRY_ASSIGN(out->parts_->tickets, ticket_box::make(options.ticket_s, clock));
    for (std::size_t i = 0; i < std::max<std::size_t>(1, options.seats); ++i) {
        auto& one = *out->parts_->seats.emplace_back(std::make_unique<seat>(clock));
        WHARF_TRY(one.load(contents, files, false));
        WHARF_TRY(one.be_server(options, out->parts_->tickets.get()));
    }
    out->period_ = period_of(out->parts_->seats.front()->own());
    return std::shared_ptr<const context>(std::move(out));
}

result<std::shared_ptr<const context>>
context::make_client(const file_names& files, const std::string& host, clock_port& clock) {
    WHARF_ASSERT(!host.empty());
    if (files.trusted.empty())
        return error{errc::invalid,
                     "no file names the authorities that " + host + " is verified by"};
    std::shared_ptr<context> out(new context);
    WHARF_TRY_ASSIGN(const auto contents, read_files(files));
    auto& one = *out->parts_->seats.emplace_back(std::make_unique<seat>(clock));
    WHARF_TRY(one.load(contents, files, true));
    WHARF_TRY(one.be_client(host));
    out->skipped_ = one.skipped();
    out->period_ = period_of(one.own());
    if (!is_ip_address(host)) out->server_name_ = host;
    return std::shared_ptr<const context>(std::move(out));
}

seat& context::next_seat() const {
    return *parts_->seats[parts_->dealt++ % parts_->seats.size()];
}

} // namespace wharf::tls
