// REST-XML: S3's routes, headers, bodies and answers.
#include <fmt/format.h>

#include "api/s3/service.h"
#include "api/s3control/service.h"
#include "aws/wire/testing.h"

namespace boreal::aws::wire {
namespace {

using namespace api::s3;

const Wire& s3() {
  static const Wire wire(service_model);
  return wire;
}

std::string routed(std::string method, std::string target,
                   std::vector<std::pair<std::string, std::string>> headers = {}) {
  auto in = request(std::move(method), std::move(target), std::move(headers));
  auto route = s3().route(Protocol::rest_xml, in, "");
  return route ? std::string(route->operation->name) : route.error().code;
}

TEST(S3Routes, TellTheOperationsApart) {
  EXPECT_EQ(routed("GET", "/"), "ListBuckets");
  EXPECT_EQ(routed("PUT", "/b"), "CreateBucket");
  EXPECT_EQ(routed("PUT", "/b/"), "CreateBucket");
  EXPECT_EQ(routed("HEAD", "/b"), "HeadBucket");
  EXPECT_EQ(routed("DELETE", "/b"), "DeleteBucket");
  EXPECT_EQ(routed("GET", "/b"), "ListObjects");
  EXPECT_EQ(routed("GET", "/b?prefix=x&delimiter=/"), "ListObjects");
  EXPECT_EQ(routed("GET", "/b?list-type=2&prefix=x"), "ListObjectsV2");
  EXPECT_EQ(routed("GET", "/b?versions"), "ListObjectVersions");
  EXPECT_EQ(routed("GET", "/b?uploads"), "ListMultipartUploads");
  EXPECT_EQ(routed("GET", "/b?acl"), "GetBucketAcl");
  EXPECT_EQ(routed("GET", "/b?location="), "GetBucketLocation");
  EXPECT_EQ(routed("GET", "/b?lifecycle"), "GetBucketLifecycleConfiguration");
  EXPECT_EQ(routed("PUT", "/b?lifecycle"), "PutBucketLifecycleConfiguration");
  EXPECT_EQ(routed("DELETE", "/b?lifecycle"), "DeleteBucketLifecycle");
  EXPECT_EQ(routed("GET", "/b?notification"), "GetBucketNotificationConfiguration");
  EXPECT_EQ(routed("PUT", "/b?publicAccessBlock"), "PutPublicAccessBlock");
  EXPECT_EQ(routed("GET", "/b?object-lock"), "GetObjectLockConfiguration");
  EXPECT_EQ(routed("POST", "/b?delete"), "DeleteObjects");
  EXPECT_EQ(routed("GET", "/b?inventory&id=1"), "GetBucketInventoryConfiguration");
  EXPECT_EQ(routed("GET", "/b?inventory"), "ListBucketInventoryConfigurations");
}

TEST(S3Routes, AWordThatTheMethodDoesNotKnowIsNotPassedOver) {
  EXPECT_EQ(routed("DELETE", "/b?acl"), "MethodNotAllowed");
  EXPECT_EQ(routed("DELETE", "/b?location="), "MethodNotAllowed");
  EXPECT_EQ(routed("PUT", "/b?policyStatus"), "MethodNotAllowed");
  EXPECT_EQ(routed("DELETE", "/b/k?acl&versionId=3"), "MethodNotAllowed");
  EXPECT_EQ(routed("PUT", "/b/k?torrent"), "MethodNotAllowed");
  EXPECT_EQ(routed("POST", "/b/k"), "MethodNotAllowed");
  EXPECT_EQ(routed("POST", "/b/k?uploads&x-id=CreateMultipartUpload"), "CreateMultipartUpload");
  EXPECT_EQ(routed("DELETE", "/b/k?analytics"), "DeleteObject");  // a word of buckets only
  EXPECT_EQ(routed("DELETE", "/b/k?versioning"), "MethodNotAllowed");
  EXPECT_EQ(routed("GET", "/b/k?policy"), "MethodNotAllowed");
  EXPECT_EQ(routed("PUT", "/b/k?uploadId=u"), "MethodNotAllowed");
  EXPECT_EQ(routed("GET", "/b/k?uploads"), "InvalidRequest");
  EXPECT_EQ(routed("GET", "/b/k?versions&prefix=p"), "InvalidRequest");
  EXPECT_EQ(routed("GET", "/b?delete"), "MethodNotAllowed");
  EXPECT_EQ(routed("GET", "/b/k?restore"), "MethodNotAllowed");
  EXPECT_EQ(routed("GET", "/b?list-type=1"), "ListObjects");
  EXPECT_EQ(routed("GET", "/?acl"), "ListBuckets");
  EXPECT_EQ(routed("PUT", "/b/k?uploads=2&colour=red"), "MethodNotAllowed");
  EXPECT_EQ(routed("PUT", "/b/k?colour=red"), "PutObject");
}

TEST(S3Routes, AWordOfObjectsIsNotPassedOverAtABucket) {
  EXPECT_EQ(routed("DELETE", "/b?uploadId=u"), "InvalidRequest");
  EXPECT_EQ(routed("PUT", "/b?uploadId=u"), "MethodNotAllowed");
  EXPECT_EQ(routed("DELETE", "/b?annotation&annotationName=a"), "MethodNotAllowed");
  EXPECT_EQ(routed("DELETE", "/b/?retention"), "MethodNotAllowed");
  for (const std::string word : {"retention", "legal-hold", "attributes", "select", "renameObject"})
    EXPECT_EQ(routed("PUT", "/b?" + word), "MethodNotAllowed") << word;
  EXPECT_EQ(routed("DELETE", "/b?x-id=DeleteBucket&colour=red"), "DeleteBucket");
  EXPECT_EQ(routed("PUT", "/b?x-id=CreateBucket"), "CreateBucket");
}

TEST(S3Routes, HeadsAreOfBucketsAndObjectsOnly) {
  for (const std::string word : {"acl", "policy", "versions", "uploads", "location=1", "publicAccessBlock"})
    EXPECT_EQ(routed("HEAD", "/b?" + word), "MethodNotAllowed") << word;
  for (const std::string word : {"acl", "tagging", "retention", "attributes", "torrent", "uploadId=u", "versioning"})
    EXPECT_EQ(routed("HEAD", "/b/k?" + word), "MethodNotAllowed") << word;
  EXPECT_EQ(routed("HEAD", "/b?list-type=2&prefix=acl"), "HeadBucket");
  EXPECT_EQ(routed("HEAD", "/b/k?versionId=3&partNumber=1&x-id=HeadObject&response-expires=x&metrics"), "HeadObject");
  auto in = request("HEAD", "/b?policy", {});
  const auto route = s3().route(Protocol::rest_xml, in, "");
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().status, 405);
  EXPECT_EQ(route.error().headers, (std::vector<std::pair<std::string, std::string>>{{"Allow", "DELETE, GET, PUT"}}));
}

TEST(S3Routes, TwoSubResourcesAtOnceAreRefused) {
  const auto message = [](std::string method, std::string target) {
    auto in = request(std::move(method), std::move(target), {});
    const auto route = s3().route(Protocol::rest_xml, in, "");
    if (route) return std::string(route->operation->name);
    return route.error().code + (route.error().fields.size() > 1 ? " " + route.error().fields[1].second : "") + ": " +
           route.error().message;
  };
  constexpr std::string_view why = "Conflicting query string parameters: ";
  for (const std::string method : {"GET", "PUT", "DELETE", "HEAD", "PATCH"})
    EXPECT_EQ(message(method, "/b?policy&acl"), fmt::format("InvalidArgument acl: {}acl, policy", why)) << method;
  EXPECT_EQ(message("GET", "/b/k?uploadId=u&tagging"),
            fmt::format("InvalidArgument tagging: {}tagging, uploadId", why));
  EXPECT_EQ(message("POST", "/b/k?uploads&uploadId=u"),
            fmt::format("InvalidArgument uploadId: {}uploadId, uploads", why));
  EXPECT_EQ(message("PUT", "/b/k?cors&acl"), fmt::format("InvalidArgument acl: {}acl, cors", why));
  EXPECT_EQ(message("GET", "/b?versions&uploads&acl="),
            fmt::format("InvalidArgument acl: {}acl, uploads, versions", why));
  // What goes together.
  EXPECT_EQ(message("GET", "/b?acl&acl&x-id=GetBucketAcl"), "GetBucketAcl");
  EXPECT_EQ(message("GET", "/b?list-type=2&acl"), "GetBucketAcl");
  EXPECT_EQ(message("GET", "/b?metrics&id=policy"), "GetBucketMetricsConfiguration");
  EXPECT_EQ(message("GET", "/b/k?acl&versionId=3"), "GetObjectAcl");
  EXPECT_EQ(message("GET", "/b/k?acl&metrics"), "GetObjectAcl");  // a word of buckets only
  EXPECT_EQ(message("GET", "/b/k?uploadId=u&max-parts=1&part-number-marker=2"), "ListParts");
  EXPECT_EQ(message("GET", "/b?versions&prefix=acl&key-marker=policy"), "ListObjectVersions");
}

TEST(S3Routes, TellTheObjectsOperationsApart) {
  EXPECT_EQ(routed("GET", "/b/k"), "GetObject");
  EXPECT_EQ(routed("GET", "/b/a//b/"), "GetObject");
  EXPECT_EQ(routed("GET", "/b/k?x-id=GetObject&versionId=3"), "GetObject");
  EXPECT_EQ(routed("GET", "/b/k?acl"), "GetObjectAcl");
  EXPECT_EQ(routed("GET", "/b/k?attributes", {{"x-amz-object-attributes", "ETag"}}), "GetObjectAttributes");
  EXPECT_EQ(routed("GET", "/b/k?attributes"), "GetObjectAttributes");
  EXPECT_EQ(routed("GET", "/b/k?uploadId=u"), "ListParts");
  EXPECT_EQ(routed("HEAD", "/b/k"), "HeadObject");
  EXPECT_EQ(routed("PUT", "/b/k"), "PutObject");
  EXPECT_EQ(routed("PUT", "/b/k", {{"X-Amz-Copy-Source", "/c/d"}}), "CopyObject");
  EXPECT_EQ(routed("PUT", "/b/k?partNumber=1&uploadId=u"), "UploadPart");
  EXPECT_EQ(routed("PUT", "/b/k?partNumber=1&uploadId=u", {{"x-amz-copy-source", "/c/d"}}), "UploadPartCopy");
  EXPECT_EQ(routed("PUT", "/b/k?tagging"), "PutObjectTagging");
  EXPECT_EQ(routed("PUT", "/b/k?retention"), "PutObjectRetention");
  EXPECT_EQ(routed("POST", "/b/k?uploads"), "CreateMultipartUpload");
  EXPECT_EQ(routed("POST", "/b/k?uploadId=u"), "CompleteMultipartUpload");
  EXPECT_EQ(routed("POST", "/b/k?restore"), "RestoreObject");
  EXPECT_EQ(routed("DELETE", "/b/k"), "DeleteObject");
  EXPECT_EQ(routed("DELETE", "/b/k?uploadId=u"), "AbortMultipartUpload");
  EXPECT_EQ(routed("PATCH", "/b/k"), "MethodNotAllowed");
  EXPECT_EQ(routed("GET", "/b/k?torrent"), "GetObjectTorrent");
  EXPECT_EQ(routed("GET", "/b/k?annotation"), "ListObjectAnnotations");
  EXPECT_EQ(routed("GET", "/b/k?annotation&annotationName=n&versionId=3"), "GetObjectAnnotation");
  EXPECT_EQ(routed("PUT", "/b/k?annotation&annotationName=n"), "PutObjectAnnotation");
  EXPECT_EQ(routed("DELETE", "/b/k?annotation&annotationName=n"), "DeleteObjectAnnotation");
  EXPECT_EQ(routed("GET", "/b/%zz"), "InvalidURI");
}

const Wire& control() {
  static const Wire wire(api::s3control::service_model);
  return wire;
}

TEST(S3ControlRoutes, TellTheOperationsApart) {
  const auto name = [](std::string method, std::string target) {
    auto in = request(std::move(method), "/v20180820/" + target, {{"x-amz-account-id", "000000000000"}});
    auto route = control().route(Protocol::rest_xml, in, "");
    if (!route) return route.error().code;
    return std::string(route->operation->name) + (route->operation->served ? "" : ", refused");
  };
  EXPECT_EQ(name("GET", "configuration/publicAccessBlock"), "GetPublicAccessBlock");
  EXPECT_EQ(name("PUT", "configuration/publicAccessBlock"), "PutPublicAccessBlock");
  EXPECT_EQ(name("DELETE", "configuration/publicAccessBlock"), "DeletePublicAccessBlock");
  EXPECT_EQ(name("POST", "jobs"), "CreateJob, refused");
  EXPECT_EQ(name("GET", "accesspoint/a"), "GetAccessPoint, refused");
  EXPECT_EQ(name("PUT", "accesspoint/a/policy"), "PutAccessPointPolicy, refused");
  EXPECT_EQ(name("GET", "tags/arn%3Aaws%3As3%3A%3A%3Ab"), "ListTagsForResource");
  EXPECT_EQ(name("GET", "configuration/other"), "MethodNotAllowed");
  // Words behind a label that takes several segments.
  EXPECT_EQ(name("GET", "mrap/instances/a"), "GetMultiRegionAccessPoint, refused");
  EXPECT_EQ(name("GET", "mrap/instances/a/b"), "GetMultiRegionAccessPoint, refused");
  EXPECT_EQ(name("GET", "mrap/instances/a/policy"), "GetMultiRegionAccessPointPolicy, refused");
  EXPECT_EQ(name("GET", "mrap/instances/a/policystatus"), "GetMultiRegionAccessPointPolicyStatus, refused");
  EXPECT_EQ(name("GET", "mrap/instances/a/b/routes"), "GetMultiRegionAccessPointRoutes, refused");
  EXPECT_EQ(name("PATCH", "mrap/instances/a/routes"), "SubmitMultiRegionAccessPointRoutes, refused");
}

TEST(S3ControlRoutes, ErrorsAreWrapped) {
  const auto error = ApiError("NoSuchPublicAccessBlockConfiguration", 404, "none").with("AccountId", "000000000000");
  EXPECT_EQ(
      control().refuse(Protocol::rest_xml, error, "id").body,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse><Error>"
      "<Code>NoSuchPublicAccessBlockConfiguration</Code><Message>none</Message><AccountId>000000000000</AccountId>"
      "</Error><RequestId>id</RequestId><HostId>aWQ=</HostId></ErrorResponse>");
  EXPECT_TRUE(s3().refuse(Protocol::rest_xml, error, "id").body.find("<Error><Code>NoSuch") != std::string::npos);
  EXPECT_TRUE(s3().refuse(Protocol::rest_xml, error, "id").body.find("ErrorResponse") == std::string::npos);
}

TEST(S3ControlRoutes, ReadsAndWritesTheBlock) {
  auto in = request("PUT", "/v20180820/configuration/publicAccessBlock", {{"x-amz-account-id", "000000000000"}});
  const auto put = parse(control(), in,
                         R"(<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">)"
                         R"(<BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>)");
  ASSERT_TRUE(put) << put.error().message;
  auto& input = put->second.as<api::s3control::PutPublicAccessBlockRequest>();
  EXPECT_EQ(input.account_id, "000000000000");
  EXPECT_EQ(input.public_access_block_configuration.block_public_acls, true);
  EXPECT_FALSE(input.public_access_block_configuration.ignore_public_acls);
  api::s3control::GetPublicAccessBlockOutput out;
  out.public_access_block_configuration = input.public_access_block_configuration;
  const auto* operation = api::s3control::service_model.find("GetPublicAccessBlock");
  EXPECT_EQ(control().answer({Protocol::rest_xml, operation, {}}, Value::of(std::move(out)), "id").body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PublicAccessBlockConfiguration "
            "xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\"><BlockPublicAcls>true</BlockPublicAcls>"
            "</PublicAccessBlockConfiguration>");
  auto nameless = request("GET", "/v20180820/configuration/publicAccessBlock");
  const auto get = parse(control(), nameless, "");
  ASSERT_FALSE(get);
  EXPECT_EQ(get.error().code, "InvalidRequest");
}

TEST(S3, ObjectsComeAsStreamsWithTheirHeaders) {
  auto in = request("PUT", "/bucket/a%2Fb%20c//d",
                    {{"x-amz-meta-Colour", "Red"},
                     {"X-Amz-Meta-n", "1"},
                     {"x-amz-meta-colour", "Blue"},
                     {"Content-Type", "text/plain"},
                     {"x-amz-storage-class", "STANDARD_IA"},
                     {"Content-Length", "4"}});
  in.body = std::make_unique<TextSource>("data");
  auto route = s3().route(Protocol::rest_xml, in, "");
  ASSERT_TRUE(route);
  EXPECT_TRUE(route->streams_body());
  auto input = s3().parse(*route, in, "");
  ASSERT_TRUE(input) << input.error().message;
  auto& put = input->as<PutObjectRequest>();
  EXPECT_EQ(put.bucket, "bucket");
  EXPECT_EQ(put.key, "a/b c//d");
  EXPECT_EQ(put.content_length, 4);
  EXPECT_EQ(put.storage_class, "STANDARD_IA");
  EXPECT_EQ(put.metadata, (std::map<std::string, std::string>{{"colour", "Red,Blue"}, {"n", "1"}}));
  ASSERT_TRUE(put.body);
  std::string data(10, '\0');
  const auto got = run_blocking(put.body->read(std::as_writable_bytes(std::span(data))));
  EXPECT_EQ(*got, 4u);
}

template <class T>
T body_of(std::string target, std::string_view body) {
  auto in = request("PUT", std::move(target));
  auto parsed = parse(s3(), in, body);
  EXPECT_TRUE(parsed) << parsed.error().code << ": " << parsed.error().message;
  return parsed ? std::move(parsed->second.as<T>()) : T{};
}

TEST(S3, ReadsWhatTerraformSends) {
  const auto tagging = body_of<PutBucketTaggingRequest>(
      "/b?tagging",
      R"(<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Tag><Key>Name</Key><Value>b</Value></Tag></TagSet></Tagging>)");
  ASSERT_EQ(tagging.tagging.tag_set->size(), 1u);
  EXPECT_EQ((*tagging.tagging.tag_set)[0].key, "Name");

  const auto lifecycle = body_of<PutBucketLifecycleConfigurationRequest>(
      "/b?lifecycle",
      R"(<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><Expiration><Days>90</Days></Expiration><Filter><Prefix>logs/</Prefix></Filter>)"
      R"(<ID>r1</ID><Status>Enabled</Status><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule><Rule><ID>r2</ID><Status>Disabled</Status></Rule></LifecycleConfiguration>)");
  ASSERT_TRUE(lifecycle.lifecycle_configuration);
  ASSERT_EQ(lifecycle.lifecycle_configuration->rules.size(), 2u);
  const auto& rule = lifecycle.lifecycle_configuration->rules[0];
  EXPECT_EQ(rule.expiration->days, 90);
  EXPECT_EQ(rule.transitions->at(0).storage_class, "GLACIER");
  EXPECT_EQ(lifecycle.lifecycle_configuration->rules[1].id, "r2");

  const auto versioning = body_of<PutBucketVersioningRequest>(
      "/b?versioning",
      R"(<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>)");
  EXPECT_EQ(versioning.versioning_configuration.status, "Enabled");
}

TEST(S3, GranteesHaveATypeInAnAttribute) {
  const auto in = body_of<PutBucketAclRequest>(
      "/b?acl",
      R"(<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>o</ID></Owner><AccessControlList><Grant>)"
      R"(<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>x</ID></Grantee><Permission>READ</Permission></Grant>)"
      R"(</AccessControlList></AccessControlPolicy>)");
  ASSERT_TRUE(in.access_control_policy);
  EXPECT_EQ(in.access_control_policy->grants->at(0).grantee->type, "CanonicalUser");

  GetBucketAclOutput out;
  out.grants = in.access_control_policy->grants;
  const auto response =
      s3().answer({Protocol::rest_xml, service_model.find("GetBucketAcl"), {}}, Value::of(std::move(out)), "id");
  EXPECT_NE(
      response.body.find(
          R"(<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant><Grantee )"
          R"(xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>x</ID></Grantee><Permission>READ)"),
      std::string::npos)
      << response.body;
}

TEST(S3, WhatIsWrongIsSaid) {
  const auto error = [](std::string method, std::string target, std::string_view body,
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
    auto in = request(std::move(method), std::move(target), std::move(headers));
    auto parsed = parse(s3(), in, body);
    return parsed ? ApiError("(none)", 200, "") : parsed.error();
  };
  EXPECT_EQ(error("PUT", "/b?versioning", "<VersioningConfiguration><Status>Enabled</VersioningConfiguration>").code,
            "MalformedXML");
  EXPECT_EQ(error("PUT", "/b?versioning", "<Other/>").code, "MalformedXML");
  EXPECT_EQ(
      error("PUT", "/b?versioning", "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>").code,
      "MalformedXML");
  EXPECT_EQ(error("PUT", "/b?tagging", "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>").code,
            "MalformedXML");
  // What nobody here knows is not passed over, and of two the last does not count.
  const auto versioning = [&](const std::string& more) {
    return error("PUT", "/b?versioning",
                 "<VersioningConfiguration><Status>Enabled</Status>" + more + "</VersioningConfiguration>")
        .code;
  };
  EXPECT_EQ(versioning(""), "(none)");
  EXPECT_EQ(versioning("<Foo/>"), "MalformedXML");
  EXPECT_EQ(versioning("<Bucket>b</Bucket>"), "MalformedXML") << "which has its place elsewhere";
  EXPECT_EQ(versioning("<Status>Suspended</Status>"), "MalformedXML");
  EXPECT_EQ(error("PUT", "/b?tagging", "<Tagging><TagSet><Foo/></TagSet></Tagging>").code, "MalformedXML");
  EXPECT_EQ(error("PUT", "/b?tagging", "").code, "MissingRequestBodyError");
  const auto number = error("GET", "/b?list-type=2&max-keys=x", "");
  EXPECT_EQ(number.code, "InvalidArgument");
  EXPECT_EQ(number.fields.at(0).second, "max-keys");
  EXPECT_EQ(error("GET", "/b/k?attributes", "").code, "InvalidRequest");
  EXPECT_EQ(error("PUT", "/b/k", "", {{"x-amz-acl", "everyone"}}).code, "InvalidArgument");
}

TEST(S3, VersionsAndMarkersStandInOneOrder) {
  ListObjectVersionsOutput list;
  list.name = "b";
  list.versions.emplace(3);
  list.versions->at(0).version = {.key = "a"};
  list.versions->at(1).delete_marker = {.owner = Owner{.display_name = "n", .id = "i"}, .key = "b"};
  list.versions->at(2).version = {.key = "b"};
  const auto response =
      s3().answer({Protocol::rest_xml, service_model.find("ListObjectVersions"), {}}, Value::of(std::move(list)), "id");
  EXPECT_TRUE(response.body.ends_with(
      "<Name>b</Name><Version><Key>a</Key></Version>"
      "<DeleteMarker><Key>b</Key><Owner><ID>i</ID><DisplayName>n</DisplayName></Owner></DeleteMarker>"
      "<Version><Key>b</Key></Version></ListVersionsResult>"))
      << response.body;
}

TEST(S3, Answers) {
  ListObjectsV2Output list;
  list.name = "b";
  list.key_count = 1;
  list.is_truncated = false;
  list.contents = std::vector<Object>{{.key = "a&b", .last_modified = Time{1'700'000'000'000}, .size = 5}};
  list.common_prefixes = std::vector<CommonPrefix>{{.prefix = "p/"}, {.prefix = "q/"}};
  const auto response =
      s3().answer({Protocol::rest_xml, service_model.find("ListObjectsV2"), {}}, Value::of(std::move(list)), "id");
  EXPECT_EQ(
      response.body,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<Name>b</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key>"
      "<LastModified>2023-11-14T22:13:20.000Z</LastModified><Size>5</Size></Contents>"
      "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>q/</Prefix></CommonPrefixes>"
      "</ListBucketResult>");
  EXPECT_EQ(header(response, "x-amz-request-id"), "id");

  GetBucketLocationOutput location;
  location.location_constraint = "eu-west-1";
  EXPECT_EQ(s3().answer({Protocol::rest_xml, service_model.find("GetBucketLocation"), {}},
                        Value::of(std::move(location)), "id")
                .body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint "
            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-west-1</LocationConstraint>");
}

TEST(S3, ObjectsGoOutWithHeadersAndStream) {
  GetObjectOutput object;
  object.body = std::make_unique<TextSource>("data");
  object.etag = "\"e\"";
  object.content_type = "text/plain";
  object.last_modified = Time{1'700'000'000'000};
  object.metadata = std::map<std::string, std::string>{{"colour", "Red"}};
  const auto response =
      s3().answer({Protocol::rest_xml, service_model.find("GetObject"), {}}, Value::of(std::move(object)), "id");
  EXPECT_EQ(response.status, 200);
  ASSERT_TRUE(response.stream);
  EXPECT_EQ(header(response, "etag"), "\"e\"");
  EXPECT_EQ(header(response, "content-type"), "text/plain");
  EXPECT_EQ(header(response, "last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(header(response, "x-amz-meta-colour"), "Red");
  const auto deleted =
      s3().answer({Protocol::rest_xml, service_model.find("DeleteObject"), {}}, Value::of(DeleteObjectOutput{}), "id");
  EXPECT_EQ(deleted.status, 204);
  EXPECT_EQ(deleted.body, "");
}

TEST(S3, Errors) {
  const auto response = s3().refuse(
      Protocol::rest_xml, errors::no_such_bucket("The specified bucket does not exist").with("BucketName", "b"), "id");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket "
            "does not exist</Message>"
            "<BucketName>b</BucketName><RequestId>id</RequestId><HostId>aWQ=</HostId></Error>");
  const auto broken = s3().refuse(Protocol::rest_xml, ApiError(boreal::Error(Errc::io, "the disk")), "id");
  EXPECT_EQ(broken.status, 500);
  EXPECT_NE(broken.body.find("<Code>InternalError</Code>"), std::string::npos) << broken.body;
}

}  // namespace
}  // namespace boreal::aws::wire
