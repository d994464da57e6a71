// Keys from passwords and from other keys.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace boreal::crypto {

// PBKDF2 (RFC 8018) with HMAC-SHA-256; fills `out`. `iterations` must be at least 1.
Result<void> pbkdf2_hmac_sha256(std::string_view password, Bytes salt, unsigned iterations, MutableBytes out);

// HKDF (RFC 5869) with SHA-256; fills `out`, at most 8160 bytes.
Result<void> hkdf_sha256(Bytes key, Bytes salt, Bytes info, MutableBytes out);

// What PostgreSQL keeps of a password (pg_authid.rolpassword), from which no one gets it back:
// "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>" (RFC 5803). Only passwords of printable ASCII are
// taken: others would have to be normalized (SASLprep) first, and Errc::unsupported says so.
Result<std::string> scram_sha256_verifier(std::string_view password, Bytes salt, unsigned iterations = 4096);

}  // namespace boreal::crypto
