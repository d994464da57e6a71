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

using Literals = std::vector<std::pair<std::string_view, std::string_view>>;

// Whether the query has a literal of `all` that is not one of `own`.
bool has_foreign_literal(const std::vector<NamedValue>& query, const Literals& all, const Literals& own) {
  return std::ranges::any_of(all, [&](const auto& literal) {
    return has_literal(query, literal.first, "") &&
           std::ranges::none_of(own, [&](const auto& mine) { return mine.first == literal.first; });
  });
}

// A POST of S3 is nothing by itself: without the parameters of one of its operations it is not that operation.
bool lacks_query(const Operation& operation, const std::vector<NamedValue>& query) {
  return operation.input != nullptr && std::ranges::any_of(operation.input->fields, [&](const codec::Field& field) {
           return field.required && field.location == Location::query && !has_literal(query, field.wire_name, "");
         });
}

ApiError no_operation(Protocol protocol, const http::Request& request) {
  if (protocol == Protocol::rest_xml) {
    return ApiError("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
        .with("Method", request.method);
  }
  return ApiError("UnknownOperationException", 404, "No operation is bound to " + request.method + " " + request.path);
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
    Template row{&operation, {}, {}};
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
      }
    }
    templates_.push_back(std::move(row));
  }
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

// "?acl" with a method that has no such operation must not be taken for the one without it: DELETE /bucket?acl would
// delete the bucket.
bool Router::fits(const Template& best, const http::Request& request, const std::vector<NamedValue>& query) const {
  if (request.method == "GET" || request.method == "HEAD") return true;
  if (best.literals.empty() && request.method == "POST" && lacks_query(*best.operation, query)) return false;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  return query.empty() || std::ranges::none_of(templates_, [&](const Template& other) {
           return has_foreign_literal(query, other.literals, best.literals) && match_path(other, request.path, labels);
         });
}

Outcome<Route> Router::find(Protocol protocol, const http::Request& request) const {
  auto query = codec::parse_query(request.query);
  if (!query)
    return refuse(ApiError(protocol == Protocol::rest_xml ? "InvalidURI" : "SerializationException", 400,
                           query.error().message()));
  const Template* best = nullptr;
  Score best_score;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::vector<std::pair<std::string_view, std::string_view>> best_labels;
  for (const Template& candidate : templates_) {
    // Most of S3's differ by a word in the query ("?acl"): those are out before the path is looked at.
    if (candidate.operation->method != request.method || candidate.literals.size() > query->size() ||
        !match_path(candidate, request.path, labels)) {
      continue;
    }
    const Score candidate_score = score(candidate, request, *query);
    if (candidate_score.literals < 0 || (best != nullptr && candidate_score <= best_score)) continue;
    best = &candidate;
    best_score = candidate_score;
    best_labels = labels;
  }
  if (best == nullptr) return refuse(no_operation(protocol, request));
  if (protocol == Protocol::rest_xml && !fits(*best, request, *query)) return refuse(no_operation(protocol, request));
  Route route{.protocol = protocol, .operation = best->operation, .labels = {}};
  for (const auto& [name, text] : best_labels) {
    auto decoded = codec::percent_decode(text);
    if (!decoded)
      return refuse(ApiError(protocol == Protocol::rest_xml ? "InvalidURI" : "SerializationException", 400,
                             decoded.error().message()));
    route.labels.emplace_back(name, std::move(*decoded));
  }
  return route;
}

}  // namespace boreal::aws::wire
