// Random operations on a few keys, the engine and a plain model side by side; after each step everything that can
// be seen is compared.
#include <gtest/gtest.h>

#include <random>

#include "objects/testing.h"

namespace boreal::objects {
namespace {

struct ModelVersion {
  VersionId id;
  bool is_null = false;
  bool is_marker = false;
  std::string body;
};

// What a bucket should be: for each key its versions, newest first.
class Model {
 public:
  std::map<std::string, std::vector<ModelVersion>> keys;

  void put(const std::string& key, ModelVersion version) {
    auto& versions = keys[key];
    if (version.is_null) std::erase_if(versions, [](const auto& old) { return old.is_null; });
    versions.insert(versions.begin(), std::move(version));
  }
  void remove(const std::string& key, VersionId id) {
    std::erase_if(keys[key], [&](const auto& version) { return version.id == id; });
    if (keys[key].empty()) keys.erase(key);
  }
  const ModelVersion* latest(const std::string& key) const {
    const auto found = keys.find(key);
    return found == keys.end() ? nullptr : &found->second.front();
  }

  // One line an item, so that differences can be read.
  std::vector<std::string> listing(const std::string& prefix, const std::string& delimiter, bool all,
                                   const std::string& after) const {
    std::vector<std::string> items;
    const size_t end =
        delimiter.empty() || !after.starts_with(prefix) ? std::string::npos : after.find(delimiter, prefix.size());
    for (const auto& [key, versions] : keys) {
      if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
      if (end != std::string::npos && key.starts_with(after.substr(0, end + delimiter.size()))) continue;
      if (!all && versions.front().is_marker) continue;
      const size_t at = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
      if (at != std::string::npos) {
        const std::string group = "group " + key.substr(0, at + delimiter.size());
        if (items.empty() || items.back() != group) items.push_back(group);
        continue;
      }
      for (const auto& version : versions) {
        items.push_back(item(key, version.id, version.is_null, version.is_marker, &version == &versions.front()));
        if (!all) break;
      }
    }
    return items;
  }
  static std::string item(const std::string& key, VersionId id, bool is_null, bool is_marker, bool is_latest) {
    return key + " " + id.text() + (is_null ? " null" : "") + (is_marker ? " marker" : "") +
           (is_latest ? " latest" : "");
  }
};

class ModelTest : public ::testing::TestWithParam<Versioning> {
 protected:
  static constexpr const char* names[] = {"a",  "a/1",  "a/2",   "a/2/x",   "b",
                                          "b/", "b//c", "c\xff", "c\xff/d", "\xff\xff"};

  ModelTest() : engine_(folder_.path(), store::memory_store()) {
    TestEngine::must(engine_.run(engine_.objects().create_bucket("m")));
    keys_.assign(std::begin(names), std::end(names));
    keys_.push_back(std::string("a\0b", 3));
    keys_.push_back(std::string("a\0", 2));
  }
  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(chance_); }
  const std::string& any_key() { return keys_[below(keys_.size())]; }
  // Now and then the bucket is versioned otherwise; never again `off`.
  void toggle() {
    if (GetParam() == Versioning::off || below(3) != 0) return;
    versioning_ = below(3) == 0 ? Versioning::suspended : Versioning::on;
  }
  VersioningThen versioning() {
    toggle();
    return VersioningThen([this] { return versioning_; });
  }
  std::string body() { return std::string(below(4) == 0 ? 40'000 + below(10) : below(100), char('a' + below(26))); }

  void put() {
    const std::string key = any_key();
    const std::string content = body();
    PutRequest request;
    request.bucket = "m";
    request.key = key;
    request.versioning = versioning();
    request.accept = [this](const Digests&) {
      toggle();
      return Result<void>();
    };
    request.data_key = test_data_key();
    const bool only_if_free = below(4) == 0;
    const ModelVersion* latest = model_.latest(key);
    const bool is_free = latest == nullptr || latest->is_marker;
    if (only_if_free) request.precondition = if_free;
    TextSource source(content);
    const auto done = engine_.run(engine_.objects().put(std::move(request), source));
    ASSERT_EQ(done.has_value(), !only_if_free || is_free);
    if (done) made(key, *done, content);
  }
  void made(const std::string& key, const Version& version, const std::string& content) {
    ASSERT_EQ(version.is_null, versioning_ != Versioning::on);
    model_.put(key, {version.id, version.is_null, false, content});
  }
  static Result<void> if_free(const Version* latest) {
    if (latest == nullptr || latest->is_delete_marker) return {};
    return fail(Errc::exists, "taken");
  }
  void remove_latest() {
    const std::string key = any_key();
    const auto done = engine_.remove("m", key, versioning());
    ASSERT_TRUE(done);
    if (versioning_ == Versioning::off) {
      ASSERT_EQ(done->found, model_.latest(key) != nullptr);
      if (done->found) model_.remove(key, done->id);
    } else {
      ASSERT_TRUE(done->marker_made);
      model_.put(key, {done->id, versioning_ == Versioning::suspended, true, ""});
    }
  }
  void remove_version() {
    const std::string key = any_key();
    const auto found = model_.keys.find(key);
    if (found == model_.keys.end()) {
      EXPECT_FALSE(engine_.remove("m", key, versioning(), Select::exact({1, 2}))->found);
      return;
    }
    const ModelVersion version = found->second[below(found->second.size())];
    const auto which = version.is_null && below(2) == 0 ? Select::null_version() : Select::exact(version.id);
    const auto done = engine_.remove("m", key, versioning(), which);
    ASSERT_TRUE(done && done->found);
    ASSERT_EQ(done->was_delete_marker, version.is_marker);
    model_.remove(key, version.id);
  }
  void copy() {
    const std::string from = any_key(), to = any_key();
    auto found = engine_.run(engine_.objects().find("m", from, Select::latest(), true));
    const ModelVersion* latest = model_.latest(from);
    ASSERT_EQ(found.has_value(), latest != nullptr);
    if (!found || found->version->is_delete_marker) return;
    const std::string content = latest->body;
    CopyRequest request;
    request.source = std::move(*found);
    request.bucket = "m";
    request.key = to;
    request.versioning = versioning();
    if (below(4) == 0) request.new_key = test_data_key('n');
    if (below(4) == 0) request.meta.tier = "cold";
    request.keys = &engine_.keys;
    const auto done = engine_.run(engine_.objects().copy(std::move(request)));
    ASSERT_TRUE(done) << done.error().message();
    made(to, *done, content);
  }
  std::optional<std::string> put_part(const std::string& key, UploadId upload, uint32_t number) {
    const std::string content = body();
    TextSource source(content);
    PartRequest request{"m", key, upload, number, {}, {}, &engine_.keys};
    EXPECT_TRUE(engine_.run(engine_.objects().put_part(std::move(request), source)));
    return content;
  }
  // Of a whole object; the part may share its bytes, and then has a data key of its own.
  std::optional<std::string> copy_part(const std::string& key, UploadId upload, uint32_t number) {
    const std::string from = any_key();
    const ModelVersion* latest = model_.latest(from);
    if (latest == nullptr || latest->is_marker || latest->body.empty()) return std::nullopt;
    const std::string content = latest->body;
    PartCopyRequest request;
    request.source = TestEngine::must(engine_.run(engine_.objects().find("m", from, Select::latest(), true)));
    request.bucket = "m";
    request.key = key;
    request.upload = upload;
    request.number = number;
    request.share = below(4) != 0;
    request.source_keys = request.keys = &engine_.keys;
    const auto done = engine_.run(engine_.objects().copy_part(std::move(request)));
    EXPECT_TRUE(done) << done.error().message();
    return content;
  }
  void multipart() {
    const std::string key = any_key();
    const auto upload = engine_.run(engine_.objects().create_upload({"m", key, {}, test_data_key('u').wrapped}));
    ASSERT_TRUE(upload);
    CompleteRequest complete;
    std::string content;
    for (uint32_t number = 1; number <= 1 + below(3); ++number) {
      const auto part = below(3) == 0 ? copy_part(key, upload->id, number) : put_part(key, upload->id, number);
      if (!part || below(4) == 0) continue;
      complete.numbers.push_back(number);
      content += *part;
    }
    if (complete.numbers.empty()) {
      ASSERT_TRUE(engine_.run(engine_.objects().abort_upload("m", key, upload->id)));
      return;
    }
    complete.bucket = "m";
    complete.key = key;
    complete.upload = upload->id;
    complete.versioning = versioning();
    complete.verify = [this](const Version&) {
      toggle();
      return Result<void>();
    };
    const auto done = engine_.run(engine_.objects().complete_upload(std::move(complete)));
    ASSERT_TRUE(done) << done.error().message();
    made(key, *done, content);
  }
  void move() {
    const std::string key = any_key();
    const char* tier = below(2) == 0 ? "cold" : "standard";
    Keys* keys = below(2) == 0 ? &engine_.keys : nullptr;
    (void)engine_.run(engine_.objects().move_to_tier("m", key, Select::latest(), tier, keys));
  }

  // The same keys in other forms: nothing is to be seen of it.
  void rewrap() {
    auto found = engine_.run(engine_.objects().find("m", any_key(), Select::latest(), false));
    if (!found || found->version->is_delete_marker) return;
    const Version version = *found->version;
    const auto keys = engine_.run(engine_.objects().data_keys(std::move(*found)));
    ASSERT_TRUE(keys) << keys.error().message();
    std::map<std::string, std::string> wrapped;
    for (const std::string& key : *keys) wrapped[key] = key + "'";
    const auto nothing = [](Version&) { return Result<void>(); };
    const auto done = engine_.run(engine_.objects().rewrap("m", version.key, version.id, std::move(wrapped), nothing));
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(done->wrapped_key, version.wrapped_key + "'");
  }

  std::vector<std::string> listed(const std::string& prefix, const std::string& delimiter, size_t page, bool all,
                                  const std::string& after) {
    std::vector<std::string> items;
    ListVersionsQuery query;
    query.bucket = "m";
    query.prefix = prefix;
    query.delimiter = delimiter;
    query.max = page;
    query.after = after;
    for (;;) {
      ListVersionsPage got;
      if (all) {
        got = TestEngine::must(engine_.run(engine_.objects().list_versions(query)));
      } else {
        static_cast<ListPage&>(got) = TestEngine::must(engine_.run(engine_.objects().list(query)));
      }
      EXPECT_LE(got.objects.size() + got.groups.size(), page);
      // Groups and keys come apart; put together they must be in order.
      std::multimap<std::string, std::string> merged;
      for (const auto& group : got.groups) merged.emplace(group, "group " + group);
      for (const auto& v : got.objects) {
        merged.emplace(v.key, Model::item(v.key, v.id, v.is_null, v.is_delete_marker, v.is_latest));
      }
      for (auto& [key, item] : merged) items.push_back(std::move(item));
      if (!got.truncated) return items;
      query.after = got.next;
      query.after_version.reset();
      if (got.next_version) query.after_version = Select::exact(*got.next_version);
      if (got.next_version && got.next_is_null && below(2) == 0) query.after_version = Select::null_version();
    }
  }
  void compare() {
    static const std::string prefixes[] = {"", "a", "a/", "b/", "\xff", std::string("a\0", 2), "zz"};
    static const std::string delimiters[] = {"", "/", "//"};
    const auto& prefix = prefixes[below(std::size(prefixes))];
    const auto& delimiter = delimiters[below(std::size(delimiters))];
    const size_t page = 1 + below(6);
    const std::string after = below(2) == 0 ? "" : any_key().substr(0, 1 + below(4));
    for (const bool all : {false, true}) {
      ASSERT_EQ(listed(prefix, delimiter, page, all, after), model_.listing(prefix, delimiter, all, after))
          << "prefix '" << prefix << "' delimiter '" << delimiter << "' page " << page << " all " << all << " after '"
          << after << "'";
    }
    for (const auto& key : keys_) {
      const ModelVersion* latest = model_.latest(key);
      const auto found = engine_.run(engine_.objects().find("m", key, Select::latest(), false));
      ASSERT_EQ(found.has_value(), latest != nullptr) << key;
      if (!found) continue;
      ASSERT_EQ(found->version->id, latest->id);
      ASSERT_EQ(found->version->is_delete_marker, latest->is_marker);
    }
    const auto& key = any_key();
    if (!model_.keys.contains(key)) return;
    for (const auto& version : model_.keys[key]) {
      if (version.is_marker) continue;
      ASSERT_EQ(engine_.get("m", key, Select::exact(version.id)).value(), version.body);
      if (version.is_null) ASSERT_EQ(engine_.get("m", key, Select::null_version()).value(), version.body);
    }
  }

  io::TempFolder folder_;
  TestEngine engine_;
  std::vector<std::string> keys_;
  Model model_;
  Versioning versioning_ = Versioning::off;
  std::mt19937_64 chance_{12345};
};

TEST_P(ModelTest, EngineAndModelAgree) {
  for (int step = 0; step < 400; ++step) {
    switch (below(10)) {
      case 0:
      case 1:
      case 2: put(); break;
      case 3: remove_latest(); break;
      case 4:
      case 5: remove_version(); break;
      case 6: copy(); break;
      case 7: multipart(); break;
      case 8: move(); break;
      case 9: rewrap(); break;
    }
    if (HasFatalFailure()) FAIL() << "step " << step;
    compare();
    if (HasFatalFailure()) FAIL() << "step " << step;
  }
  // When all is removed, nothing is left over.
  while (!model_.keys.empty()) {
    const auto [key, versions] = *model_.keys.begin();
    ASSERT_TRUE(engine_.remove("m", key, versioning(), Select::exact(versions.front().id))->found);
    model_.remove(key, versions.front().id);
  }
  engine_.run(engine_.objects().reclaim_now());
  EXPECT_EQ(blob_files(folder_.path()), std::vector<io::Path>());
  EXPECT_FALSE(engine_.store().scan("objects", "s")->valid());
  for (const char* range : {"k", "v", "n", "d", "m", "u", "p", "q", "t"}) {
    EXPECT_FALSE(engine_.store().scan("bucket.m", range)->valid()) << range;
  }
}

// Off: for ever. On: it begins as off, and is changed at any time.
INSTANTIATE_TEST_SUITE_P(All, ModelTest, ::testing::Values(Versioning::off, Versioning::on));

}  // namespace
}  // namespace boreal::objects
