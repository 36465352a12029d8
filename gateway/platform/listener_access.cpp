// What the listener does for the desk: whom it turns away, ends, and says how often.
#include "gateway/access/memory_guard.hpp"
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/access/address_key.hpp"
#include "gateway/platform/connection.hpp"
#include "gateway/platform/listener.hpp"

#include <algorithm>

namespace wharf {

// False: the newcomer is not welcome. Where it is, somebody else may have had to make room.
bool listener::make_way(std::uint64_t id, const tcp::socket& newcomer) {
    if (callbacks_.access == nullptr) return true;
    boost::system::error_code failed;
    const auto peer = newcomer.remote_endpoint(failed);
    if (failed) return false; // it has gone already
    const auto answer = callbacks_.access->arrive(id, peer.address());
    if (answer.verdict != access::arrival::welcome) {
        ++counters_.connections_refused;
        return false;
    }
    if (answer.make_room) clear_away(*answer.make_room);
    return true;
}

// A connection, or one that is still in its handshake.
void listener::clear_away(std::uint64_t id) {
    if (const auto found = connections_.find(id); found != connections_.end()) {
        const auto kept = found->second; // it retires itself
        kept->abandon();
    } else if (reception_ != nullptr) {
        reception_->drop(id);
    }
}

void listener::greet(tcp::socket socket) {
    const auto id = admit(socket);
    if (!id) return;
    boost::system::error_code failed;
    const auto peer = socket.remote_endpoint(failed); // one that has gone is found out to be so
    reception_->take(*id, address_key(peer.address()), std::move(socket));
}

tls::reception_callbacks listener::reception_calls() {
    tls::reception_callbacks calls;
    calls.spoke = [this](std::uint64_t id) {
        if (callbacks_.access != nullptr) callbacks_.access->handshake_begins(id);
    };
    calls.ready = [this](std::uint64_t id, tls::device_stream stream) {
        if (callbacks_.access != nullptr)
            if (const auto goes = callbacks_.access->handshake_done(id)) clear_away(*goes);
        settle(id, std::move(stream));
    };
    calls.gone = [this](std::uint64_t id) {
        if (callbacks_.access != nullptr) callbacks_.access->handshake_failed(id);
    };
    calls.log = [this](const std::string& text) { callbacks_.log(notice::info, text); };
    return calls;
}

// They come in order.
void listener::end_identities(const std::vector<std::string>& names) {
    std::vector<std::shared_ptr<connection>> ended;
    for (const auto& [id, one] : connections_)
        if (std::ranges::binary_search(names, one->guest().name())) ended.push_back(one);
    callbacks_.access->count().ended_by_change += ended.size();
    for (const auto& one : ended)
        one->end(mqtt::reason::administrative_action);
}

void listener::guard_memory() {
    if (callbacks_.access == nullptr) return;
    callbacks_.access->tick();
    for (const std::uint64_t id : callbacks_.access->too_silent())
        clear_away(id);
    std::vector<access::held_memory> held;
    for (const auto& [id, one] : connections_)
        if (const auto bytes = one->held_bytes(); bytes > 0) held.push_back({id, bytes});
    for (const auto id : access::over_memory(held, callbacks_.access->buffers_bytes_max())) {
        const auto one = connections_.find(id)->second;
        ++callbacks_.access->count().ended_for_memory;
        callbacks_.access->log("memory", one->guest().address(),
                               "a connection of " + one->guest().shown() +
                                   " is ended: it holds the most of the memory that all "
                                   "connections may take");
        one->abandon();
    }
}

void listener::log_closed(const connection& which, const std::string& line) {
    if (callbacks_.access == nullptr)
        callbacks_.log(notice::info, line);
    else
        callbacks_.access->log("closed", which.guest().address(), line);
}

} // namespace wharf
