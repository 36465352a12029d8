// What somebody who helps from afar asks for first, in one piece of a bounded size: the most
// telling parts go in first, what did not fit is named. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace wharf::views {

struct bundle_parts {
    std::string software;
    std::string status; // JSON, and so are the books
    std::string books;
    std::string metrics;       // as they are scraped
    std::string configuration; // TOML as the gateway read it: secrets are left out here
    std::uint64_t audit_number = 0;
    std::string audit_head; // in hexadecimal digits
    std::vector<std::string> log;
};

// At most limits::k_report_bytes_max, with room for the report around it.
[[nodiscard]] result<std::string> bundle_json(store& journal, const bundle_parts& parts);

} // namespace wharf::views
