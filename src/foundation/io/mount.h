// File systems that lie in a file. All of it takes root, and blocks.
#pragma once

#include "io/file.h"

namespace boreal::io {

// Mounts the ext4 file system in the file `image` at `folder`: for plain data only (no devices, no programs), and with the
// space of removed files given back to the file system that holds the image.
// This process asks the kernel itself, no other program does: one that is killed meanwhile is not gone (and holds its
// FolderLock) until the kernel is done. So whoever holds the lock next finds it mounted or not, and nothing under way.
Result<void> mount_image(const Path& image, const Path& folder);
// Errc::conflict: something in it is still open. The image's loop device goes with the last mount of it.
Result<void> unmount(const Path& folder);
// Whether something is mounted at the folder. False where there is none.
Result<bool> is_mounted(const Path& folder);

}  // namespace boreal::io
