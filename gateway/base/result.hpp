// What an operation that can fail returns: a value or an error. Errors are values; exceptions do
// not cross a module's edge. Any thread.
#pragma once

#include "gateway/base/assert.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace wharf {

// What kind of failure it was: for code that must decide. The words are for people.
enum class errc {
    invalid,     // the input does not say what it should
    too_large,   // a stated bound is exceeded
    not_found,   // nothing there under that name
    unsupported, // well formed, but not something this program does
    corrupt,     // stored bytes do not match their checksum or their format
    no_space,    // quota, map or file system is full: nothing was changed, try again later
    io,          // the operating system refused; the message says what and why
    conflict,    // it clashes with something that is already there
};

[[nodiscard]] std::string_view to_string(errc code) noexcept;

struct error {
    errc code = errc::invalid;
    std::string message;

    // Puts the caller's view in front: "open journal /x: bad magic".
    [[nodiscard]] error in(std::string_view context) && {
        message.insert(0, ": ").insert(0, context);
        return std::move(*this);
    }
};

// A value or an E. Reading the wrong side is a bug and stops the process.
template <class T, class E = error> class [[nodiscard]] result {
  public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(E failure) : state_(std::in_place_index<1>, std::move(failure)) {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & {
        WHARF_ASSERT(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] const T& value() const& {
        WHARF_ASSERT(ok());
        return *std::get_if<0>(&state_);
    }
    [[nodiscard]] T&& value() && {
        WHARF_ASSERT(ok());
        return std::move(*std::get_if<0>(&state_));
    }
    [[nodiscard]] E& failure() & {
        WHARF_ASSERT(!ok());
        return *std::get_if<1>(&state_);
    }
    [[nodiscard]] const E& failure() const& {
        WHARF_ASSERT(!ok());
        return *std::get_if<1>(&state_);
    }
    [[nodiscard]] E&& failure() && {
        WHARF_ASSERT(!ok());
        return std::move(*std::get_if<1>(&state_));
    }
    [[nodiscard]] T& operator*() & { return value(); }
    [[nodiscard]] const T& operator*() const& { return value(); }
    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
    [[nodiscard]] T* operator->() { return &value(); }
    [[nodiscard]] const T* operator->() const { return &value(); }

  private:
    std::variant<T, E> state_;
};

struct success {};

// An operation with nothing to hand back but whether it worked.
using status = result<success>;
inline status ok() {
    return success{};
}

} // namespace wharf

// Hands an error up, or goes on. For functions that return a result with the same error type.
#define WHARF_TRY(expression)                                                                      \
    do {                                                                                           \
        if (auto wharf_try_result = (expression); !wharf_try_result.ok())                          \
            return std::move(wharf_try_result).failure();                                          \
    } while (false)

#define WHARF_TRY_CONCAT_2(a, b) a##b
#define WHARF_TRY_CONCAT(a, b) WHARF_TRY_CONCAT_2(a, b)
#define WHARF_TRY_ASSIGN_2(temporary, declaration, expression)                                     \
    auto temporary = (expression);                                                                 \
    if (!temporary.ok()) return std::move(temporary).failure();                                    \
    declaration = std::move(temporary).value()
// WHARF_TRY_ASSIGN(auto x, f()): declares x from the value, or hands the error up.
#define WHARF_TRY_ASSIGN(declaration, expression)                                                  \
    WHARF_TRY_ASSIGN_2(WHARF_TRY_CONCAT(wharf_try_, __LINE__), declaration, expression)
