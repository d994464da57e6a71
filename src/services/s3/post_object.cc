// POST Object: a browser's form is read as the PutObject that it stands for, and then goes that one's way.
#include <fmt/format.h>

#include <algorithm>

#include "aws/gate.h"
#include "aws/wire/wire.h"
#include "aws/wire/xml.h"
#include "base/text.h"
#include "codec/mail_words.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "codec/utf8.h"
#include "codec/xml.h"
#include "s3/names.h"
#include "s3/object_meta.h"
#include "s3/post_form.h"
#include "s3/post_policy.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t chunk_bytes = 16 << 10;

aws::ApiError missing_field(std::string_view name) {
  return errors::invalid_argument(
             fmt::format("Bucket POST must contain a field named '{}'.  If it is specified, please "
                         "check the order of the fields.",
                         name))
      .with("ArgumentName", std::string(name))
      .with("ArgumentValue", "");
}

// Signed with version 2, which S3 takes of forms still.
bool is_version_2(const Form& form) {
  return form.find("x-amz-algorithm") == nullptr &&
         (form.find("AWSAccessKeyId") != nullptr || form.find("signature") != nullptr);
}

// The signature of a form, in one of its two ways; nullopt: the form is anonymous.
Outcome<std::optional<aws::FormSignature>> signature_of(const Form& form) {
  const auto value = [&](std::string_view name) {
    const std::string* found = form.find(name);
    return found ? *found : std::string();
  };
  const auto has = [&](std::string_view name) { return form.find(name) != nullptr; };
  const bool is_older = is_version_2(form);
  const bool is_signed = is_older || has("x-amz-algorithm") || has("x-amz-signature") || has("x-amz-credential");
  if (!has("policy")) {
    if (is_signed) return refuse(missing_field("policy"));
    return std::nullopt;
  }
  aws::FormSignature signature;
  signature.policy = value("policy");
  signature.version_2 = is_older;
  const std::vector<std::string_view> wanted =
      is_older ? std::vector<std::string_view>{"AWSAccessKeyId", "Signature"}
               : std::vector<std::string_view>{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"};
  for (const std::string_view name : wanted) {
    if (!has(name)) return refuse(missing_field(name));
  }
  signature.algorithm = value("x-amz-algorithm");
  signature.credential = value(is_older ? "AWSAccessKeyId" : "x-amz-credential");
  signature.date = value("x-amz-date");
  signature.signature = value(is_older ? "signature" : "x-amz-signature");
  return signature;
}

// The field `tagging` holds XML; PutObject wants a query string.
Outcome<std::string> tagging_header(const std::string& text) {
  const auto malformed = [] { return refuse(malformed_xml()); };
  const auto document = xml::Document::parse(text);
  if (!document) return malformed();
  if (document->root().name() != "Tagging") return std::string();  // which AWS takes for no tags
  api::Tagging tagging;
  std::vector<std::string> missing;
  const auto read = aws::wire::read_xml_members(codec::shape_of<api::Tagging>(), &tagging, document->root(), &missing);
  if (!read || !missing.empty()) return malformed();
  std::string query;
  for (const auto& tag : tagging.tag_set.value_or(std::vector<api::Tag>())) {
    if (!query.empty()) query += '&';
    query += codec::percent_encode(tag.key) + "=" + codec::percent_encode(tag.value);
  }
  return query;
}

bool is_header_field(std::string_view name) {
  for (const std::string_view known : {"cache-control", "content-type", "content-disposition", "content-encoding",
                                       "content-language", "content-md5", "expires", "if-match", "if-none-match"}) {
    if (name == known) return true;
  }
  const bool is_of_signature = name == "x-amz-algorithm" || name == "x-amz-credential" || name == "x-amz-date" ||
                               name == "x-amz-signature" || name == "x-amz-security-token" ||
                               name == "x-amz-content-sha256";
  return name.starts_with("x-amz-") && !is_of_signature;
}

// What has no place in Latin-1 becomes a blank.
std::string latin_1(std::string_view utf8) {
  std::string latin;
  for (size_t at = 0; at < utf8.size(); at += codec::utf8_length(utf8, at)) {
    const auto first = static_cast<unsigned char>(utf8[at]);
    const bool has_place = first <= 0xc3;
    latin += first < 0x80 ? utf8[at] : has_place ? static_cast<char>((first << 6) | (utf8[at + 1] & 0x3f)) : ' ';
  }
  return latin;
}

// A form holds UTF-8, a header Latin-1, and one of metadata words of RFC 2047: what looks like one in the form is none.
// Source: S3 User Guide, "Working with object metadata".
std::string header_value(const std::string& name, const std::string& value) {
  if (!codec::is_utf8(value)) return value;
  if (!name.starts_with("x-amz-")) return latin_1(value);
  const bool is_meant = !name.starts_with("x-amz-meta-") || (codec::is_mail_safe(value) && !value.contains("=?"));
  return is_meant ? value : codec::mail_word(value);
}

bool is_one_line(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

Outcome<http::Request> put_request(const http::Request& post, const Form& form, const std::string& bucket,
                                   const std::string& key) {
  http::Request put;
  put.method = "PUT";
  put.path = "/" + codec::percent_encode(bucket) + "/" + codec::percent_encode(key, codec::Slash::keep);
  put.target = put.path;
  put.host = post.host;
  put.peer = post.peer;
  put.tls = post.tls;
  for (const std::string_view name : {"user-agent", "referer", "origin"}) {
    if (const auto value = post.headers.get(name)) put.headers.add(name, *value);
  }
  for (const FormField& field : form.fields) {
    const std::string name = to_lower(field.name);
    const std::string value = header_value(name, field.value);
    if (!is_one_line(name) || !is_one_line(field.value) || name.contains('\0') || value.contains('\0')) {
      return refuse(errors::invalid_argument("A field of the form has a line break in it.").with("ArgumentName", name));
    }
    // The first counts, here as for the form's policy: another behind it was held against no condition.
    const bool is_again = form.find(name) != &field.value;
    if (is_again) continue;
    if (name == "acl") {
      put.headers.set("x-amz-acl", field.value);
    } else if (name == "tagging") {
      TRY(const std::string tagging, tagging_header(field.value));
      put.headers.set("x-amz-tagging", tagging);
    } else if (is_header_field(name)) {
      const bool is_metadata = name.starts_with("x-amz-meta-");  // which may be anything
      if (!is_metadata && !is_header_value(value)) {
        return refuse(
            errors::invalid_argument("A field of the form has a control character in it.").with("ArgumentName", name));
      }
      // What policies are told of it and what is done must be one: no header has blanks around its value.
      put.headers.set(name, is_metadata ? std::string_view(value) : trim(value));
    }
  }
  return put;
}

// Where the browser is sent after a success; nullopt: nowhere, as where it is no URL.
std::optional<std::string> redirect_of(const Form& form, const std::string& bucket, const std::string& key,
                                       const std::string& etag) {
  const std::string* target = form.find("success_action_redirect");
  if (target == nullptr) target = form.find("redirect");
  if (target == nullptr || !(target->starts_with("http://") || target->starts_with("https://"))) return std::nullopt;
  if (!is_header_value(*target)) return std::nullopt;
  return fmt::format("{}{}bucket={}&key={}&etag={}", *target, target->find('?') == std::string::npos ? "?" : "&",
                     codec::percent_encode(bucket), codec::percent_encode(key), codec::percent_encode(etag));
}

// `response`: that of the PutObject.
http::Response tell_success(http::Response response, const Form& form, const std::string& location,
                            const std::string& bucket, const std::string& key, const std::string& etag) {
  response.status = 204;
  response.headers.set("Location", location);
  if (const auto redirect = redirect_of(form, bucket, key, etag)) {
    response.status = 303;
    response.headers.set("Location", *redirect);
    return response;
  }
  const std::string* wanted = form.find("success_action_status");
  if (wanted == nullptr) return response;
  if (*wanted == "200") response.status = 200;
  if (*wanted != "201") return response;
  response.status = 201;
  xml::Writer xml(response.body);
  xml.declaration();
  xml.begin("PostResponse");
  xml.element("Location", location);
  xml.element("Bucket", bucket);
  xml.element("Key", key);
  xml.element("ETag", etag);
  xml.end();
  response.headers.set("Content-Type", "application/xml");
  return response;
}

}  // namespace

Task<Outcome<aws::Caller>> Service::authenticate_form(http::Request& request, aws::Gate& gate, const Form& form,
                                                      const Bucket& bucket, FormFile::Limits& limits) {
  CO_TRY(auto signature, signature_of(form));
  if (!signature) {
    aws::CheckedBody* checked = nullptr;
    co_return co_await gate.authenticate(request, model(), aws::Protocol::rest_xml, nullptr, &checked);
  }
  const std::string* token = form.find("x-amz-security-token");
  CO_TRY(auto caller,
         co_await gate.authenticate_form(*signature, token ? *token : "", bucket.region, aws::Protocol::rest_xml));
  CO_TRY(const auto policy, PostPolicy::parse(signature->policy));
  // Version 2 tells no time.
  const Time signed_at = codec::parse_basic(signature->date).value_or(Time{});
  CO_CHECK(policy.check(form, bucket.name, gate.now_for(signed_at)));
  limits = policy.limits();
  co_return std::move(caller);
}

Task<Outcome<http::Response>> Service::post_object(http::Request& request, aws::Gate& gate, std::string request_id,
                                                   std::string boundary) {
  FormParser parser(boundary);
  std::string chunk(chunk_bytes, '\0');
  for (bool begun = false; !begun;) {
    CO_TRY(const size_t got, co_await request.body->read(std::as_writable_bytes(std::span(chunk))));
    if (got == 0) co_return refuse(FormParser::ended_early());
    CO_TRY(begun, parser.take(std::string_view(chunk).substr(0, got)));
  }
  Form& form = parser.form();
  CO_CHECK(fill_in_file_name(form));
  const std::string bucket_name = bucket_of(request.path);
  CO_TRY(const BucketRef bucket, buckets_.need(bucket_name));
  const std::string* key_field = form.find("key");
  if (key_field == nullptr) co_return refuse(missing_field("key"));
  const std::string key = *key_field;
  if (key.empty()) {
    co_return refuse(
        errors::invalid_argument("User key must have a length greater than 0.").with("ArgumentName", "key"));
  }
  if (leads_out(key)) {
    co_return refuse(errors::invalid_argument("The key leads out of the bucket: it has more '..' than segments before.")
                         .with("ArgumentName", "key"));
  }
  FormFile::Limits limits;
  CO_TRY(const auto caller, co_await authenticate_form(request, gate, form, *bucket, limits));

  CO_TRY(http::Request put, put_request(request, form, bucket_name, key));
  std::optional<aws::ApiError> failure;
  put.body = std::make_unique<FormFile>(*request.body, parser.delimiter(), parser.rest(), limits, failure);
  CO_TRY(const auto route, wire_.route(aws::Protocol::rest_xml, put, ""));
  // A form puts what it brings; with this field it would be CopyObject.
  if (route.operation->name != "PutObject") co_return refuse(unserved_header("x-amz-copy-source"));
  auto input = wire_.parse(route, put, "");
  if (!input) co_return refuse(in_own_words(std::move(input).error()));
  // What access() shows to policies is a POST, with the date of its signature and with its own conditions, though they
  // ask nothing of a form.
  put.method = request.method;
  if (const std::string* date = form.find("x-amz-date")) put.headers.set("x-amz-date", *date);
  for (const std::string_view name : {"if-match", "if-none-match"}) {
    if (const auto value = request.headers.get(name)) put.headers.set(name, *value);
  }
  Call call{.caller = caller,
            .operation = *route.operation,
            .region = bucket->region,
            .account = caller.account(),
            .request_id = request_id,
            .now = context_.clock.now(),
            .http = put,
            .response_headers = {},
            .gate = gate,
            .is_version_2 = is_version_2(form)};
  auto asked = co_await access(call, *route.operation, *input);
  access_log_.pass_on(put, request);  // it is the form that is answered
  CO_TRY(auto accesses, std::move(asked));
  for (Access& one : accesses) CO_CHECK(co_await call.authorize(std::move(one)));
  auto made = co_await put_object(call, std::move(input->as<api::PutObjectRequest>()));
  if (!made) {
    if (failure) co_return refuse(std::move(*failure));
    co_return refuse(made.error());
  }
  const std::string etag = made->etag.value_or("");
  http::Response response = wire_.answer(route, aws::Value::of(std::move(*made)), request_id);
  for (const auto& [name, value] : call.response_headers) response.headers.set(name, value);
  const std::string location = address_of(request, bucket_name) + codec::percent_encode(key);
  co_return tell_success(std::move(response), form, location, bucket_name, key, etag);
}

}  // namespace boreal::s3
