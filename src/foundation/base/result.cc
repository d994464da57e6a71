#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace boreal {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid: return "invalid";
    case Errc::not_found: return "not found";
    case Errc::exists: return "exists";
    case Errc::conflict: return "conflict";
    case Errc::denied: return "denied";
    case Errc::too_large: return "too large";
    case Errc::unsupported: return "unsupported";
    case Errc::unavailable: return "unavailable";
    case Errc::timeout: return "timeout";
    case Errc::cancelled: return "cancelled";
    case Errc::no_space: return "no space";
    case Errc::io: return "i/o";
    case Errc::corrupt: return "corrupt";
    case Errc::internal: return "internal";
  }
  return "unknown";
}

namespace {
Errc from_errno(int number) {
  switch (number) {
    case ENOENT:
    case ESRCH: return Errc::not_found;
    case EEXIST:
    case ENOTEMPTY: return Errc::exists;
    case EACCES:
    case EPERM:
    case EROFS: return Errc::denied;
    case EBUSY:
    case ETXTBSY: return Errc::conflict;
    case EFBIG:
    case E2BIG: return Errc::too_large;
    case ENOSPC:
    case EDQUOT: return Errc::no_space;
    case EINVAL:
    case ENAMETOOLONG: return Errc::invalid;
    case ENOSYS:
    case EOPNOTSUPP: return Errc::unsupported;
    case ETIMEDOUT: return Errc::timeout;
    case ECANCELED: return Errc::cancelled;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPIPE:
    case EMFILE:
    case ENFILE:
    case EADDRINUSE:
    case EADDRNOTAVAIL: return Errc::unavailable;
    default: return Errc::io;
  }
}
}  // namespace

Error Error::system(int error_number, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::strerror(error_number);
  return Error(from_errno(error_number), std::move(message));
}

Error Error::within(std::string_view what) && {
  std::string message(what);
  message += ": ";
  message += message_;
  return Error(code_, std::move(message));
}

}  // namespace boreal
