// A disk that dies at each step of a history, and a start over what it kept: what was acknowledged is there, nothing is
// there in half, and nothing is left over.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "io/fault.h"
#include "objects/index_keys.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

constexpr const char* keys[] = {"a", "copy", "made of parts", "copy of that", "small"};
const std::string old_large(40'000, 'o'), new_large(300'000, 'n'), part(70'000, 'p');

// What each key is to hold; no content: the key is not there.
class History {
 public:
  explicit History(TestEngine& engine) : engine_(engine) {}

  void prepare() {
    TestEngine::must(engine_.run(engine_.objects().create_bucket("b")));
    ASSERT_TRUE(put("a", old_large) && put("small", "old"));
  }
  // Until something fails.
  bool happens() {
    return put("a", new_large) && copy("a", "copy") && make_of_parts("made of parts") && move("copy") && remove("a") &&
           copy("made of parts", "copy of that") && remove("made of parts") && put("small", "new") && remove("copy");
  }

  void verify(TestEngine& engine) const {
    for (const std::string key : keys) {
      const auto there = engine.get("b", key);
      if (!there) ASSERT_EQ(there.error().code(), Errc::not_found) << key << ": " << there.error().message();
      const auto is = [&](const std::string& content) { return content.empty() ? !there : there && *there == content; };
      const auto known = content_.find(key);
      const bool is_as_acknowledged = is(known == content_.end() ? "" : known->second);
      EXPECT_TRUE(is_as_acknowledged || (unsure_ && unsure_->first == key && is(unsure_->second))) << key;
    }
  }

 private:
  bool note(bool is_done, const std::string& key, std::string content) {
    if (is_done) {
      content_[key] = std::move(content);
    } else {
      unsure_ = {key, std::move(content)};
    }
    return is_done;
  }
  bool put(const std::string& key, const std::string& content) {
    return note(engine_.put("b", key, content).has_value(), key, content);
  }
  bool remove(const std::string& key) { return note(engine_.remove("b", key).has_value(), key, ""); }
  bool copy(const std::string& from, const std::string& to) {
    CopyRequest request;
    auto found = engine_.run(engine_.objects().find("b", from, Select::latest(), true));
    if (!found) return false;
    request.source = std::move(*found);
    request.bucket = "b";
    request.key = to;
    request.keys = &engine_.keys;
    return note(engine_.run(engine_.objects().copy(std::move(request))).has_value(), to, content_[from]);
  }
  bool move(const std::string& key) {
    return engine_.run(engine_.objects().move_to_tier("b", key, Select::latest(), "cold", &engine_.keys)).has_value();
  }
  // One part is uploaded, twice; the other shares what the key "a" holds.
  bool make_of_parts(const std::string& key) {
    Objects& objects = engine_.objects();
    const auto upload = engine_.run(objects.create_upload({"b", key, {}, test_data_key().wrapped}));
    if (!upload) return false;
    for (const std::string& content : {old_large, part}) {
      TextSource source(content);
      PartRequest request{"b", key, upload->id, 1, {}, {}, &engine_.keys};
      if (!engine_.run(objects.put_part(std::move(request), source))) return false;
    }
    PartCopyRequest copied;
    auto found = engine_.run(objects.find("b", "a", Select::latest(), true));
    if (!found) return false;
    copied.source = std::move(*found);
    copied.bucket = "b";
    copied.key = key;
    copied.upload = upload->id;
    copied.number = 2;
    copied.share = true;
    copied.source_keys = copied.keys = &engine_.keys;
    if (!engine_.run(objects.copy_part(std::move(copied)))) return false;
    CompleteRequest complete;
    complete.bucket = "b";
    complete.key = key;
    complete.upload = upload->id;
    complete.numbers = {1, 2};
    return note(engine_.run(objects.complete_upload(std::move(complete))).has_value(), key, part + content_["a"]);
  }

  TestEngine& engine_;
  std::map<std::string, std::string> content_;
  std::optional<std::pair<std::string, std::string>> unsure_;  // what did not succeed may have happened
};

// With all keys and uploads gone there is no blob, no reference and no record but those of ids in reserve.
void expect_nothing_left_over(TestEngine& engine, const io::Path& folder) {
  for (const std::string key : keys) ASSERT_TRUE(engine.remove("b", key));
  ListUploadsQuery query;
  query.bucket = "b";
  const auto uploads = engine.run(engine.objects().list_uploads(query));
  ASSERT_TRUE(uploads);
  for (const auto& upload : uploads->uploads)
    ASSERT_TRUE(engine.run(engine.objects().abort_upload("b", upload.key, upload.id)));
  engine.run(engine.objects().reclaim_now());
  EXPECT_TRUE(blob_files(folder).empty());
  EXPECT_FALSE(engine.store().scan(index::engine_partition, "s")->valid());
  for (auto left = engine.store().scan("bucket.b", ""); left->valid(); left->next())
    EXPECT_EQ(left->key().front(), 'i') << "a record is left over";
}

// How many steps there were.
int live_through(std::optional<int> dies_at) {
  const io::TempFolder folder;
  int steps = 0;
  std::optional<History> history;
  {
    io::Faults faults;  // outlives the engine: what is dead writes nothing more
    TestEngine engine(folder.path());
    history.emplace(engine);
    history->prepare();
    engine.run(engine.objects().reclaim_now());
    const int before = faults.steps();
    if (dies_at) faults.stop_after(*dies_at);
    const bool is_over = history->happens();
    engine.run(engine.objects().reclaim_now());
    EXPECT_TRUE(is_over || dies_at);
    steps = faults.steps() - before;
  }
  TestEngine engine(folder.path(), nullptr, 2);
  engine.run(engine.objects().reclaim_now());
  history->verify(engine);
  expect_nothing_left_over(engine, folder.path());
  return steps;
}

TEST(Steps, AtWhicheverTheDiskDiesNothingIsLostOrLeftOver) {
  ::testing::internal::CaptureStderr();
  const int steps = live_through(std::nullopt);
  EXPECT_GT(steps, 50);
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); step += 2) {
    SCOPED_TRACE(step);
    live_through(step);
  }
  ::testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace boreal::objects
