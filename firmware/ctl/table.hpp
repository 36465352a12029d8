// A table for a terminal: columns as wide as their widest cell, two spaces between.
#pragma once

#include <string>
#include <vector>

namespace wharf::ctl {

class table {
  public:
    explicit table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
    // REQUIRES: as many cells as the head has.
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const noexcept { return rows_.size() == 1; }

    [[nodiscard]] std::string text() const {
        std::vector<std::size_t> widths(rows_.front().size());
        for (const auto& row : rows_)
            for (std::size_t i = 0; i < row.size(); ++i)
                if (row[i].size() > widths[i]) widths[i] = row[i].size();
        std::string out;
        for (const auto& row : rows_) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                out += row[i];
                if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
            }
            out += '\n';
        }
        return out;
    }

  private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace wharf::ctl
