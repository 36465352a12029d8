#include "tests/sim/store.hpp"

namespace wharf::sim {

namespace {
// Of a record besides its bytes: the page's share.
constexpr std::uint32_t k_record_bytes = 48;

std::uint64_t size_of(std::string_view key, std::string_view value) {
    return key.size() + value.size() + k_record_bytes;
}
} // namespace

class sim_reader final : public store_reader {
  public:
    explicit sim_reader(const sim_store& in) : store_(in) {}

    result<std::optional<std::string_view>> get(std::string_view key) override {
        const auto at = store_.data_.find(key);
        if (at == store_.data_.end()) return std::optional<std::string_view>{};
        return std::optional<std::string_view>(at->second);
    }
    status scan(std::string_view from, const visitor& visit) override {
        for (auto at = store_.data_.lower_bound(from); at != store_.data_.end(); ++at)
            if (!visit(at->first, at->second)) break;
        return ok();
    }
    status scan_back(std::string_view before, const visitor& visit) override {
        auto at = store_.data_.lower_bound(before);
        while (at != store_.data_.begin()) {
            --at;
            if (!visit(at->first, at->second)) break;
        }
        return ok();
    }

  private:
    const sim_store& store_;
};

class sim_writer final : public store_writer {
  public:
    explicit sim_writer(sim_store& in) : store_(in), bytes_used_(in.bytes_used_) {
        store_.writing_ = true;
    }
    ~sim_writer() override { store_.writing_ = false; }

    result<std::optional<std::string_view>> get(std::string_view key) override { return find(key); }

    status scan(std::string_view from, const visitor& visit) override {
        auto base = store_.data_.lower_bound(from);
        auto over = overlay_.lower_bound(from);
        while (base != store_.data_.end() || over != overlay_.end()) {
            const bool changed = over != overlay_.end() &&
                                 (base == store_.data_.end() || over->first <= base->first);
            if (!changed) {
                if (!visit(base->first, base->second)) return ok();
                ++base;
                continue;
            }
            if (base != store_.data_.end() && base->first == over->first) ++base;
            if (over->second && !visit(over->first, *over->second)) return ok();
            ++over;
        }
        return ok();
    }

    status scan_back(std::string_view before, const visitor& visit) override {
        auto base = store_.data_.lower_bound(before);
        auto over = overlay_.lower_bound(before);
        while (base != store_.data_.begin() || over != overlay_.begin()) {
            const bool has_base = base != store_.data_.begin();
            const bool has_over = over != overlay_.begin();
            const bool changed =
                has_over && (!has_base || std::prev(over)->first >= std::prev(base)->first);
            if (!changed) {
                --base;
                if (!visit(base->first, base->second)) return ok();
                continue;
            }
            --over;
            if (has_base && std::prev(base)->first == over->first) --base;
            if (over->second && !visit(over->first, *over->second)) return ok();
        }
        return ok();
    }

    status put(std::string_view key, std::string_view value) override {
        const auto before = find(key);
        const auto bytes = bytes_used_ + size_of(key, value) - (before ? size_of(key, *before) : 0);
        if (std::exchange(store_.refuse_put_, false) ||
            (bytes > store_.bytes_max_ && bytes > bytes_used_))
            return error{errc::no_space, "the map is full"};
        bytes_used_ = bytes;
        overlay_.insert_or_assign(std::string(key), std::string(value));
        return ok();
    }
    status erase(std::string_view key) override {
        const auto before = find(key);
        if (!before) return ok();
        bytes_used_ -= size_of(key, *before);
        overlay_.insert_or_assign(std::string(key), std::nullopt);
        return ok();
    }
    commit_result commit() override { return store_.commit(overlay_, bytes_used_); }

  private:
    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const {
        if (const auto over = overlay_.find(key); over != overlay_.end())
            return over->second ? std::optional<std::string_view>(*over->second) : std::nullopt;
        const auto base = store_.data_.find(key);
        if (base == store_.data_.end()) return std::nullopt;
        return base->second;
    }

    sim_store& store_;
    sim_store::changes overlay_;
    std::uint64_t bytes_used_;
};

result<std::unique_ptr<store_writer>> sim_store::begin_write() {
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    WHARF_ASSERT(!writing_);
    return std::unique_ptr<store_writer>(new sim_writer(*this));
}

result<std::unique_ptr<store_reader>> sim_store::begin_read() {
    if (std::exchange(fail_read_, false)) return error{errc::io, "a page cannot be read"};
    return std::unique_ptr<store_reader>(new sim_reader(*this));
}

result<store_usage> sim_store::usage() {
    return store_usage{bytes_max_, bytes_used_, 0, k_record_bytes};
}

commit_result sim_store::commit(changes& overlay, std::uint64_t bytes_used) {
    const auto fate = std::exchange(fate_, commit_fate::durable);
    if (fate == commit_fate::no_space) return {commit_outcome::no_space, "no space on the device"};
    const bool unknown = fate != commit_fate::durable;
    if (fate != commit_fate::lost) {
        const bool durable = fate != commit_fate::readable;
        if (!durable && !unsynced_) unsynced_bytes_used_ = bytes_used_;
        apply(overlay, durable);
        bytes_used_ = bytes_used;
    }
    if (!unknown) return {commit_outcome::durable, {}};
    failed_ = true;
    return {commit_outcome::unknown, "input/output error"};
}

void sim_store::apply(changes& overlay, bool durable) {
    if (durable)
        unsynced_.reset(); // a sync covers what was written before
    else if (!unsynced_)
        unsynced_.emplace();
    for (auto& [key, value] : overlay) {
        const auto at = data_.find(key);
        if (!durable)
            unsynced_->try_emplace(key,
                                   at == data_.end() ? std::nullopt : std::optional(at->second));
        if (!value) {
            if (at != data_.end()) data_.erase(at);
        } else if (at != data_.end()) {
            at->second = std::move(*value);
        } else {
            data_.emplace(key, std::move(*value));
        }
    }
}

void sim_store::reopen() {
    failed_ = false;
    fail_read_ = false;
    refuse_put_ = false;
    fate_ = commit_fate::durable;
}

bool sim_store::power_cut() {
    if (!unsynced_) return false;
    for (auto& [key, value] : *unsynced_) {
        if (value)
            data_.insert_or_assign(key, std::move(*value));
        else
            data_.erase(key);
    }
    unsynced_.reset();
    bytes_used_ = unsynced_bytes_used_;
    return true;
}

} // namespace wharf::sim
