#include "gateway/platform/tls/client_side.hpp"

#include "gateway/platform/tls/engine_state.hpp"

#include <utility>

namespace wharf::tls {

client_side::client_side(file_names files, std::string host, clock_port& clock, callbacks calls)
    : files_(std::move(files)), host_(std::move(host)), clock_(clock), calls_(std::move(calls)) {}

client_side::~client_side() = default;

status client_side::load() {
    stamps_ = file_stamps::of(files_);
    looked_us_ = clock_.monotonic_us();
    WHARF_TRY_ASSIGN(context_, context::make_client(files_, host_, clock_));
    return ok();
}

std::size_t client_side::authorities_skipped() const {
    return context_->authorities_skipped();
}

void client_side::look() {
    const auto now_us = clock_.monotonic_us();
    if (now_us - looked_us_ < std::int64_t{limits::k_tls_look_s} * 1'000'000) return;
    looked_us_ = now_us;
    const auto stamps = file_stamps::of(files_);
    if (stamps == stamps_) return;
    stamps_ = stamps;
    auto made = context::make_client(files_, host_, clock_);
    if (!made.ok()) {
        refused_ = true;
        return calls_.files(true, "changed TLS files are refused, the former stay in use: " +
                                      made.failure().message);
    }
    context_ = std::move(made).value();
    session_ = nullptr;
    if (std::exchange(refused_, false)) calls_.files(false, "the TLS files are good again");
}

result<std::unique_ptr<engine>> client_side::begin() {
    WHARF_ASSERT(context_ != nullptr);
    look();
    WHARF_TRY_ASSIGN(auto out, engine::make(context_));
    constexpr auto k_age_us = std::int64_t{limits::k_tls_session_s_max} * 1'000'000;
    if (session_ != nullptr) {
        // Its certificate was verified when the session began.
        const auto* shown = session_->kept.peer_cert;
        const bool good = clock_.monotonic_us() - session_since_us_ < k_age_us &&
                          shown != nullptr && context_->next_seat().still_good(*shown);
        if (!good) session_ = nullptr;
    }
    if (session_ != nullptr) out->resume(*session_);
    return out;
}

void client_side::done(const engine& with) {
    if (with.resumed()) return;
    session_ = with.session();
    session_since_us_ = clock_.monotonic_us();
}

void client_side::failed() {
    session_ = nullptr;
}

} // namespace wharf::tls
