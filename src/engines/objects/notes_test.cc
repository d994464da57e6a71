// Notes that commits leave, and versions that keep what they were known by elsewhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

using testing::ElementsAre;

class NotesTest : public ::testing::Test {
 protected:
  NotesTest() {
    for (const char* bucket : {"b", "copy"}) TestEngine::must(engine_.run(objects().create_bucket(bucket)));
  }
  Objects& objects() { return engine_.objects(); }
  Result<Version> put(std::string key, std::string body) {
    PutRequest request;
    request.bucket = "b";
    request.key = std::move(key);
    request.versioning = Versioning::on;
    request.data_key = test_data_key();
    request.note = true;
    TextSource source(std::move(body));
    return engine_.run(objects().put(std::move(request), source));
  }
  // As it is, in the other bucket.
  Result<Version> mirror(const Version& version, std::optional<DataKey> new_key = std::nullopt) {
    CopyRequest request;
    request.source = TestEngine::must(engine_.run(objects().find("b", version.key, Select::exact(version.id), true)));
    request.bucket = "copy";
    request.key = version.key;
    request.versioning = Versioning::on;
    request.origin = Origin{version.id, version.modified, version.etag};
    request.new_key = std::move(new_key);
    request.keys = &engine_.keys;
    return engine_.run(objects().copy(std::move(request)));
  }
  std::vector<std::string> keys_of_notes(Id after = {}) {
    std::vector<std::string> keys;
    const auto notes = objects().notes("b", after, 100);
    for (const auto& note : TestEngine::must(notes)) keys.push_back(note.key);
    return keys;
  }
  std::vector<VersionId> versions_of(const std::string& bucket, const std::string& key) {
    ListVersionsQuery query;
    query.bucket = bucket;
    query.prefix = key;
    std::vector<VersionId> ids;
    for (const auto& version : TestEngine::must(engine_.run(objects().list_versions(query))).objects)
      ids.push_back(version.id);
    return ids;
  }

  io::TempFolder folder_;
  TestEngine engine_{folder_.path()};
};

TEST_F(NotesTest, LieWithTheirCommitsUntilTheyAreTakenOff) {
  const auto first = put("a", "1");
  ASSERT_TRUE(put("b", std::string(100'000, 'x')));
  RemoveRequest remove{"b", "a", Versioning::on, Select::latest(), {}};
  remove.note = true;
  const auto removed = engine_.run(objects().remove(std::move(remove)));
  ASSERT_TRUE(removed);
  const auto edit = [](Version& version) -> Result<void> {
    version.meta.tags["t"] = "1";
    return {};
  };
  ASSERT_TRUE(engine_.run(objects().update("b", "b", Select::latest(), edit, true)));
  ASSERT_TRUE(engine_.run(objects().update("b", "b", Select::latest(), edit)));  // without

  const auto notes = objects().notes("b", {}, 100);
  ASSERT_EQ(notes->size(), 4u);
  EXPECT_THAT(keys_of_notes(), ElementsAre("a", "b", "a", "b"));
  EXPECT_EQ((*notes)[0].version, first->id);
  EXPECT_EQ((*notes)[2].version, removed->id);
  EXPECT_EQ(objects().notes("b", {}, 2)->size(), 2u);
  EXPECT_THAT(keys_of_notes((*notes)[1].id), ElementsAre("a", "b"));
  ASSERT_TRUE(engine_.run(objects().take_off_notes("b", {(*notes)[0].id, (*notes)[2].id})));
  EXPECT_THAT(keys_of_notes(), ElementsAre("b", "b"));
  EXPECT_EQ(objects().notes("none", {}, 1).error().code(), Errc::not_found);
}

// They are worked off in their order.
TEST(Notes, ComeBehindThoseThatWaitThoughTheClockWasSetBack) {
  const io::TempFolder folder;
  const auto put = [](TestEngine& engine, std::string key) {
    PutRequest request;
    request.bucket = "b";
    request.key = std::move(key);
    request.data_key = test_data_key();
    request.note = true;
    TextSource source("body");
    TestEngine::must(engine.run(engine.objects().put(std::move(request), source)));
  };
  {
    TestEngine engine(folder.path());
    TestEngine::must(engine.run(engine.objects().create_bucket("b")));
    engine.clock.advance(std::chrono::hours(1));
    put(engine, "older");
    put(engine, "old");
  }
  TestEngine engine(folder.path(), nullptr, 2);
  for (const char* key : {"new", "newer"}) put(engine, key);
  std::vector<std::string> keys;
  for (const auto& note : TestEngine::must(engine.objects().notes("b", {}, 100))) keys.push_back(note.key);
  EXPECT_THAT(keys, ElementsAre("older", "old", "new", "newer"));
}

TEST_F(NotesTest, WhatWasRefusedLeavesNone) {
  PutRequest request;
  request.bucket = "b";
  request.key = "k";
  request.data_key = test_data_key();
  request.note = true;
  request.precondition = [](const Version*) { return Result<void>(fail(Errc::conflict, "no")); };
  TextSource source("body");
  EXPECT_FALSE(engine_.run(objects().put(std::move(request), source)));
  EXPECT_THAT(keys_of_notes(), ElementsAre());
}

TEST_F(NotesTest, MirroredVersionsKeepIdTimeAndPlace) {
  const auto first = put("k", "first");
  engine_.clock.advance(std::chrono::hours(1));
  const auto second = put("k", std::string(100'000, 's'));
  const auto third = put("k", "third");
  engine_.clock.advance(std::chrono::hours(1));
  for (const auto& version : {*third, *first, *second}) {  // not in their order
    const auto copied = mirror(version);
    ASSERT_TRUE(copied) << copied.error().message();
    EXPECT_EQ(copied->id, version.id);
    EXPECT_EQ(copied->modified, version.modified);
    EXPECT_EQ(copied->etag, version.etag);
  }
  EXPECT_THAT(versions_of("copy", "k"), ElementsAre(third->id, second->id, first->id));
  EXPECT_EQ(engine_.get("copy", "k").value(), "third");
  EXPECT_EQ(engine_.get("copy", "k", Select::exact(first->id)).value(), "first");
  EXPECT_EQ(engine_.get("copy", "k", Select::exact(second->id)).value(), std::string(100'000, 's'));
  for (const auto& version : {*third, *second}) EXPECT_EQ(mirror(version).error().code(), Errc::exists);
  // What is made there itself is newer than all of them.
  ASSERT_TRUE(engine_.put("copy", "k", "own", Versioning::on));
  EXPECT_EQ(engine_.get("copy", "k").value(), "own");
  // Removing what is on top brings back what lies behind.
  ASSERT_TRUE(engine_.remove("copy", "k", Versioning::on, Select::exact(versions_of("copy", "k").front())));
  EXPECT_EQ(engine_.get("copy", "k").value(), "third");
}

TEST_F(NotesTest, MirroredMarkersAndNewKeys) {
  const auto object = put("k", std::string(100'000, 'x'));
  const auto removed = engine_.remove("b", "k", Versioning::on);
  const auto marker = engine_.run(objects().find("b", "k", Select::exact(removed->id), false));
  RemoveRequest mirrored{"copy", "k", Versioning::on, Select::latest(), {}};
  mirrored.origin = Origin{marker->version->id, marker->version->modified, ""};
  ASSERT_TRUE(engine_.run(objects().remove(std::move(mirrored))));
  const auto copied = mirror(*object, test_data_key('n'));  // older than the marker: lies behind it
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_EQ(copied->etag, object->etag);
  EXPECT_EQ(engine_.get("copy", "k").error().code(), Errc::not_found);
  EXPECT_EQ(engine_.get("copy", "k", Select::exact(object->id)).value(), std::string(100'000, 'x'));
  EXPECT_THAT(versions_of("copy", "k"), ElementsAre(marker->version->id, object->id));
}

TEST_F(NotesTest, UploadsTakeTheirPlaceToo) {
  const auto old = put("k", "old");
  engine_.clock.advance(std::chrono::hours(1));
  ASSERT_TRUE(put("k", "new"));
  const auto upload =
      TestEngine::must(engine_.run(objects().create_upload({"copy", "k", {}, test_data_key().wrapped})));
  PartRequest part;
  part.bucket = "copy";
  part.key = "k";
  part.upload = upload.id;
  part.number = 1;
  part.keys = &engine_.keys;
  TextSource source(std::string(100'000, 'p'));
  ASSERT_TRUE(engine_.run(objects().put_part(std::move(part), source)));
  ASSERT_TRUE(engine_.put("copy", "k", "own", Versioning::on));
  CompleteRequest complete;
  complete.bucket = "copy";
  complete.key = "k";
  complete.upload = upload.id;
  complete.numbers = {1};
  complete.versioning = Versioning::on;
  complete.origin = Origin{old->id, old->modified, ""};
  const auto made = engine_.run(objects().complete_upload(std::move(complete)));
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->id, old->id);
  EXPECT_EQ(made->modified, old->modified);
  EXPECT_TRUE(made->etag.ends_with("-1"));
  EXPECT_EQ(engine_.get("copy", "k").value(), "own");
  EXPECT_EQ(engine_.get("copy", "k", Select::exact(old->id)).value(), std::string(100'000, 'p'));
}

}  // namespace
}  // namespace boreal::objects
