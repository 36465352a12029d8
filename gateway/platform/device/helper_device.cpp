#include "gateway/platform/device/helper_device.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/device/helper.hpp"

#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <list>
#include <thread>

namespace wharf {

namespace {

using json = nlohmann::json;

constexpr int k_exit_done = 0;
constexpr int k_exit_cannot = 2;
constexpr const char* k_no_helper =
    "this installation is not a Wharf image, and no [device] helper is configured";
constexpr std::array k_names = {"reboot", "update", "factory_reset"}; // by device_ability

std::string text_of(const json& in, const char* key) {
    const auto found = in.find(key);
    if (found == in.end() || !found->is_string()) return {};
    return found->get<std::string>().substr(0, limits::k_text_bytes_max);
}

json parsed(std::string_view line) {
    auto out = json::parse(line, nullptr, false);
    return out.is_object() ? out : json::object();
}

device_facts no_facts(std::string why) {
    device_facts out;
    out.why_not = std::move(why);
    out.boot = kernel_boot_id();
    return out;
}

device_facts asked(const std::string& path, const std::atomic<bool>& stop) {
    json said = json::object();
    const auto ended = run_helper({path, {"describe"}, limits::k_device_describe_s_max, &stop},
                                  [&](std::string_view line) { said = parsed(line); });
    if (!ended.ok()) return no_facts(ended.failure().message);
    if (*ended != k_exit_done)
        return no_facts(path + " describe: exit code " + std::to_string(*ended));
    device_facts out = no_facts(text_of(said, "why_not"));
    out.software = text_of(said, "software");
    out.waits = text_of(said, "waits");
    if (auto boot = text_of(said, "boot"); !boot.empty()) out.boot = std::move(boot);
    const auto can = said.find("can");
    if (can == said.end() || !can->is_array()) return out;
    for (std::size_t i = 0; i < k_names.size(); ++i)
        if (std::ranges::find(*can, json(k_names[i])) != can->end())
            out.can.push_back(static_cast<device_ability>(i));
    return out;
}

struct call_words {
    std::vector<std::string> arguments;
    std::uint32_t seconds_max = 0;
};

call_words words_of(const device_request& what) {
    if (const auto* update = std::get_if<device_order::update>(&what.what))
        return {{"update", what.id, update->source, update->sha256, update->version},
                limits::k_device_update_s_max};
    if (std::holds_alternative<device_order::reboot>(what.what))
        return {{"reboot", what.id}, limits::k_device_reboot_s_max};
    return {{"factory-reset", what.id}, limits::k_device_reset_s_max};
}

device_answer perform(const std::string& path, const device_request& what,
                      const std::atomic<bool>& stop,
                      const std::function<void(const device_step&)>& step) {
    const call_words words = words_of(what);
    std::string last;
    const auto ended =
        run_helper({path, words.arguments, words.seconds_max, &stop}, [&](std::string_view line) {
            const json said = parsed(line);
            last = text_of(said, "words");
            device_step one{text_of(said, "step"), 0, last};
            if (const auto percent = said.find("percent");
                percent != said.end() && percent->is_number_unsigned())
                one.percent = std::min(percent->get<std::uint32_t>(), 100U);
            if (!one.name.empty()) step(one);
        });
    if (!ended.ok()) return {device_answer::how::failed, ended.failure().message};
    if (*ended == k_exit_done) return {device_answer::how::done, last};
    if (last.empty()) last = "the device's helper ended with exit code " + std::to_string(*ended);
    return {*ended == k_exit_cannot ? device_answer::how::cannot : device_answer::how::failed,
            last};
}

} // namespace

std::string kernel_boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string out;
    if (!std::getline(file, out)) return {};
    return out;
}

struct helper_device::state {
    state(boost::asio::io_context& on, std::string helper) : io(on), path(std::move(helper)) {}

    boost::asio::io_context& io;
    const std::string path;
    std::atomic<bool> stop = false;
    std::list<std::thread> threads; // each removed by what it posts last
    bool ordered = false;
    std::shared_ptr<int> alive = std::make_shared<int>(0);

    // `work` on a thread, then what it returned on the io_context's.
    void start(std::function<std::function<void()>()> work) {
        auto& slot = threads.emplace_back();
        slot = std::thread([this, &slot, here = std::weak_ptr(alive), work = std::move(work)] {
            auto then = work();
            boost::asio::post(io, [this, &slot, here, then = std::move(then)] {
                if (here.expired()) return;
                slot.join();
                threads.remove_if([&](const std::thread& one) { return &one == &slot; });
                then();
            });
        });
    }
};

helper_device::helper_device(boost::asio::io_context& io, std::string path)
    : state_(std::make_unique<state>(io, std::move(path))) {}

helper_device::~helper_device() {
    stop();
}

void helper_device::stop() {
    state_->alive.reset();
    state_->stop = true;
    for (auto& one : state_->threads)
        if (one.joinable()) one.join();
    state_->threads.clear();
}

void helper_device::look(std::function<void(const device_facts&)> done) {
    auto& s = *state_;
    if (s.stop) return;
    if (s.path.empty()) {
        boost::asio::post(s.io, [done = std::move(done)] { done(no_facts(k_no_helper)); });
        return;
    }
    s.start([&s, done = std::move(done)] {
        return [done, facts = asked(s.path, s.stop)] { done(facts); };
    });
}

void helper_device::order(device_request what, std::function<void(const device_step&)> step,
                          std::function<void(const device_answer&)> done) {
    auto& s = *state_;
    if (s.stop) return;
    if (s.path.empty() || s.ordered) {
        device_answer no{device_answer::how::cannot, k_no_helper};
        if (s.ordered) no = {device_answer::how::failed, "the device is busy with another order"};
        boost::asio::post(s.io, [done = std::move(done), no] { done(no); });
        return;
    }
    s.ordered = true;
    s.start([&s, what = std::move(what), step = std::move(step), done = std::move(done)] {
        auto tell = [&s, here = std::weak_ptr(s.alive), step](const device_step& one) {
            boost::asio::post(s.io, [here, step, one] {
                if (!here.expired()) step(one);
            });
        };
        return [&s, done, answer = perform(s.path, what, s.stop, tell)] {
            s.ordered = false;
            done(answer);
        };
    });
}

} // namespace wharf
