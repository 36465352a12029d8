#include "sync/delivery/answers.hpp"
#include "gateway/base/mutant.hpp"

namespace wharf {

request_verdict classify_request(const connector_answer& answer) {
    if (answer.how == connector_answer::way::not_sent) return request_verdict::not_sent;
    if (answer.how == connector_answer::way::unknown) return request_verdict::unknown;
    switch (answer.http_status) {
    case 401:
        return request_verdict::stop_credentials;
    case 403:
        return request_verdict::forbidden;
    case 409:
        return answer.code == k_code_fenced ? request_verdict::fenced : request_verdict::retry;
    case 425:
        return request_verdict::retry;
    case 429:
        if (WHARF_MUTANT(throttled_taken_for_refused)) return request_verdict::refused;
        return request_verdict::overloaded;
    case 408:
    case 502:
    case 503:
    case 504:
        return request_verdict::overloaded;
    case 413:
        return request_verdict::too_large;
    case 422:
        return request_verdict::refused;
    default:
        break;
    }
    if (answer.http_status >= 200 && answer.http_status < 300) return request_verdict::per_item;
    if (answer.http_status >= 300 && answer.http_status < 500) return request_verdict::stop;
    // 500, and every server error that has no line of its own.
    if (answer.http_status >= 500) return request_verdict::failed;
    return request_verdict::unknown;
}

item_verdict classify_item(wharf::v1::ItemStatus status) {
    switch (status) {
    case wharf::v1::ITEM_STATUS_APPLIED:
    case wharf::v1::ITEM_STATUS_ALREADY_APPLIED:
        return item_verdict::applied;
    case wharf::v1::ITEM_STATUS_REFUSED:
        return item_verdict::refused;
    case wharf::v1::ITEM_STATUS_CONFLICT:
    case wharf::v1::ITEM_STATUS_FORBIDDEN:
        return item_verdict::dead;
    case wharf::v1::ITEM_STATUS_IN_PROGRESS:
    case wharf::v1::ITEM_STATUS_THROTTLED:
        return item_verdict::later;
    case wharf::v1::ITEM_STATUS_NOT_ATTEMPTED:
        return item_verdict::unattempted;
    case wharf::v1::ITEM_STATUS_NOT_HELD:
        return item_verdict::not_held;
    default:
        return item_verdict::unknown; // error, none, or a status of a later contract
    }
}

std::string default_code(wharf::v1::ItemStatus status) {
    switch (status) {
    case wharf::v1::ITEM_STATUS_REFUSED:
        return "refused";
    case wharf::v1::ITEM_STATUS_CONFLICT:
        return "conflict";
    case wharf::v1::ITEM_STATUS_FORBIDDEN:
        return "forbidden";
    default:
        return k_code_outcome_unknown;
    }
}

} // namespace wharf
