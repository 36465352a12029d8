#include "tests/sim/gateway.hpp"

#include "gateway/journal/inspect.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {
constexpr std::int64_t k_restart_us = 400 * k_ms;
constexpr std::int64_t k_stop_wait_us = 5 * k_second;
constexpr std::int64_t k_stop_grace_us = 2 * k_second;

intake_options intake_of(const plan& with) {
    intake_options out;
    out.site = k_site;
    if (with.work.milestones_are_telemetry) out.kind_lanes["milestone"] = lane::telemetry;
    device_profile profile;
    profile.name = "all";
    profile.on_double_trigger = double_trigger_policy::flag;
    profile.packet_ids_not_reused = with.work.packet_ids_not_reused;
    out.profiles.push_back(profile);
    out.local = {"tasks/#", "wills/#"};
    return out;
}
} // namespace

gateway::gateway(world& in, const plan& with, witness& watching, local_watch& local,
                 std::vector<std::unique_ptr<model_erp>>& erps)
    : world_(in), plan_(with), witness_(watching), local_(local), erps_(erps),
      random_(in.random(90)), process_(in, [this](death how) { die(how); }),
      disk_(in, with.machine.store_bytes_max), ring_(with.machine.ring) {
    auto made = make_intake(intake_of(with));
    WHARF_ASSERT(made.ok());
    intake_ = std::move(made).value();
}

gateway::~gateway() {
    tear_down();
}

void gateway::begin() {
    boot();
    plan_death(plan_.machine.kill_every_us, death::killed);
    plan_death(plan_.machine.power_cut_every_us, death::power_cut);
    plan_death(plan_.machine.orderly_every_us, death::stopped);
    plan_clock_jump();
}

void gateway::plan_death(std::int64_t every_us, death how) {
    if (every_us == 0) return;
    world_.after(random_.between(1, 2 * every_us), [this, every_us, how] {
        if (healed_) return;
        if (up() && !stopping_) {
            if (how == death::killed) world_.fired(fault::killed);
            if (how == death::stopped)
                stop_orderly();
            else
                die(how);
        }
        plan_death(every_us, how);
    });
}

void gateway::plan_clock_jump() {
    const auto every_us = plan_.machine.clock_jump_every_us;
    if (every_us == 0) return;
    world_.after(random_.between(1, 2 * every_us), [this] {
        if (healed_) return;
        const bool forward = random_.chance(5000);
        world_.fired(forward ? fault::wall_clock_forward : fault::wall_clock_back);
        // Back by no more than what the gateway takes for a correction, in all.
        const auto us = forward ? random_.between(1, 10 * k_minute) : random_.between(1, k_minute);
        process_.jump_wall_clock(forward ? us : -us);
        process_.set_synchronised(random_.chance(7000));
        plan_clock_jump();
    });
}

std::int64_t gateway::uptime_us() const {
    return up_before_us_ + (open_ ? world_.now_us() - up_since_us_ : 0);
}

// --- starting
// -------------------------------------------------------------------------------------

journal_options gateway::journal_options_now() const {
    journal_options out;
    out.gateway = k_gateway;
    for (const auto& erp : plan_.erps)
        out.destinations.push_back(erp.name);
    out.identity = {plan_.gateway.identity_age_us, plan_.gateway.identity_count,
                    plan_.machine.store_bytes_max / 2};
    out.retention_us = plan_.gateway.retention_us;
    out.retention_percent = plan_.gateway.retention_percent;
    out.epoch = 0x5eed;
    out.digests = {'s', 'e', 'e', 'd'};
    return out;
}

mqtt::session_limits gateway::session_limits_now() const {
    mqtt::session_limits out;
    out.receive_maximum = plan_.gateway.receive_maximum;
    return out;
}

void gateway::boot() {
    disk_.reopen();
    stopping_ = closed_ = false;
    if (!open_journal()) {
        world_.after(k_restart_us, [this] { boot(); });
        return;
    }
    up_since_us_ = world_.now_us();
    open_ = true;
    witness_.recovered(*store_, uptime_us());
    local_.recovered(*store_);
    if (random_.chance(2000)) witness_.check_journal(*store_);
    destinations_ = journal_->destinations();
    world_.note("up", journal_->state().last_sequence());
    process_.run([this] { wire(); });
}

namespace {
class drawn_random final : public random_port {
  public:
    explicit drawn_random(prng from) : from_(from) {}
    std::uint64_t next() override { return from_.next(); }

  private:
    prng from_;
};
} // namespace

// As gateway/platform/journal_store.* does: the ring in front, where there is one or was one.
status gateway::open_store() {
    if (random_.chance(healed_ ? 0 : plan_.machine.reshape_ring)) {
        world_.fired(fault::ring_reshaped);
        ring_.ring_bytes = random_.chance(3000) ? 0 : 4096 * random_.between(4, 60);
        ring_.block_bytes = random_.chance(5000) ? 512 : 4096;
    }
    drawn_random random(random_.split(process_.life()));
    WHARF_TRY_ASSIGN(ring_store_, ring_store::open(disk_.tree, disk_.ring, random, ring_));
    store_ = ring_store_.get();
    return ok();
}

bool gateway::open_journal() {
    const bool interrupted = !healed_ && random_.chance(plan_.machine.interrupted_recovery);
    const auto fate = random_.chance(5000) ? commit_fate::lost : commit_fate::readable;
    // In the ring's recovery, or in the journal's.
    const bool early = random_.chance(5000);
    if (interrupted) world_.fired(fault::recovery_interrupted);
    if (interrupted && early) disk_.next_write(fate);
    status outcome = open_store();
    if (outcome.ok()) {
        disk_.forget_fate();
        if (interrupted && !early) disk_.next_write(fate);
        identity_.emplace(plan_.gateway.identity);
        auto opened = journal::open(*store_, *identity_, journal_options_now(), process_.wall_us());
        disk_.forget_fate();
        if (opened.ok()) {
            journal_ = std::move(opened).value();
            intake_->use_digests(journal_->digests());
            return true;
        }
        outcome = std::move(opened).failure();
    }
    ring_store_.reset();
    disk_.forget_fate();
    if (!interrupted && outcome.failure().code != errc::no_space)
        violated("recovery", outcome.failure().message);
    if (interrupted && random_.chance(3000)) disk_.power_cut();
    return false;
}

void gateway::wire() {
    journal_calls calls;
    calls.durable = [this] { witness_.durable(*store_, uptime_us()); };
    calls.answers = [this](std::vector<journal_answer> answers) {
        std::erase_if(answers, [this](const journal_answer& answer) {
            const auto* delivered = std::get_if<delivery_done>(&answer);
            if (delivered != nullptr) sync_->post(*delivered);
            return delivered != nullptr || std::holds_alternative<quarantine_discarded>(answer) ||
                   std::holds_alternative<quarantine_released>(answer);
        });
        if (!answers.empty()) listener_->on_answers(std::move(answers));
    };
    calls.appended = [this](std::vector<event_head> heads) {
        sync_->on_appended(std::move(heads));
    };
    calls.room = [this] { listener_->on_room(); };
    calls.spent = [this](std::vector<journal_request>& requests) { listener_->on_spent(requests); };
    calls.space = [this](bool full) { sync_->on_space(full); };
    writer_ = std::make_unique<journal_shell>(world_, process_, plan_, *journal_, *store_, disk_,
                                              std::move(calls));
    listener_ = std::make_unique<sim_listener>(
        world_, process_, plan_, *intake_, session_limits_now(), plan_.local.broker,
        listener_calls{[this](std::vector<journal_request> requests) {
                           return writer_->submit(std::move(requests));
                       },
                       [this](const link& on, std::string_view bytes) {
                           if (!local_.leaving(*store_, on.id(), bytes))
                               witness_.leaving(on.id(), bytes);
                       }});
    auto kept = read_local_state(*store_);
    if (!kept.ok()) violated("recovery", kept.failure().message);
    if (auto restored = listener_->restore(std::move(*kept),
                                           writer_->journal_time_us() - process_.monotonic_us());
        !restored.ok())
        violated("recovery", restored.failure().message);
    sync_ = std::make_unique<sim_sync>(world_, process_, plan_);
    for (std::size_t i = 0; i < erps_.size(); ++i)
        add_runner(i);
    if (healed_) {
        writer_->heal();
        for (auto& one : sync_->runners())
            one->heal();
    }
    writer_->start();
    if (!sync_->start()) throw process_death{death::failed};
}

void gateway::add_runner(std::size_t erp) {
    auto options = plan_.erps[erp].delivery;
    options.destination = destinations_[erp];
    http_connector_options connection;
    connection.url = "http://127.0.0.1:80";
    connection.format = plan_.erps[erp].format;
    connection.gateway = options.gateway;
    connection.names = journal_->recovery().names;
    connection.mapping_revision = options.mapping_revision;
    auto connector = http_connector::create(connection);
    WHARF_ASSERT(connector.ok());
    sync_->add(std::make_unique<sim_runner>(
        world_, process_, plan_, std::move(options), std::move(connector).value(), *store_, disk_,
        *erps_[erp],
        [this](journal_request request) { static_cast<void>(writer_->submit(std::move(request))); },
        [this] { sync_->changed(); }));
}

void gateway::command(const world::task& what) {
    if (up() && !closed_) process_.run(what);
}

void gateway::submit(journal_request request) {
    static_cast<void>(writer_->submit(std::move(request)));
}

void gateway::checkpoint() {
    writer_->checkpoint();
}

// --- ending
// ---------------------------------------------------------------------------------------

void gateway::die(death how) {
    world_.note("death", static_cast<std::uint64_t>(how));
    if (writer_) writer_->die(how);
    if (how == death::power_cut) disk_.power_cut();
    if (listener_) listener_->drop_links(how == death::power_cut);
    process_.end_life();
    tear_down();
    powered_ = how != death::power_cut;
    auto down_us = k_restart_us + random_.between(0, 3 * k_second);
    if (how == death::power_cut) down_us += random_.between(0, 40 * k_second);
    // An hour with the lights out ages everything that is counted by the wall clock.
    if (how == death::power_cut && random_.chance(500)) down_us += random_.between(0, k_hour);
    if (how == death::failed && random_.chance(3000)) {
        disk_.power_cut();
        process_.power_on();
    }
    world_.after(down_us, [this, how] {
        if (how == death::power_cut) process_.power_on();
        powered_ = true;
        boot();
    });
}

void gateway::tear_down() {
    if (open_) up_before_us_ += world_.now_us() - up_since_us_;
    open_ = false;
    sync_.reset();
    listener_.reset();
    writer_.reset();
    journal_.reset();
    ring_store_.reset();
    store_ = nullptr;
}

void gateway::stop_orderly() {
    world_.fired(fault::orderly_restart);
    stopping_ = true;
    listener_->stop(k_stop_wait_us, [this] {
        closed_ = true;
        sync_->stop(k_stop_grace_us,
                    [this] { writer_->stop([] { throw process_death{death::stopped}; }); });
    });
}

void gateway::heal() {
    healed_ = true;
    if (!up()) return;
    writer_->heal();
    for (auto& one : sync_->runners()) {
        one->heal();
        command([&] {
            if (!one->snapshot().stopped.empty()) one->resume();
        });
        if (!up()) return;
    }
}

// --- looking
// --------------------------------------------------------------------------------------

void gateway::inspect() {
    if (!up() || stopping_) return;
    listener_->check_bounds();
    sync_->check_bounds();
    for (std::size_t i = 0; i < erps_.size(); ++i) {
        const auto now = runner(i).snapshot();
        // Stopped or short of space it may wait; a person is told.
        if (!now.stopped.empty() || now.paused || erps_[i]->away() || writer_->full()) continue;
        // As long as something takes effect, what waits may be of a lower lane.
        const auto since =
            std::max({erps_[i]->healthy_since_us(), erps_[i]->last_effect_us(), up_since_us_});
        witness_.check_starving(*store_, i, destinations_[i], since);
    }
}

bool gateway::drained() const {
    if (!up() || stopping_) return false;
    for (auto destination : destinations_)
        if (journal_->state().destinations(destination).pending() > 0) return false;
    return idle();
}

bool gateway::idle() const {
    return up() && writer_->queued() == 0 &&
           std::ranges::all_of(sync_->runners(), [](const auto& one) { return one->idle(); });
}

std::string gateway::describe() {
    if (!up()) return "the gateway is not up";
    const auto usage = disk_.tree.usage();
    auto out = "the store holds " + std::to_string(usage->bytes_used) + " of " +
               std::to_string(usage->bytes_max) + " bytes" +
               (writer_->full() ? " and is full" : "") + ", " + std::to_string(writer_->queued()) +
               " requests wait";
    if (const auto held = totals(*store_); held.ok())
        for (const auto& kind : *held)
            out += ", " + std::to_string(kind.records) + " " + kind.kind + " (" +
                   std::to_string(kind.bytes) + " bytes)";
    for (const auto& one : sync_->runners()) {
        const auto now = one->snapshot();
        out += ", " + now.name + ": " + std::to_string(now.open_batches) + " open batches, " +
               std::to_string(now.requests_in_flight) + " requests under way, " +
               std::to_string(now.blocked_keys) + " keys blocked" +
               (now.stopped.empty() ? "" : ", stopped: " + now.stopped) +
               (now.last_error.empty() ? "" : ", last error: " + now.last_error);
    }
    return out;
}

harbour::door gateway::knock() {
    if (!powered_) return door::nobody;
    return up() && !stopping_ ? door::open : door::closed;
}

void gateway::accept(const std::shared_ptr<link>& on) {
    listener_->accept(on);
}

void gateway::published(const link& on, int version, std::uint16_t packet_id, std::size_t message) {
    witness_.published(on.id(), version, packet_id, message);
    local_.published(message);
}

std::size_t gateway::leave_will(const std::string& client, int version, std::uint32_t expiry_s) {
    return local_.leave_will(client, version, expiry_s);
}

} // namespace wharf::sim
