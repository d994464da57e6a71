#include "store/store.h"

namespace boreal::store {

namespace {

class InvalidCursor final : public Cursor {
 public:
  explicit InvalidCursor(Error error) : error_(std::move(error)) {}
  void seek(std::string_view) override {}
  void seek_before(std::string_view) override {}
  bool valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  void next() override {}
  void previous() override {}
  Result<void> status() const override { return std::unexpected(error_); }

 private:
  Error error_;
};

}  // namespace

std::unique_ptr<Cursor> invalid_cursor(Error error) { return std::make_unique<InvalidCursor>(std::move(error)); }

}  // namespace boreal::store
