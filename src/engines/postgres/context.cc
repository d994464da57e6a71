#include "postgres/context.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

#include "io/owner.h"

namespace boreal::postgres {

namespace {

// Empty when the system has no name for us, as in some containers.
std::string own_user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
  return found->pw_name;
}

}  // namespace

uid_t Context::uid() const { return user ? user->uid : ::geteuid(); }
gid_t Context::gid() const { return user ? user->gid : ::getegid(); }

Result<Context> Context::make(net::Loop& loop, io::Pool& pool, std::string admin, std::string root_substitute) {
  Context context{loop, pool, std::move(admin), std::nullopt, {}};
  if (auto name = own_user_name(); !name.empty()) context.peers.push_back(std::move(name));
  if (process::is_root()) {
    auto user = process::find_user(root_substitute);
    if (!user) {
      return std::unexpected(
          std::move(user).error().within("PostgreSQL does not run as root, and needs a user of the system to run as"));
    }
    context.user = std::move(*user);
    context.peers.push_back(context.user->name);
  }
  return context;
}

Result<void> make_server_folder(const Context& context, const io::Path& path) {
  return io::make_owned_folder(path, context.uid(), context.gid(), 0700);
}

Result<void> write_for_server(const Context& context, const io::Path& path, std::string_view content) {
  // 0640 is what PostgreSQL wants of a private key that root owns, 0600 of one that its own user owns.
  CHECK(io::write_file_atomically(path, content, context.user ? 0640 : 0600));
  return context.user ? io::set_owner(path, ::geteuid(), context.gid()) : Result<void>();
}

Result<void> write_in_data(const Context& context, const io::Path& path, std::string_view content) {
  CHECK(io::write_file_atomically(path, content));
  return context.user ? io::set_owner(path, context.uid(), context.gid()) : Result<void>();
}

}  // namespace boreal::postgres
