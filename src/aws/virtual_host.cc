#include "aws/virtual_host.h"

#include "aws/region.h"

namespace boreal::aws {

namespace {

// Takes the last label off `rest`.
std::string_view pop_label(std::string_view& rest) {
  const size_t dot = rest.rfind('.');
  const auto label = dot == rest.npos ? rest : rest.substr(dot + 1);
  rest = dot == rest.npos ? std::string_view() : rest.substr(0, dot);
  return label;
}

bool is_s3(std::string_view label) { return label == "s3" || label == "s3-fips"; }

// Takes an endpoint of S3 off the end of `rest`; false: there is none.
bool pop_endpoint(std::string_view& rest) {
  const auto last = pop_label(rest);
  if (is_s3(last) || last == "s3-accelerate") return true;
  if (last.starts_with("s3-website")) return false;  // s3-website-eu-west-1 has buckets of its own
  if (last.starts_with("s3-")) return has_form_of_aws_region(last.substr(3));  // as of old: s3-eu-west-1
  auto before = pop_label(rest);
  if (last == "dualstack") return before == "s3-accelerate";
  if (!has_form_of_aws_region(last)) return false;
  if (before == "dualstack") before = pop_label(rest);
  return is_s3(before);
}

std::optional<std::string_view> without_suffix(std::string_view host, std::string_view domain) {
  if (host.size() < domain.size() + 2 || !host.ends_with(domain)) return std::nullopt;
  host.remove_suffix(domain.size());
  if (!host.ends_with('.')) return std::nullopt;
  return host.substr(0, host.size() - 1);
}

// Websites and S3 Control have names of their own.
bool is_of_others(std::string_view name) {
  while (!name.empty()) {
    const auto label = pop_label(name);
    if (label.starts_with("s3-website") || label == "s3-control") return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> bucket_of_host(std::string_view host, std::span<const std::string> domains) {
  if (!host.empty() && host.back() >= '0' && host.back() <= '9') host = host.substr(0, host.rfind(':'));
  for (const std::string& domain : domains) {
    if (host == domain) return std::nullopt;
    if (const auto bucket = without_suffix(host, domain)) return bucket;
  }
  for (const std::string_view root : {"amazonaws.com", "localhost", "localhost.localstack.cloud"}) {
    const auto name = without_suffix(host, root);
    if (!name) continue;
    std::string_view rest = *name;
    if (pop_endpoint(rest)) return rest.empty() ? std::nullopt : std::optional(rest);
    if (root == "localhost" && !is_of_others(*name)) return name;
  }
  return std::nullopt;
}

}  // namespace boreal::aws
