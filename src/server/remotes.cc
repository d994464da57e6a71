#include "server/remotes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "io/file.h"
#include "io/owner.h"
#include "net/trust.h"
#include "s3/names.h"

namespace boreal::server {

namespace {

constexpr uint64_t max_secret_bytes = 4096;
constexpr uint64_t max_ca_bytes = 4 << 20;

std::unexpected<Error> bad(const std::string& name, std::string_view why) {
  return fail(Errc::invalid, fmt::format("remote_buckets.{}: {}", name, why));
}

bool is_printable(std::string_view text) {
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") ==
         std::string_view::npos;
}

Result<std::string> read_secret(const std::string& name, const std::string& path) {
  const auto text = io::read_private_file(path, max_secret_bytes);
  if (!text) return std::unexpected(Error(text.error()).within(fmt::format("remote_buckets.{}: secret_access_key_file", name)));
  const std::string secret(trim(*text));
  if (secret.empty() || !is_printable(secret)) {
    return bad(name, fmt::format("secret_access_key_file {} holds no secret access key", path));
  }
  return secret;
}

}  // namespace

Result<void> check_remote(const std::string& name, const Config::RemoteBucket& remote) {
  if (!s3::check_bucket_name(name)) return bad(name, "is no bucket name");
  if (!remote.bucket.empty() && !s3::check_bucket_name(remote.bucket)) return bad(name, "'bucket' is no bucket name");
  if (remote.endpoint.empty()) return bad(name, "'endpoint' is missing");
  const auto endpoint = s3::parse_endpoint(remote.endpoint);
  if (!endpoint) return bad(name, endpoint.error().message());
  if (remote.addressing != "path" && remote.addressing != "virtual") {
    return bad(name, fmt::format("addressing '{}' is none of path, virtual", remote.addressing));
  }
  if (remote.region.empty() || !is_printable(remote.region) || remote.region.find('/') != std::string::npos) {
    return bad(name, "'region' is no region");
  }
  const bool is_key = !remote.access_key_id.empty() && is_printable(remote.access_key_id) &&
                      remote.access_key_id.find_first_of("/,") == std::string::npos;
  if (!is_key) return bad(name, "'access_key_id' is missing or no access key");
  if (remote.secret_access_key.empty() == remote.secret_access_key_file.empty()) {
    return bad(name, "one of 'secret_access_key' and 'secret_access_key_file' is wanted");
  }
  if (!is_printable(remote.secret_access_key)) return bad(name, "'secret_access_key' has characters that no key has");
  if (!remote.ca_file.empty() && !endpoint->tls) return bad(name, "'ca_file' is for https endpoints");
  return {};
}

Result<s3::RemoteBuckets> load_remotes(const Config& config) {
  s3::RemoteBuckets remotes;
  for (const auto& [name, from] : config.remote_buckets) {
    s3::RemoteBucket to;
    to.endpoint = from.endpoint;
    to.region = from.region;
    to.addressing = from.addressing;
    to.access_key_id = from.access_key_id;
    to.secret_access_key = from.secret_access_key;
    to.bucket = from.bucket;
    to.account = from.account.empty() ? config.account : from.account;
    if (!from.secret_access_key_file.empty()) {
      TRY(to.secret_access_key, read_secret(name, from.secret_access_key_file));
    }
    TRY(const auto endpoint, s3::parse_endpoint(from.endpoint));
    if (endpoint.tls && from.ca_file.empty()) {
      TRY(to.trust, net::trust_system());
    } else if (endpoint.tls) {
      TRY(const auto pem, io::read_file(from.ca_file, max_ca_bytes));
      auto trust = net::TlsClientContext::make(pem);
      if (!trust) return bad(name, fmt::format("ca_file {}: {}", from.ca_file, trust.error().message()));
      to.trust = std::move(*trust);
    }
    remotes.emplace(name, std::move(to));
  }
  return remotes;
}

}  // namespace boreal::server
