#include "postgres/storage_encryption.h"

#include <fmt/format.h>
#include <linux/fscrypt.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/text.h"
#include "io/folder_handle.h"
#include "io/mount.h"
#include "io/space.h"
#include "process/process.h"

namespace boreal::postgres {

namespace {

constexpr size_t min_key_bytes = 32;
constexpr size_t max_key_bytes = FSCRYPT_MAX_KEY_SIZE;
constexpr std::string_view probe_name = "encryption-probe-";
constexpr uint64_t least_image_bytes = 1 << 30;

std::unexpected<Error> failed(std::string_view what, const io::Path& folder) {
  return std::unexpected(Error::system(errno, fmt::format("{} {}", what, folder)));
}

using KeyIdentifier = std::array<unsigned char, FSCRYPT_KEY_IDENTIFIER_SIZE>;

// Keys belong to the file system. It is named by the folder above: an encrypted folder that we hold open is in use.
io::Path above(const io::Path& folder) { return folder.substr(0, folder.rfind('/')); }

// Gives the file system the key; the kernel answers with the name that it derives from it.
Result<KeyIdentifier> add_key(const io::Path& folder, Bytes key) {
  if (key.size() < min_key_bytes || key.size() > max_key_bytes) {
    return fail(Errc::invalid, fmt::format("a storage key has 32 to 64 bytes, not {}", key.size()));
  }
  std::vector<unsigned char> buffer(sizeof(fscrypt_add_key_arg) + key.size());
  auto* argument = reinterpret_cast<fscrypt_add_key_arg*>(buffer.data());
  argument->key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  argument->raw_size = static_cast<uint32_t>(key.size());
  std::memcpy(buffer.data() + sizeof(fscrypt_add_key_arg), key.data(), key.size());
  const io::FolderHandle fd(above(folder));
  const int rc = ::ioctl(fd.fd(), FS_IOC_ADD_ENCRYPTION_KEY, argument);
  KeyIdentifier identifier;
  std::memcpy(identifier.data(), argument->key_spec.u.identifier, identifier.size());
  ::explicit_bzero(buffer.data(), buffer.size());
  if (rc != 0) return failed("give a key to the file system of", folder);
  return identifier;
}

Result<void> remove_key(const io::Path& folder, const KeyIdentifier& identifier) {
  fscrypt_remove_key_arg argument{};
  argument.key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
  std::memcpy(argument.key_spec.u.identifier, identifier.data(), identifier.size());
  const io::FolderHandle fd(above(folder));
  if (::ioctl(fd.fd(), FS_IOC_REMOVE_ENCRYPTION_KEY, &argument) != 0) {
    if (errno == ENOKEY) return {};  // it is not there
    return failed("take the key away from", folder);
  }
  if (argument.removal_status_flags & FSCRYPT_KEY_REMOVAL_STATUS_FLAG_FILES_BUSY) {
    return fail(Errc::conflict, folder + " has files that are still open");
  }
  return {};
}

Result<KeyIdentifier> identifier_of(const io::Path& folder) {
  fscrypt_get_policy_ex_arg argument{};
  argument.policy_size = sizeof(argument.policy);
  const io::FolderHandle fd(folder);
  if (::ioctl(fd.fd(), FS_IOC_GET_ENCRYPTION_POLICY_EX, &argument) != 0) {
    return failed("read the encryption policy of", folder);
  }
  if (argument.policy.version != FSCRYPT_POLICY_V2) {
    return fail(Errc::unsupported, folder + " is encrypted in an older way than this program does");
  }
  KeyIdentifier identifier;
  std::memcpy(identifier.data(), argument.policy.v2.master_key_identifier, identifier.size());
  return identifier;
}

class Fscrypt final : public StorageEncryption {
 public:
  std::string_view name() const override { return "fscrypt"; }

  Result<io::Path> create(const io::Path& folder, Bytes key) override {
    CHECK(destroy(folder));
    CHECK(io::make_folders(folder, 0711));  // servers of another user pass through
    TRY(const auto identifier, add_key(folder, key));
    fscrypt_policy_v2 policy{};
    policy.version = FSCRYPT_POLICY_V2;
    policy.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS;
    policy.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS;
    policy.flags = FSCRYPT_POLICY_FLAGS_PAD_32;
    std::memcpy(policy.master_key_identifier, identifier.data(), identifier.size());
    const io::FolderHandle fd(folder);
    if (::ioctl(fd.fd(), FS_IOC_SET_ENCRYPTION_POLICY, &policy) != 0) {
      auto error = failed("encrypt", folder);
      (void)remove_key(folder, identifier);  // the first error is the one to tell
      return error;
    }
    CHECK(io::sync_folder(folder));
    return folder;
  }

  Result<io::Path> open(const io::Path& folder, Bytes key) override {
    TRY(const auto wanted, identifier_of(folder));
    TRY(const auto given, add_key(folder, key));
    if (given == wanted) return folder;
    CHECK(remove_key(folder, given));
    return fail(Errc::denied, "the key does not belong to " + folder);
  }

  Result<void> close(const io::Path& folder) override {
    TRY(const auto identifier, identifier_of(folder));
    return remove_key(folder, identifier);
  }

  Result<void> destroy(const io::Path& folder) override {
    TRY(const bool there, io::exists(folder));
    if (!there) return {};
    const auto identifier = identifier_of(folder);
    CHECK(io::remove_tree(folder));
    if (!identifier) return {};
    return remove_key(folder, *identifier);
  }
};

// `folder` is where the file system in "<folder>.image" is mounted; its root cannot be encrypted, a folder in it can.
class EncryptedImage final : public StorageEncryption {
 public:
  std::string_view name() const override { return "fscrypt on an ext4 image"; }

  static Result<bool> made(const io::Path& folder) {
    TRY(const bool mounted, io::is_mounted(folder));
    if (mounted) return true;
    return io::exists(image_of(folder));
  }

  Result<io::Path> create(const io::Path& folder, Bytes key) override {
    CHECK(destroy(folder));
    const io::Path image = image_of(folder);
    TRY(const io::Space space, io::space_at(above(folder)));
    TRY(auto file, io::File::open(image, io::File::Mode::write_new));
    CHECK(file.truncate(std::max(space.available_bytes, least_image_bytes)));
    // Nothing is written that is not needed: a group of blocks costs space and time once it is used.
    // The program outlives us when we are killed, and the next of us makes another file at the same path. So it is
    // given this file, by a name that ends with us.
    const io::Path own_name = fmt::format("/proc/{}/fd/{}", ::getpid(), file.fd());
    CHECK(process::run_ok(
        {.arguments = {"/usr/sbin/mkfs.ext4", "-q", "-O", "encrypt,^resize_inode", "-m", "0", "-i", "65536", "-J",
                       "size=64", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", own_name}}));
    CHECK(mount_image(folder));
    TRY(auto content, content_.create(folder + "/content", key));
    CHECK(io::sync_file_system(content));
    CHECK(io::sync_folder(above(folder)));
    return content;
  }

  Result<io::Path> open(const io::Path& folder, Bytes key) override {
    CHECK(mount_image(folder));
    return content_.open(folder + "/content", key);
  }

  Result<void> close(const io::Path& folder) override {
    TRY(const bool mounted, io::is_mounted(folder));
    if (!mounted) return {};
    auto closed = content_.close(folder + "/content");
    if (!closed && closed.error().code() != Errc::conflict) return closed;
    return io::unmount(folder);  // says itself what is still open
  }

  Result<void> destroy(const io::Path& folder) override {
    // One may lie upon another.
    for (;;) {
      TRY(const bool mounted, io::is_mounted(folder));
      if (!mounted) break;
      CHECK(io::unmount(folder));
    }
    CHECK(io::remove_tree(folder));
    auto removed = io::remove_file(image_of(folder));
    if (!removed && removed.error().code() != Errc::not_found) return removed;
    return {};
  }

 private:
  static io::Path image_of(const io::Path& folder) { return folder + ".image"; }

  static Result<void> mount_image(const io::Path& folder) {
    CHECK(io::make_folders(folder));
    TRY(const bool mounted, io::is_mounted(folder));
    if (!mounted) CHECK(io::mount_image(image_of(folder), folder));
    // Servers of another user pass through.
    if (::chmod(folder.c_str(), 0711) != 0) return failed("set the mode of", folder);
    return {};
  }

  Fscrypt content_;
};

// Makes folders in one way, and knows all ways in which they may have been made.
class EncryptedFolders final : public StorageEncryption {
 public:
  explicit EncryptedFolders(bool in_images) : in_images_(in_images) {}
  std::string_view name() const override { return in_images_ ? images_.name() : fscrypt_.name(); }

  Result<io::Path> create(const io::Path& folder, Bytes key) override {
    CHECK(destroy(folder));
    if (in_images_) return images_.create(folder, key);
    return fscrypt_.create(folder, key);
  }
  Result<io::Path> open(const io::Path& folder, Bytes key) override {
    TRY(auto* way, way_of(folder));
    return way->open(folder, key);
  }
  Result<void> close(const io::Path& folder) override {
    TRY(auto* way, way_of(folder));
    return way->close(folder);
  }
  Result<void> destroy(const io::Path& folder) override {
    TRY(auto* way, way_of(folder));
    return way->destroy(folder);
  }

 private:
  Result<StorageEncryption*> way_of(const io::Path& folder) {
    TRY(const bool image, EncryptedImage::made(folder));
    if (image) return &images_;
    return &fscrypt_;
  }

  const bool in_images_;
  Fscrypt fscrypt_;
  EncryptedImage images_;
};

// Does it once, with a key that nobody else has.
Result<void> try_out(StorageEncryption& provider, const io::Path& folder, Random& random) {
  const io::Path probe = fmt::format("{}/{}{}", folder, probe_name, random.hex(8));
  const std::string key = random.bytes(max_key_bytes);
  Result<void> worked;
  if (auto made = provider.create(probe, as_bytes(key)); !made) worked = std::unexpected(std::move(made).error());
  auto removed = provider.destroy(probe);
  return worked ? removed : worked;
}

// What a trial left whose process was killed.
Result<void> remove_trials(StorageEncryption& provider, const io::Path& folder) {
  TRY(const auto names, io::list_folder(folder));
  for (const std::string_view name : names) {
    if (!name.starts_with(probe_name)) continue;
    CHECK(provider.destroy(folder + "/" + std::string(name.substr(0, name.find('.')))));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StorageEncryption>> choose_storage_encryption(const io::Path& folder, Random& random) {
  std::vector<std::string> reasons;
  for (const bool in_images : {false, true}) {
    auto way = std::make_unique<EncryptedFolders>(in_images);
    if (in_images && !process::is_root()) {
      reasons.push_back(fmt::format("{}: only root may mount", way->name()));
      continue;
    }
    auto works = remove_trials(*way, folder);
    if (works) works = try_out(*way, folder, random);
    if (works) return way;
    if (works.error().code() == Errc::conflict) return std::unexpected(std::move(works).error());
    reasons.push_back(fmt::format("{}: {}", way->name(), works.error().message()));
  }
  return fail(Errc::unsupported, join(reasons, "; "));
}

}  // namespace boreal::postgres
