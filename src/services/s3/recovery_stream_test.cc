#include "s3/recovery_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing.h"
#include "s3/text_source.h"

namespace boreal::s3 {
namespace {

// Reads a stream to its end: each object's key with its bytes. Few bytes at a time, so that all are in pieces.
Task<Result<std::vector<std::pair<std::string, std::string>>>> read_all(std::string stream) {
  TextSource source(std::move(stream));
  RecoveryReader reader(source);
  std::vector<std::pair<std::string, std::string>> objects;
  for (;;) {
    CO_TRY(auto head, co_await reader.next());
    if (!head) co_return objects;
    auto& [key, bytes] = objects.emplace_back(head->key.bytes, "");
    for (std::array<std::byte, 3> buffer;;) {
      CO_TRY(const size_t count, co_await reader.body().read(buffer));
      if (count == 0) break;
      bytes += as_text(Bytes(buffer).first(count));
    }
    EXPECT_EQ(bytes.size(), head->size);
  }
}

auto read(std::string stream) { return TestExecutor().run(read_all(std::move(stream))); }

RecoveredHead head_of(std::string key, uint64_t size) {
  return {.key = {std::move(key)},
          .size = size,
          .storage_class = "STANDARD",
          .headers = {{"content-type", {"text/plain"}}, {"x-amz-meta-a", {"\xe4"}}},
          .tags = {{"team", "shop"}}};
}

// What a stream with this head alone ends with.
Errc refusal(const RecoveredHead& head) {
  const auto all = read(frame_head(head) + std::string(head.size % 100, 'x'));
  return all ? Errc::internal : all.error().code();
}

TEST(RecoveryStream, GivesBackWhatWasFramed) {
  const std::string two = frame_head(head_of("a", 5)) + "hello" + frame_head(head_of("b/\xc3\xa4", 0));
  const auto all = read(two);
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_THAT(*all, testing::ElementsAre(testing::Pair("a", "hello"), testing::Pair("b/\xc3\xa4", "")));
  EXPECT_TRUE(read("")->empty());

  TextSource source(frame_head(head_of("a", 5)) + "hello");
  RecoveryReader reader(source);
  const auto head = TestExecutor().run(reader.next());
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->headers, head_of("a", 5).headers);
  EXPECT_EQ((*head)->tags, head_of("a", 5).tags);
  EXPECT_EQ((*head)->storage_class, "STANDARD");
  EXPECT_EQ(TestExecutor().run(reader.next()).error().code(), Errc::conflict) << "its body is next";
}

TEST(RecoveryStream, CutAnywhereItIsNotWhole) {
  const std::string first = frame_head(head_of("a", 5)) + "hello";
  const std::string whole = first + frame_head(head_of("b", 2)) + "hi";
  for (size_t size = 1; size < whole.size(); ++size) {
    if (size == first.size()) continue;
    const auto all = read(whole.substr(0, size));
    ASSERT_FALSE(all) << size;
    EXPECT_EQ(all.error().code(), Errc::corrupt) << size;
  }
}

TEST(RecoveryStream, BelievesNoLength) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{(1 << 20) + 1}, uint64_t{1} << 40, UINT64_MAX}) {
    std::string stream;
    put_be64(stream, size);
    const auto all = read(stream + "{}");
    ASSERT_FALSE(all) << size;
    EXPECT_EQ(all.error().code(), Errc::corrupt) << size;
  }
  EXPECT_EQ(refusal(head_of("a", UINT64_MAX)), Errc::corrupt);
  EXPECT_EQ(refusal(head_of("a", 1ULL << 40)), Errc::corrupt) << "a body that is promised and does not come";
}

TEST(RecoveryStream, BelievesNoHead) {
  EXPECT_EQ(refusal(head_of("", 0)), Errc::corrupt);
  EXPECT_EQ(refusal(head_of(std::string(1025, 'k'), 0)), Errc::corrupt);
  EXPECT_EQ(refusal(head_of("\xff", 0)), Errc::corrupt);
  auto head = head_of("a", 0);
  head.storage_class = "../../elsewhere";
  EXPECT_EQ(refusal(head), Errc::corrupt);
  head = head_of("a", 0);
  head.headers["x-amz-meta-b"] = {"1\r\nSet-Cookie: a=b"};
  EXPECT_EQ(refusal(head), Errc::corrupt);
  head = head_of("a", 0);
  head.headers["x\ny"] = {"1"};
  EXPECT_EQ(refusal(head), Errc::corrupt);
  head = head_of("a", 0);
  for (int i = 0; i < 11; ++i) head.tags[std::to_string(i)] = "1";
  EXPECT_EQ(refusal(head), Errc::corrupt);
  for (const char* text : {"", "[]", "null", "{\"key\":1}", "{\"key\":\"YQ==\",\"size\":-1}", "{\"key\":\"YQ==\""}) {
    std::string stream;
    put_be64(stream, std::string_view(text).size());
    const auto all = read(stream + text);
    ASSERT_FALSE(all) << text;
    EXPECT_EQ(all.error().code(), Errc::corrupt) << text;
  }
}

}  // namespace
}  // namespace boreal::s3
