// JSON 1.1, REST-JSON and CBOR.
#include "codec/json.h"

#include "api/backup/service.h"
#include "api/kms/service.h"
#include "api/secretsmanager/service.h"
#include "aws/wire/cbor_shape.h"
#include "aws/wire/testing.h"
#include "codec/json_shape.h"
#include "codec/shape_path.h"

namespace boreal::aws::wire {
namespace {

http::Request json_request(std::string target) {
  return request("POST", "/", {{"X-Amz-Target", std::move(target)}, {"Content-Type", "application/x-amz-json-1.1"}});
}

TEST(Json, ReadsWhatTerraformSends) {
  const Wire wire(api::kms::service_model);
  auto in = json_request("TrentService.CreateKey");
  auto parsed =
      parse(wire, in,
            R"({"CustomerMasterKeySpec":"SYMMETRIC_DEFAULT","Description":"rec","KeyUsage":"ENCRYPT_DECRYPT",)"
            R"("Tags":[{"TagKey":"Name","TagValue":"k"}],"NotKnown":[{}],"Policy":null})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->first.operation->name, "CreateKey");
  const auto& input = parsed->second.as<api::kms::CreateKeyRequest>();
  EXPECT_EQ(input.description, "rec");
  EXPECT_FALSE(input.policy);
  ASSERT_TRUE(input.tags);
  EXPECT_EQ(input.tags->at(0).tag_value, "k");
}

TEST(Json, BlobsAreBase64) {
  const Wire wire(api::kms::service_model);
  auto in = json_request("TrentService.Encrypt");
  auto parsed = parse(wire, in, R"({"KeyId":"k","Plaintext":"AP8=","EncryptionContext":{"a":"b"}})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->second.as<api::kms::EncryptRequest>().plaintext.bytes, std::string("\0\xff", 2));
  EXPECT_EQ(parsed->second.as<api::kms::EncryptRequest>().encryption_context->at("a"), "b");
}

ApiError error_of(const ServiceModel& model, std::string target, std::string_view body) {
  const Wire wire(model);
  auto in = json_request(std::move(target));
  auto parsed = parse(wire, in, body);
  return parsed ? ApiError("(none)", 200, "") : parsed.error();
}

TEST(Json, WhatIsWrongIsSaid) {
  const auto& kms = api::kms::service_model;
  EXPECT_EQ(error_of(kms, "TrentService.Nothing", "{}").code, "UnknownOperationException");
  EXPECT_EQ(error_of(kms, "TrentService.DescribeKey", "{").code, "SerializationException");
  EXPECT_EQ(error_of(kms, "TrentService.DescribeKey", R"({"KeyId":3})").code, "SerializationException");
  EXPECT_EQ(error_of(kms, "TrentService.DescribeKey", "{}").message,
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null");
  EXPECT_EQ(error_of(kms, "TrentService.DescribeKey", R"({"KeyId":""})").message,
            "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1");
  const auto wrong_enum = error_of(kms, "TrentService.GenerateDataKey", R"({"KeyId":"k","KeySpec":"AES_512"})");
  EXPECT_EQ(wrong_enum.code, "ValidationException");
  EXPECT_TRUE(wrong_enum.message.starts_with(
      "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: "
      "Member must satisfy enum value set: ["))
      << wrong_enum.message;
  EXPECT_EQ(
      error_of(kms, "TrentService.CreateKey", R"({"Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"c"}]})").message,
      "1 validation error detected: Value null at 'tags.2.member.tagValue' failed to satisfy constraint: Member must "
      "not be null");
  EXPECT_EQ(error_of(kms, "TrentService.GenerateRandom", R"({"NumberOfBytes":2000})").message,
            "1 validation error detected: Value '2000' at 'numberOfBytes' failed to satisfy constraint: Member must "
            "have value less than or equal to 1024");
}

TEST(Json, OnlySoMuchThatIsMissingIsCollected) {
  std::string body = R"({"Tags":[{})";
  for (int i = 0; i < 1000; ++i) body += ",{}";
  api::kms::CreateKeyRequest input;
  std::vector<std::string> missing;
  ASSERT_TRUE(codec::read_json(codec::shape_of<api::kms::CreateKeyRequest>(), &input, body + "]}", codec::JsonStyle{},
                               &missing));
  EXPECT_EQ(missing.size(), codec::most_missing);
  const auto told = error_of(api::kms::service_model, "TrentService.CreateKey", body + "]}");
  EXPECT_TRUE(told.message.starts_with("20 validation errors detected: Value null at 'tags.1.member.tagKey'"));
}

TEST(Json, SecretsAreNotRepeatedInErrors) {
  const auto error = error_of(api::secretsmanager::service_model, "secretsmanager.PutSecretValue",
                              R"({"SecretId":"a","SecretString":""})");
  EXPECT_EQ(error.code, "ValidationException");
  EXPECT_EQ(error.message.find("Value ''"), std::string::npos) << error.message;
}

TEST(Json, DeepBodiesAreRefused) {
  const std::string deep = R"({"X":)" + std::string(100'000, '[');
  EXPECT_EQ(error_of(api::kms::service_model, "TrentService.ListKeys", deep).code, "SerializationException");
}

TEST(Json, Answers) {
  const Wire wire(api::secretsmanager::service_model);
  api::secretsmanager::DescribeSecretResponse out;
  out.name = "a\"b";
  out.created_date = Time{1'700'000'000'123};
  out.version_ids_to_stages = std::map<std::string, std::vector<std::string>>{{"v1", {"AWSCURRENT"}}};
  const auto response = wire.answer({Protocol::json, api::secretsmanager::service_model.find("DescribeSecret"), {}},
                                    Value::of(std::move(out)), "id");
  EXPECT_EQ(header(response, "content-type"), "application/x-amz-json-1.1");
  EXPECT_EQ(response.body,
            R"({"Name":"a\"b","VersionIdsToStages":{"v1":["AWSCURRENT"]},"CreatedDate":1700000000.123})");
  const Wire kms(api::kms::service_model);
  const auto empty = kms.answer({Protocol::json, api::kms::service_model.find("CreateAlias"), {}},
                                Value::of(api::kms::CreateAliasOutput{}), "id");
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(empty.body, "");
}

TEST(Json, Errors) {
  const Wire wire(api::kms::service_model);
  const auto response = wire.refuse(Protocol::json, api::kms::errors::not_found_exception("no key"), "id");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, R"({"__type":"NotFoundException","message":"no key","Message":"no key"})");
  EXPECT_EQ(header(response, "x-amzn-requestid"), "id");
}

TEST(Json, EveryOperationHasItsRow) {
  const auto& model = api::kms::service_model;
  EXPECT_TRUE(model.find("CreateKey")->served);
  ASSERT_TRUE(model.find("Sign"));
  EXPECT_FALSE(model.find("Sign")->served);
  EXPECT_FALSE(model.find("Nothing"));
  for (size_t i = 1; i < model.operations.size(); ++i)
    EXPECT_LT(model.operations[i - 1].name, model.operations[i].name);
}

TEST(RestJson, LabelsAreDecodedAfterThePathIsSplit) {
  const Wire wire(api::backup::service_model);
  auto in = request("GET", "/tags/arn%3Aaws%3Abackup%3Aus-east-1%3A000000000000%3Abackup-vault%3Av%2Fw");
  auto parsed = parse(wire, in, "");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->first.operation->name, "ListTags");
  EXPECT_EQ(parsed->second.as<api::backup::ListTagsInput>().resource_arn,
            "arn:aws:backup:us-east-1:000000000000:backup-vault:v/w");
}

TEST(RestJson, Bodies) {
  const Wire wire(api::backup::service_model);
  auto vault = request("PUT", "/backup-vaults/rec-vault", {{"Content-Type", "application/json"}});
  auto parsed = parse(wire, vault, R"({"BackupVaultTags":{"Name":"v"}})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->first.operation->name, "CreateBackupVault");
  EXPECT_EQ(parsed->second.as<api::backup::CreateBackupVaultInput>().backup_vault_name, "rec-vault");
  EXPECT_EQ(parsed->second.as<api::backup::CreateBackupVaultInput>().backup_vault_tags->at("Name"), "v");

  auto plan = request("PUT", "/backup/plans");
  parsed = parse(
      wire, plan,
      R"({"BackupPlan":{"BackupPlanName":"rec-plan","Rules":[{"CompletionWindowMinutes":180,"RuleName":"r",)"
      R"("Lifecycle":{"DeleteAfterDays":30},"TargetBackupVaultName":"rec-vault"}]},"BackupPlanTags":{"Name":"p"}})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->first.operation->name, "CreateBackupPlan");
  EXPECT_EQ(
      parsed->second.as<api::backup::CreateBackupPlanInput>().backup_plan.rules.at(0).lifecycle->delete_after_days, 30);
}

TEST(RestJson, QueryMembers) {
  const Wire wire(api::backup::service_model);
  auto in = request("GET", "/backup-jobs/?maxResults=5&state=COMPLETED&createdAfter=2026-11-22T00%3A00%3A00Z");
  auto parsed = parse(wire, in, "");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& input = parsed->second.as<api::backup::ListBackupJobsInput>();
  EXPECT_EQ(input.max_results, 5);
  EXPECT_EQ(input.by_state, "COMPLETED");
  EXPECT_EQ(input.by_created_after, (Time{1'795'305'600'000}));
}

TEST(RestJson, WhatIsWrongIsSaid) {
  const Wire wire(api::backup::service_model);
  auto nowhere = request("GET", "/nowhere/at/all");
  EXPECT_EQ(parse(wire, nowhere, "").error().code, "UnknownOperationException");
  auto bad = request("PUT", "/backup/plans");
  EXPECT_EQ(parse(wire, bad, "[]").error().code, "SerializationException");
  auto missing = request("PUT", "/backup/plans");
  EXPECT_EQ(parse(wire, missing, "{}").error().code, "MissingParameterValueException");
  auto escape = request("GET", "/backup-vaults/a%zz");
  EXPECT_EQ(parse(wire, escape, "").error().status, 400);
  auto number = request("GET", "/backup-jobs/?maxResults=many");
  EXPECT_EQ(parse(wire, number, "").error().code, "SerializationException");
}

TEST(RestJson, AnswersAndErrors) {
  const Wire wire(api::backup::service_model);
  api::backup::CreateBackupVaultOutput out;
  out.backup_vault_name = "v";
  out.creation_date = Time{1'700'000'000'000};
  const auto response = wire.answer({Protocol::rest_json, api::backup::service_model.find("CreateBackupVault"), {}},
                                    Value::of(std::move(out)), "id");
  EXPECT_EQ(response.body, R"({"BackupVaultName":"v","CreationDate":1700000000})");
  EXPECT_EQ(header(response, "content-type"), "application/json");
  const auto error = wire.refuse(Protocol::rest_json, api::backup::errors::resource_not_found_exception("gone"), "id");
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(header(error, "x-amzn-errortype"), "ResourceNotFoundException");
  EXPECT_EQ(error.body, R"({"message":"gone","Message":"gone"})");
}

// No service of ours is described with CBOR yet: KMS's tables stand in.
class Cbor : public testing::Test {
 protected:
  Cbor() : model_(api::kms::service_model) { model_.protocols = protocols_; }
  static constexpr Protocol protocols_[] = {Protocol::cbor, Protocol::json};
  ServiceModel model_;
};

TEST_F(Cbor, GoesBothWays) {
  const Wire wire(model_);
  api::kms::EncryptRequest sent;
  sent.key_id = "k";
  sent.plaintext.bytes = std::string("\0\xff", 2);
  sent.encryption_context = std::map<std::string, std::string>{{"a", "b"}};
  std::string body;
  write_cbor(api::kms::EncryptRequest::codec_shape(), &sent, body);
  auto in = request("POST", "/service/TrentService/operation/Encrypt", {{"Smithy-Protocol", "rpc-v2-cbor"}});
  ASSERT_EQ(wire.detect(in), Protocol::cbor);
  auto parsed = parse(wire, in, body);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const auto& got = parsed->second.as<api::kms::EncryptRequest>();
  EXPECT_EQ(got.key_id, "k");
  EXPECT_EQ(got.plaintext, sent.plaintext);
  EXPECT_EQ(got.encryption_context, sent.encryption_context);

  const auto response = wire.refuse(Protocol::cbor, api::kms::errors::not_found_exception("no"), "id");
  EXPECT_EQ(header(response, "smithy-protocol"), "rpc-v2-cbor");
  EXPECT_EQ(header(response, "content-type"), "application/cbor");
}

TEST_F(Cbor, WhatIsWrongIsSaid) {
  const Wire wire(model_);
  const auto code = [&](std::string path, std::string_view body) {
    auto in = request("POST", std::move(path), {{"Smithy-Protocol", "rpc-v2-cbor"}});
    auto parsed = parse(wire, in, body);
    return parsed ? "(none)" : parsed.error().code;
  };
  EXPECT_EQ(code("/service/TrentService/operation/Encrypt", "\xff"), "SerializationException");
  EXPECT_EQ(code("/service/TrentService/operation/Encrypt", ""), "ValidationException");
  EXPECT_EQ(code("/service/TrentService/operation/Brew", ""), "UnknownOperationException");
  EXPECT_EQ(code("/elsewhere", ""), "UnknownOperationException");
}

}  // namespace
}  // namespace boreal::aws::wire
