#include "gateway/ring/transactions.hpp"

#include "gateway/ring/layers.hpp"

namespace wharf {

namespace {

// The store below without the ring's position.
status scan_below(store_reader& below, std::string_view start, bool back,
                  const store_reader::visitor& visit) {
    auto without = [&](std::string_view key, std::string_view value) {
        return key == k_ring_position_key || visit(key, value);
    };
    if (back) return below.scan_back(start, without);
    return start > k_ring_position_key ? below.scan(start, visit) : below.scan(start, without);
}

status scan_over(store_reader& below, const overlay_view& over, std::string_view start, bool back,
                 const store_reader::visitor& visit) {
    overlay_cursor above(over, start, back);
    auto lower = [&](const store_reader::visitor& each) {
        return scan_below(below, start, back, each);
    };
    return scan_layers(above, lower, back, visit);
}

std::optional<std::string_view> to_view(const std::optional<std::string>& value) {
    return value ? std::optional<std::string_view>(*value) : std::nullopt;
}

commit_result to_commit_result(const error& why) {
    return {why.code == errc::no_space ? commit_outcome::no_space : commit_outcome::unknown,
            why.message};
}

} // namespace

ring_reader::ring_reader(std::unique_ptr<store_reader> below, overlay_view over)
    : below_(std::move(below)), over_(std::move(over)), layered_(!over_.empty()) {}

result<std::optional<std::string_view>> ring_reader::get(std::string_view key) {
    if (key == k_ring_position_key) return std::optional<std::string_view>{};
    if (layered_)
        if (const auto* found = over_.find(key)) return to_view(found->value);
    return below_->get(key);
}
status ring_reader::scan(std::string_view from, const visitor& visit) {
    if (!layered_) return scan_below(*below_, from, false, visit);
    return scan_over(*below_, over_, from, false, visit);
}
status ring_reader::scan_back(std::string_view before, const visitor& visit) {
    if (!layered_) return scan_below(*below_, before, true, visit);
    return scan_over(*below_, over_, before, true, visit);
}

ring_writer::ring_writer(ring_store& of) : store_(of) {
    WHARF_ASSERT(!std::exchange(store_.writing_, true));
}
ring_writer::~ring_writer() {
    end();
}

void ring_writer::end() {
    direct_.reset();
    under_.reset();
    changes_.clear();
    if (!std::exchange(ended_, true)) store_.writing_ = false;
}

result<store_reader*> ring_writer::under() {
    if (under_ == nullptr) {
        WHARF_TRY_ASSIGN(under_, store_.begin_read());
    }
    return under_.get();
}

result<std::optional<std::string_view>> ring_writer::get(std::string_view key) {
    if (key == k_ring_position_key) return std::optional<std::string_view>{};
    if (direct_ != nullptr) return direct_->get(key);
    auto changed = changes_.all().find(key);
    if (changed != changes_.all().end()) return to_view(changed->second);
    WHARF_TRY_ASSIGN(store_reader * below, under());
    return below->get(key);
}

status ring_writer::scan(std::string_view from, const visitor& visit) {
    return scan_either(from, false, visit);
}
status ring_writer::scan_back(std::string_view before, const visitor& visit) {
    return scan_either(before, true, visit);
}

void ring_writer::will_read(std::string_view part) {
    if (direct_ != nullptr)
        direct_->will_read(part);
    else if (under_ != nullptr)
        under_->will_read(part);
}

status ring_writer::scan_either(std::string_view start, bool back, const visitor& visit) {
    if (direct_ != nullptr) return scan_below(*direct_, start, back, visit);
    WHARF_TRY_ASSIGN(store_reader * below, under());
    change_cursor above(changes_.all(), start, back);
    auto lower = [&](const visitor& each) {
        return back ? below->scan_back(start, each) : below->scan(start, each);
    };
    return scan_layers(above, lower, back, visit);
}

status ring_writer::put(std::string_view key, std::string_view value) {
    WHARF_ASSERT(key != k_ring_position_key);
    if (broken_) return *broken_;
    if (direct_ != nullptr) {
        direct_cost_bytes_ += store_.generation_->cost_of_change(key, value.size());
        return direct_->put(key, value);
    }
    changes_.put(key, value);
    return after_change();
}

status ring_writer::put_pieces(std::string_view key, std::span<const std::string_view> pieces) {
    WHARF_ASSERT(key != k_ring_position_key);
    if (broken_) return *broken_;
    std::size_t bytes = 0;
    for (std::string_view piece : pieces)
        bytes += piece.size();
    // What is too much for a record by itself need not be copied to find out.
    if (direct_ == nullptr && changes_.encoded_bytes() + bytes > store_.options_.group_bytes_max)
        WHARF_TRY(go_direct());
    if (direct_ == nullptr) return store_writer::put_pieces(key, pieces);
    direct_cost_bytes_ += store_.generation_->cost_of_change(key, bytes);
    return direct_->put_pieces(key, pieces);
}

status ring_writer::erase(std::string_view key) {
    WHARF_ASSERT(key != k_ring_position_key);
    if (broken_) return *broken_;
    if (direct_ != nullptr) {
        direct_cost_bytes_ += store_.generation_->cost_of_change(key, 0);
        return direct_->erase(key);
    }
    changes_.erase(key);
    return after_change();
}

status ring_writer::after_change() {
    bool too_large = changes_.encoded_bytes() > store_.options_.group_bytes_max;
    return too_large || !store_.log_ ? go_direct() : ok();
}

status ring_writer::go_direct() {
    under_.reset();
    auto begun = store_.below_.begin_write();
    status filled = begun.ok() ? fill(**begun) : status(std::move(begun).failure());
    if (!filled.ok()) {
        broken_ = filled.failure();
        return filled;
    }
    direct_ = std::move(begun).value();
    changes_.clear();
    return ok();
}

status ring_writer::fill(store_writer& direct) {
    WHARF_TRY(store_.put_generation(direct));
    direct_cost_bytes_ = store_.generation_->cost_bytes();
    for (const auto& [key, value] : changes_.all()) {
        direct_cost_bytes_ += store_.generation_->cost_of_change(key, value ? value->size() : 0);
        WHARF_TRY(value ? direct.put(key, *value) : direct.erase(key));
    }
    return ok();
}

commit_result ring_writer::commit() {
    WHARF_ASSERT(!ended_);
    commit_result out{commit_outcome::durable, {}};
    if (!broken_ && direct_ == nullptr && !changes_.empty()) {
        if (store_.ring_takes(changes_))
            out = store_.commit_to_ring(changes_);
        else
            static_cast<void>(go_direct()); // its failure is broken_
    }
    if (broken_)
        out = to_commit_result(*broken_);
    else if (direct_ != nullptr)
        out = store_.commit_below(*direct_, direct_cost_bytes_);
    end();
    if (out.outcome == commit_outcome::unknown) store_.failed_ = true;
    return out;
}

} // namespace wharf
