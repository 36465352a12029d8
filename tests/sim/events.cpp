#include "tests/sim/events.hpp"

#include "gateway/codec/json_codec.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {

using wharf::v1::Event;

class maker {
  public:
    maker(const plan& from, world& in)
        : plan_(from.work), clients_(from.clients), world_(in), random_(in.random(20)) {
        out_.facts.emplace_back();
    }

    workload take() {
        std::vector<std::int64_t> times(plan_.messages);
        for (auto& at : times)
            at = random_.between(0, plan_.span_us);
        std::ranges::sort(times);
        for (auto at : times)
            add_message(at);
        return std::move(out_);
    }

  private:
    void add_message(std::int64_t at_us) {
        message m;
        m.at_us = at_us;
        m.device = random_.below(plan_.devices);
        m.qos = random_.chance(clients_.qos_0)   ? std::uint8_t{0}
                : random_.chance(clients_.qos_2) ? std::uint8_t{2}
                                                 : std::uint8_t{1};
        const auto topic = "wharf/1/" + std::string(k_site) + "/" + device_name(m.device) + "/s";
        if (random_.chance(plan_.unknown_topic)) {
            world_.fired(fault::unknown_topic);
            m.topic = "elsewhere/" + std::to_string(++serial_);
            m.payload = "{" + std::to_string(serial_) + "}";
        } else if (random_.chance(plan_.bad_payload) && random_.chance(5000)) {
            world_.fired(fault::bad_payload);
            m.topic = topic;
            m.payload = "{\"event_id\": \"cut off " + std::to_string(++serial_);
        } else {
            std::vector<Event> events;
            const auto count = 1 + random_.below(plan_.batch_events_max);
            for (std::size_t i = 0; i < count; ++i)
                events.push_back(make_event(m));
            encode(events, topic, m);
        }
        out_.messages.push_back(std::move(m));
    }

    void encode(const std::vector<Event>& events, const std::string& topic, message& m) {
        if (random_.chance(plan_.json)) {
            m.topic = topic;
            if (events.size() > 1) m.payload = "[";
            for (std::size_t i = 0; i < events.size(); ++i) {
                if (i > 0) m.payload += ",";
                message_to_json(events[i], m.payload);
            }
            if (events.size() > 1) m.payload += "]";
        } else if (events.size() == 1) {
            m.topic = topic + ".pb";
            m.payload = events[0].SerializeAsString();
        } else {
            m.topic = topic + ".pbs";
            wharf::v1::EventBatch batch;
            for (const auto& one : events)
                *batch.add_events() = one;
            m.payload = batch.SerializeAsString();
        }
    }

    // A new fact, or an earlier one told again, or contradicted.
    Event make_event(message& m) {
        if (!told_.empty() && random_.chance(plan_.duplicate)) {
            world_.fired(fault::duplicate_event);
            const auto& [id, event] = told_[random_.below(told_.size())];
            m.facts.push_back(id);
            return event;
        }
        if (!told_.empty() && random_.chance(plan_.contradiction)) {
            world_.fired(fault::contradiction);
            const auto& [id, before] = told_[random_.below(told_.size())];
            auto event = before;
            fact other = out_.facts[id];
            m.facts.push_back(add(std::move(other), event));
            return event;
        }
        Event event;
        fact one;
        fill(event, one);
        event.set_source(device_name(m.device));
        const bool keyless = random_.chance(plan_.keyless);
        if (keyless) {
            world_.fired(fault::event_without_identity);
            one.keyless = true;
            event.clear_event_id();
            clear_business_key(event, one);
        }
        if (random_.chance(plan_.bad_payload)) {
            world_.fired(fault::bad_payload);
            one.valid = false;
            event.add_references()->set_type("order"); // of no id
        }
        // Some are known by their id alone, some by their business key alone, most by both.
        if (!keyless && random_.chance(2500)) event.clear_event_id();
        if (!event.event_id().empty() && random_.chance(2500)) clear_business_key(event, one);
        const bool telling = !keyless && one.valid;
        one.group = static_cast<group_id>(out_.facts.size());
        m.facts.push_back(add(std::move(one), event));
        if (telling) told_.emplace_back(m.facts.back(), event);
        return event;
    }

    fact_id add(fact one, Event& event) {
        const auto id = static_cast<fact_id>(out_.facts.size());
        event.set_user("u" + std::to_string(id));
        out_.facts.push_back(std::move(one));
        return id;
    }

    static void clear_business_key(Event& event, fact& one) {
        switch (event.body_case()) {
        case Event::kInventoryAdjusted:
            return event.mutable_inventory_adjusted()->clear_line();
        case Event::kInventoryCounted:
            one.keys.erase(one.keys.begin()); // its document
            return event.mutable_inventory_counted()->clear_document();
        case Event::kStockMoved:
            return event.mutable_stock_moved()->clear_line();
        case Event::kPicked:
            return event.mutable_picked()->clear_line();
        case Event::kReceived:
            return event.mutable_received()->clear_line();
        case Event::kShipped:
            return event.mutable_shipped()->clear_line();
        case Event::kMilestone:
            return event.mutable_milestone()->clear_line();
        default:
            return;
        }
    }

    key_id key(const std::string& name) {
        return keys_.try_emplace(name, static_cast<key_id>(keys_.size() + 1)).first->second;
    }
    std::string document(fact& one) {
        auto name = "D-" + std::to_string(random_.below(plan_.documents));
        one.keys.push_back(key(name));
        return name;
    }
    // Skewed: half of all goes to a few items.
    wharf::v1::StockKey stock(fact& one) {
        auto sku = random_.below(plan_.skus);
        if (random_.chance(5000)) sku = random_.below(1 + plan_.skus / 8);
        wharf::v1::StockKey out;
        out.set_location("A-" + std::to_string(sku % 7));
        out.set_sku(std::to_string(4000 + sku));
        one.keys.push_back(key(out.location() + "/" + out.sku()));
        return out;
    }
    wharf::v1::Quantity quantity() {
        wharf::v1::Quantity out;
        out.mutable_value()->set_coefficient(random_.between(1, 40));
        out.set_unit("EA");
        return out;
    }

    void fill(Event& event, fact& one) {
        const auto number = std::to_string(++serial_);
        event.set_event_id("e-" + number);
        switch (random_.below(7)) {
        case 0: {
            auto& body = *event.mutable_inventory_adjusted();
            body.set_document(document(one));
            *body.mutable_stock() = stock(one);
            *body.mutable_delta() = quantity();
            body.set_reason("found");
            body.set_line(number);
            break;
        }
        case 1: {
            auto& body = *event.mutable_inventory_counted();
            one.in_lane = lane::count;
            body.set_document(document(one));
            *body.mutable_stock() = stock(one);
            *body.mutable_counted() = quantity();
            body.set_revision(static_cast<std::uint32_t>(serial_));
            break;
        }
        case 2: {
            auto& body = *event.mutable_stock_moved();
            body.set_task(document(one));
            *body.mutable_from() = stock(one);
            auto& to = *body.mutable_to() = body.from();
            to.set_location("B-" + std::to_string(random_.below(5)));
            one.keys.push_back(key(to.location() + "/" + to.sku()));
            *body.mutable_quantity() = quantity();
            body.set_line(number);
            break;
        }
        case 3: {
            auto& body = *event.mutable_picked();
            body.set_task(document(one));
            *body.mutable_stock() = stock(one);
            *body.mutable_quantity() = quantity();
            body.set_line(number);
            break;
        }
        case 4: {
            auto& body = *event.mutable_received();
            body.set_receipt(document(one));
            *body.mutable_stock() = stock(one);
            *body.mutable_quantity() = quantity();
            body.set_line(number);
            break;
        }
        case 5: {
            auto& body = *event.mutable_shipped();
            one.in_lane = lane::shipment;
            body.set_shipment(document(one));
            body.set_package("P-" + number);
            *body.mutable_stock() = stock(one);
            *body.mutable_quantity() = quantity();
            body.set_line("1");
            body.set_extent(wharf::v1::SHIPMENT_EXTENT_FINAL);
            break;
        }
        default: {
            auto& body = *event.mutable_milestone();
            one.in_lane = plan_.milestones_are_telemetry ? lane::telemetry : lane::shipment;
            body.set_shipment(document(one));
            body.set_package("P-" + number);
            body.set_line("1");
            body.set_code("departed");
            break;
        }
        }
    }

    const workload_plan& plan_;
    const client_plan& clients_;
    world& world_;
    prng random_;
    workload out_;
    std::vector<std::pair<fact_id, Event>> told_;
    std::map<std::string, key_id> keys_;
    std::uint64_t serial_ = 0;
};

} // namespace

namespace {

// What is for the site alone. One device tells what is on one topic, and retains it at one QoS.
void add_tasks(const plan& from, world& in, workload& out) {
    const auto& local = from.local;
    auto random = in.random(21);
    std::vector<std::int64_t> times(local.tasks);
    for (auto& at : times)
        at = random.between(0, from.work.span_us);
    std::ranges::sort(times);
    const auto draw_qos = [&random, &local] {
        return random.chance(local.qos_0)   ? std::uint8_t{0}
               : random.chance(local.qos_2) ? std::uint8_t{2}
                                            : std::uint8_t{1};
    };
    std::vector<std::uint8_t> retained_qos(local.topics);
    for (auto& qos : retained_qos)
        qos = draw_qos();
    for (const auto at : times) {
        const auto topic = random.below(local.topics);
        message m;
        m.at_us = at;
        m.local = true;
        m.device = topic % from.work.devices;
        m.topic = "tasks/" + std::to_string(topic);
        m.qos = draw_qos();
        m.retain = random.chance(local.retain);
        if (m.retain) m.qos = retained_qos[topic];
        if (random.chance(local.expiry))
            m.expiry_s = static_cast<std::uint32_t>(random.between(1, 40));
        if (!m.retain || !random.chance(local.clear)) {
            m.payload = "task " + std::to_string(out.messages.size()) + " ";
            m.payload.append(random.below(local.payload_bytes_max), 'x');
        }
        out.messages.push_back(std::move(m));
    }
}

} // namespace

workload make_workload(const plan& from, world& in) {
    auto out = maker(from, in).take();
    add_tasks(from, in, out);
    return out;
}

std::string device_name(std::size_t device) {
    return "scanner-" + std::to_string(device);
}

fact_id fact_of(const wharf::v1::Event& event) {
    const auto& user = event.user();
    if (user.size() < 2 || user[0] != 'u') return 0;
    fact_id id = 0;
    for (char c : user.substr(1)) {
        if (c < '0' || c > '9') return 0;
        id = id * 10 + static_cast<fact_id>(c - '0');
    }
    return id;
}

} // namespace wharf::sim
