// Any body as a JSON and as a CBOR request.
#include "api/kms/service.h"
#include "api/secretsmanager/service.h"
#include "aws/wire/cbor_shape.h"
#include "aws/wire/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static const aws::wire::Wire secrets(api::secretsmanager::service_model);
  static const aws::wire::Wire kms(api::kms::service_model);
  if (size < 2) return 0;
  const aws::wire::Wire& wire = data[0] & 1 ? secrets : kms;
  const auto& operations = wire.model().operations;
  const auto& operation = operations[data[1] % operations.size()];
  if (!operation.served || operation.input == nullptr) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] & 2) {
    auto value = operation.make_input();
    std::vector<std::string> missing;
    (void)aws::wire::read_cbor(*operation.input, value.data(), body, &missing);
    return 0;
  }
  auto request = aws::wire::request("POST", "/", {{"X-Amz-Target", "T." + std::string(operation.name)}});
  (void)aws::wire::parse(wire, request, body);
  return 0;
}
