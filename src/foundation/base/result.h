// Errors as values. Everything that can fail for a reason outside the program returns Result<T>;
// exceptions are for start-up and bugs. Context is added while an error rises: `error.within("open store")`.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace boreal {

// What went wrong, in kinds that a caller can act on.
enum class Errc {
  invalid,       // the input is wrong; the same call can never succeed
  not_found,
  exists,
  conflict,      // the state does not allow it now
  denied,
  too_large,
  unsupported,   // not built, or not possible on this machine
  unavailable,   // a helper (process, peer) is not there at the moment
  timeout,
  cancelled,
  no_space,
  io,            // the disk or the system said no
  corrupt,       // stored data is not what was written
  internal,      // a bug
};

std::string_view to_string(Errc code);

class Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  // From errno, with what was tried: `Error::system(errno, "open /x")`.
  static Error system(int error_number, std::string_view what);

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }

  // Puts what was being done in front: "open store: data/CURRENT: permission denied".
  Error within(std::string_view what) &&;

 private:
  Errc code_;
  std::string message_;
};

template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(Errc::invalid, "port is 0")` in any function that returns a Result.
inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected<Error>(std::in_place, code, std::move(message));
}

}  // namespace boreal

#define BOREAL_CONCAT_(a, b) a##b
#define BOREAL_CONCAT(a, b) BOREAL_CONCAT_(a, b)
#define BOREAL_TRY_(return_word, temporary, declaration, ...)                 \
  auto temporary = (__VA_ARGS__);                                             \
  if (!temporary) return_word std::unexpected(std::move(temporary).error());  \
  declaration = std::move(*temporary)
#define BOREAL_CHECK_(return_word, temporary, ...) \
  if (auto temporary = (__VA_ARGS__); !temporary) return_word std::unexpected(std::move(temporary).error())

// TRY(auto file, File::open(path));   declares `file`, or returns the error to our caller.
// CHECK(file.sync());                 for a Result<void>.
// The CO_ forms are for coroutines: CO_TRY(auto reply, co_await client.get(key));
#define TRY(declaration, ...) BOREAL_TRY_(return, BOREAL_CONCAT(try_, __COUNTER__), declaration, __VA_ARGS__)
#define CO_TRY(declaration, ...) BOREAL_TRY_(co_return, BOREAL_CONCAT(try_, __COUNTER__), declaration, __VA_ARGS__)
#define CHECK(...) BOREAL_CHECK_(return, BOREAL_CONCAT(check_, __COUNTER__), __VA_ARGS__)
#define CO_CHECK(...) BOREAL_CHECK_(co_return, BOREAL_CONCAT(check_, __COUNTER__), __VA_ARGS__)
