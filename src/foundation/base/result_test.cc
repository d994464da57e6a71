#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "base/testing.h"

namespace boreal {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::invalid, "odd");
  return value / 2;
}

Result<std::unique_ptr<int>> boxed_quarter(int value) {
  TRY(const int h, half(value));
  TRY(auto box, [&]() -> Result<std::unique_ptr<int>> {
    CHECK(half(h));
    return std::make_unique<int>(h / 2);
  }());
  return box;
}

Task<Result<int>> quarter_later(int value) {
  CO_TRY(const int h, half(value));
  CO_CHECK(half(h));
  co_return h / 2;
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(**boxed_quarter(8), 2);
  EXPECT_EQ(boxed_quarter(7).error().message(), "odd");
  EXPECT_EQ(boxed_quarter(6).error().code(), Errc::invalid);
  EXPECT_EQ(run_blocking(quarter_later(8)).value(), 2);
  EXPECT_EQ(run_blocking(quarter_later(6)).error().message(), "odd");
}

TEST(Error, GathersContext) {
  const auto error = Error(Errc::denied, "permission denied").within("data/CURRENT").within("open store");
  EXPECT_EQ(error.message(), "open store: data/CURRENT: permission denied");
  EXPECT_EQ(error.code(), Errc::denied);
}

TEST(Error, SystemErrorsHaveKinds) {
  EXPECT_EQ(Error::system(ENOENT, "open /x").message(), "open /x: No such file or directory");
  const std::pair<int, Errc> kinds[] = {
      {ENOENT, Errc::not_found},  {EEXIST, Errc::exists},     {EACCES, Errc::denied},
      {ENOSPC, Errc::no_space},   {EDQUOT, Errc::no_space},   {EIO, Errc::io},
      {EPIPE, Errc::unavailable}, {ETIMEDOUT, Errc::timeout}, {EINVAL, Errc::invalid}};
  for (const auto& [number, code] : kinds) EXPECT_EQ(Error::system(number, "x").code(), code) << number;
}

}  // namespace
}  // namespace boreal
