#include "objects/objects.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "codec/hex.h"
#include "crypto/hash.h"
#include "io/fault.h"
#include "objects/impl.h"
#include "objects/index_keys.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

class ObjectsTest : public ::testing::Test {
 protected:
  ObjectsTest() : engine_(folder_.path()) { TestEngine::must(engine_.run(engine_.objects().create_bucket("b"))); }
  Objects& objects() { return engine_.objects(); }

  std::string pattern(size_t size) {
    PatternSource source(size, 7);
    return TestEngine::must(engine_.run(read_all(source)));
  }
  Result<Part> put_part(const Upload& upload, uint32_t number, std::string body,
                        std::vector<Algorithm> checksums = {}) {
    PartRequest request{"b", upload.key, upload.id, number, std::move(checksums), {}, &engine_.keys};
    TextSource source(std::move(body));
    return engine_.run(objects().put_part(std::move(request), source));
  }
  Upload create_upload(std::string key) {
    UploadRequest request{"b", std::move(key), {}, test_data_key('u').wrapped};
    return TestEngine::must(engine_.run(objects().create_upload(std::move(request))));
  }
  Result<Version> complete(const Upload& upload, std::vector<uint32_t> numbers) {
    CompleteRequest request;
    request.bucket = "b";
    request.key = upload.key;
    request.upload = upload.id;
    request.numbers = std::move(numbers);
    return engine_.run(objects().complete_upload(std::move(request)));
  }
  Result<Version> copy(std::string from, std::string to, std::optional<DataKey> new_key = std::nullopt,
                       std::string tier = "") {
    CopyRequest request;
    request.source = TestEngine::must(engine_.run(objects().find("b", std::move(from), Select::latest(), true)));
    request.bucket = "b";
    request.key = std::move(to);
    request.new_key = std::move(new_key);
    request.meta.tier = std::move(tier);
    request.keys = &engine_.keys;
    return engine_.run(objects().copy(std::move(request)));
  }
  size_t files() {
    engine_.run(objects().reclaim_now());
    return blob_files(folder_.path()).size();
  }

  io::TempFolder folder_;
  TestEngine engine_;
};

TEST_F(ObjectsTest, GivesBackWhatWasPutWhateverItsSize) {
  for (const size_t size : {0, 1, 100, 32 << 10, (32 << 10) + 1, 64 << 10, (64 << 10) + 1, 256 << 10, 1'000'000}) {
    const std::string body = pattern(size);
    const auto version = engine_.put("b", "key", body);
    ASSERT_TRUE(version) << version.error().message();
    EXPECT_EQ(version->size, size);
    EXPECT_EQ(version->etag, codec::hex_encode(crypto::Md5::of(body)));
    EXPECT_EQ(engine_.get("b", "key").value(), body) << size;
  }
}

TEST_F(ObjectsTest, ReadsAnyRange) {
  const std::string body = pattern(700'000);
  ASSERT_TRUE(engine_.put("b", "big", body));
  ASSERT_TRUE(engine_.put("b", "small", body.substr(0, 1000)));
  for (const Range range : {Range{0, 1}, {65535, 2}, {65536, 65536}, {699'999, 1}, {300'000, 400'000}, {700'000, 5}}) {
    EXPECT_EQ(engine_.get("b", "big", Select::latest(), range).value(), body.substr(range.offset, range.length));
  }
  EXPECT_EQ(engine_.get("b", "small", Select::latest(), {990, 100}).value(), body.substr(990, 10));
  EXPECT_EQ(engine_.get("b", "small", Select::latest(), {1001, 1}).error().code(), Errc::invalid);
}

TEST_F(ObjectsTest, RemovesWhatMustBeAloneOnlyIfItIs) {
  const auto older = engine_.put("b", "key", "older", Versioning::on);
  const auto newer = engine_.put("b", "key", "newer", Versioning::on);
  ASSERT_TRUE(older && newer);
  const auto remove = [&](const Version& version) {
    RemoveRequest request{"b", "key", Versioning::on, Select::exact(version.id), {}, true};
    return engine_.run(objects().remove(std::move(request)));
  };
  for (const auto* version : {&*older, &*newer}) EXPECT_EQ(remove(*version).error().code(), Errc::conflict);
  EXPECT_EQ(engine_.get("b", "key").value(), "newer");
  ASSERT_TRUE(engine_.remove("b", "key", Versioning::on, Select::exact(older->id)));
  EXPECT_TRUE(remove(*newer));
  EXPECT_EQ(engine_.get("b", "key").error().code(), Errc::not_found);
}

TEST_F(ObjectsTest, RefusesWhatTheCallerRefusesAndKeepsNothingOfIt) {
  for (const size_t size : {100, 100'000}) {
    PutRequest request;
    request.bucket = "b";
    request.key = "key";
    request.data_key = test_data_key();
    request.checksums = {Algorithm::crc32c};
    request.accept = [](const Digests& digests) -> Result<void> {
      EXPECT_EQ(digests.checksums.size(), 1u);
      return fail(Errc::denied, "not what was promised");
    };
    TextSource source(std::string(size, 'x'));
    EXPECT_EQ(engine_.run(objects().put(std::move(request), source)).error().code(), Errc::denied);
    EXPECT_EQ(engine_.get("b", "key").error().code(), Errc::not_found);
  }
  PutRequest request;
  request.bucket = "b";
  request.key = "key";
  request.data_key = test_data_key();
  request.precondition = [](const Version* latest) -> Result<void> {
    EXPECT_EQ(latest, nullptr);
    return fail(Errc::conflict, "no");
  };
  TextSource source(std::string(100'000, 'x'));
  EXPECT_EQ(engine_.run(objects().put(std::move(request), source)).error().code(), Errc::conflict);
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, FreesTheBytesOfWhatIsReplacedOrRemoved) {
  ASSERT_TRUE(engine_.put("b", "key", std::string(100'000, '1')));
  ASSERT_TRUE(engine_.put("b", "key", std::string(100'000, '2')));
  EXPECT_EQ(files(), 1u);
  ASSERT_TRUE(engine_.remove("b", "key"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, BytesStayWhileTheyAreRead) {
  const std::string body = pattern(2'000'000);
  ASSERT_TRUE(engine_.put("b", "key", body));
  auto found = TestEngine::must(engine_.run(objects().find("b", "key", Select::latest(), true)));
  ASSERT_TRUE(engine_.remove("b", "key"));
  EXPECT_EQ(files(), 1u);
  auto source = TestEngine::must(engine_.run(objects().read(std::move(found), {}, engine_.keys)));
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(engine_.run(read_all(*source)).value(), body);
  engine_.on_executor([&] { source.reset(); });
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, CopiesShareBytesUntilTheLastIsGone) {
  const std::string body = pattern(300'000);
  ASSERT_TRUE(engine_.put("b", "one", body));
  ASSERT_TRUE(copy("one", "two"));
  ASSERT_TRUE(copy("two", "three"));
  EXPECT_EQ(files(), 1u);
  ASSERT_TRUE(engine_.remove("b", "one"));
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(engine_.get("b", "three").value(), body);
  ASSERT_TRUE(engine_.remove("b", "three"));
  EXPECT_EQ(engine_.get("b", "two").value(), body);
  ASSERT_TRUE(copy("two", "two"));  // onto itself
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(engine_.get("b", "two").value(), body);
  ASSERT_TRUE(engine_.remove("b", "two"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, CopiesUnderANewKeyAndOfSmallObjects) {
  const std::string body = pattern(300'000);
  ASSERT_TRUE(engine_.put("b", "one", body));
  const auto copied = copy("one", "two", test_data_key('z'));
  ASSERT_TRUE(copied);
  EXPECT_EQ(copied->wrapped_key, test_data_key('z').wrapped);
  EXPECT_EQ(files(), 2u);
  EXPECT_EQ(engine_.get("b", "two").value(), body);
  ASSERT_TRUE(engine_.put("b", "small", "few bytes"));
  ASSERT_TRUE(copy("small", "small too"));
  ASSERT_TRUE(engine_.remove("b", "small"));
  EXPECT_EQ(engine_.get("b", "small too").value(), "few bytes");
}

TEST_F(ObjectsTest, MovesBetweenTiers) {
  const std::string body = std::string(500'000, 'a') + pattern(100'000);
  ASSERT_TRUE(engine_.put("b", "key", body));
  ASSERT_TRUE(copy("key", "shared"));
  for (Keys* keys : {static_cast<Keys*>(nullptr), static_cast<Keys*>(&engine_.keys)}) {
    const auto moved = engine_.run(objects().move_to_tier("b", "key", Select::latest(), "cold", keys));
    ASSERT_TRUE(moved) << moved.error().message();
    EXPECT_EQ(moved->meta.tier, "cold");
    EXPECT_EQ(moved->segment->compressed, keys != nullptr);
    if (keys != nullptr) EXPECT_LT(moved->segment->stored_size, 200'000u);
    EXPECT_EQ(engine_.get("b", "key").value(), body);
    EXPECT_EQ(engine_.get("b", "key", Select::latest(), {499'990, 100}).value(), body.substr(499'990, 100));
    EXPECT_EQ(engine_.get("b", "shared").value(), body);
    EXPECT_EQ(files(), 2u);
    ASSERT_TRUE(engine_.run(objects().move_to_tier("b", "key", Select::latest(), "standard", nullptr)));
    EXPECT_EQ(engine_.get("b", "key").value(), body);
  }
  const auto in_cold = copy("shared", "cold copy", std::nullopt, "cold");
  ASSERT_TRUE(in_cold);
  EXPECT_EQ(engine_.get("b", "cold copy").value(), body);
  EXPECT_EQ(engine_.run(objects().move_to_tier("b", "key", Select::latest(), "none", nullptr)).error().code(),
            Errc::invalid);
}

// A server that is told to end does not wait until gigabytes have been moved.
TEST_F(ObjectsTest, MovesAndCopiesCanBeBrokenOff) {
  const std::string body = pattern(5'000'000);
  ASSERT_TRUE(engine_.put("b", "key", body));
  const auto broken_off = [&](auto begin) {
    std::stop_source stop;
    io::Faults faults;
    int writes = 0;  // one at a time
    faults.before_each([&](io::Operation operation, std::string_view path) {
      if (operation == io::Operation::write && path.contains("/blobs/") && ++writes == 3) stop.request_stop();
    });
    const auto done = engine_.run(begin(stop.get_token()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::cancelled) << done.error().message();
    EXPECT_LT(writes, 15) << "of at least 26";
    EXPECT_EQ(files(), 1u);
  };
  for (Keys* keys : {static_cast<Keys*>(nullptr), static_cast<Keys*>(&engine_.keys)}) {
    broken_off([&](std::stop_token stop) {
      return objects().move_to_tier("b", "key", Select::latest(), "cold", keys, std::move(stop));
    });
  }
  broken_off([&](std::stop_token stop) {
    CopyRequest request;
    request.source = TestEngine::must(engine_.run(objects().find("b", "key", Select::latest(), true)));
    request.bucket = "b";
    request.key = "copy";
    request.new_key = test_data_key('n');
    request.keys = &engine_.keys;
    request.stop = std::move(stop);
    return objects().copy(std::move(request));
  });
  EXPECT_EQ(engine_.get("b", "key").value(), body);
  ASSERT_TRUE(engine_.run(objects().move_to_tier("b", "key", Select::latest(), "cold", &engine_.keys)));
  EXPECT_EQ(engine_.get("b", "key").value(), body);
}

TEST_F(ObjectsTest, WrapsDataKeysAnew) {
  const std::string body = pattern(300'000);
  ASSERT_TRUE(engine_.put("b", "source", body));
  const auto upload = create_upload("made of copies");
  PartCopyRequest part;
  part.source = TestEngine::must(engine_.run(objects().find("b", "source", Select::latest(), true)));
  part.bucket = "b";
  part.key = "made of copies";
  part.upload = upload.id;
  part.number = 1;
  part.share = true;
  part.source_keys = part.keys = &engine_.keys;
  ASSERT_TRUE(engine_.run(objects().copy_part(std::move(part))));
  ASSERT_TRUE(put_part(upload, 2, "end"));
  ASSERT_TRUE(complete(upload, {1, 2}));

  const auto keys_of = [&](const std::string& key) {
    auto found = TestEngine::must(engine_.run(objects().find("b", key, Select::latest(), false)));
    return TestEngine::must(engine_.run(objects().data_keys(std::move(found))));
  };
  for (const std::string key : {"source", "made of copies"}) {
    const auto before = TestEngine::must(engine_.run(objects().find("b", key, Select::latest(), false)));
    const auto old_keys = keys_of(key);
    std::map<std::string, std::string> there, back;
    for (const auto& wrapped : old_keys) {
      there[wrapped] = wrapped + "anew";
      back[wrapped + "anew"] = wrapped;
    }
    const auto rewrap = [&](std::map<std::string, std::string> forms) {
      return engine_.run(objects().rewrap("b", key, before.version->id, std::move(forms), [](Version& version) {
        version.meta.attributes["seen"] = "yes";
        return Result<void>();
      }));
    };
    const auto after = rewrap(there);
    ASSERT_TRUE(after) << after.error().message();
    EXPECT_EQ(after->meta.attributes.at("seen"), "yes");
    EXPECT_EQ(after->modified, before.version->modified);
    for (const auto& wrapped : keys_of(key)) EXPECT_TRUE(wrapped.ends_with("anew"));
    EXPECT_EQ(keys_of(key).size(), old_keys.size());
    EXPECT_EQ(rewrap(there).error().code(), Errc::conflict);
    ASSERT_TRUE(rewrap(back));
    EXPECT_EQ(keys_of(key), old_keys);
    EXPECT_EQ(engine_.get("b", key).value(), key == "source" ? body : body + "end");
  }
}

TEST_F(ObjectsTest, IdsOfUploadsTellTheirKeys) {
  for (const std::string key : {"a", "b", "a/b"}) {
    const auto upload = create_upload(key);
    for (const std::string other : {"a", "b", "a/b"}) EXPECT_EQ(may_be_upload_of(other, upload.id), other == key);
  }
}

TEST_F(ObjectsTest, JoinsPartsWithoutMovingThem) {
  const auto upload = create_upload("joined");
  const std::string one = pattern(300'000), two = pattern(65'536), three = "end";
  ASSERT_TRUE(put_part(upload, 1, "replaced"));
  ASSERT_TRUE(put_part(upload, 1, one, {Algorithm::crc32, Algorithm::crc64nvme}));
  ASSERT_TRUE(put_part(upload, 2, "never chosen"));
  ASSERT_TRUE(put_part(upload, 5, two, {Algorithm::crc32, Algorithm::crc64nvme}));
  ASSERT_TRUE(put_part(upload, 10'000, three, {Algorithm::crc32, Algorithm::crc64nvme}));
  EXPECT_EQ(put_part(upload, 10'001, "x").error().code(), Errc::invalid);
  EXPECT_EQ(complete(upload, {1, 3}).error().code(), Errc::invalid);
  EXPECT_EQ(complete(upload, {5, 1}).error().code(), Errc::invalid);

  CompleteRequest request;
  request.bucket = "b";
  request.key = "joined";
  request.upload = upload.id;
  request.numbers = {1, 5, 10'000};
  request.checksum = Algorithm::crc64nvme;
  const auto version = engine_.run(objects().complete_upload(std::move(request)));
  ASSERT_TRUE(version) << version.error().message();
  const std::string whole = one + two + three;
  EXPECT_EQ(version->size, whole.size());
  EXPECT_TRUE(version->etag.ends_with("-3")) << version->etag;
  EXPECT_EQ(engine_.get("b", "joined").value(), whole);
  EXPECT_EQ(engine_.get("b", "joined", Select::latest(), {299'999, 65'540}).value(), whole.substr(299'999, 65'540));
  EXPECT_EQ(files(), 3u);

  // The checksum of the whole, combined, is the one of an ordinary put.
  PutRequest put;
  put.bucket = "b";
  put.key = "plain";
  put.data_key = test_data_key();
  put.checksums = {Algorithm::crc64nvme};
  TextSource source(whole);
  EXPECT_EQ(engine_.run(objects().put(std::move(put), source))->checksums, version->checksums);

  const auto found = engine_.run(objects().find("b", "joined", Select::latest(), false));
  const auto parts = engine_.run(objects().parts_of(*found, 1, 1));
  ASSERT_EQ(parts->parts.size(), 1u);
  EXPECT_EQ(parts->parts[0].number, 5u);
  EXPECT_EQ(parts->parts[0].offset, one.size());
  EXPECT_TRUE(parts->truncated);
  const Range second{parts->parts[0].offset, parts->parts[0].size};
  EXPECT_EQ(engine_.run(objects().part_at(*found, second)).value()->number, 5u);
  EXPECT_FALSE(engine_.run(objects().part_at(*found, {second.offset, second.length - 1})).value());
  EXPECT_FALSE(engine_.run(objects().part_at(*found, {second.offset + 1, second.length - 1})).value());
  EXPECT_EQ(engine_.run(objects().find_upload("b", "joined", upload.id)).error().code(), Errc::not_found);

  ASSERT_TRUE(copy("joined", "joined too"));
  ASSERT_TRUE(engine_.remove("b", "joined"));
  EXPECT_EQ(engine_.get("b", "joined too").value(), whole);
  const auto moved = engine_.run(objects().move_to_tier("b", "joined too", Select::latest(), "cold", &engine_.keys));
  ASSERT_TRUE(moved);
  EXPECT_EQ(engine_.get("b", "joined too").value(), whole);
  ASSERT_TRUE(engine_.remove("b", "joined too"));
  ASSERT_TRUE(engine_.remove("b", "plain"));
}

// Where an earlier record was looked at, its damage would tell.
TEST_F(ObjectsTest, APageOfPartsReadsNoEarlierRecords) {
  Version version;
  std::vector<Part> parts(201);
  for (uint32_t i = 0; i < parts.size(); ++i) {
    parts[i].number = i < 120 ? i + 1 : 40 * i;
    parts[i].offset = i;
    parts[i].size = 1;
  }
  store::Batch batch("bucket.b");
  add_manifest(batch, version, {1, 2}, parts);
  TestEngine::must(engine_.run(engine_.store().commit(std::move(batch))));
  ASSERT_EQ(version.chunk_starts.size(), 3u);
  Found found;
  found.bucket = "b";
  found.version = std::make_shared<const Version>(std::move(version));
  for (const size_t at : {0, 1, 99, 100, 119, 120, 150, 199, 200}) {
    const auto page = engine_.run(objects().parts_of(found, parts[at].number - 1, 2));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->parts.front().number, parts[at].number);
    EXPECT_EQ(page->parts.size(), at == 200 ? 1u : 2u);
    EXPECT_EQ(page->truncated, at < 199);
  }
  EXPECT_TRUE(engine_.run(objects().parts_of(found, parts.back().number, 2))->parts.empty());
  store::Batch damage("bucket.b");
  damage.put(index::manifest({1, 2}, 0), "no record of parts");
  TestEngine::must(engine_.run(engine_.store().commit(std::move(damage))));
  EXPECT_FALSE(engine_.run(objects().parts_of(found, 0, 2)));
  for (const size_t at : {101, 190, 200}) {
    const auto page = engine_.run(objects().parts_of(found, parts[at].number - 1, 1));
    ASSERT_TRUE(page) << page.error().message();
    EXPECT_EQ(page->parts.front().number, parts[at].number);
  }
}

TEST_F(ObjectsTest, CopyingWhatIsEmptyIsOneCommit) {
  ASSERT_TRUE(engine_.put("b", "empty", ""));
  io::Faults counted;
  ASSERT_TRUE(copy("empty", "copy"));
  const auto trace = counted.trace();
  EXPECT_EQ(std::ranges::count_if(trace, [](const std::string& step) { return step.starts_with("sync "); }), 1);
  EXPECT_EQ(engine_.get("b", "copy").value(), "");
}

TEST_F(ObjectsTest, AbortFreesThePartsAndLatePartsFindNothing) {
  const auto upload = create_upload("gone");
  ASSERT_TRUE(put_part(upload, 1, pattern(100'000)));
  ASSERT_TRUE(engine_.run(objects().abort_upload("b", "gone", upload.id)));
  EXPECT_EQ(put_part(upload, 2, "late").error().code(), Errc::not_found);
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, PartsCopiedFromObjectsShareOrCopy) {
  const std::string body = pattern(500'000);
  ASSERT_TRUE(engine_.put("b", "source", body));
  const auto upload = create_upload("made of copies");
  uint32_t number = 0;
  for (const auto& [range, share] :
       {std::pair{Range{}, true}, {Range{100, 400'000}, true}, {Range{5, 10}, true}, {Range{0, 100'000}, false}}) {
    PartCopyRequest request;
    request.source = TestEngine::must(engine_.run(objects().find("b", "source", Select::latest(), true)));
    request.range = range;
    request.bucket = "b";
    request.key = upload.key;
    request.upload = upload.id;
    request.number = ++number;
    request.share = share;
    request.source_keys = &engine_.keys;
    request.keys = &engine_.keys;
    const auto part = engine_.run(objects().copy_part(std::move(request)));
    ASSERT_TRUE(part) << part.error().message();
    EXPECT_EQ(codec::hex_encode(part->md5),
              codec::hex_encode(crypto::Md5::of(body.substr(range.offset, range.length))));
  }
  EXPECT_EQ(files(), 3u);
  ASSERT_TRUE(complete(upload, {1, 2, 3, 4}));
  ASSERT_TRUE(engine_.remove("b", "source"));
  EXPECT_EQ(engine_.get("b", "made of copies").value(),
            body + body.substr(100, 400'000) + body.substr(5, 10) + body.substr(0, 100'000));
  ASSERT_TRUE(engine_.remove("b", "made of copies"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(ObjectsTest, WithoutRoomNothingIsAddedAndWhatIsThereCanGo) {
  ASSERT_TRUE(engine_.put("b", "there", pattern(100'000)));
  const auto upload = create_upload("parts");
  ASSERT_TRUE(put_part(upload, 1, pattern(100'000)));
  engine_.has_room = false;
  EXPECT_EQ(engine_.put("b", "small", "x").error().code(), Errc::no_space);
  EXPECT_EQ(engine_.put("b", "there", pattern(100'000)).error().code(), Errc::no_space);
  EXPECT_EQ(put_part(upload, 2, pattern(100'000)).error().code(), Errc::no_space);
  EXPECT_EQ(engine_.run(objects().create_upload({.bucket = "b", .key = "another"})).error().code(), Errc::no_space);
  EXPECT_EQ(engine_.run(objects().move_to_tier("b", "there", Select::latest(), "cold", &engine_.keys)).error().code(),
            Errc::no_space);
  EXPECT_EQ(files(), 2u);
  EXPECT_TRUE(complete(upload, {1}));  // its bytes lie there already
  EXPECT_EQ(engine_.get("b", "there").value(), pattern(100'000));
  ASSERT_TRUE(engine_.remove("b", "there"));
  EXPECT_EQ(files(), 1u);
  engine_.has_room = true;
  EXPECT_TRUE(engine_.put("b", "small", "x"));
}

TEST_F(ObjectsTest, BucketsGoOnlyWhenEmptyAndTakeTheirUploadsAlong) {
  EXPECT_EQ(engine_.run(objects().create_bucket("b")).error().code(), Errc::exists);
  EXPECT_EQ(engine_.run(objects().create_bucket("no/such")).error().code(), Errc::invalid);
  ASSERT_TRUE(engine_.put("b", "key", "x", Versioning::on));
  EXPECT_EQ(engine_.run(objects().drop_bucket("b")).error().code(), Errc::conflict);
  const auto removed = engine_.remove("b", "key", Versioning::on);
  EXPECT_EQ(engine_.run(objects().drop_bucket("b")).error().code(), Errc::conflict);  // versions are left
  const auto versions = engine_.run(objects().list_versions({{.bucket = "b"}, {}}));
  ASSERT_EQ(versions->objects.size(), 2u);
  for (const auto& version : versions->objects) {
    ASSERT_TRUE(engine_.remove("b", "key", Versioning::on, Select::exact(version.id)));
  }
  const auto upload = create_upload("under way");
  ASSERT_TRUE(put_part(upload, 1, pattern(100'000)));
  ASSERT_TRUE(engine_.run(objects().drop_bucket("b")));
  EXPECT_EQ(engine_.put("b", "key", "x").error().code(), Errc::not_found);
  EXPECT_EQ(files(), 0u);
  EXPECT_FALSE(engine_.store().scan("bucket.b", "")->valid());
}

TEST_F(ObjectsTest, UpdatesMetadataOfAVersionInPlace) {
  const auto old = engine_.put("b", "key", pattern(100'000), Versioning::on);
  ASSERT_TRUE(engine_.put("b", "key", "new", Versioning::on));
  const auto edit = [](Version& version) -> Result<void> {
    version.meta.tags["a"] = "1";
    version.size = 0;            // not ours to change
    version.meta.tier = "cold";  // nor this
    return {};
  };
  for (const auto& which : {Select::exact(old->id), Select::latest()}) {
    ASSERT_TRUE(engine_.run(objects().update("b", "key", which, edit)));
    const auto found = engine_.run(objects().find("b", "key", which, false));
    EXPECT_EQ(found->version->meta.tags.at("a"), "1");
    EXPECT_EQ(found->version->meta.tier, "standard");
    EXPECT_GT(found->version->size, 0u);
  }
  EXPECT_EQ(engine_.get("b", "key").value(), "new");
}

TEST_F(ObjectsTest, VersionsKeepTheirOrderWhenTheClockIsSetBack) {
  ASSERT_TRUE(engine_.put("b", "key", "first", Versioning::on));
  engine_.clock.set({1'000'000});
  ASSERT_TRUE(engine_.put("b", "key", "second", Versioning::on));
  EXPECT_EQ(engine_.get("b", "key").value(), "second");
}

// By that of its beginning there would be two null versions, and the overwritten one would come back when the newer
// goes.
TEST_F(ObjectsTest, WhatBeganBeforeVersioningIsCommittedByTheStateOfItsCommit) {
  const auto old = engine_.put("b", "key", "old");
  auto state = Versioning::off;
  PutRequest request;
  request.bucket = "b";
  request.key = "key";
  request.versioning = VersioningThen([&] { return state; });
  request.data_key = test_data_key();
  request.accept = [&](const Digests&) {
    state = Versioning::on;
    return Result<void>();
  };
  TextSource source("new");
  const auto made = engine_.run(objects().put(std::move(request), source));
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->is_null);
  EXPECT_EQ(engine_.get("b", "key", Select::null_version()).value(), "old");
  EXPECT_EQ(engine_.get("b", "key", Select::exact(old->id)).value(), "old");
  EXPECT_EQ(engine_.get("b", "key").value(), "new");
}

PutRequest from_elsewhere(std::string key, VersionId id) {
  PutRequest request;
  request.bucket = "b";
  request.key = std::move(key);
  request.versioning = Versioning::on;
  request.data_key = test_data_key();
  request.origin = Origin{id, IdSource::time_of(id), ""};
  return request;
}

Task<void> put_in(Objects& objects, PutRequest request, Result<Version>& made) {
  TextSource source("of " + request.key);
  made = co_await objects.put(std::move(request), source);
}

Task<void> put_both(Objects& objects, VersionId id, Result<Version>& one, Result<Version>& other) {
  TaskGroup group;
  group.spawn(put_in(objects, from_elsewhere("one", id), one));
  group.spawn(put_in(objects, from_elsewhere("other", id), other));
  co_await group.wait();
}

// Small objects' bytes are found by the ids of their versions.
TEST_F(ObjectsTest, NoVersionFromElsewhereTakesTheIdOfAnotherKeys) {
  ASSERT_TRUE(engine_.put("b", "older", "x", Versioning::on));
  const auto ours = engine_.put("b", "ours", "our bytes", Versioning::on);
  ASSERT_TRUE(engine_.put("b", "newer", "x", Versioning::on));
  for (const char* key : {"older", "newer", "none"}) {
    Result<Version> made;
    engine_.run(put_in(objects(), from_elsewhere(key, ours->id), made));
    ASSERT_FALSE(made) << key;
    EXPECT_EQ(made.error().code(), Errc::conflict) << key;
  }
  EXPECT_EQ(engine_.get("b", "ours").value(), "our bytes");

  const Id id{ours->id.order + 100, 5};
  Result<Version> one, other;
  engine_.run(put_both(objects(), id, one, other));
  ASSERT_NE(one.has_value(), other.has_value());
  EXPECT_EQ(engine_.get("b", one ? "one" : "other").value(), one ? "of one" : "of other");
  // Once it is gone its id is free.
  ASSERT_TRUE(engine_.remove("b", one ? "one" : "other", Versioning::on, Select::exact(id)));
  Result<Version> again;
  engine_.run(put_in(objects(), from_elsewhere("third", id), again));
  EXPECT_TRUE(again);
}

// A version that another engine made by a clock that is years ahead.
TEST_F(ObjectsTest, WhatIsAheadOfItsTimeMovesTheIdsOfNoOtherKey) {
  const auto before = engine_.put("b", "other", "x", Versioning::on);
  const Time then = engine_.clock.now() + std::chrono::hours(24 * 3650);
  Result<Version> brought;
  engine_.run(put_in(objects(), from_elsewhere("key", {static_cast<uint64_t>(then.ms) << 20, 1}), brought));
  ASSERT_TRUE(brought);
  // The key's own go on from there, and tell what was written since an upload began.
  const auto upload = create_upload("key");
  EXPECT_GT(upload.id.order, brought->id.order);
  const auto next = engine_.put("b", "key", "ours", Versioning::on);
  EXPECT_GT(next->id.order, upload.id.order);
  EXPECT_EQ(engine_.get("b", "key").value(), "ours");
  const auto other = engine_.put("b", "other", "x", Versioning::on);
  EXPECT_GT(other->id, before->id);
  EXPECT_LT(other->id, brought->id);
  EXPECT_LT(create_upload("third").id, brought->id);
}

}  // namespace
}  // namespace boreal::objects
