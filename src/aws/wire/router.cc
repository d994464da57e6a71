#include "aws/wire/router.h"

#include <algorithm>
#include <compare>

#include "base/text.h"

namespace boreal::aws::wire {

using codec::Location;
using codec::NamedValue;

namespace {

bool is_label(std::string_view segment) { return segment.starts_with('{'); }
bool is_greedy(std::string_view segment) { return segment.ends_with("+}"); }
std::string_view label_name(std::string_view segment) {
  return segment.substr(1, segment.size() - (is_greedy(segment) ? 3 : 2));
}

bool has_literal(const std::vector<NamedValue>& query, std::string_view name, std::string_view value) {
  return std::ranges::any_of(
      query, [&](const NamedValue& pair) { return pair.name == name && (value.empty() || pair.value == value); });
}

// S3's operations on an upload have no word of their own: this parameter tells them.
constexpr std::string_view upload_id = "uploadId";

// Words of buckets that S3 takes no notice of at a key. Its other words of buckets it does know there.
bool is_for_buckets_only(std::string_view word) {
  constexpr std::string_view words[] = {
      "abac",        "analytics",         "intelligent-tiering", "metadataConfiguration", "metadataTable", "metrics",
      "object-lock", "ownershipControls", "policyStatus",        "publicAccessBlock",     "session"};
  return std::ranges::find(words, word) != std::end(words);
}

// What S3 calls the resource that a word of the query names. At a key most are those of its bucket.
std::string_view kind_of(std::string_view word, bool is_at_key) {
  struct Kind {
    std::string_view word;
    std::string_view of_bucket;
    std::string_view of_key;
  };
  constexpr Kind kinds[] = {
      {"abac", "BUCKET_ABAC", ""},
      {"accelerate", "ACCELERATE", ""},
      {"acl", "ACL", "ACL"},
      {"analytics", "ANALYTICS", ""},
      {"annotation", "", "OBJECT_ANNOTATIONS"},
      {"attributes", "", "OBJECT_ATTRIBUTES"},
      {"cors", "CORS", ""},
      {"delete", "MULTI_OBJECT_DELETE", ""},
      {"encryption", "ENCRYPTION", "OBJECT_ENCRYPTION"},
      {"intelligent-tiering", "INTELLIGENT_TIERING", ""},
      {"inventory", "INVENTORY", ""},
      {"legal-hold", "", "OBJECT_LOCK_LEGALHOLD"},
      {"lifecycle", "LIFECYCLE", ""},
      {"location", "LOCATION", ""},
      {"logging", "LOGGING_STATUS", ""},
      {"metadataAnnotationTable", "BUCKET_METADATA_ANNOTATION_TABLE_CONFIGURATION", ""},
      {"metadataConfiguration", "BUCKET_METADATA_CONFIGURATION", ""},
      {"metadataInventoryTable", "BUCKET_METADATA_INVENTORY_TABLE_CONFIGURATION", ""},
      {"metadataJournalTable", "BUCKET_METADATA_JOURNAL_TABLE_CONFIGURATION", ""},
      {"metadataTable", "BUCKET_METADATA_TABLE_CONFIGURATION", ""},
      {"metrics", "METRICS", ""},
      {"notification", "NOTIFICATION", ""},
      {"object-lock", "OBJECT_LOCK_CONFIGURATION", ""},
      {"ownershipControls", "OWNERSHIP_CONTROLS", ""},
      {"policy", "BUCKETPOLICY", ""},
      {"policyStatus", "POLICY_STATUS", ""},
      {"publicAccessBlock", "PUBLIC_ACCESS_BLOCK", ""},
      {"replication", "REPLICATION", ""},
      {"requestPayment", "REQUEST_PAYMENT", ""},
      {"restore", "RESTORE", ""},
      {"retention", "", "OBJECT_LOCK_RETENTION"},
      {"select", "", "SELECT"},
      {"tagging", "TAGGING", "OBJECT_TAGGING"},
      {"torrent", "TORRENT", ""},
      {"uploadId", "UPLOAD", ""},
      {"uploads", "UPLOADS", ""},
      {"versioning", "VERSIONING", ""},
      {"versions", "BUCKETVERSIONS", ""},
      {"website", "WEBSITE", ""},
  };
  const Kind* found = std::ranges::find(kinds, word, &Kind::word);
  if (found == std::end(kinds)) return {};
  return is_at_key && !found->of_key.empty() ? found->of_key : found->of_bucket;
}

bool is_at_key(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t slash = path.find('/');
  return slash != std::string_view::npos && slash + 1 < path.size();
}

bool requires_in_query(const Operation& operation, std::string_view name) {
  return operation.input != nullptr && std::ranges::any_of(operation.input->fields, [&](const codec::Field& field) {
           return field.required && field.location == Location::query && field.wire_name == name;
         });
}

// A POST of S3 is nothing by itself: without the parameters of one of its operations it is not that operation.
bool lacks_query(const Operation& operation, const std::vector<NamedValue>& query) {
  return operation.input != nullptr && std::ranges::any_of(operation.input->fields, [&](const codec::Field& field) {
           return field.required && field.location == Location::query && !has_literal(query, field.wire_name, "");
         });
}

ApiError no_operation(const http::Request& request) {
  return ApiError("UnknownOperationException", 404, "No operation is bound to " + request.method + " " + request.path);
}

ApiError conflict(const std::vector<std::string_view>& named) {
  std::string list;
  for (const std::string_view word : named) list += (list.empty() ? "" : ", ") + std::string(word);
  return ApiError("InvalidArgument", 400, "Conflicting query string parameters: " + list)
      .with("ArgumentName", "ResourceType")
      .with("ArgumentValue", std::string(named.front()));
}

ApiError bad_query(std::string message, std::string_view name, std::string_view value) {
  return ApiError("InvalidArgument", 400, std::move(message))
      .with("ArgumentName", std::string(name))
      .with("ArgumentValue", std::string(value));
}

ApiError only_put_parts(const http::Request& request) {
  ApiError error("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
  error.headers.emplace_back("Allow", "PUT");
  return std::move(error).with("Method", request.method).with("ResourceType", "PART");
}

// The part of an object: a bucket has none, and nothing else that is named of a key.
Outcome<void> check_part(const http::Request& request, std::vector<std::string_view> named,
                         const std::vector<NamedValue>& query) {
  const bool is_of_upload = has_literal(query, upload_id, "");
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (!is_at_key(request.path)) {
    if (named.empty() && !is_of_upload)
      return refuse(ApiError("InvalidRequest", 400, "Object must have a valid key name."));
    if (named.empty()) return refuse(only_put_parts(request));
  } else if (named.empty() || (!is_read && request.method != "PATCH")) {
    return {};
  } else if (named.front() == upload_id) {
    return refuse(only_put_parts(request));
  } else if (!is_read) {
    return {};
  }
  named.push_back("partNumber");
  std::ranges::sort(named);
  return refuse(conflict(named));
}

// A version of an object: a bucket has none, nor do its settings and the uploads that are asked for at a key.
Outcome<void> check_version(const http::Request& request, const std::vector<std::string_view>& named,
                            std::string_view version) {
  constexpr std::string_view of_versions[] = {"acl",     "annotation", "attributes", "delete", "encryption",
                                              "restore", "legal-hold", "retention",  "select", "tagging"};
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const std::string_view word = named.empty() ? "" : named.front();
  if (is_at_key(request.path)) {
    if (!is_read || word.empty() || std::ranges::find(of_versions, word) != std::end(of_versions)) return {};
  } else {
    if (request.method == "PUT" && word == "acl") return {};
    if (request.method == "POST" && (word.empty() || word == "restore")) return {};
    if (is_read && word == "acl") return refuse(bad_query("Invalid version id specified", "versionId", version));
  }
  return refuse(bad_query("This operation does not accept a version-id.", "versionId", version));
}

// Words of objects that S3 knows at a bucket, where they have no object.
Outcome<void> check_lost_key(const http::Request& request, const std::vector<NamedValue>& query) {
  const bool has_such = request.method == "GET" || request.method == "POST" || request.method == "DELETE";
  if (has_such && has_literal(query, upload_id, ""))
    return refuse(ApiError("InvalidRequest", 400, "A key must be specified"));
  const bool is_restore = has_literal(query, "restore", "");
  if (!is_restore && !has_literal(query, "torrent", "")) return {};
  if (is_restore && request.method == "POST")
    return refuse(ApiError("UserKeyMustBeSpecified", 400, "User key must be specified."));
  ApiError error("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
  if (is_restore) error.headers.emplace_back("Allow", "POST");
  return refuse(
      std::move(error).with("Method", request.method).with("ResourceType", is_restore ? "RESTORE" : "TORRENT"));
}

// Parameters that would be passed over where S3 refuses them, before it looks at who asks.
Outcome<void> check_parameters(const http::Request& request, const std::vector<std::string_view>& named,
                               const std::vector<NamedValue>& query) {
  if (request.path.find_first_not_of('/') == std::string::npos) return {};
  if (has_literal(query, "partNumber", "")) CHECK(check_part(request, named, query));
  if (named.empty() && !is_at_key(request.path)) CHECK(check_lost_key(request, query));
  const auto version = std::ranges::find(query, "versionId", &NamedValue::name);
  if (version != query.end()) CHECK(check_version(request, named, version->value));
  const auto website = std::ranges::find(query, "website", &NamedValue::name);
  if (website != query.end() && !website->value.empty())
    return refuse(bad_query("The website parameter must not have a value", "website", website->value));
  return {};
}

}  // namespace

struct Router::Score {
  int literals = -1;  // -1: a literal is missing, no match
  bool complete = false;
  int required = 0;
  int path_literals = 0;
  bool served = false;
  auto operator<=>(const Score&) const = default;
};

Router::Router(const ServiceModel& model) {
  for (const Operation& operation : model.operations) {
    Template row{&operation, {}, {}, {}};
    const size_t mark = operation.uri.find('?');
    const std::string_view path = operation.uri.substr(0, mark);
    for (const std::string_view segment : split(path.substr(path.starts_with('/') ? 1 : 0), '/'))
      row.segments.push_back(segment);
    if (row.segments.back().empty()) row.segments.pop_back();
    if (mark != std::string_view::npos) {
      for (const std::string_view pair : split(operation.uri.substr(mark + 1), '&')) {
        const size_t equals = pair.find('=');
        const std::string_view name = pair.substr(0, equals);
        if (name == "x-id") continue;  // a hint for caches that clients need not send
        row.literals.emplace_back(name,
                                  equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
        // One with a value ("list-type=2") or behind another ("annotation&annotationName") tells a variant of the same.
        if (equals == std::string_view::npos && row.words.empty()) row.words.push_back(name);
      }
    }
    if (row.literals.empty() && requires_in_query(operation, upload_id)) row.words.push_back(upload_id);
    words_.insert(words_.end(), row.words.begin(), row.words.end());
    if (row.segments.size() == 1 && is_label(row.segments.front())) has_buckets_ = true;
    templates_.insert(std::ranges::upper_bound(templates_, operation.method, {}, &Template::method), std::move(row));
  }
  std::ranges::sort(words_);
}

bool Router::match_path(const Template& candidate, std::string_view path,
                        std::vector<std::pair<std::string_view, std::string_view>>& labels) {
  labels.clear();
  if (path.starts_with('/')) path.remove_prefix(1);
  for (size_t at = 0; at < candidate.segments.size(); ++at) {
    const std::string_view segment = candidate.segments[at];
    if (is_greedy(segment)) {
      // Words that stand behind it are the path's last ones.
      for (size_t last = candidate.segments.size() - 1; last > at; --last) {
        const size_t slash = path.rfind('/');
        if (slash == std::string_view::npos || path.substr(slash + 1) != candidate.segments[last]) return false;
        path = path.substr(0, slash);
      }
      if (path.empty()) return false;
      labels.emplace_back(label_name(segment), path);
      return true;
    }
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || (!is_label(segment) && part != segment)) return false;
    if (is_label(segment)) labels.emplace_back(label_name(segment), part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return path.empty();
}

Router::Score Router::score(const Template& candidate, const http::Request& request,
                            const std::vector<NamedValue>& query) {
  Score score;
  for (const auto& [name, value] : candidate.literals) {
    if (!has_literal(query, name, value)) return score;
  }
  score.literals = static_cast<int>(candidate.literals.size());
  score.served = candidate.operation->served;
  score.path_literals =
      static_cast<int>(std::ranges::count_if(candidate.segments, [](auto segment) { return !is_label(segment); }));
  score.complete = true;
  if (candidate.operation->input == nullptr) return score;
  for (const codec::Field& field : candidate.operation->input->fields) {
    if (!field.required || (field.location != Location::query && field.location != Location::header)) continue;
    const bool there = field.location == Location::query ? has_literal(query, field.wire_name, "")
                                                         : request.headers.has(field.wire_name);
    if (there) {
      ++score.required;
    } else {
      score.complete = false;
    }
  }
  return score;
}

// In order, each once: words of operations at this path, and at a key those of its bucket.
std::vector<std::string_view> Router::sub_resources(std::string_view path, const std::vector<NamedValue>& query) const {
  std::vector<std::string_view> named;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  const bool is_in_bucket = path.find_first_not_of('/') != std::string_view::npos;
  for (const NamedValue& pair : query) {
    if (!std::ranges::binary_search(words_, pair.name)) continue;
    const bool is_of_bucket = is_in_bucket && !is_for_buckets_only(pair.name);
    const bool is_known = std::ranges::any_of(templates_, [&](const Template& row) {
      if (std::ranges::find(row.words, pair.name) == row.words.end()) return false;
      return match_path(row, path, labels) || (is_of_bucket && row.segments.size() == 1 && is_label(row.segments[0]));
    });
    if (is_known) named.push_back(pair.name);
  }
  std::ranges::sort(named);
  const auto again = std::ranges::unique(named);
  named.erase(again.begin(), again.end());
  return named;
}

// Tells the methods that the resource, or what is named of it, has, and the resource's kind.
ApiError Router::not_allowed(const http::Request& request, const std::vector<std::string_view>& named) const {
  if (request.method == "GET" && !named.empty()) {  // of buckets these are
    if (named.front() == "uploads")
      return ApiError("InvalidRequest", 400, "Key is not expected for the GET method ?uploads subresource");
    if (named.front() == "versions")
      return ApiError("InvalidRequest", 400, "There is no such thing as the ?versions sub-resource for a key");
    if (named.front() == "logging")
      return ApiError("NoLoggingStatusForKey", 400, "There is no such thing as the ?logging sub-resource for a key");
  }
  constexpr std::string_view methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"};
  if (std::ranges::find(methods, request.method) == std::end(methods))
    return ApiError("BadRequest", 400, "An error occurred when parsing the HTTP request.");
  ApiError error("MethodNotAllowed", 405, "The specified method is not allowed against this resource.");
  error.fields.emplace_back("Method", request.method);
  constexpr std::string_view kinds[] = {"SERVICE", "BUCKET", "OBJECT"};
  std::string_view kind = named.empty() ? "" : kind_of(named.front(), is_at_key(request.path));
  std::string allowed;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  for (const std::string_view method : {"HEAD", "DELETE", "POST", "GET", "PUT"}) {
    const bool has_it = std::ranges::any_of(templates_, [&](const Template& row) {
      if (row.operation->method != method || !match_path(row, request.path, labels)) return false;
      // A part of an upload is a resource of its own.
      if (!named.empty())
        return std::ranges::find(row.words, named.front()) != row.words.end() &&
               !requires_in_query(*row.operation, "partNumber");
      if (!row.words.empty() || !row.literals.empty()) return false;
      if (row.segments.size() < std::size(kinds) && std::ranges::all_of(row.segments, is_label))
        kind = kinds[row.segments.size()];
      return true;
    });
    const bool is_form = method == "POST" && kind == "BUCKET";  // no operation of the model
    if (has_it || is_form) allowed += (allowed.empty() ? "" : ", ") + std::string(method);
  }
  if (!kind.empty()) error.fields.emplace_back("ResourceType", kind);
  if (!allowed.empty()) error.headers.emplace_back("Allow", allowed);
  return error;
}

Outcome<Route> Router::find(Protocol protocol, const http::Request& request) const {
  auto query = codec::parse_query(request.query);
  if (!query)
    return refuse(ApiError(protocol == Protocol::rest_xml ? "InvalidURI" : "SerializationException", 400,
                           query.error().message()));
  const bool is_xml = protocol == Protocol::rest_xml;
  std::vector<std::string_view> named;
  if (is_xml) named = sub_resources(request.path, *query);
  if (named.size() > 1) return refuse(conflict(named));
  if (has_buckets_) CHECK(check_parameters(request, named, *query));
  // A word of objects must not be passed over at a bucket: DELETE /bucket?uploadId=… would delete the bucket.
  const bool is_change = request.method == "PUT" || request.method == "DELETE";
  if (has_buckets_ && is_change && named.empty() && request.path != "/" && !is_at_key(request.path)) {
    const auto lost = std::ranges::find_if(
        *query, [&](const NamedValue& pair) { return std::ranges::binary_search(words_, pair.name); });
    if (lost != query->end()) return refuse(not_allowed(request, {lost->name}));
  }
  const Template* best = nullptr;
  Score best_score;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::vector<std::pair<std::string_view, std::string_view>> best_labels;
  for (const Template& candidate : std::ranges::equal_range(templates_, request.method, {}, &Template::method)) {
    // Most of S3's differ by a word in the query ("?acl"): those are out before the path is looked at.
    if (candidate.literals.size() > query->size() || !match_path(candidate, request.path, labels)) continue;
    const Score candidate_score = score(candidate, request, *query);
    if (candidate_score.literals < 0 || (best != nullptr && candidate_score <= best_score)) continue;
    best = &candidate;
    best_score = candidate_score;
    best_labels = labels;
  }
  if (best == nullptr) return refuse(is_xml ? not_allowed(request, named) : no_operation(request));
  // "?acl" with a method that has no such operation must not be taken for the one without it: DELETE /bucket?acl would
  // delete the bucket.
  const bool is_passed_over = !named.empty() && std::ranges::find(best->words, named.front()) == best->words.end();
  const bool is_nothing =
      is_xml && request.method == "POST" && best->literals.empty() && lacks_query(*best->operation, *query);
  if (is_passed_over || is_nothing) return refuse(not_allowed(request, named));
  Route route{.protocol = protocol, .operation = best->operation, .labels = {}};
  for (const auto& [name, text] : best_labels) {
    auto decoded = codec::percent_decode(text, is_xml ? codec::Plus::space : codec::Plus::plus);
    if (!decoded)
      return refuse(ApiError(protocol == Protocol::rest_xml ? "InvalidURI" : "SerializationException", 400,
                             decoded.error().message()));
    route.labels.emplace_back(name, std::move(*decoded));
  }
  return route;
}

}  // namespace boreal::aws::wire
