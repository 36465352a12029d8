#include "gateway/platform/bridge_port.hpp"

#include "gateway/platform/bridge_connection.hpp"
#include "gateway/platform/local_socket.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unistd.h>

namespace wharf {

namespace asio = boost::asio;

namespace {
constexpr auto k_tick = std::chrono::milliseconds(250);
constexpr std::string_view k_stopping = "wharfd is stopping";
constexpr auto k_accept_retry = std::chrono::milliseconds(100);
// Names that are remembered: those that are expected and those that are here.
constexpr std::size_t k_names_max = 2 * limits::k_bridges_max;
} // namespace

bridge_port::bridge_port(asio::io_context& on, bridge_port_options options, intake& prepare,
                         clock_port& clock, bridge_port_callbacks callbacks)
    : io_(on), options_(std::move(options)), intake_(prepare), clock_(clock),
      callbacks_(std::move(callbacks)), acceptor_(on), timer_(on), retry_(on) {
    for (const std::string& name : options_.expected)
        statuses_[name].name = name;
}

bridge_port::~bridge_port() {
    if (listening_) ::unlink(options_.socket.c_str());
}

status bridge_port::start() {
    WHARF_TRY(listen_local(acceptor_, options_.socket, static_cast<int>(limits::k_bridges_max)));
    listening_ = true;
    accept();
    tick();
    return ok();
}

void bridge_port::accept() {
    acceptor_.async_accept([this](boost::system::error_code failed, local::socket socket) {
        if (failed == asio::error::operation_aborted || stopping_) return;
        if (!failed) {
            accepted(std::move(socket));
            return accept();
        }
        // Out of descriptors, for example: the loop must neither end nor spin.
        callbacks_.log(true, "bridge port: accept: " + failed.message());
        retry_.expires_after(k_accept_retry);
        retry_.async_wait([this](auto aborted) {
            if (!aborted) accept();
        });
    });
}

void bridge_port::accepted(local::socket socket) {
    // Twice as many as there may be: one that takes over is here before the other is gone.
    if (connections_.size() >= 2 * limits::k_bridges_max) return; // closes the socket
    constexpr std::uint64_t mask =
        (std::uint64_t{1} << (k_port_token_bits - k_request_token_bits)) - 1;
    std::uint64_t id = ++last_id_ & mask;
    while (connections_.contains(id))
        id = ++last_id_ & mask;
    auto made = std::make_shared<bridge_connection>(*this, id, std::move(socket));
    connections_[id] = made;
    made->pump();
}

void bridge_port::tick() {
    timer_.expires_after(k_tick);
    timer_.async_wait([this](auto failed) {
        if (failed) return;
        const std::int64_t now_ms = clock_.monotonic_us() / 1000;
        auto all = connections_;
        for (auto& [id, one] : all)
            one->tick(now_ms);
        if (stopping_ && now_ms >= stop_by_ms_) end_all();
        if (!stopping_ || !connections_.empty()) tick();
    });
}

// What they are still owed does not come: their brokers keep it.
void bridge_port::end_all() {
    auto all = connections_;
    for (auto& [id, one] : all)
        one->end(k_stopping);
}

void bridge_port::submit(journal_request request) {
    std::vector<journal_request> one;
    one.push_back(std::move(request));
    if (callbacks_.submit(std::move(one)) || !room_) return;
    room_ = false;
    // The one that asks may be in the middle of reading.
    asio::post(io_, [this] { tell_room(); });
}

void bridge_port::tell_room() {
    auto all = connections_;
    for (auto& [id, one] : all)
        one->on_room(has_room());
}

void bridge_port::on_room() {
    asio::post(io_, [this] {
        room_ = true;
        tell_room();
    });
}

void bridge_port::on_space(bool full) {
    asio::post(io_, [this, full] {
        full_ = full;
        tell_room();
    });
}

void bridge_port::on_answers(std::vector<journal_answer> answers) {
    asio::post(io_, [this, answers = std::move(answers)]() mutable {
        std::map<std::uint64_t, std::shared_ptr<bridge_connection>> touched;
        for (journal_answer& answer : answers) {
            const auto token = std::visit([](const auto& one) { return one.token; }, answer);
            const auto found = connections_.find(token >> k_request_token_bits);
            if (found == connections_.end()) continue; // it left before its answer came
            touched.insert(*found);
            found->second->on_answer(answer);
        }
        for (auto& [id, one] : touched)
            one->pump();
    });
}

bridge_status& bridge_port::status_of(const std::string& name) {
    auto& about = statuses_[name];
    about.name = name;
    return about;
}

// False where there are as many bridges as there may be.
bool bridge_port::attach(const std::string& name, bridge_connection* by) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end() && by_name_.size() >= limits::k_bridges_max) return false;
    if (found != by_name_.end()) {
        bridge_connection* before = std::exchange(found->second, by);
        callbacks_.log(false, "bridge " + name + " connected again; its earlier connection ends");
        before->end("another connection of the same name took over");
    } else {
        by_name_.emplace(name, by);
        callbacks_.log(false, "bridge " + name + " connected");
    }
    if (!statuses_.contains(name) && statuses_.size() >= k_names_max) {
        // There is one that is not here and was not expected.
        const auto old = std::find_if(statuses_.begin(), statuses_.end(), [&](const auto& each) {
            return !each.second.attached &&
                   std::find(options_.expected.begin(), options_.expected.end(), each.first) ==
                       options_.expected.end();
        });
        if (old != statuses_.end()) statuses_.erase(old);
    }
    auto& about = status_of(name);
    about.attached = true;
    about.changed_us = clock_.monotonic_us();
    ++about.attachments;
    about.health.reset();
    return true;
}

void bridge_port::retire(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    const std::string& name = found->second->name();
    const auto named = by_name_.find(name);
    if (named != by_name_.end() && named->second == found->second.get()) {
        by_name_.erase(named);
        auto& about = status_of(name);
        about.attached = false;
        about.changed_us = clock_.monotonic_us();
        if (!stopping_) callbacks_.log(false, "bridge " + name + " is gone");
    }
    // It may be in the middle of one of its own calls.
    asio::post(io_, [kept = std::move(found->second)] {});
    connections_.erase(found);
}

std::vector<bridge_status> bridge_port::statuses() const {
    std::vector<bridge_status> out;
    for (const auto& [name, about] : statuses_) {
        out.push_back(about);
        const auto here = by_name_.find(name);
        if (here != by_name_.end()) out.back().unanswered = here->second->unanswered();
    }
    return out;
}

void bridge_port::stop(std::uint32_t wait_ms) {
    stopping_ = true;
    stop_by_ms_ = clock_.monotonic_us() / 1000 + wait_ms;
    boost::system::error_code ignored; // it is closed either way
    acceptor_.close(ignored);
    retry_.cancel();
    if (std::exchange(listening_, false)) ::unlink(options_.socket.c_str());
    auto all = connections_;
    for (auto& [id, one] : all)
        one->end_when_idle(k_stopping);
    timer_.cancel();
    if (!connections_.empty()) tick();
}

} // namespace wharf
