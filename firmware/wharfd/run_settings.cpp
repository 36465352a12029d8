#include "firmware/wharfd/run_settings.hpp"

#include "firmware/wharfd/options.hpp"
#include "gateway/platform/configuration_files.hpp"

namespace wharf {

namespace {

std::string version_text(std::uint64_t version) {
    return "version " + std::to_string(version) + " of the configuration";
}

result<effective_config> with_version(const run_settings& of, const configuration_files& files) {
    WHARF_TRY_ASSIGN(const std::string overlay, files.text_of(of.plan.record, of.plan.use));
    return judged(of.own, of.own_name, overlay);
}

} // namespace

result<effective_config> judged(const std::string& own, const std::string& own_name,
                                const std::string& overlay) {
    WHARF_TRY_ASSIGN(auto out, lay_over(own, own_name, overlay));
    if (auto made = make_intake(intake_options_of(out.settings)); !made.ok())
        return overlay.empty() ? std::move(made).failure().in(own_name) : std::move(made).failure();
    return out;
}

result<run_settings> begin_run(std::string own, std::string own_name, std::string_view how_it_ended,
                               bool only_look) {
    run_settings out;
    out.own = std::move(own);
    out.own_name = std::move(own_name);
    WHARF_TRY_ASSIGN(out.now, judged(out.own, out.own_name, ""));
    const configuration_files files(out.now.settings.journal.path);
    auto found = files.read();
    if (!found.ok()) {
        out.set_aside =
            "what the fleet wants of the configuration is set aside: " + found.failure().message;
        out.told.push_back(out.set_aside);
        return out;
    }
    // Whoever takes the fleet out of the gateway's own file takes its overlay out too.
    if (!out.now.settings.fleet.present) {
        if (found->confirmed() != 0 || found->has_trial())
            out.told.push_back("there is no [fleet]: what it laid over the configuration is set "
                               "aside");
        return out;
    }
    out.plan = manage::plan_run(std::move(*found), how_it_ended);
    if (out.plan.on_trial) {
        if (auto tried = with_version(out, files); !tried.ok())
            out.plan = manage::without_trial(std::move(out.plan),
                                             version_text(out.plan.use) +
                                                 " cannot be used: " + tried.failure().message);
    }
    if (out.plan.changed && !only_look) {
        auto kept = files.write(out.plan.record);
        if (!kept.ok()) {
            out.told.push_back("what the configuration is could not be kept: " +
                               kept.failure().message);
            if (out.plan.on_trial)
                out.plan = manage::without_trial(std::move(out.plan),
                                                 version_text(out.plan.use) +
                                                     " was not begun: " + kept.failure().message);
        }
    }
    if (!out.plan.record.problem().empty() && out.plan.changed)
        out.told.push_back(out.plan.record.problem());
    if (out.plan.use == 0) return out;
    auto overlaid = with_version(out, files);
    if (overlaid.ok()) {
        out.now = std::move(*overlaid);
        return out;
    }
    out.set_aside =
        version_text(out.plan.use) +
        " is set aside, the gateway's own file is in effect: " + overlaid.failure().message;
    out.told.push_back(out.set_aside);
    return out;
}

} // namespace wharf
