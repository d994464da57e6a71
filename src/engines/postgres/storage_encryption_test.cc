#include "postgres/storage_encryption.h"

#include <gmock/gmock.h>

#include "io/mount.h"
#include "postgres/test_bed.h"
#include "postgres/warm_pool.h"

namespace boreal::postgres {
namespace {

class StorageEncryptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto chosen = choose_storage_encryption(bed_.path("."), random_);
    if (!chosen) GTEST_SKIP() << "NO ENCRYPTION IS TESTED: " << chosen.error().message();
    provider_ = std::move(*chosen);
    std::fprintf(stderr, "encryption by %s\n", std::string(provider_->name()).c_str());
  }
  void TearDown() override {
    if (provider_) EXPECT_TRUE(provider_->destroy(folder()));
  }
  io::Path folder() const { return bed_.path("secret"); }

  TestBed bed_;
  SystemRandom random_;
  const std::string key_ = random_.bytes(64);
  std::unique_ptr<StorageEncryption> provider_;
};

TEST_F(StorageEncryptionTest, ContentIsGoneWithoutTheKeyAndBackWithIt) {
  auto& provider = *provider_;
  const auto path = provider.create(folder(), as_bytes(key_));
  ASSERT_TRUE(path) << path.error().message();
  ASSERT_TRUE(io::write_file_atomically(*path + "/plain", "the rows"));
  ASSERT_TRUE(provider.open(folder(), as_bytes(key_)));  // open already
  ASSERT_TRUE(provider.close(folder()));
  EXPECT_FALSE(io::read_file(*path + "/plain"));
  const std::string wrong = random_.bytes(64);
  EXPECT_EQ(provider.open(folder(), as_bytes(wrong)).error().code(), Errc::denied);
  EXPECT_FALSE(io::read_file(*path + "/plain"));
  ASSERT_TRUE(provider.open(folder(), as_bytes(key_)));
  EXPECT_EQ(io::read_file(*path + "/plain").value(), "the rows");
  EXPECT_EQ(provider.create(bed_.path("weak"), as_bytes("short")).error().code(), Errc::invalid);
  EXPECT_TRUE(provider.destroy(bed_.path("weak")));
  ASSERT_TRUE(provider.destroy(folder()));
  EXPECT_FALSE(*io::exists(folder()));
  EXPECT_FALSE(*io::exists(folder() + ".image"));
}

TEST_F(StorageEncryptionTest, WhatWasCutShortIsMadeAnewAndTrialsAreRemoved) {
  auto& provider = *provider_;
  ASSERT_TRUE(provider.create(folder(), as_bytes(key_)));
  const std::string other = random_.bytes(32);
  const auto path = provider.create(folder(), as_bytes(other));
  ASSERT_TRUE(path) << path.error().message();
  ASSERT_TRUE(io::write_file_atomically(*path + "/plain", "the rows"));
  // What a trial that was killed leaves: it is open.
  ASSERT_TRUE(provider.create(bed_.path("encryption-probe-1"), as_bytes(other)));
  ASSERT_TRUE(choose_storage_encryption(bed_.path("."), random_));
  EXPECT_THAT(*io::list_folder(bed_.path(".")), ::testing::Each(::testing::Not(::testing::HasSubstr("probe"))));
  EXPECT_EQ(io::read_file(*path + "/plain").value(), "the rows");
}

// Whoever holds it open lets go: that is no reason to say that nothing can be encrypted here.
TEST_F(StorageEncryptionTest, ATrialThatIsHeldOpenIsToBeTriedAgain) {
  const auto probe = bed_.path("encryption-probe-1");
  const auto path = provider_->create(probe, as_bytes(key_));
  ASSERT_TRUE(path) << path.error().message();
  {
    ASSERT_TRUE(io::write_file_atomically(*path + "/plain", "the rows"));
    const auto held = io::File::open(*path + "/plain", io::File::Mode::read);
    ASSERT_TRUE(held);
    EXPECT_EQ(choose_storage_encryption(bed_.path("."), random_).error().code(), Errc::conflict);
  }
  EXPECT_TRUE(choose_storage_encryption(bed_.path("."), random_));
  EXPECT_FALSE(*io::exists(probe));
}

// What a process that was killed leaves can be mounted, and its file gone.
TEST_F(StorageEncryptionTest, WhatIsMountedThereIsNotBuiltUpon) {
  auto& provider = *provider_;
  const std::string other = random_.bytes(64);
  const io::Path elsewhere = bed_.path("elsewhere");
  ASSERT_TRUE(provider.create(elsewhere, as_bytes(other)));
  ASSERT_TRUE(provider.close(elsewhere));
  const auto old_path = provider.create(folder(), as_bytes(key_));
  ASSERT_TRUE(old_path) << old_path.error().message();
  ASSERT_TRUE(io::write_file_atomically(*old_path + "/old", "rows"));
  const auto images = io::exists(elsewhere + ".image");
  if (!*images) GTEST_SKIP() << "no images are mounted here";
  ASSERT_TRUE(io::mount_image(elsewhere + ".image", folder()));
  ASSERT_TRUE(io::remove_file(folder() + ".image"));

  const auto path = provider.create(folder(), as_bytes(key_));
  ASSERT_TRUE(path) << path.error().message();
  EXPECT_FALSE(*io::exists(*path + "/old"));
  ASSERT_TRUE(io::write_file_atomically(*path + "/new", "rows"));
  ASSERT_TRUE(provider.close(folder()));
  EXPECT_FALSE(*io::is_mounted(folder()));
  ASSERT_TRUE(provider.open(folder(), as_bytes(key_)));
  EXPECT_EQ(io::read_file(*path + "/new").value(), "rows");
  EXPECT_TRUE(provider.destroy(elsewhere));
}

TEST_F(StorageEncryptionTest, AClusterLivesInIt) {
  if (!bed_.missing().empty()) GTEST_SKIP() << bed_.missing();
  const auto path = provider_->create(folder(), as_bytes(key_));
  ASSERT_TRUE(path) << path.error().message();
  WarmPool pool(bed_.context(), bed_.installation(), {.folder = bed_.path("pool"), .size = 1});
  ASSERT_TRUE(bed_.run(pool.start()));
  {
    while (bed_.on_loop([&] { return pool.ready(); }) == 0) ::usleep(10'000);
    ScopedCluster cluster(bed_, *path + "/cluster");
    const int64_t start_ns = monotonic_ns();
    const ServerOptions options{.listen = {TestBed::address(30), 5432}, .settings = {{"shared_buffers", "16MB"}}};
    const auto created = bed_.run(cluster->create(pool, "w", options));
    ASSERT_TRUE(created) << created.error().message();
    const int64_t created_ns = monotonic_ns();
    const auto added = bed_.run(
        cluster->add_standby("r", {.listen = {TestBed::address(31), 5432}, .settings = {{"shared_buffers", "16MB"}}}));
    EXPECT_TRUE(added) << added.error().message();
    std::fprintf(stderr, "writer after %d ms, writer and standby after %d ms\n",
                 static_cast<int>((created_ns - start_ns) / 1'000'000),
                 static_cast<int>((monotonic_ns() - start_ns) / 1'000'000));
    const auto rows =
        bed_.run(cluster->find("w")->query("create table public.t as select 5 as n; select n from public.t"));
    ASSERT_TRUE(rows) << rows.error().message();
    EXPECT_EQ(rows->scalar(), "5");
  }
  EXPECT_TRUE(provider_->close(folder()));
  bed_.run(pool.stop());
}

}  // namespace
}  // namespace boreal::postgres
