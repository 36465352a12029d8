// Writes the Prometheus text format, family by family. Internal to observe.
#pragma once

#include "gateway/observe/metrics.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace wharf::observe {

class metrics_page {
  public:
    using label = std::pair<std::string_view, std::string_view>;
    using labels = std::initializer_list<label>;

    // Its name without "wharf_". Samples follow their family.
    void family(std::string_view name, std::string_view type, std::string_view help);
    void sample(labels of, std::uint64_t value, std::string_view suffix = {});
    void sample(labels of, double value, std::string_view suffix = {});
    template <class T>
    void one(std::string_view name, std::string_view type, std::string_view help, T value) {
        family(name, type, help);
        sample({}, value);
    }
    void histogram(std::string_view name, std::string_view help, const histogram_snapshot& of) {
        family(name, "histogram", help);
        buckets({}, of);
    }
    // Of a family that is a histogram.
    void buckets(labels of, const histogram_snapshot& what);
    [[nodiscard]] std::string take() && { return std::move(out_); }

  private:
    void begin_sample(labels of, std::string_view suffix, std::string_view le = {});

    std::string name_;
    std::string out_;
};

[[nodiscard]] inline std::uint64_t flag(bool value) {
    return value ? 1 : 0;
}

// Alarms, targets, stages, devices, the machine, traces.
void render_sight(metrics_page& out, const gateway_snapshot& now);

} // namespace wharf::observe
