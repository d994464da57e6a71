// Certificates: an authority of one's own, server certificates signed by it, and a look into a certificate.
// PEM text throughout; keys are EC P-256, which OpenSSL's own generator makes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace boreal::crypto {

struct Validity {
  Time not_before;
  Time not_after;
};

struct CertifiedKey {
  std::string certificate_pem;
  SecretBytes private_key_pem;  // PKCS #8, not encrypted
};

// A self-signed certificate that may sign others, but no further authorities. `random` gives the serial.
Result<CertifiedKey> make_authority(const std::string& common_name, Validity validity, Random& random);

// The same authority for another time: name and key stay, so that who trusts either certificate believes what it signed
// and signs, each for as long as it lasts itself.
Result<CertifiedKey> renew_authority(const CertifiedKey& authority, Validity validity, Random& random);

struct ServerNames {
  std::vector<std::string> dns_names;     // "db.example", "*.example"
  std::vector<std::string> ip_addresses;  // "127.0.0.1", "::1"
};

// For TLS servers; at least one name or address. The first of them (up to 64 characters) is the subject.
Result<CertifiedKey> issue_server_certificate(const CertifiedKey& authority, const ServerNames& names,
                                              Validity validity, Random& random);

struct CertificateInfo {
  std::string subject;  // the common name
  std::string issuer;
  std::string serial;  // hexadecimal
  Validity validity;
  ServerNames names;
  bool is_authority = false;
};

// The first certificate in `pem`.
Result<CertificateInfo> read_certificate(std::string_view pem);

// Whether a server with this certificate and key would be believed by a client that trusts `authority_pem`
// and calls it by `name` (DNS name or address) at `now`. The error says what is wrong.
Result<void> check_server_certificate(const CertifiedKey& server, std::string_view authority_pem,
                                      const std::string& name, Time now);

}  // namespace boreal::crypto
