// An identity window over the model store, driven as the journal drives it.
#pragma once

#include "gateway/identity/window.hpp"

#include "tests/support/identities.hpp"
#include "tests/support/model_store.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace wharf::test {

struct window_fixture {
    explicit window_fixture(identity_tuning tuning = {}) : window(tuning) { reopen(); }

    void reopen() {
        group.reset();
        auto reader = std::move(*store.begin_read());
        auto opened = window.open(*reader, committed, bounds);
        if (!opened.ok()) FAIL(opened.failure().message);
        begin();
    }
    void begin() { group = std::move(*store.begin_write()); }
    identity_match find(const std::vector<std::string>& keys, const std::string& content) {
        auto found = window.find(*group, keys_of(keys), content_of(content));
        if (!found.ok()) FAIL(found.failure().message);
        return *found;
    }
    void remember(const std::vector<std::string>& keys, const std::string& content,
                  sequence number) {
        window.remember(keys_of(keys), content_of(content), number);
    }
    status try_to_finish() {
        WHARF_TRY(window.maintain(*group, now_us));
        return window.write(*group, now_us);
    }
    void finish() {
        if (auto finished = try_to_finish(); !finished.ok()) FAIL(finished.failure().message);
    }
    void commit() {
        finish();
        if (auto outcome = group->commit(); outcome.outcome != commit_outcome::durable)
            FAIL(outcome.message);
        kept();
    }
    void kept() {
        window.keep();
        committed = window.state();
        begin();
    }
    // What commit() would have written is lost.
    void roll_back() {
        finish();
        take_back();
    }
    void take_back() {
        group.reset();
        window.roll_back();
        begin();
    }
    // One group of one event.
    void add(const std::string& key, const std::string& content, sequence number) {
        remember({key}, content, number);
        commit();
    }
    std::size_t records() {
        std::size_t count = 0;
        if (!group->scan({}, [&](auto, auto) { return ++count > 0; }).ok()) FAIL("scan");
        return count;
    }

    model_store store;
    identity_bounds bounds{1'000, 1'000'000};
    identity_state committed;
    identity_window window;
    std::unique_ptr<store_writer> group;
    std::int64_t now_us = 0;
};

} // namespace wharf::test
