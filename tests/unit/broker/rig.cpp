#include "tests/unit/broker/rig.hpp"

#include "gateway/base/bytes.hpp"

#include <catch2/catch.hpp>

namespace wharf::test {

namespace {

intake make_rig_intake() {
    intake_options options;
    options.site = "ber1";
    options.local = {"#"};
    auto made = make_intake(std::move(options));
    REQUIRE(made.ok());
    return std::move(made).value();
}

unsigned byte(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text.at(at));
}

std::size_t read_varint(std::string_view text, std::size_t& at) {
    std::size_t out = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto next = byte(text, at++);
        out |= static_cast<std::size_t>(next & 0x7f) << shift;
        if ((next & 0x80) == 0) return out;
    }
}

std::string read_text(std::string_view text, std::size_t& at) {
    const auto size = get_big<std::uint16_t>(text.data() + at);
    const auto out = std::string(text.substr(at + 2, size));
    at += 2 + size;
    return out;
}

void read_properties(std::string_view body, std::size_t& at, heard& out) {
    const auto size = read_varint(body, at);
    const auto end = at + size;
    while (at < end) {
        const auto id = byte(body, at++);
        if (id == 0x01) {
            out.properties[id] = body.substr(at++, 1);
        } else if (id == 0x02) {
            out.properties[id] = body.substr(at, 4);
            at += 4;
        } else if (id == 0x23) {
            out.properties[id] = body.substr(at, 2);
            at += 2;
        } else if (id == 0x0b) {
            out.identifiers.push_back(static_cast<std::uint32_t>(read_varint(body, at)));
        } else if (id == 0x26) {
            out.properties[id] = read_text(body, at);
            out.properties[id] += "=" + read_text(body, at);
        } else {
            out.properties[id] = read_text(body, at);
        }
    }
}

} // namespace

// --- the client ----------------------------------------------------------------------------------

test_client::test_client(broker_rig& in, std::uint64_t id, unsigned version)
    : rig_(in), version_(version),
      client_(std::make_unique<broker::client>(*in.broker_, *this, mqtt::session_limits{}, id,
                                               "assigned-" + std::to_string(id))) {}

test_client::~test_client() {
    if (client_) client_->retire();
}

test_client& test_client::send(std::string_view bytes) {
    client_->session().on_bytes(bytes, rig_.now_.monotonic_us / 1000);
    rig_.pump();
    return *this;
}

heard test_client::connect(const std::string& client_id, bool clean, std::string_view properties,
                           std::string_view will) {
    const unsigned flags = (clean ? 2u : 0u) | (will.empty() ? 0u : 4u | 8u);
    send(packets::packet(0x10, packets::connect_body(version_, flags, 60, client_id, properties) +
                                   std::string(will)));
    rig_.settle();
    auto all = hear();
    REQUIRE_FALSE(all.empty());
    CHECK(all.front().type == 2);
    // What the session had waiting stays to be heard.
    return all.front();
}

std::string test_client::subscribe(std::string_view filter, unsigned options,
                                   std::uint32_t identifier) {
    std::string properties;
    if (identifier != 0) properties = "\x0b" + packets::varint(identifier);
    send(packets::packet(0x82, packets::u16(++next_id_) +
                                   (version_ == 5 ? packets::list(properties) : std::string()) +
                                   packets::text(filter) + static_cast<char>(options)));
    rig_.settle();
    std::string codes;
    std::string others;
    std::size_t at = 0;
    while (at < bytes_.size()) {
        std::size_t body = at + 1;
        const auto size = read_varint(bytes_, body);
        const auto packet = bytes_.substr(at, body + size - at);
        if (byte(packet, 0) == 0x90)
            codes = packet.substr(packet.size() - 1);
        else
            others += packet;
        at = body + size;
    }
    bytes_ = others;
    return to_hex(codes);
}

test_client& test_client::publish(std::string_view topic, std::string_view payload, unsigned qos,
                                  bool retain, std::string_view properties) {
    auto packet = packets::publish(version_, qos, qos == 0 ? 0 : ++next_id_, payload, false, topic,
                                   properties);
    if (retain) packet[0] = static_cast<char>(packet[0] | 1);
    return send(packet);
}

heard test_client::take_apart(std::string_view packet) const {
    heard out;
    out.type = byte(packet, 0) >> 4;
    out.flags = byte(packet, 0) & 15;
    std::size_t at = 1;
    (void)read_varint(packet, at);
    const auto body = packet.substr(at);
    out.body = body;
    at = 0;
    if (out.type == 3) {
        out.topic = read_text(body, at);
        if (out.qos() > 0) {
            out.packet_id = get_big<std::uint16_t>(body.data() + at);
            at += 2;
        }
        if (version_ == 5) read_properties(body, at, out);
        out.payload = body.substr(at);
    } else if (out.type >= 4 && out.type <= 7) {
        out.packet_id = get_big<std::uint16_t>(body.data());
    }
    return out;
}

std::vector<heard> test_client::hear() {
    rig_.pump();
    std::vector<heard> out;
    std::size_t at = 0;
    while (at < bytes_.size()) {
        std::size_t body = at + 1;
        const auto size = read_varint(bytes_, body);
        out.push_back(take_apart(std::string_view(bytes_).substr(at, body + size - at)));
        at = body + size;
    }
    bytes_.clear();
    return out;
}

std::vector<std::string> test_client::messages() {
    std::vector<std::string> out;
    for (const heard& each : hear())
        if (each.type == 3) out.push_back(each.topic + " " + each.payload);
    return out;
}

std::vector<std::string> test_client::take() {
    std::vector<std::string> out;
    for (int round = 0; round < 10'000; ++round) {
        rig_.settle();
        const auto all = hear();
        if (all.empty()) return out;
        for (const heard& each : all) {
            const auto id = packets::u16(each.packet_id);
            if (each.type == 3) out.push_back(each.topic + " " + each.payload);
            if (each.type == 3 && each.qos() == 1) send(packets::packet(0x40, id));
            if (each.type == 3 && each.qos() == 2) send(packets::packet(0x50, id));
            if (each.type == 6) send(packets::packet(0x70, id));
        }
    }
    FAIL("there is no end of messages");
    return out;
}

void test_client::drop() {
    client_->session().on_transport_closed();
    client_->retire();
    closed_ = dropped_ = true;
    rig_.pump();
}

// --- the rig -------------------------------------------------------------------------------------

broker_rig::broker_rig(broker::broker_options options)
    : options_(std::move(options)), intake_(make_rig_intake()) {
    start();
}

broker_rig::~broker_rig() {
    clients_.clear();
}

void broker_rig::start() {
    intake_.use_digests(journal.under_test().digests());
    broker_ = std::make_unique<broker::broker>(
        options_, intake_,
        broker::broker_calls{
            [this](journal_request request) { requests.push_back(std::move(request)); },
            [] { return prepared_message(); },
            [this](notice, const std::string& text) { log.push_back(text); }});
    broker_->look(now_);
    auto kept = read_local_state(journal.store);
    REQUIRE(kept.ok());
    REQUIRE(broker_->restore(std::move(*kept), journal.now_us - now_.monotonic_us).ok());
}

test_client& broker_rig::make(unsigned version) {
    clients_.push_back(std::make_unique<test_client>(*this, ++last_id_, version));
    return *clients_.back();
}

test_client& broker_rig::connected(const std::string& client_id, unsigned version, bool clean,
                                   std::uint32_t expiry_s) {
    auto& made = make(version);
    const auto properties = "\x11" + packets::u32(expiry_s);
    const auto answer = made.connect(client_id, clean, version == 5 ? properties : std::string());
    CHECK(to_hex(answer.body.substr(1, 1)) == "00");
    return made;
}

void broker_rig::commit() {
    auto answers = journal.commit(std::exchange(requests, {}));
    for (const journal_answer& each : answers) {
        if (broker_->on_answer(each)) continue;
        const auto id =
            broker::client::id_of(std::visit([](const auto& one) { return one.token; }, each));
        for (auto& client : clients_)
            if (client->machine().id() == id && !client->dropped_)
                client->machine().on_answer(each);
    }
    pump();
}

void broker_rig::settle() {
    pump();
    while (!requests.empty())
        commit();
}

void broker_rig::pump() {
    for (auto& each : clients_) {
        if (!each->reads || each->client_ == nullptr) continue;
        auto& machine = *each->client_;
        for (int round = 0; round < 1000; ++round) {
            if (!each->closed_) machine.pump();
            if (machine.session().output().empty()) break;
            each->bytes_ += std::exchange(machine.session().output(), {});
            machine.session().on_drained();
        }
    }
}

void broker_rig::advance(std::int64_t seconds) {
    now_.wall_us += seconds * 1'000'000;
    now_.monotonic_us += seconds * 1'000'000;
    journal.now_us += seconds * 1'000'000;
    broker_->look(now_);
    broker_->on_tick();
    settle();
    // Sessions are swept by the clock of the journal.
    requests.push_back(local_request{0, false, {}});
    settle();
}

void broker_rig::restart(bool power_cut) {
    for (auto& each : clients_)
        each->client_->retire();
    clients_.clear();
    requests.clear();
    broker_.reset();
    if (power_cut)
        journal.power_cut();
    else
        journal.restart();
    start();
}

} // namespace wharf::test
