// Any method, target, header and body as a REST request of S3 and of AWS Backup.
#include "api/backup/service.h"
#include "api/s3/service.h"
#include "aws/wire/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static const aws::wire::Wire s3(api::s3::service_model);
  static const aws::wire::Wire backup(api::backup::service_model);
  if (size == 0) return 0;
  constexpr const char* methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
  // First line: the target; second line: a header; the rest: the body.
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view target = text.substr(0, text.find('\n'));
  std::string_view rest = text.substr(std::min(target.size() + 1, text.size()));
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string value(line.substr(std::min(colon + 1, line.size())));
  auto request =
      aws::wire::request(methods[data[0] % 5], std::string(target), {{std::string(line.substr(0, colon)), value}});
  const aws::wire::Wire& wire = data[0] & 128 ? s3 : backup;
  const auto protocol = data[0] & 128 ? aws::Protocol::rest_xml : aws::Protocol::rest_json;
  auto route = wire.route(protocol, request, rest);
  if (route && route->operation->served) {
    (void)wire.parse_head(*route, request);
    (void)wire.parse(*route, request, rest);
  }
  return 0;
}
