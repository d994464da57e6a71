#include "aws/record_cache.h"

#include <gtest/gtest.h>

namespace boreal::aws {
namespace {

struct Note {
  std::string text;
  BOREAL_RECORD(Note, text)
};

TEST(RecordCache, TheSameTextIsParsedOnce) {
  RecordCache<Note> cache;
  const std::string text = store::encode(Note{"a"});
  const auto first = cache.decode(text);
  const auto again = cache.decode(std::string(text));
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->get(), again->get());
  EXPECT_EQ((*first)->text, "a");
}

TEST(TextCache, RemembersWhateverIsMadeOfATextUnlessThatFails) {
  TextCache<size_t> sizes;
  size_t asked = 0;
  const auto measure = [&](const std::string& text) -> Result<size_t> {
    ++asked;
    if (text.empty()) return fail(Errc::invalid, "empty");
    return text.size();
  };
  EXPECT_EQ(**sizes.get("abc", measure), 3U);
  EXPECT_EQ(**sizes.get("abc", measure), 3U);
  EXPECT_EQ(asked, 1U);
  EXPECT_FALSE(sizes.get("", measure));
  EXPECT_FALSE(sizes.get("", measure));
  EXPECT_EQ(asked, 3U);
}

TEST(RecordCache, AChangedRecordIsAnother) {
  RecordCache<Note> cache;
  ASSERT_EQ((*cache.decode(store::encode(Note{"a"})))->text, "a");
  EXPECT_EQ((*cache.decode(store::encode(Note{"b"})))->text, "b");
}

TEST(RecordCache, DamageIsNotRemembered) {
  RecordCache<Note> cache;
  const auto damaged = cache.decode("{\"text\":");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), Errc::corrupt);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(RecordCache, StaysBelowItsLimits) {
  using Cache = RecordCache<Note>;
  Cache cache;
  const auto first = cache.decode(store::encode(Note{"first"}));
  for (size_t i = 0; i < 3 * Cache::max_bytes / 8192; ++i) {
    ASSERT_TRUE(cache.decode(store::encode(Note{std::string(8192, 'x') + std::to_string(i)})));
    ASSERT_LE(cache.size(), Cache::max_bytes / 8192 + 1);
  }
  EXPECT_EQ((*first)->text, "first");  // who holds a record keeps it
  const size_t before = cache.size();
  ASSERT_TRUE(cache.decode(store::encode(Note{std::string(Cache::max_text_bytes, 'x')})));
  EXPECT_EQ(cache.size(), before);
}

}  // namespace
}  // namespace boreal::aws
