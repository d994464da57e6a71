// One flipped bit anywhere in what an engine has on the disk: it is found, and no wrong byte is given.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "objects/scrub.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

// Few by default; ./test --long wants 10,000.
int flips() {
  const char* wanted = std::getenv("BOREAL_FLIPS");
  return wanted != nullptr ? std::atoi(wanted) : 120;
}

Task<void> no_sleep(Duration) { co_return; }

class BitRot : public ::testing::Test {
 protected:
  BitRot() {
    ::testing::internal::CaptureStderr();  // each damage found is logged
    write_first_half();
    write_second_half();  // its start has brought the first half from the log into a table
    TestEngine engine(original(), nullptr, 3);
    engine.run(engine.objects().reclaim_now());
    listing_ = listing_of(engine).value();
  }
  ~BitRot() override { ::testing::internal::GetCapturedStderr(); }

  io::Path original() const { return folder_ / "original"; }

  void put(TestEngine& engine, const std::string& key, size_t size, Versioning versioning = Versioning::off) {
    std::string body(size, '\0');
    for (char& c : body) c = static_cast<char>(chance_() % 4 == 0 ? chance_() : 'a');
    TestEngine::must(engine.put("r", key, body, versioning));
    contents_[key] = body;
  }
  void write_first_half() {
    TestEngine engine(original(), nullptr, 1);
    TestEngine::must(engine.run(engine.objects().create_bucket("r")));
    for (size_t i = 0; i < 20; ++i) put(engine, "small " + std::to_string(i), i * 150);
    put(engine, "large 1", 150'000);
    put(engine, "packed", 100'000);
    TestEngine::must(engine.run(engine.objects().move_to_tier("r", "packed", Select::latest(), "cold", &engine.keys)));
  }
  void write_second_half() {
    TestEngine engine(original(), nullptr, 2);
    for (size_t i = 0; i < 20; ++i) put(engine, "more " + std::to_string(i), i * 150);
    put(engine, "large 2", 70'000);
    for (int i = 0; i < 3; ++i) put(engine, "kept", 40'000, Versioning::on);
    TestEngine::must(engine.remove("r", "gone", Versioning::on));
    CopyRequest copy;
    copy.source = TestEngine::must(engine.run(engine.objects().find("r", "large 1", Select::latest(), true)));
    copy.bucket = "r";
    copy.key = "copied";
    copy.keys = &engine.keys;
    TestEngine::must(engine.run(engine.objects().copy(std::move(copy))));
    contents_["copied"] = contents_["large 1"];
  }

  static Result<std::string> listing_of(TestEngine& engine) {
    ListVersionsQuery query;
    query.bucket = "r";
    TRY(const auto page, engine.run(engine.objects().list_versions(query)));
    std::string text = page.truncated ? "cut" : "";
    for (const auto& version : page.objects) {
      text += version.key + " " + version.id.text() + " " + std::to_string(version.size) + " " + version.etag + "\n";
    }
    return text;
  }

  // Whether the damage was seen. What is given must be what was written.
  bool is_seen_by_readers(TestEngine& engine) {
    bool seen = false;
    for (const auto& [key, body] : contents_) {
      const auto content = engine.get("r", key);
      if (content) {
        EXPECT_EQ(*content, body) << key;
      } else {
        EXPECT_EQ(content.error().code(), Errc::corrupt) << key << ": " << content.error().message();
        seen = true;
      }
    }
    const auto listing = listing_of(engine);
    if (listing) {
      EXPECT_EQ(*listing, listing_);
    } else {
      EXPECT_EQ(listing.error().code(), Errc::corrupt) << listing.error().message();
      seen = true;
    }
    return seen;
  }
  static bool is_seen_by_scrubber(TestEngine& engine) {
    Scrubber scrubber(engine.objects(), no_sleep);
    const auto report = engine.run(scrubber.run_once());
    return !report || report->damaged > 0;
  }

  // The path as it was flipped, for messages.
  io::Path flip(const io::Path& path) {
    auto file = TestEngine::must(io::File::open(path, io::File::Mode::read_write));
    const uint64_t bit = chance_() % (TestEngine::must(file.size()) * 8);
    std::array<std::byte, 1> byte;
    TestEngine::must(file.read_exactly_at(bit / 8, byte));
    byte[0] ^= std::byte{1} << (bit % 8);
    TestEngine::must(file.write_at(bit / 8, byte));
    return path + " bit " + std::to_string(bit);
  }

  io::TempFolder folder_;
  std::mt19937_64 chance_{17};
  std::map<std::string, std::string> contents_;
  std::string listing_;
};

// A running engine: blobs go bad under it.
TEST_F(BitRot, OfBlobsIsFound) {
  TestEngine engine(original(), nullptr, 4);
  ASSERT_FALSE(is_seen_by_readers(engine));
  ASSERT_FALSE(is_seen_by_scrubber(engine));
  const auto files = blob_files(original());
  ASSERT_GE(files.size(), 6u);
  for (int i = 0; i < flips() / 2 && !HasFailure(); ++i) {
    const auto& path = files[chance_() % files.size()];
    const std::string good = io::read_file(path).value();
    SCOPED_TRACE(flip(path));
    is_seen_by_readers(engine);
    EXPECT_TRUE(is_seen_by_scrubber(engine));
    auto file = TestEngine::must(io::File::open(path, io::File::Mode::read_write));
    TestEngine::must(file.write_at(0, as_bytes(good)));
  }
  EXPECT_FALSE(is_seen_by_scrubber(engine));
}

// An engine at rest: its index went bad before it starts.
TEST_F(BitRot, OfTheIndexIsFound) {
  std::map<std::string, int> found;
  const std::vector<std::string> kinds = {".sst", ".log", ".sst", "MANIFEST", ".log", "CURRENT", ".sst", "FORMAT"};
  for (int i = 0; i < (flips() + 1) / 2 && !HasFailure(); ++i) {
    io::TempFolder copy;
    const io::Path folder = copy / "engine";
    TestEngine::must(io::copy_tree(original(), folder, false));
    const std::string& kind = kinds[static_cast<size_t>(i) % kinds.size()];
    std::vector<io::Path> files;
    for (const io::Path& inner : {folder + "/index", folder + "/index/rocksdb"}) {
      for (const auto& name : TestEngine::must(io::list_folder(inner))) {
        const io::Path path = inner + "/" + name;
        if (name.find(kind) != name.npos && TestEngine::must(io::read_file(path)).size() > 0) files.push_back(path);
      }
    }
    ASSERT_FALSE(files.empty()) << kind;
    SCOPED_TRACE(flip(files[chance_() % files.size()]));
    std::unique_ptr<TestEngine> engine;
    try {
      engine = std::make_unique<TestEngine>(folder, nullptr, static_cast<uint64_t>(i) + 10);
    } catch (const std::runtime_error& refused) {
      EXPECT_NE(std::string(refused.what()), "");
      ++found[kind + " by the start"];
      continue;
    }
    if (is_seen_by_readers(*engine)) {
      ++found[kind + " by readers"];
    } else {
      EXPECT_TRUE(is_seen_by_scrubber(*engine));
      ++found[kind + " by the scrubber"];
    }
  }
  for (const auto& [how, count] : found) std::cout << "    " << count << " in " << how << "\n";
}

}  // namespace
}  // namespace boreal::objects
