// Any body as a query and as an EC2 request: no crash, and memory in proportion to the input.
#include "api/ec2/service.h"
#include "api/rds/service.h"
#include "aws/wire/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static const aws::wire::Wire rds(api::rds::service_model);
  static const aws::wire::Wire ec2(api::ec2::service_model);
  if (size == 0) return 0;
  const aws::wire::Wire& wire = data[0] & 1 ? rds : ec2;
  // The second byte picks an operation, so that the fuzzer need not find the names.
  const auto& operations = wire.model().operations;
  const auto& operation = operations[(size > 1 ? data[1] * 3 : 0) % operations.size()];
  std::string body = "Action=" + std::string(operation.name) + "&";
  body.append(reinterpret_cast<const char*>(data) + std::min<size_t>(size, 2), size - std::min<size_t>(size, 2));
  auto request = aws::wire::request("POST", "/", {{"Content-Type", "application/x-www-form-urlencoded"}});
  if (operation.served) (void)aws::wire::parse(wire, request, body);
  return 0;
}
