#include "gateway/journal/journal.hpp"

#include "gateway/base/frame.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"

#include <algorithm>

namespace wharf {

status journal::begin(std::int64_t journal_time_us) {
    WHARF_ASSERT(group_ == nullptr);
    WHARF_TRY_ASSIGN(group_, store_.begin_write());
    next_ = state_;
    next_low_water_ = low_water_;
    next_sessions_ = sessions_;
    next_session_sweep_us_ = session_sweep_us_;
    now_us_ = std::max(journal_time_us, state_.journal_time_us());
    dirty_ = false;
    answers_.clear();
    appended_.clear();
    return ok();
}

status journal::apply(const journal_request& request) {
    WHARF_ASSERT(group_ != nullptr);
    return std::visit([this](const auto& one) { return apply_one(one); }, request);
}

commit_result journal::commit() {
    WHARF_ASSERT(group_ != nullptr);
    next_.set_journal_time_us(now_us_);
    if (auto written = put(format::state_key(), next_); !written.ok()) {
        bool full = written.failure().code == errc::no_space;
        roll_back();
        return {full ? commit_outcome::no_space : commit_outcome::unknown,
                written.failure().message};
    }
    commit_result result = group_->commit();
    group_.reset();
    if (result.outcome != commit_outcome::durable) {
        roll_back();
        return result;
    }
    state_ = next_;
    low_water_ = next_low_water_;
    sessions_ = next_sessions_;
    session_sweep_us_ = next_session_sweep_us_;
    connected_undo_.clear();
    order_.keep();
    triggers_.keep();
    return result;
}

void journal::roll_back() {
    group_.reset();
    for (auto undone = connected_undo_.rbegin(); undone != connected_undo_.rend(); ++undone) {
        if (undone->second)
            connected_[undone->first] = *undone->second;
        else
            connected_.erase(undone->first);
    }
    connected_undo_.clear();
    order_.roll_back();
    triggers_.roll_back();
    answers_.clear();
    appended_.clear();
    dirty_ = false;
}

void journal::set_connected(const std::string& client_id, std::optional<std::uint64_t> generation) {
    auto found = connected_.find(client_id);
    connected_undo_.emplace_back(
        client_id, found == connected_.end() ? std::nullopt : std::optional(found->second));
    if (generation)
        connected_[client_id] = *generation;
    else
        connected_.erase(client_id);
}

bool journal::is_configured(int destination) const {
    return std::find(numbers_.begin(), numbers_.end(), destination) != numbers_.end();
}

status journal::put(const std::string& key, const google::protobuf::MessageLite& content) {
    dirty_ = true;
    return group_->put(key, format::seal(key, content));
}

status journal::put(const std::string& key, std::string_view content) {
    dirty_ = true;
    return group_->put(key, frame(key, content));
}

} // namespace wharf
