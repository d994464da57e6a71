#include "aws/own_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "net/stream.h"

namespace boreal::aws {

namespace {

// "name:80", "name.".
std::string_view without_port(std::string_view host) {
  const size_t colon = host.rfind(':');
  const bool has_port = colon != host.npos && host.find_first_not_of("0123456789", colon + 1) == host.npos;
  if (has_port) host = host.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_at_or_below(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  name.remove_suffix(domain.size());
  return name.empty() || name.ends_with('.');
}

// Source: RFC 6761, 6762, 8375; "internal" is ICANN's, reserved for private use. Without a dot are names of containers,
// of machines, and of TLDs, of which those that could be given to strangers may have no address (RFC 7085).
bool is_reserved(std::string_view name) {
  constexpr std::string_view domains[] = {"localhost", "internal", "local", "test", "home.arpa"};
  return !name.contains('.') || std::ranges::any_of(domains, [&](auto domain) { return is_at_or_below(name, domain); });
}

}  // namespace

bool is_no_strangers(std::string_view host, std::span<const std::string> own) {
  if (net::Address::parse(host)) return true;
  const auto name = without_port(host);
  constexpr std::string_view theirs[] = {"amazonaws.com", "amazonaws.com.cn", "api.aws", "localhost.localstack.cloud"};
  return is_reserved(name) || std::ranges::any_of(theirs, [&](auto domain) { return is_at_or_below(name, domain); }) ||
         std::ranges::any_of(own, [&](std::string_view domain) {
           if (domain.starts_with("*.")) domain.remove_prefix(2);
           return is_at_or_below(name, to_lower(domain));
         });
}

std::string strange_name(std::string_view host) {
  return fmt::format(
      "boreal dev does not answer to the name '{}': every web page knows its keys, and one of a stranger's could have "
      "made that name lead here. If it is yours, add it to tls_names in the configuration (boreal dev --config FILE).",
      host);
}

bool is_of_near_page(std::string_view origin) {
  const size_t scheme = origin.find("://");  // "null" has none, and is what any page can make of its own
  if (scheme == origin.npos) return false;
  const std::string host = to_lower(origin.substr(scheme + 3));
  const auto address = net::Address::parse(host);
  return address ? address->is_loopback() : is_reserved(without_port(host));
}

}  // namespace boreal::aws
