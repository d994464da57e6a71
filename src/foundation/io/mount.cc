#include "io/mount.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/detail/paths.h"

namespace boreal::io {

namespace {

// Others on this machine take loop devices too: a free one may be gone when we reach for it.
constexpr int most_tries = 64;

// A loop device over the image. It goes by itself once it is neither open nor mounted.
Result<Fd> attach(const Path& image, Path& device) {
  TRY(const auto file, detail::open_fd(image, O_RDWR));
  TRY(const auto control, detail::open_fd("/dev/loop-control", O_RDWR));
  loop_config config{};
  config.fd = static_cast<uint32_t>(file.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  // For people to see; longer ones are cut.
  std::copy_n(image.begin(), std::min(image.size(), size_t{LO_NAME_SIZE - 1}), config.info.lo_file_name);
  for (int tries = 1;; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return detail::failed(errno, "find a loop device for", image);
    device = "/dev/loop" + std::to_string(number);
    TRY(auto loop, detail::open_fd(device, O_RDWR));
    if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return loop;
    if (errno != EBUSY || tries == most_tries) return detail::failed(errno, "attach " + device + " to", image);
  }
}

}  // namespace

Result<void> mount_image(const Path& image, const Path& folder) {
  Path device;
  TRY(const auto loop, attach(image, device));
  if (::mount(device.c_str(), folder.c_str(), "ext4", MS_NODEV | MS_NOSUID | MS_NOEXEC | MS_NOATIME,
              "noinit_itable,discard") != 0) {
    return detail::failed(errno, "mount " + image + " at", folder);
  }
  return {};
}

Result<void> unmount(const Path& folder) {
  if (::umount2(folder.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EBUSY) return fail(Errc::conflict, folder + " has files that are still open");
  return detail::failed(errno, "unmount", folder);
}

Result<bool> is_mounted(const Path& folder) {
  struct stat own{};
  struct stat parent{};
  if (::stat(folder.c_str(), &own) != 0) {
    if (errno == ENOENT) return false;
    return detail::failed(errno, "look at", folder);
  }
  if (::stat((folder + "/..").c_str(), &parent) != 0) return detail::failed(errno, "look above", folder);
  return own.st_dev != parent.st_dev;
}

}  // namespace boreal::io
