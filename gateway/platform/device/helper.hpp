// Runs an executable of root's: with these arguments and no shell, nothing on its standard input,
// an environment of two variables, no descriptor of ours but its standard output, which is read
// line by line within bounds, and a time after which it and what it started are killed. Any thread;
// blocks.
#pragma once

#include "gateway/base/result.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct helper_call {
    std::string path;
    std::vector<std::string> arguments;
    std::uint32_t seconds_max = 0;
    const std::atomic<bool>* stop = nullptr; // break it off
};

// The exit code. errc::not_found, invalid: there is none, or others may write it. errc::io: it did
// not end in time, was broken off or killed, or said too much.
result<int> run_helper(const helper_call& what,
                       const std::function<void(std::string_view line)>& said);

} // namespace wharf
