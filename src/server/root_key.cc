#include "server/root_key.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "io/file.h"

namespace boreal::server {

Result<crypto::SecretKey> load_root_key(const std::string& key_folder, bool data_exists, Random& random) {
  const std::string path = key_folder + "/root.key";
  TRY(const bool there, io::exists(path));
  if (there) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return std::unexpected(Error::system(errno, path));
    if ((status.st_mode & 077) != 0) {
      return fail(Errc::denied, fmt::format("{} may be read by others (mode {:o}); run: chmod 600 {}", path,
                                            status.st_mode & 0777, path));
    }
    TRY(auto text, io::read_file(path, crypto::SecretKey::size + 1));
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
