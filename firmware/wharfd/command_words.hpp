// What the files that perform commands say alike.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/fleet.pb.h"

namespace wharf {

[[nodiscard]] inline wharf::v1::CommandCode code_of(const error& why) {
    switch (why.code) {
    case errc::not_found:
        return wharf::v1::COMMAND_CODE_NOT_FOUND;
    case errc::invalid:
    case errc::too_large:
        return wharf::v1::COMMAND_CODE_INVALID;
    default:
        return wharf::v1::COMMAND_CODE_FAILED;
    }
}

} // namespace wharf
