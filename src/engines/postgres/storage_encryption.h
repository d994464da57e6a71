// Folders whose content the kernel encrypts with a key of their own (fscrypt; Linux,
// Documentation/filesystems/fscrypt.rst). Without the key names are scrambled and files cannot be opened; destroying
// the key destroys the content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "io/file.h"

namespace boreal::postgres {

// All calls block. Keys have 32 to 64 bytes, are random, and are kept by the caller; they stay in the kernel's memory
// until close() or the end of the machine. `folder` is absolute.
class StorageEncryption {
 public:
  virtual ~StorageEncryption() = default;
  virtual std::string_view name() const = 0;

  // Makes `folder` and returns the folder in it (or itself) to put things into; durable. What is there is removed: an
  // earlier create() that was cut short. So do not call it once something is kept there.
  virtual Result<io::Path> create(const io::Path& folder, Bytes key) = 0;
  // The same folder again, after close() or a restart of the machine; fine if it is open. Errc::denied: a wrong key.
  virtual Result<io::Path> open(const io::Path& folder, Bytes key) = 0;
  // Takes the key away. Errc::conflict if a process has something in it open: that stays readable to it until it closes
  // it, and nothing else can be opened (open() makes it whole again). Stop the servers first; a process lets go
  // of its files a moment after it has ended.
  virtual Result<void> close(const io::Path& folder) = 0;
  // Removes the content and everything that belongs to it, open or not. Fine if it is not there. Errc::conflict as
  // above.
  virtual Result<void> destroy(const io::Path& folder) = 0;
};

// New folders are made in the first way that really works below `folder` (it is tried there):
//   fscrypt on the folder's own file system, as any user;
//   as root, an ext4 file system made for it in the file "<folder>.image", which takes space as it fills and may grow
//   to what is free when it is made.
// What is there already is opened, closed and destroyed in the way in which it was made.
// Errc::unsupported says what each way lacked. Errc::conflict: one works, but what the trial left is still held open,
// for instance by a child that does not run its program yet; try again.
Result<std::unique_ptr<StorageEncryption>> choose_storage_encryption(const io::Path& folder, Random& random);

}  // namespace boreal::postgres
