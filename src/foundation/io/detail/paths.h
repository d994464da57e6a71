// Pieces that the files of this module share.
#pragma once

#include <cerrno>

#include "base/fd.h"
#include "base/result.h"
#include "io/fault.h"
#include "io/file.h"

namespace boreal::io::detail {

// The folder that holds `path`: "/a/b" -> "/a", "/a" -> "/", "a" -> ".".
Path parent_of(const Path& path);

// "write /a/b: disk full", from errno as it stands.
std::unexpected<Error> failed(int error_number, std::string_view what, std::string_view path);

// For Results: asks the injector, and turns its verdict into the error that the system call would have given.
Result<void> allowed(Operation operation, std::string_view what, std::string_view path);

// Opens through the injector, O_CLOEXEC added, EINTR retried.
Result<Fd> open_fd(const Path& path, int flags, unsigned permissions = 0);

Result<void> write_all(int fd, Bytes data, const Path& path);  // at the descriptor's position
Result<void> sync_fd(int fd, const Path& path, bool data_only);

}  // namespace boreal::io::detail
