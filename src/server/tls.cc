#include "server/tls.h"

#include <chrono>

#include "base/log.h"
#include "crypto/x509.h"
#include "io/file.h"

namespace boreal::server {

namespace {

constexpr Duration day = std::chrono::hours(24);

bool is_address(const std::string& name) {
  return name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
}

crypto::ServerNames to_server_names(const std::vector<std::string>& names) {
  crypto::ServerNames out;
  for (const std::string& name : names) (is_address(name) ? out.ip_addresses : out.dns_names).push_back(name);
  return out;
}

Result<crypto::CertifiedKey> load_authority(const std::string& certificate_path, const std::string& key_path,
                                            const Clock& clock, Random& random) {
  TRY(const bool has_certificate, io::exists(certificate_path));
  TRY(const bool has_key, io::exists(key_path));
  if (has_certificate && has_key) {
    TRY(auto certificate, io::read_file(certificate_path));
    TRY(auto key, io::read_file(key_path));
    return crypto::CertifiedKey{std::move(certificate), crypto::SecretBytes(key)};
  }
  if (has_certificate) {
    log::warn("server", "the authority's key is not there: a new authority is made, which clients do not trust yet",
              {{"key", key_path}, {"certificate", certificate_path}});
  }
  const Time now = clock.now();
  TRY(auto authority,
      crypto::make_authority("boreal local authority " + random.hex(8), {now - day, now + day * 3650}, random));
  CHECK(io::write_file_atomically(key_path, authority.private_key_pem.text()));
  CHECK(io::write_file_atomically(certificate_path, authority.certificate_pem, 0644));
  return authority;
}

}  // namespace

Result<TlsMaterial> load_tls(const std::string& data_folder, const std::string& key_folder,
                             const std::vector<std::string>& names, const Clock& clock, Random& random) {
  const std::string folder = data_folder + "/tls";
  CHECK(io::make_folders(folder, 0755));
  CHECK(io::make_folders(key_folder));
  TRY(auto authority, load_authority(folder + "/ca.pem", key_folder + "/ca.key", clock, random));

  // Cheap to make, so each start makes a new one: it is never too old and always has the names of today.
  const Time now = clock.now();
  TRY(auto server,
      crypto::issue_server_certificate(authority, to_server_names(names), {now - day, now + day * 365}, random));
  TlsMaterial material;
  material.ca_pem = authority.certificate_pem;
  material.certificate_pem = server.certificate_pem + authority.certificate_pem;
  material.key_pem = std::string(server.private_key_pem.text());
  TRY(material.context, net::TlsServerContext::make(material.certificate_pem, material.key_pem));
  return material;
}

}  // namespace boreal::server
