// bench-erp: an ERP that answers "applied" to everything at once and keeps nothing; and with
// --drive a client that sends it batches, for its ceiling. GET /stats says how much came. One
// thread.
#include "tests/bench/erp/http.hpp"
#include "tests/bench/events/event_source.hpp"
#include "tests/bench/load/net.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

constexpr std::size_t k_buffer_bytes = 1024 * 1024;

struct peer {
    bench::fd_owner socket;
    std::string input;
    std::string output;
};

// What is there is read and what is owed is written; false once the connection is over.
bool move_bytes(peer& one, std::string& buffer) {
    const std::ptrdiff_t got = bench::receive(one.socket.get(), buffer.data(), buffer.size());
    if (got == bench::k_closed) return false;
    one.input.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
}

bool write_out(peer& one) {
    const std::ptrdiff_t sent =
        bench::send_some(one.socket.get(), one.output.data(), one.output.size());
    if (sent == bench::k_closed) return false;
    one.output.erase(0, static_cast<std::size_t>(sent));
    return true;
}

class server {
  public:
    [[noreturn]] void run(std::uint16_t port) {
        const bench::fd_owner listener = bench::listen_on(port);
        poll_.add(listener.get(), EPOLLIN, k_listener);
        while (true)
            poll_.wait(1'000'000'000, [&](std::uint64_t which, std::uint32_t) {
                if (which == k_listener)
                    accept(listener.get());
                else if (!serve(peers_.at(which)))
                    peers_.erase(which);
            });
    }

  private:
    static constexpr std::uint64_t k_listener = ~std::uint64_t{0};

    void accept(int listener) {
        bench::fd_owner accepted(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK));
        if (accepted.get() < 0) return;
        bench::set_no_delay(accepted.get());
        poll_.add(accepted.get(), EPOLLIN, ++last_);
        peers_.emplace(last_, peer{std::move(accepted), {}, {}});
    }

    bool serve(peer& one) {
        if (!move_bytes(one, buffer_)) return false;
        std::size_t at = 0;
        while (true) {
            const auto request = bench::first_message(std::string_view(one.input).substr(at));
            if (request.size == 0) break;
            answer(request, one.output);
            at += request.size;
        }
        one.input.erase(0, at);
        while (!one.output.empty())
            if (!write_out(one)) return false;
        return true;
    }

    void answer(const bench::http_message& request, std::string& to) {
        if (request.head.starts_with("GET ")) return bench::append_stats(to, items_, requests_);
        keys_.clear();
        if (request.json)
            bench::keys_of_json(request.body, keys_);
        else
            bench::keys_of_protobuf(request.body, keys_);
        ++requests_;
        items_ += keys_.size();
        bench::append_answer(to, keys_, request.json);
    }

    bench::poller poll_;
    std::map<std::uint64_t, peer> peers_;
    std::uint64_t last_ = 0;
    std::string buffer_ = std::string(k_buffer_bytes, '\0');
    std::vector<std::string_view> keys_;
    std::uint64_t items_ = 0;
    std::uint64_t requests_ = 0;
};

// As Wharf renders them, closely enough for their size.
std::string batch(unsigned items) {
    const bench::event_template event(bench::payload_kind::json);
    std::string body = R"({"batch_id":"WH7-3f2a9c1b-b00000000000000000001","gateway":"WH7",)"
                       R"("mapping_revision":1,"items":[)";
    for (unsigned i = 0; i < items; ++i) {
        char key[64];
        std::snprintf(key, sizeof key, "WH7-3f2a9c1b-%020u-0", i);
        if (i > 0) body.push_back(',');
        body.append(R"({"idempotency_key":")").append(key).append(R"(","event":)");
        body.append(event.bytes()).push_back('}');
    }
    body.append("]}");
    return "POST /v1/updates HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
           "Content-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

void drive(std::uint16_t port, unsigned connections, unsigned items, double seconds) {
    const std::string request = batch(items);
    bench::poller poll;
    std::vector<peer> peers(connections);
    for (std::size_t i = 0; i < peers.size(); ++i) {
        peers[i].socket = bench::connect_to(port);
        bench::set_nonblocking(peers[i].socket.get());
        peers[i].output = request;
        poll.add(peers[i].socket.get(), EPOLLIN | EPOLLOUT | EPOLLET, i);
    }
    std::string buffer(k_buffer_bytes, '\0');
    std::uint64_t answered = 0;
    const std::int64_t began = bench::now_ns();
    while (static_cast<double>(bench::now_ns() - began) / 1e9 < seconds)
        poll.wait(100'000'000, [&](std::uint64_t which, std::uint32_t) {
            peer& one = peers[which];
            if (!move_bytes(one, buffer)) bench::die("the ERP closed the connection");
            const auto reply = bench::first_message(one.input);
            if (reply.size > 0) {
                ++answered;
                one.input.erase(0, reply.size);
                one.output = request;
            }
            if (!write_out(one)) bench::die("the ERP closed the connection");
        });
    const double took = static_cast<double>(bench::now_ns() - began) / 1e9;
    std::printf("{\"items\": %llu, \"per_s\": %.1f}\n",
                static_cast<unsigned long long>(answered * items),
                static_cast<double>(answered * items) / took);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"An ERP that answers at once"};
    std::uint16_t port = 0;
    bool driven = false;
    unsigned connections = 4;
    unsigned items = 500;
    double seconds = 2;
    app.add_option("--port", port)->required();
    app.add_flag("--drive", driven, "be the client, for the ERP's ceiling");
    app.add_option("--connections", connections)->check(CLI::Range(1, 64));
    app.add_option("--items", items, "of a batch")->check(CLI::Range(1, 1000));
    app.add_option("--seconds", seconds);
    CLI11_PARSE(app, argc, argv);
    if (driven)
        drive(port, connections, items, seconds);
    else
        server().run(port);
    return 0;
}
