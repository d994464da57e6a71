#include "postgres/installation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "process/process.h"

namespace boreal::postgres {

namespace {

// "15.20" is newer than "15.4".
int minor_of(std::string_view version) {
  int minor = 0;
  const size_t dot = version.find('.');
  if (dot != std::string_view::npos) std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  return minor;
}

// The first of the folders that exists.
Result<io::Path> first_existing(const std::vector<io::Path>& candidates) {
  for (const auto& candidate : candidates) {
    TRY(const bool there, io::exists(candidate));
    if (there) return candidate;
  }
  return candidates.front();
}

Result<std::vector<std::string>> extensions_in(const io::Path& folder) {
  std::vector<std::string> names;
  TRY(const bool there, io::exists(folder));
  if (!there) return names;
  TRY(const auto files, io::list_folder(folder));
  constexpr std::string_view ending = ".control";
  for (const auto& file : files) {
    if (file.ends_with(ending)) names.push_back(file.substr(0, file.size() - ending.size()));
  }
  return names;
}

Result<Installation> inspect(const io::Path& bin) {
  Installation found{.bin = bin};
  TRY(const auto output, process::run_ok({.arguments = {found.program("postgres"), "--version"}}));
  // "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"
  constexpr std::string_view before = "(PostgreSQL) ";
  const size_t at = output.out.find(before);
  if (at == std::string::npos) return fail(Errc::unsupported, "unexpected version line: " + output.out);
  const size_t start = at + before.size();
  found.version = output.out.substr(start, output.out.find_first_of(" \n", start) - start);
  const char* end = found.version.data() + found.version.size();
  if (std::from_chars(found.version.data(), end, found.major).ec != std::errc() || found.major < 13) {
    return fail(Errc::unsupported, "PostgreSQL " + found.version + "; 13 or newer is needed");
  }
  const io::Path prefix = bin.substr(0, bin.rfind('/'));
  TRY(found.libraries, first_existing({prefix + "/lib/postgresql", prefix + "/lib"}));
  TRY(const auto extensions, first_existing({prefix + "/share/postgresql/extension", prefix + "/share/extension",
                                             fmt::format("/usr/share/postgresql/{}/extension", found.major)}));
  TRY(found.extensions, extensions_in(extensions));
  return found;
}

}  // namespace

std::vector<io::Path> default_version_folders() {
  return {"/usr/lib/postgresql", "/usr/pgsql", "/opt/postgresql", "/usr/local/pgsql", "/usr/local"};
}

Result<Installations> Installations::discover(const std::vector<io::Path>& version_folders) {
  Installations installations;
  for (const auto& version_folder : version_folders) {
    const io::Path folder = version_folder.substr(0, version_folder.find_last_not_of('/') + 1);
    TRY(const bool there, io::exists(folder));
    if (!there) continue;
    std::vector<io::Path> bins = {folder, folder + "/bin"};
    TRY(const auto names, io::list_folder(folder));
    for (const auto& name : names) bins.push_back(folder + "/" + name + "/bin");
    for (const auto& bin : bins) {
      const auto has_server = io::exists(bin + "/postgres");
      if (!has_server || !*has_server) continue;  // also what is no folder, or not ours to look into
      auto found = inspect(bin);
      if (!found) {
        log::warn("postgres", "left out an installation", {{"bin", bin}, {"why", found.error().message()}});
        continue;
      }
      auto same = std::ranges::find(installations.all_, found->major, &Installation::major);
      if (same == installations.all_.end()) {
        installations.all_.push_back(std::move(*found));
      } else if (minor_of(found->version) > minor_of(same->version)) {
        *same = std::move(*found);
      }
    }
  }
  std::ranges::sort(installations.all_, {}, &Installation::major);
  return installations;
}

const Installation* Installations::find(int major) const {
  const auto found = std::ranges::find(all_, major, &Installation::major);
  return found == all_.end() ? nullptr : &*found;
}

}  // namespace boreal::postgres
