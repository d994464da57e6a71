#include "server/root_key.h"

#include <fmt/format.h>

#include <array>

#include "codec/hex.h"
#include "crypto/kdf.h"
#include "io/file.h"
#include "io/owner.h"

namespace boreal::server {

Result<crypto::SecretKey> load_root_key(const std::string& key_folder, bool data_exists, Random& random) {
  const std::string path = key_folder + "/root.key";
  TRY(const bool there, io::exists(path));
  if (there) {
    TRY(auto text, io::read_private_file(path, crypto::SecretKey::size + 1));
    auto key = crypto::SecretKey::from(as_bytes(text));
    crypto::wipe(std::as_writable_bytes(std::span(text)));
    if (!key) return std::unexpected(std::move(key).error().within(path));
    return key;
  }
  if (data_exists) {
    return fail(Errc::not_found, fmt::format("the data folder holds data, but its root key {} is not there. Put it back "
                                             "or name its folder with --keys; without it the data cannot be opened", path));
  }
  if (auto made = io::make_folders(key_folder); !made) {
    return fail(made.error().code(), made.error().message() + ". Give a folder for the root key with --keys (key_folder)");
  }
  auto key = crypto::SecretKey::generate(random);
  CHECK(io::write_file_atomically(path, as_text(key.bytes())));
  return key;
}

namespace {

std::string id_file(const std::string& data_folder) { return data_folder + "/KEY-ID"; }

Result<std::string> id_of(const crypto::SecretKey& root) {
  std::array<std::byte, 16> id;
  CHECK(crypto::hkdf_sha256(root.bytes(), as_bytes("boreal root key"), as_bytes("id"), id));
  return codec::hex_encode(id) + "\n";
}

}  // namespace

Result<void> check_root_key(const std::string& data_folder, const crypto::SecretKey& root) {
  const std::string path = id_file(data_folder);
  TRY(const bool there, io::exists(path));
  if (!there) return {};
  TRY(const auto noted, io::read_file(path, 64));
  TRY(const auto own, id_of(root));
  if (noted == own) return {};
  return fail(Errc::conflict, fmt::format("the root key is not the one that {} is sealed with ({} tells of another). Name "
                                          "the folder of the right one with --keys; with this one nothing there can be "
                                          "opened",
                                          data_folder, path));
}

Result<void> note_root_key(const std::string& data_folder, const crypto::SecretKey& root) {
  TRY(const bool there, io::exists(id_file(data_folder)));
  if (there) return {};
  TRY(const auto own, id_of(root));
  return io::write_file_atomically(id_file(data_folder), own, 0644);
}

}  // namespace boreal::server
