#pragma once

namespace boreal::server {

inline constexpr const char* version = "0.1.0";
// Of the data folder's layout (docs/on-disk.md); a folder with another number is not opened.
inline constexpr int format_version = 1;

}  // namespace boreal::server
