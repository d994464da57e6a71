#include "s3/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "aws/wire/wire.h"
#include "base/text.h"
#include "codec/form.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "s3/bucket_policy.h"
#include "s3/names.h"
#include "s3/post_form.h"
#include "s3/refusal.h"
#include "s3/replication_rules.h"
#include "s3/wording.h"
#include "store/record.h"

namespace boreal::s3 {

namespace {

// What stands in the address of a form, which has all it says in its fields. DeleteObjects is a POST of a bucket, too.
std::optional<std::string> stray_parameter(std::string_view query) {
  const auto pairs = codec::parse_query(query).value_or(std::vector<codec::NamedValue>());
  if (pairs.empty() || std::ranges::find(pairs, "delete", &codec::NamedValue::name) != pairs.end()) return std::nullopt;
  return pairs.front().name;
}

// What permissions on an object are judged by.
struct Basis {
  std::string owner;
  std::string acl;
  std::map<std::string, std::string> tags;
  BOREAL_RECORD(Basis, owner, acl, tags)
};

std::string basis_of(const Call& call, const Bucket& bucket, const objects::Meta& meta) {
  Basis basis{meta.owner, attribute_of(meta, attribute::acl), {}};
  const bool is_root = call.caller.principal().kind == aws::Principal::Kind::root;
  if (!is_root || may_ask_for(bucket, "existingobjecttag")) basis.tags.insert(meta.tags.begin(), meta.tags.end());
  return store::encode(basis);
}

// Under which name a call knows what access() took an object to be, and what that is: the version's id, a blank, and
// the basis; of one that was not there nothing.
std::string place_of(const Bucket& bucket, std::string_view key, const std::optional<std::string>& version_id) {
  return fmt::format("object {} {} {}", bucket.id, version_id.value_or(""), key);
}
std::string_view basis_in(std::string_view judged) { return judged.substr(std::min(judged.find(' '), judged.size())); }
constexpr std::string_view contradiction = "- -";

}  // namespace

bool is_judged_alike(const Call& call, const Bucket& bucket, const objects::Meta& one, const objects::Meta& other) {
  return basis_of(call, bucket, one) == basis_of(call, bucket, other);
}

void remember_judged(Call& call, const Bucket& bucket, std::string_view key,
                     const std::optional<std::string>& version_id, const objects::Version* there) {
  std::string judged;
  if (there != nullptr) judged = fmt::format("{} {}", there->id.text(), basis_of(call, bucket, there->meta));
  const auto [at, is_first] = call.asked_for.emplace(place_of(bucket, key, version_id), judged);
  // Two permissions that were asked of two things: neither is let have both.
  if (!is_first && basis_in(at->second) != basis_in(judged)) at->second = contradiction;
}

std::vector<objects::Tier> storage_tiers() {
  return {{"STANDARD", false},           {"STANDARD_IA", false}, {"ONEZONE_IA", false}, {"INTELLIGENT_TIERING", false},
          {"REDUCED_REDUNDANCY", false}, {"GLACIER_IR", false},  {"GLACIER", true},     {"DEEP_ARCHIVE", true}};
}

Service::Service(aws::ServiceContext context, Options options, objects::Objects& objects, Peers peers,
                 crypto::Sealer sealer)
    : context_(context),
      options_(std::move(options)),
      objects_(objects),
      accounts_(context),
      buckets_(context, objects, accounts_),
      keys_(std::move(sealer), context.random, peers.kms),
      replication_(context, buckets_, objects_, keys_, peers.gate, options_.remotes),
      access_log_(context, buckets_, objects_, keys_, peers.gate, replication_),
      lifecycle_(context, buckets_, objects_, keys_, access_log_),
      roles_(peers.roles),
      wire_(model()) {}

Task<Result<void>> Service::start() {
  CO_CHECK(accounts_.load());
  CO_CHECK(co_await buckets_.start());
  if (options_.lifecycle_tick > Duration(0)) lifecycle_.start(options_.lifecycle_tick);
  CO_CHECK(access_log_.start(options_.access_log_tick));
  replication_.start(options_.replication_tick);
  co_return Result<void>();
}

Task<void> Service::stop() {
  co_await lifecycle_.stop();
  co_await replication_.stop();
  co_await access_log_.stop();
}

Task<std::optional<http::Response>> Service::intercept(http::Request& request, aws::Gate& gate,
                                                       const std::string& request_id) {
  if (!codec::percent_decode(request.path))
    co_return aws::wire::refuse(aws::Protocol::rest_xml, aws::ApiError("400", 400, "Bad Request"), request_id);
  if (auto site = site_of(request.host)) {
    if (request.method != "OPTIONS") co_return co_await answer_website(request, gate, request_id, std::move(*site));
    request.path = "/" + site->bucket + request.path;
  }
  if (request.method == "OPTIONS") co_return answer_preflight(request, request_id);
  if (request.method != "POST" || !is_bucket(request.path)) co_return std::nullopt;
  const auto type = request.headers.get("content-type").value_or("");
  const bool is_form = to_lower(type).starts_with("multipart/form-data");
  if (!request.query.empty()) {
    const auto stray = is_form ? stray_parameter(request.query) : std::nullopt;
    if (!stray) co_return std::nullopt;
    co_return aws::wire::refuse(aws::Protocol::rest_xml,
                                errors::invalid_argument("Query String Parameters not allowed on POST requests.")
                                    .with("ArgumentName", *stray)
                                    .with("ArgumentValue", "null"),
                                request_id);
  }
  auto boundary = form_boundary(type);
  if (!boundary && is_form) {
    co_return aws::wire::refuse(aws::Protocol::rest_xml,
                                aws::ApiError("MalformedPOSTRequest", 400,
                                              "The body of your POST request is not well-formed multipart/form-data."),
                                request_id);
  }
  if (!boundary) {
    co_return aws::wire::refuse(
        aws::Protocol::rest_xml,
        errors::precondition_failed("At least one of the pre-conditions you specified did not hold")
            .with("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"),
        request_id);
  }
  if (options_.keys_are_public && !takes_forms_of(request)) {
    co_return aws::wire::refuse(
        aws::Protocol::rest_xml,
        aws::ApiError("AccessDenied", 403,
                      "Every page knows the keys of boreal dev: forms of pages elsewhere are taken for buckets only "
                      "whose CORS rules allow POST to that origin."),
        request_id);
  }
  auto answer = co_await post_object(request, gate, request_id, std::move(*boundary));
  if (answer) co_return std::move(*answer);
  co_return aws::wire::refuse(aws::Protocol::rest_xml, answer.error(), request_id);
}

// A HEAD answer tells the length of the body that it does not have.
void Service::finish(const http::Request& request, http::Response& response) {
  response.headers.set("Server", "AmazonS3");  // some clients and monitors look for it
  add_cors(request, response);
  // AWS's front says no more of such an address, nor of one with a % that is no escape.
  if (response.status == 400 && (leads_out(key_of(request.path)) || !codec::percent_decode(request.path)))
    response.body.clear();
  const auto length = response.headers.get("content-length");
  if (request.method == "HEAD" && length) {
    if (const auto number = parse_uint(*length)) response.head_length = *number;
  }
  // Whoever looks for a bucket learns its region even where it may not see it.
  const bool is_look = request.method == "HEAD" || request.method == "GET";
  if (is_look && response.status == 403 && is_bucket(request.path)) {
    if (const BucketRef bucket = buckets_.find(bucket_of(request.path)))
      response.headers.set("x-amz-bucket-region", bucket->region);
  }
  // How it is versioned is nothing for those who are let do nothing there.
  if (request.headers.has(replica_field) && response.status != 403) {
    const BucketRef bucket = buckets_.find(bucket_of(request.path));
    if (bucket != nullptr && bucket->versioning == "Enabled") response.headers.set(replica_field, replica_kept);
  }
  access_log_.finish(request, response);
}

Task<aws::ApiError> Service::no_such_key(Call& call, BucketRef bucket, std::string key) {
  // Who may not list must not learn which keys there are.
  auto may_list = co_await call.authorize(access_aside(call, *bucket, "s3:ListBucket", nullptr));
  if (!may_list) co_return std::move(may_list).error();
  co_return errors::no_such_key("The specified key does not exist.").with("Key", key);
}

// Who is let have one thing must not be handed another that has come in its place since: it is as if it had been found
// when that was judged. The bytes of a version stay what they were then, whatever tags or list it gets meanwhile; only
// who is told of those, or changes them, must have been judged by what they are.
Task<Outcome<void>> Service::keep_to_judged(const Call& call, BucketRef bucket, std::string place, bool with_data,
                                            Result<objects::Found>& found) {
  const auto asked = call.asked_for.find(place);
  if (asked == call.asked_for.end() || !found || found->version->is_delete_marker) co_return Outcome<void>();
  const std::string_view judged = asked->second;
  if (judged.empty()) {
    found = fail(Errc::not_found, "there was no such object when it was judged");
    co_return Outcome<void>();
  }
  const auto id = objects::Id::parse(judged.substr(0, judged.find(' ')));
  const bool is_of_basis = call.operation.name.ends_with("Tagging") || call.operation.name.ends_with("Acl");
  const auto is_it = [&](const objects::Version& version) {
    const bool has_same_bytes = id && version.id == *id;
    return (has_same_bytes && !is_of_basis) || basis_in(judged).substr(1) == basis_of(call, *bucket, version.meta);
  };
  if (is_it(*found->version)) co_return Outcome<void>();
  if (!id) co_return refuse(overtaken());
  const std::string key = found->version->key;
  found = co_await objects_.find(bucket->id, key, objects::Select::exact(*id), with_data);
  if (found ? !is_it(*found->version) : found.error().code() == Errc::not_found) co_return refuse(overtaken());
  co_return Outcome<void>();
}

Task<Outcome<objects::Found>> Service::find_object(Call& call, BucketRef bucket, std::string key,
                                                   std::optional<std::string> version_id, bool with_data,
                                                   OnMarker on_marker) {
  CO_CHECK(check_key(key));
  CO_TRY(const auto which, parse_version(version_id));
  auto found = co_await objects_.find(bucket->id, key, which, with_data);
  if (!call.asked_for.empty())  // root is seldom judged by what is there
    CO_CHECK(co_await keep_to_judged(call, bucket, place_of(*bucket, key, version_id), with_data, found));
  if (!found) {
    if (found.error().code() != Errc::not_found) co_return refuse(aws::ApiError(std::move(found).error()));
    if (!version_id) co_return refuse(co_await no_such_key(call, bucket, key));
    co_return refuse(errors::no_such_version("The specified version does not exist.")
                         .with("Key", key)
                         .with("VersionId", *version_id));
  }
  if (!found->version->is_delete_marker) co_return std::move(*found);
  if (version_id || on_marker == OnMarker::not_allowed) {
    auto error = errors::method_not_allowed("The specified method is not allowed against this resource.")
                     .with("Method", call.http.method)
                     .with("ResourceType", "DeleteMarker");
    error.headers.emplace_back("x-amz-delete-marker", "true");
    error.headers.emplace_back("x-amz-version-id", version_text(*found->version));
    error.headers.emplace_back("Allow", "DELETE");
    // Source: S3 User Guide, "Working with delete markers".
    const bool is_read = call.operation.name == "GetObject" || call.operation.name == "HeadObject";
    if (is_read) error.headers.emplace_back("Last-Modified", codec::format_http_date(found->version->modified));
    co_return refuse(std::move(error));
  }
  auto error = co_await no_such_key(call, bucket, key);
  if (error.status == 404) {
    error.headers.emplace_back("x-amz-delete-marker", "true");
    error.headers.emplace_back("x-amz-version-id", version_text(*found->version));
  }
  co_return refuse(std::move(error));
}

Task<Outcome<objects::Version>> Service::update_object(Call& call, BucketRef bucket, std::string key,
                                                       std::optional<std::string> version_id,
                                                       std::function<Outcome<void>(objects::Version&)> edit) {
  // Also says what is wrong when there is nothing to change. A restore is told of a marker as a read is.
  const auto on_marker = call.operation.name == "RestoreObject" ? OnMarker::no_such_key : OnMarker::not_allowed;
  CO_TRY(const auto found, co_await find_object(call, bucket, key, version_id, false, on_marker));
  Refusal refusal;
  CO_TRY(const auto replica, co_await replica_for(call, *bucket, key));
  const bool is_replicated = !replica && replicates_change(*bucket, *found.version);
  const auto change = [&](objects::Version& version) -> Result<void> {
    if (version.is_delete_marker) return fail(Errc::not_found, "the object was deleted meanwhile");
    if (version.id != found.version->id && !is_judged_alike(call, *bucket, found.version->meta, version.meta)) {
      return refusal.hold(refuse(overtaken()));
    }
    if (is_replicated) mark_pending(version.meta);
    return refusal.hold(edit(version));
  };
  // A null version that was overwritten since is meant still.
  const auto place =
      found.version->is_null ? objects::Select::null_version() : objects::Select::exact(found.version->id);
  auto updated = co_await objects_.update(bucket->id, key, place, change, is_replicated);
  if (updated && is_replicated) replication_.wake(bucket->name);
  if (updated) co_return std::move(*updated);
  if (updated.error().code() == Errc::not_found) co_return refuse(co_await no_such_key(call, bucket, key));
  co_return refuse(refusal.of(std::move(updated).error()));
}

}  // namespace boreal::s3
