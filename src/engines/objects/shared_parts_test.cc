// How much a part shares with the object that it is copied from.
#include <gtest/gtest.h>

#include "io/testing.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

class SharedParts : public ::testing::Test {
 protected:
  SharedParts() { TestEngine::must(engine_.run(objects().create_bucket("b"))); }
  Objects& objects() { return engine_.objects(); }
  Upload create_upload(std::string key) {
    return TestEngine::must(engine_.run(objects().create_upload({"b", std::move(key), {}, test_data_key().wrapped})));
  }
  void put_in_parts(const std::string& key, uint32_t count) {
    const Upload upload = create_upload(key);
    CompleteRequest complete;
    complete.bucket = "b";
    complete.key = key;
    complete.upload = upload.id;
    for (uint32_t number = 1; number <= count; ++number) {
      TextSource source(std::string(70'000, 'p'));
      PartRequest part{"b", key, upload.id, number, {}, {}, &engine_.keys};
      TestEngine::must(engine_.run(objects().put_part(std::move(part), source)));
      complete.numbers.push_back(number);
    }
    TestEngine::must(engine_.run(objects().complete_upload(std::move(complete))));
  }
  // The blobs of a part that is a copy of the object.
  std::vector<BlobId> blobs_of_copy(const std::string& key) {
    const Upload upload = create_upload("copy of " + key);
    PartCopyRequest request;
    request.source = TestEngine::must(engine_.run(objects().find("b", key, Select::latest(), true)));
    request.bucket = "b";
    request.key = upload.key;
    request.upload = upload.id;
    request.number = 1;
    request.share = true;
    request.source_keys = request.keys = &engine_.keys;
    std::vector<BlobId> blobs;
    const auto part = TestEngine::must(engine_.run(objects().copy_part(std::move(request))));
    for (const auto& segment : part.segments) blobs.push_back(segment.blob);
    return blobs;
  }

  io::TempFolder folder_;
  TestEngine engine_{folder_.path()};
};

// An object has up to ten thousand parts, which are written in one batch.
TEST_F(SharedParts, AreOfFewPieces) {
  put_in_parts("few", 4);
  EXPECT_EQ(blobs_of_copy("few").size(), 4u);
  put_in_parts("many", 5);
  EXPECT_EQ(blobs_of_copy("many").size(), 1u) << "its bytes are written anew";
}

TEST_F(SharedParts, HaveNoLongKeys) {
  for (const size_t length : {100, 3000}) {
    const std::string key = std::to_string(length);
    PutRequest request;
    request.bucket = "b";
    request.key = key;
    request.data_key = test_data_key();
    request.data_key.wrapped += std::string(length, 'w');
    TextSource source(std::string(70'000, 'x'));
    const Version made = TestEngine::must(engine_.run(objects().put(std::move(request), source)));
    EXPECT_EQ(blobs_of_copy(key).front() == made.segment->blob, length == 100);
  }
}

// Up to ten thousand are put together, which would keep everybody waiting.
TEST_F(SharedParts, ArePutTogetherWhileOthersRun) {
  const Upload upload = create_upload("key");
  TextSource source(std::string(70'000, 'p'));
  PartRequest part{"b", "key", upload.id, 1, {Algorithm::crc64nvme}, {}, &engine_.keys};
  TestEngine::must(engine_.run(objects().put_part(std::move(part), source)));
  bool others_ran = false;
  CompleteRequest complete;
  complete.bucket = "b";
  complete.key = "key";
  complete.upload = upload.id;
  complete.numbers = {1};
  complete.checksum = Algorithm::crc64nvme;
  complete.accept = [&](std::span<const Part>, Meta&) -> Result<void> {
    Executor::current()->post([&] { others_ran = true; });
    return {};
  };
  complete.verify = [&](const Version& version) -> Result<void> {
    EXPECT_TRUE(others_ran);
    EXPECT_EQ(version.checksums.size(), 1u);
    return {};
  };
  EXPECT_EQ(TestEngine::must(engine_.run(objects().complete_upload(std::move(complete)))).size, 70'000u);
}

}  // namespace
}  // namespace boreal::objects
