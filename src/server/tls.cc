#include "server/tls.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "codec/time.h"
#include "crypto/x509.h"
#include "io/file.h"
#include "io/owner.h"
#include "net/pause.h"

namespace boreal::server {

namespace {

constexpr Duration day = std::chrono::hours(24);
constexpr Duration lifetime = day * 365;
constexpr Duration renewed_before_its_end = day * 30;
constexpr Duration longest_notice = day * 7;
constexpr Duration lifetime_of_authority = day * 3650;
constexpr Duration authority_renewed_before_its_end = day * 730;  // a start comes by in time
constexpr Duration look_every = std::chrono::minutes(1);
constexpr uint64_t max_pem_bytes = 1 << 20;

bool is_address(const std::string& name) {
  return name.find_first_not_of("0123456789.") == std::string::npos || name.find(':') != std::string::npos;
}

crypto::ServerNames served_names(const Config& config) {
  std::vector<std::string> names = {"localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1", "::1"};
  for (std::string& name : config.own_names()) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  crypto::ServerNames out;
  for (std::string& name : names) (is_address(name) ? out.ip_addresses : out.dns_names).push_back(std::move(name));
  return out;
}

Result<crypto::CertifiedKey> load_authority(const std::string& certificate_path, const std::string& key_path, Time now,
                                            Random& random) {
  TRY(const bool has_certificate, io::exists(certificate_path));
  TRY(const bool has_key, io::exists(key_path));
  if (has_certificate && has_key) {
    TRY(auto certificate, io::read_file(certificate_path, max_pem_bytes));
    TRY(auto key, io::read_private_file(key_path, max_pem_bytes));
    crypto::CertifiedKey authority{std::move(certificate), crypto::SecretBytes(key)};
    crypto::wipe(std::as_writable_bytes(std::span(key)));
    const auto info = crypto::read_certificate(authority.certificate_pem);
    if (!info) return std::unexpected(Error(info.error()).within(certificate_path));
    if (now + authority_renewed_before_its_end < info->validity.not_after) return authority;
    // Clients that trust the old certificate believe what is signed from here on as long as that lasts.
    TRY(authority, crypto::renew_authority(authority, {now - day, now + lifetime_of_authority}, random));
    CHECK(io::write_file_atomically(certificate_path, authority.certificate_pem, 0644));
    log::warn(
        "server", "the authority's certificate was made anew, before it ends: clients are to be given it",
        {{"certificate", certificate_path}, {"the_old_one_ends", codec::format_iso8601(info->validity.not_after)}});
    return authority;
  }
  if (has_certificate) {
    log::warn("server", "the authority's key is not there: a new authority is made, which clients do not trust yet",
              {{"key", key_path}, {"certificate", certificate_path}});
  }
  TRY(auto authority, crypto::make_authority("boreal local authority " + random.hex(8),
                                             {now - day, now + lifetime_of_authority}, random));
  CHECK(io::write_file_atomically(key_path, authority.private_key_pem.text()));
  CHECK(io::write_file_atomically(certificate_path, authority.certificate_pem, 0644));
  return authority;
}

}  // namespace

Result<void> ServerTls::open() {
  if (context_) return {};
  const std::string folder = config_.data_folder + "/tls";
  CHECK(io::make_folders(folder, 0755));
  CHECK(io::make_folders(config_.keys()));
  // Clients go by the real time, whatever ours was moved to.
  TRY(authority_, load_authority(folder + "/ca.pem", config_.keys() + "/ca.key", clock_.unmoved(), random_));
  return renew();
}

void ServerTls::refresh() {
  const auto renewed = renew();
  const std::string trouble = renewed ? "" : renewed.error().message();
  if (!renewed && trouble != trouble_) {
    log::error("tls", "the certificate could not be renewed; the old one stays", {{"error", trouble}});
  }
  trouble_ = trouble;
}

Result<void> ServerTls::renew() {
  if (config_.tls_certificate_file.empty()) return issue();
  auto read = read_files();
  if (context_) check_time();
  return read;
}

// The first is cheap to make, so each start makes one: it always has the names of today.
Result<void> ServerTls::issue() {
  const Time now = clock_.unmoved();
  if (now + renewed_before_its_end < ends_) return {};
  auto server =
      crypto::issue_server_certificate(*authority_, served_names(config_), {now - day, now + lifetime}, random_);
  if (!server) {
    return std::unexpected(std::move(server).error().within(
        fmt::format("the APIs' certificate, of the authority {}/tls/ca.pem and {}/ca.key and for the names of "
                    "listen_host, s3_domains and tls_names",
                    config_.data_folder, config_.keys())));
  }
  CHECK(show(server->certificate_pem + authority_->certificate_pem, server->private_key_pem.text()));
  ends_ = now + lifetime;
  return {};
}

// Whoever puts new files there puts one before the other: what does not fit together may do so a minute later.
Result<void> ServerTls::read_files() {
  auto chain = io::read_file(config_.tls_certificate_file, max_pem_bytes);
  if (!chain) return std::unexpected(std::move(chain).error().within("tls_certificate_file"));
  auto text = io::read_private_file(config_.tls_key_file, max_pem_bytes);
  if (!text) return std::unexpected(std::move(text).error().within("tls_key_file"));
  const crypto::SecretBytes key(*text);
  crypto::wipe(std::as_writable_bytes(std::span(*text)));
  crypto::Sha256 hash;
  hash.update(as_bytes(*chain));
  hash.update(key.bytes());
  const auto digest = hash.finish();
  if (digest == read_) return {};
  auto shown = show(*chain, key.text());
  if (!shown) {
    return std::unexpected(std::move(shown).error().within(
        fmt::format("tls_certificate_file {}, tls_key_file {}", config_.tls_certificate_file, config_.tls_key_file)));
  }
  read_ = digest;
  TRY(const auto info, crypto::read_certificate(*chain));
  shown_ = info.validity;
  return {};
}

// Whoever forgot to put a new one there is told before clients are, and once.
void ServerTls::check_time() {
  const Time now = clock_.unmoved();
  const Duration notice =
      std::min(longest_notice, Duration(shown_.not_after.ms - shown_.not_before.ms) / 4);  // some last for days only
  std::string why;
  if (now < shown_.not_before || now >= shown_.not_after) {
    why = "clients do not believe the certificate of tls_certificate_file: it is not of this time";
  } else if (now + notice >= shown_.not_after) {
    why = "the certificate of tls_certificate_file ends soon, and clients do not believe it then";
  }
  const std::string told = why + codec::format_iso8601(shown_.not_after);
  if (!why.empty() && told != outdated_) {
    log::warn("tls", why,
              {{"from", codec::format_iso8601(shown_.not_before)}, {"until", codec::format_iso8601(shown_.not_after)}});
  }
  outdated_ = told;
}

Result<void> ServerTls::show(std::string_view chain_pem, std::string_view key_pem) {
  if (context_) return context_->replace(chain_pem, key_pem);
  TRY(context_, net::TlsServerContext::make(chain_pem, key_pem));
  return {};
}

Task<void> ServerTls::keep() {
  while (!stopping_) {
    co_await net::pause(loop_, look_every, stopping_);
    if (!stopping_) co_await pool_.run([this] { refresh(); });
  }
}

Task<void> ServerTls::stop() {
  stopping_ = true;
  co_await keeping_.wait();
}

}  // namespace boreal::server
