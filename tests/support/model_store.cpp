#include "tests/support/model_store.hpp"

#include <optional>
#include <utility>

namespace wharf::test {

namespace {

using changes = std::map<std::string, std::optional<std::string>>;

std::uint64_t bytes_of(const model_store::content& all) {
    std::uint64_t bytes = 0;
    for (const auto& [key, value] : all)
        bytes += key.size() + value.size();
    return bytes;
}

} // namespace

// Reads a content, and over it what an open transaction changed.
template <class Base> class transaction : public Base {
  public:
    explicit transaction(std::shared_ptr<const model_store::content> base)
        : base_(std::move(base)) {}

    result<std::optional<std::string_view>> get(std::string_view key) override {
        if (auto changed = changes_.find(std::string(key)); changed != changes_.end()) {
            if (!changed->second) return std::optional<std::string_view>{};
            return std::optional<std::string_view>{*changed->second};
        }
        auto found = base_->find(key);
        if (found == base_->end()) return std::optional<std::string_view>{};
        return std::optional<std::string_view>{found->second};
    }

    status scan(std::string_view from, const store_reader::visitor& visit) override {
        auto below = base_->lower_bound(from);
        auto above = changes_.lower_bound(std::string(from));
        while (below != base_->end() || above != changes_.end()) {
            bool changed =
                above != changes_.end() && (below == base_->end() || above->first <= below->first);
            if (!changed) {
                if (!visit(below->first, below->second)) return ok();
                ++below;
                continue;
            }
            if (below != base_->end() && below->first == above->first) ++below;
            if (above->second && !visit(above->first, *above->second)) return ok();
            ++above;
        }
        return ok();
    }

    status scan_back(std::string_view before, const store_reader::visitor& visit) override {
        auto below = std::make_reverse_iterator(base_->lower_bound(before));
        auto above = std::make_reverse_iterator(changes_.lower_bound(std::string(before)));
        while (below != base_->rend() || above != changes_.rend()) {
            bool changed = above != changes_.rend() &&
                           (below == base_->rend() || above->first >= below->first);
            if (!changed) {
                if (!visit(below->first, below->second)) return ok();
                ++below;
                continue;
            }
            if (below != base_->rend() && below->first == above->first) ++below;
            if (above->second && !visit(above->first, *above->second)) return ok();
            ++above;
        }
        return ok();
    }

  protected:
    std::shared_ptr<const model_store::content> base_;
    changes changes_;
};

class model_reader final : public transaction<store_reader> {
  public:
    model_reader(model_store& of, std::shared_ptr<const model_store::content> base)
        : transaction(std::move(base)), store_(of) {}
    ~model_reader() override {
        std::lock_guard lock(store_.mutex_);
        base_.reset();
    }

  private:
    model_store& store_;
};

class model_writer final : public transaction<store_writer> {
  public:
    model_writer(model_store& of, std::shared_ptr<const model_store::content> base,
                 std::uint64_t bytes)
        : transaction(std::move(base)), store_(of), bytes_(bytes) {}
    ~model_writer() override { close(); }

    status put(std::string_view key, std::string_view value) override {
        if (store_.put_is_refused()) return error{errc::no_space, "write: the model is full"};
        auto before = get(key);
        std::uint64_t bytes = bytes_ + key.size() + value.size();
        if (before.value()) bytes -= key.size() + before.value()->size();
        if (bytes > bytes_max_ && bytes > bytes_)
            return error{errc::no_space, "write: the model is full"};
        bytes_ = bytes;
        changes_[std::string(key)] = std::string(value);
        return ok();
    }
    status erase(std::string_view key) override {
        auto before = get(key);
        if (!before.value()) return ok();
        bytes_ -= key.size() + before.value()->size();
        changes_[std::string(key)] = std::nullopt;
        return ok();
    }
    commit_result commit() override {
        close();
        return store_.finish(changes_);
    }

    void set_bytes_max(std::uint64_t bytes_max) { bytes_max_ = bytes_max; }

  private:
    void close() {
        std::lock_guard lock(store_.mutex_);
        base_.reset();
        store_.writing_ = false;
    }
    model_store& store_;
    std::uint64_t bytes_;
    std::uint64_t bytes_max_ = 0;
};

model_store::model_store(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

result<std::unique_ptr<store_writer>> model_store::begin_write() {
    std::lock_guard lock(mutex_);
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    WHARF_ASSERT(!std::exchange(writing_, true));
    auto writer = std::make_unique<model_writer>(*this, readable_, bytes_);
    writer->set_bytes_max(bytes_max_);
    return std::unique_ptr<store_writer>(std::move(writer));
}

result<std::unique_ptr<store_reader>> model_store::begin_read() {
    std::function<void()> call;
    {
        std::lock_guard lock(mutex_);
        call = before_begin_read_;
    }
    if (call) call();
    std::lock_guard lock(mutex_);
    return std::unique_ptr<store_reader>(new model_reader(*this, readable_));
}

result<store_usage> model_store::usage() {
    std::lock_guard lock(mutex_);
    return store_usage{bytes_max_, bytes_};
}

bool model_store::put_is_refused() {
    std::lock_guard lock(mutex_);
    if (!put_refusal_) return false;
    if (puts_left_-- > 0) return false;
    put_refusal_ = false;
    return true;
}

void model_store::apply(std::shared_ptr<content>& to, const changes& what) {
    if (to.use_count() > 1) to = std::make_shared<content>(*to);
    for (const auto& [key, value] : what) {
        if (value)
            (*to)[key] = *value;
        else
            to->erase(key);
    }
}

commit_result model_store::finish(const changes& what) {
    std::function<void()> call;
    {
        std::lock_guard lock(mutex_);
        call = before_commit_;
    }
    if (call) call();
    std::lock_guard lock(mutex_);
    if (refusals_ > 0) {
        --refusals_;
        return {commit_outcome::no_space, "commit: the model is full"};
    }
    if (std::exchange(fail_next_, false)) {
        failed_ = true;
        if (fail_durable_) apply(durable_, what);
        if (fail_readable_) apply(readable_, what);
        return {commit_outcome::unknown, "commit: the model failed"};
    }
    durable_.reset(); // the same as what can be read from here on
    for (const auto& [key, value] : what) {
        if (auto found = readable_->find(key); found != readable_->end())
            bytes_ -= key.size() + found->second.size();
        if (value) bytes_ += key.size() + value->size();
    }
    apply(readable_, what);
    durable_ = readable_;
    ++commits_;
    return {commit_outcome::durable, {}};
}

void model_store::refuse_commits(std::size_t count) {
    std::lock_guard lock(mutex_);
    refusals_ = count;
}
void model_store::refuse_put_after(std::size_t count) {
    std::lock_guard lock(mutex_);
    put_refusal_ = true;
    puts_left_ = count;
}
void model_store::refuse_nothing() {
    std::lock_guard lock(mutex_);
    refusals_ = 0;
    put_refusal_ = false;
}
void model_store::fail_commit(bool readable, bool durable) {
    std::lock_guard lock(mutex_);
    fail_next_ = true;
    fail_readable_ = readable;
    fail_durable_ = durable;
}
void model_store::set_bytes_max(std::uint64_t bytes_max) {
    std::lock_guard lock(mutex_);
    bytes_max_ = bytes_max;
}
void model_store::before_commit(std::function<void()> call) {
    std::lock_guard lock(mutex_);
    before_commit_ = std::move(call);
}
void model_store::before_begin_read(std::function<void()> call) {
    std::lock_guard lock(mutex_);
    before_begin_read_ = std::move(call);
}

void model_store::restart() {
    std::lock_guard lock(mutex_);
    WHARF_ASSERT(!writing_);
    bytes_ = bytes_of(*readable_);
    failed_ = false;
    fail_next_ = false;
    put_refusal_ = false;
    refusals_ = 0;
}

void model_store::power_cut() {
    {
        std::lock_guard lock(mutex_);
        readable_ = durable_;
    }
    restart();
}

model_store::content model_store::read_all() const {
    std::lock_guard lock(mutex_);
    return *readable_;
}
std::size_t model_store::commits() const {
    std::lock_guard lock(mutex_);
    return commits_;
}

void model_store::plant(const std::string& key, std::string value) {
    std::lock_guard lock(mutex_);
    durable_.reset();
    apply(readable_, {{key, std::move(value)}});
    durable_ = readable_;
    bytes_ = bytes_of(*readable_);
}
void model_store::remove(const std::string& key) {
    std::lock_guard lock(mutex_);
    durable_.reset();
    apply(readable_, {{key, std::nullopt}});
    durable_ = readable_;
    bytes_ = bytes_of(*readable_);
}

} // namespace wharf::test
