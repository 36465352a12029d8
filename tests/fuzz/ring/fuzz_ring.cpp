// Opening a ring whose device was damaged in any way. The input is a list of damages to a device
// with known groups; each is 2 bytes of offset in units of 16, 1 byte of length and that many
// bytes. Whatever they do: no crash, and what is replayed is a beginning of the groups that were
// written, or a refusal that leaves both the device and the store below alone. A second start
// agrees.
#include "gateway/base/bytes.hpp"
#include "gateway/ring/ring_store.hpp"
#include "tests/support/model_log_device.hpp"
#include "tests/support/model_store.hpp"

#include <cstdlib>
#include <vector>

namespace {

using namespace wharf;
using namespace wharf::test;

constexpr std::uint64_t k_ring_bytes = 64 * 1024;
constexpr int k_groups = 9;

class counter final : public random_port {
  public:
    std::uint64_t next() override { return 0x1234'5678'9abc'def0U; }
};

void expect(bool holds) {
    if (!holds) std::abort();
}

ring_options options() {
    ring_options out;
    out.ring_bytes = k_ring_bytes;
    out.block_bytes = 4096;
    return out;
}

using state = model_store::content;

state journal_part(state all) {
    all.erase(std::string(k_ring_position_key));
    return all;
}

// The device and the store as a killed process leaves them, and the states after each group.
struct written {
    std::string device;
    state below;
    std::vector<state> after;
};

written write_groups() {
    written out;
    model_store below;
    model_log_device device;
    counter random;
    auto opened = ring_store::open(below, device, random, options());
    expect(opened.ok());
    state now;
    auto commit = [&](int n) {
        auto writer = (*opened)->begin_write();
        // Of one, two and three blocks; one key comes again, one is taken away.
        const std::string value(static_cast<std::size_t>(n % 3) * 4000 + 50,
                                static_cast<char>('a' + n));
        expect((*writer)->put("B", value).ok());
        expect((*writer)->put("E" + std::to_string(n), value).ok());
        expect((*writer)->erase("E" + std::to_string(n - 2)).ok());
        expect((*writer)->commit().outcome == commit_outcome::durable);
        now["B"] = value;
        now["E" + std::to_string(n)] = value;
        now.erase("E" + std::to_string(n - 2));
        out.after.push_back(now);
    };
    // What was checkpointed lies in the ring too, and must not come again.
    commit(1);
    commit(2);
    expect((*opened)->checkpoint().ok());
    out.after.clear();
    out.after.push_back(now);
    for (int n = 3; n < 3 + k_groups - 2; ++n)
        commit(n);
    out.below = below.read_all();
    out.device = device.bytes;
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const written original = write_groups();
    model_log_device device;
    device.bytes = original.device;
    byte_reader in({reinterpret_cast<const char*>(data), size});
    while (in.ok() && !in.rest().empty()) {
        std::size_t at = std::size_t{in.little<std::uint16_t>()} * 16;
        auto bytes = in.take(in.little<std::uint8_t>());
        at %= device.bytes.size();
        bytes = bytes.substr(0, device.bytes.size() - at);
        device.bytes.replace(at, bytes.size(), bytes);
    }
    model_store below;
    for (const auto& [key, value] : original.below)
        below.plant(key, value);
    const std::string damaged = device.bytes;
    counter random;
    auto opened = ring_store::open(below, device, random, options());
    if (!opened.ok()) {
        expect(opened.failure().code == errc::corrupt);
        expect(device.bytes == damaged);
        expect(below.read_all() == original.below);
        return 0;
    }
    const state found = journal_part(below.read_all());
    bool is_beginning = false;
    for (const state& one : original.after)
        is_beginning = is_beginning || found == one;
    expect(is_beginning);
    expect(device.bytes == damaged);
    opened->reset();
    expect(ring_store::open(below, device, random, options()).ok());
    expect(journal_part(below.read_all()) == found);
    return 0;
}
