// Any body as a bucket's lifecycle, CORS, notification, ... configuration: through the walker, and lifecycle rules on
// to what they would do. First byte: which operation; the rest: the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/s3/service.h"
#include "aws/wire/wire.h"
#include "s3/lifecycle_due.h"
#include "s3/lifecycle_rules.h"

namespace {

constexpr const char* queries[] = {"lifecycle",  "cors",    "notification", "tagging",     "acl",
                                   "versioning", "website", "encryption",   "logging",     "ownershipControls",
                                   "delete",     "policy",  "object-lock",  "replication", "publicAccessBlock"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static const aws::wire::Wire wire(api::s3::service_model);
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string query = queries[data[0] % std::size(queries)];
  http::Request request;
  request.method = query == "delete" ? "POST" : "PUT";
  request.path = "/bucket";
  request.query = query;
  request.target = "/bucket?" + query;
  const auto route = wire.route(aws::Protocol::rest_xml, request, body);
  if (!route || !route->operation->served) return 0;
  const auto input = wire.parse(*route, request, body);
  if (!input || query != "lifecycle") return 0;
  const auto& wanted = input->as<api::s3::PutBucketLifecycleConfigurationRequest>().lifecycle_configuration;
  if (!wanted || !s3::check_lifecycle(*wanted)) return 0;
  objects::Version version;
  version.key = "logs/2024/x";
  version.size = 1000;
  for (const auto& rule : wanted->rules) {
    (void)s3::rule_prefix(rule);
    (void)s3::rule_takes(rule, version);
  }
  return 0;
}
