#include "server/root_key.h"

#include <fmt/format.h>

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
  CHECK(io::make_folders(key_folder));
  auto key = crypto::SecretKey::generate(random);
  CHECK(io::write_file_atomically(path, as_text(key.bytes())));
  return key;
}

}  // namespace boreal::server
