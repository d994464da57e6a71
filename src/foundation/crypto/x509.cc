#include "crypto/x509.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/detail/openssl.h"

namespace boreal::crypto {
namespace {

using namespace detail;

Result<Certificate> certificate_from(std::string_view pem) {
  Bio in = view_of(pem);
  Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!certificate) return library_error(Errc::invalid, "not a certificate in PEM");
  return certificate;
}

Result<Key> key_from(std::string_view pem) {
  // Without this, OpenSSL would ask the terminal for the password of an encrypted key.
  auto no_password = [](char*, int, int, void*) { return 0; };
  Bio in = view_of(pem);
  Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  if (!key) return library_error(Errc::invalid, "not a private key in PEM");
  return key;
}

std::string_view content(BIO* bio) {
  char* data = nullptr;
  long length = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(length)};
}

Result<CertifiedKey> to_pem(X509* certificate, EVP_PKEY* key) {
  Bio out(BIO_new(BIO_s_mem()));
  Bio secret_out(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (!out || !secret_out) throw std::bad_alloc();
  if (PEM_write_bio_X509(out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(secret_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return library_error(Errc::internal, "write a certificate and its key as PEM");
  }
  return CertifiedKey{std::string(content(out.get())), SecretBytes(content(secret_out.get()))};
}

bool set_serial(X509* certificate, Random& random) {
  std::array<unsigned char, 16> bytes;
  random.fill(std::as_writable_bytes(std::span(bytes)));
  bytes[0] = (bytes[0] & 0x7f) | 0x40;  // positive, and of one length
  BigNumber number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool set_validity(X509* certificate, Validity validity) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), validity.not_before.ms / 1000) &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), validity.not_after.ms / 1000);
}

bool set_common_name(X509_NAME* name, const std::string& value) {
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

// An extension in OpenSSL's notation, "critical,CA:TRUE".
bool add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

GENERAL_NAME* take_name(int type, ASN1_STRING* value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  if (!name) throw std::bad_alloc();
  GENERAL_NAME_set0_value(name, type, value);
  return name;
}

// Built as objects, not in the notation of add_extension: there a comma in a name would start another one.
Result<void> add_names(X509* certificate, const ServerNames& names) {
  GeneralNames all(GENERAL_NAMES_new());
  if (!all) throw std::bad_alloc();
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '*';
  };
  for (const std::string& dns_name : names.dns_names) {
    if (dns_name.empty() || dns_name.size() > 253 || !std::ranges::all_of(dns_name, allowed)) {
      return fail(Errc::invalid, fmt::format("\"{}\" is not a DNS name", dns_name.substr(0, 100)));
    }
    ASN1_STRING* value = ASN1_IA5STRING_new();
    if (!value || ASN1_STRING_set(value, dns_name.data(), static_cast<int>(dns_name.size())) != 1) {
      throw std::bad_alloc();
    }
    sk_GENERAL_NAME_push(all.get(), take_name(GEN_DNS, value));
  }
  for (const std::string& address : names.ip_addresses) {
    ASN1_OCTET_STRING* value = a2i_IPADDRESS(address.c_str());
    if (!value) {
      return library_error(Errc::invalid, fmt::format("\"{}\" is not an IP address", address.substr(0, 100)));
    }
    sk_GENERAL_NAME_push(all.get(), take_name(GEN_IPADD, value));
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return library_error(Errc::internal, "add the names to a certificate");
  }
  return {};
}

// All that both kinds of certificate have. Not signed yet.
Result<Certificate> draft(const std::string& common_name, Validity validity, EVP_PKEY* key, Random& random) {
  if (common_name.empty() || common_name.size() > 64) {
    return fail(Errc::invalid, fmt::format("a common name of {} characters; 1 to 64 are possible", common_name.size()));
  }
  if (validity.not_after <= validity.not_before) return fail(Errc::invalid, "a certificate must end after it begins");
  Certificate certificate(X509_new());
  if (!certificate) throw std::bad_alloc();
  bool done = X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(certificate.get(), random) &&
              set_validity(certificate.get(), validity) &&
              set_common_name(X509_get_subject_name(certificate.get()), common_name) &&
              X509_set_pubkey(certificate.get(), key) == 1;
  if (!done) return library_error(Errc::internal, "make a certificate");
  return certificate;
}

Result<Key> make_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return library_error(Errc::internal, "make a key");
  return key;
}

Result<CertifiedKey> certify_authority(const std::string& name, EVP_PKEY* key, Validity validity, Random& random) {
  TRY(Certificate certificate, draft(name, validity, key, random));
  X509* made = certificate.get();
  bool done = X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 &&
              add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
              add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_extension(made, made, NID_subject_key_identifier, "hash") && X509_sign(made, key, EVP_sha256()) != 0;
  if (!done) return library_error(Errc::internal, "sign an authority's certificate");
  return to_pem(made, key);
}

}  // namespace

Result<CertifiedKey> make_authority(const std::string& common_name, Validity validity, Random& random) {
  TRY(Key key, make_key());
  return certify_authority(common_name, key.get(), validity, random);
}

Result<CertifiedKey> renew_authority(const CertifiedKey& authority, Validity validity, Random& random) {
  TRY(const auto info, read_certificate(authority.certificate_pem));
  TRY(Key key, key_from(authority.private_key_pem.text()));
  return certify_authority(info.subject, key.get(), validity, random);
}

Result<CertifiedKey> issue_server_certificate(const CertifiedKey& authority, const ServerNames& names,
                                              Validity validity, Random& random) {
  if (names.dns_names.empty() && names.ip_addresses.empty()) {
    return fail(Errc::invalid, "a server's certificate needs a name or an address");
  }
  TRY(Certificate issuer, certificate_from(authority.certificate_pem));
  TRY(Key issuer_key, key_from(authority.private_key_pem.text()));
  if (X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    return library_error(Errc::invalid, "the authority's key does not belong to its certificate");
  }
  TRY(Key key, make_key());
  const std::string& first = names.dns_names.empty() ? names.ip_addresses[0] : names.dns_names[0];
  TRY(Certificate certificate, draft(first.substr(0, 64), validity, key.get(), random));
  CHECK(add_names(certificate.get(), names));
  X509* made = certificate.get();
  bool done = X509_set_issuer_name(made, X509_get_subject_name(issuer.get())) == 1 &&
              add_extension(made, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(made, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
              add_extension(made, issuer.get(), NID_ext_key_usage, "serverAuth") &&
              add_extension(made, issuer.get(), NID_subject_key_identifier, "hash") &&
              add_extension(made, issuer.get(), NID_authority_key_identifier, "keyid:always") &&
              X509_sign(made, issuer_key.get(), EVP_sha256()) != 0;
  if (!done) return library_error(Errc::internal, "sign a server's certificate");
  return to_pem(made, key.get());
}

namespace {

std::string common_name(const X509_NAME* name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (length < 0) return "";
  std::string value(reinterpret_cast<char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  return value;
}

Result<Time> time_from(const ASN1_TIME* time) {
  Asn1Time epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
    return library_error(Errc::invalid, "a certificate's time");
  }
  return Time{(days * 86'400LL + seconds) * 1000};
}

std::string serial_from(const X509* certificate) {
  BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* text = number ? BN_bn2hex(number.get()) : nullptr;
  if (!text) throw std::bad_alloc();
  std::string serial(text);
  OPENSSL_free(text);
  return to_lower(serial);
}

// "127.0.0.1" or, of 16 bytes, eight groups as "0:0:0:0:0:0:0:1".
std::string address_from(const unsigned char* bytes, int length) {
  std::string text;
  for (int i = 0; i < length; i += length == 4 ? 1 : 2) {
    if (i > 0) text += length == 4 ? '.' : ':';
    text += length == 4 ? fmt::format("{}", bytes[i]) : fmt::format("{:x}", bytes[i] << 8 | bytes[i + 1]);
  }
  return text;
}

ServerNames names_from(const X509* certificate) {
  ServerNames names;
  GeneralNames all(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const unsigned char* data = ASN1_STRING_get0_data(value);
    int length = ASN1_STRING_length(value);
    if (type == GEN_DNS) {
      names.dns_names.emplace_back(reinterpret_cast<const char*>(data), static_cast<size_t>(length));
    } else if (length == 4 || length == 16) {
      names.ip_addresses.push_back(address_from(data, length));
    }
  }
  return names;
}

}  // namespace

Result<CertificateInfo> read_certificate(std::string_view pem) {
  TRY(Certificate certificate, certificate_from(pem));
  X509* read = certificate.get();
  CertificateInfo info;
  info.subject = common_name(X509_get_subject_name(read));
  info.issuer = common_name(X509_get_issuer_name(read));
  info.serial = serial_from(read);
  TRY(info.validity.not_before, time_from(X509_get0_notBefore(read)));
  TRY(info.validity.not_after, time_from(X509_get0_notAfter(read)));
  info.names = names_from(read);
  info.is_authority = X509_check_ca(read) == 1;
  return info;
}

Result<void> check_server_certificate(const CertifiedKey& server, std::string_view authority_pem,
                                      const std::string& name, Time now) {
  TRY(Certificate certificate, certificate_from(server.certificate_pem));
  TRY(Key key, key_from(server.private_key_pem.text()));
  TRY(Certificate authority, certificate_from(authority_pem));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return library_error(Errc::invalid, "the private key does not belong to the certificate");
  }
  TrustStore store(X509_STORE_new());
  TrustCheck check(X509_STORE_CTX_new());
  if (!store || !check || X509_STORE_add_cert(store.get(), authority.get()) != 1 ||
      X509_STORE_CTX_init(check.get(), store.get(), certificate.get(), nullptr) != 1) {
    return library_error(Errc::internal, "set up the check of a certificate");
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(check.get());
  X509_VERIFY_PARAM_set_time(rules, now.ms / 1000);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  // An empty host would switch the check of names off.
  bool named = !name.empty() && (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1 ||
                                 X509_VERIFY_PARAM_set1_host(rules, name.data(), name.size()) == 1);
  ERR_clear_error();  // a DNS name is no address, which is noted
  if (!named) return fail(Errc::invalid, fmt::format("\"{}\" is neither a name nor an address", name));
  if (X509_verify_cert(check.get()) != 1) {
    const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
    return fail(Errc::invalid, fmt::format("the certificate does not hold for {}: {}", name, reason));
  }
  return {};
}

}  // namespace boreal::crypto
