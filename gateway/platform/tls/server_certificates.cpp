#include "gateway/platform/tls/server_certificates.hpp"

#include "gateway/base/time.hpp"

#include <utility>

namespace wharf::tls {

struct server_certificates::attempt {
    file_stamps stamps;
    result<std::shared_ptr<const context>> made = error{errc::invalid, "not read yet"};
};

server_certificates::server_certificates(file_names files, server_options options,
                                         worker_pool& workers, clock_port& clock,
                                         certificate_callbacks callbacks)
    : files_(std::move(files)), options_(options), workers_(workers), clock_(clock),
      callbacks_(std::move(callbacks)) {}

status server_certificates::load() {
    used_ = seen_ = file_stamps::of(files_);
    WHARF_TRY_ASSIGN(current_, context::make_server(files_, options_, clock_));
    // A gateway may have started before its clock is right: it listens all the same.
    if (auto what = date_problem(*current_); !what.empty()) callbacks_.log(true, what);
    return ok();
}

void server_certificates::look() {
    const auto now = file_stamps::of(files_);
    if (now == std::exchange(seen_, now) && !(now == used_)) reload();
}

void server_certificates::reload(std::function<void(const std::string& why)> done) {
    WHARF_ASSERT(current_ != nullptr);
    if (done) (reading_ ? told_next_ : told_).push_back(std::move(done));
    if (reading_) {
        again_ = true;
        return;
    }
    reading_ = true;
    auto made = std::make_shared<attempt>();
    const bool taken = workers_.post(
        [made, files = files_, options = options_, clock = &clock_] {
            made->stamps = file_stamps::of(files);
            made->made = context::make_server(files, options, *clock);
        },
        [this, made, alive = std::weak_ptr(alive_)] {
            if (alive.expired()) return;
            reading_ = false;
            judge(*made);
            tell(refused_);
            told_ = std::exchange(told_next_, {});
            if (std::exchange(again_, false)) reload();
        });
    if (taken) return;
    reading_ = false; // the next look() tries again
    const std::string why = "TLS certificates are not read again: there are too few workers for it";
    callbacks_.log(true, why);
    tell(why);
}

void server_certificates::tell(const std::string& why) {
    for (auto& one : std::exchange(told_, {}))
        one(why);
}

void server_certificates::judge(const attempt& made) {
    used_ = made.stamps;
    std::string why;
    if (!made.made.ok()) {
        why = made.made.failure().message;
    } else if (why = date_problem(**made.made); !why.empty()) {
        // Better than none; but not better than one that is good.
        if (!date_problem(*current_).empty()) why.clear();
    }
    if (!why.empty()) {
        refused_ = "new TLS certificates are refused, the former stay in use: " + why;
        return callbacks_.log(true, refused_);
    }
    refused_.clear();
    current_ = *made.made;
    const auto to_s = current_->own_period().to_s;
    callbacks_.log(false, "TLS certificates read; ours is good until " + to_rfc3339({to_s, 0}));
    callbacks_.replaced(current_);
}

std::string server_certificates::date_problem(const context& of) const {
    const auto now_s = clock_.wall_us() / 1'000'000;
    const auto& period = of.own_period();
    if (now_s > period.to_s)
        return files_.certificate + ": it ended at " + to_rfc3339({period.to_s, 0});
    if (now_s < period.from_s)
        return files_.certificate + ": it begins only at " + to_rfc3339({period.from_s, 0}) +
               ", or this machine's clock is wrong";
    return {};
}

std::vector<std::string> server_certificates::problems() const {
    std::vector<std::string> out;
    if (!refused_.empty()) out.push_back(refused_);
    if (current_ == nullptr) return out;
    auto dates = date_problem(*current_);
    const auto to_s = current_->own_period().to_s;
    if (dates.empty() && clock_.wall_us() / 1'000'000 > to_s - limits::k_tls_certificate_low_s)
        dates = files_.certificate + ": it ends at " + to_rfc3339({to_s, 0});
    if (!dates.empty()) out.push_back("the TLS certificate of the listener, " + dates);
    return out;
}

} // namespace wharf::tls
