#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

namespace wharf::test {

ring_options small_ring() {
    ring_options out;
    out.ring_bytes = 64 * 1024;
    out.group_bytes_max = 12 * 1024;
    return out;
}

status ring_rig::try_open() {
    store_.reset();
    auto opened = ring_store::open(below, device, random, options);
    if (!opened.ok()) return std::move(opened).failure();
    store_ = std::move(opened).value();
    return ok();
}
void ring_rig::open() {
    auto opened = try_open();
    INFO((opened.ok() ? "" : opened.failure().message));
    REQUIRE(opened.ok());
}
void ring_rig::restart() {
    store_.reset();
    below.restart();
    open();
}
void ring_rig::power_cut() {
    store_.reset();
    below.power_cut();
    open();
}

commit_result ring_rig::try_commit(const changes& all) {
    auto writer = store_->begin_write();
    REQUIRE(writer.ok());
    for (const auto& [key, value] : all) {
        auto done = value ? (*writer)->put(key, *value) : (*writer)->erase(key);
        if (done.ok()) continue;
        REQUIRE(done.failure().code == errc::no_space);
        return {commit_outcome::no_space, done.failure().message};
    }
    return (*writer)->commit();
}

void ring_rig::commit(const changes& all) {
    commit_result done = try_commit(all);
    INFO(done.message);
    REQUIRE(done.outcome == commit_outcome::durable);
    merge_into(expected, all);
}

plain_map ring_rig::read_all() {
    auto reader = store_->begin_read();
    REQUIRE(reader.ok());
    plain_map all = read_forward(**reader);
    REQUIRE(read_backward(**reader) == all);
    return all;
}

plain_map read_forward(store_reader& from) {
    plain_map out;
    REQUIRE(from.scan({},
                      [&](std::string_view key, std::string_view value) {
                          out.emplace_hint(out.end(), key, value);
                          return true;
                      })
                .ok());
    return out;
}
plain_map read_backward(store_reader& from) {
    plain_map out;
    REQUIRE(from.scan_back("\xff\xff",
                           [&](std::string_view key, std::string_view value) {
                               out.emplace_hint(out.begin(), key, value);
                               return true;
                           })
                .ok());
    return out;
}
void merge_into(plain_map& to, const changes& all) {
    for (const auto& [key, value] : all) {
        if (value)
            to[key] = *value;
        else
            to.erase(key);
    }
}
std::string text(std::size_t bytes, char of) {
    return std::string(bytes, of);
}

} // namespace wharf::test
