#include "aws/wire/rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "aws/wire/input.h"
#include "aws/wire/text.h"
#include "aws/wire/xml.h"
#include "base/text.h"
#include "codec/json_shape.h"
#include "codec/percent.h"
#include "codec/shape_path.h"
#include "codec/time.h"

namespace boreal::aws::wire {

using codec::Field;
using codec::Kind;
using codec::Location;
using codec::Path;
using codec::Shape;
using codec::TimestampFormat;

namespace {

bool is_structure(const Shape& shape) { return shape.kind == Kind::structure || shape.kind == Kind::union_; }

const Field* payload_of(const Shape& shape) {
  const auto found = std::ranges::find_if(shape.fields, [](const Field& field) { return field.payload; });
  return found == shape.fields.end() ? nullptr : &*found;
}

bool has_body_members(const Shape& shape) {
  return std::ranges::any_of(shape.fields, [](const Field& field) { return field.location == Location::body; });
}

// A value in a header or the query that is not what the model says.
ApiError bad_argument(Protocol protocol, const Field& field, std::string_view text, const Error& error) {
  const std::string why = fmt::format("{}: {}", field.wire_name, error.message());
  if (protocol != Protocol::rest_xml) return malformed(protocol, why);
  return ApiError("InvalidArgument", 400, why)
      .with("ArgumentName", std::string(field.wire_name))
      .with("ArgumentValue", std::string(text));
}

// S3 takes max-keys= and the like as if they had not been sent.
bool is_unsaid(const Field& field, std::string_view text) {
  return text.empty() && !field.required && field.shape->kind == Kind::integer;
}

// Without a valid date these ask nothing. Source: RFC 9110, 13.1.3 and 13.1.4.
bool is_condition_on_time(std::string_view header) {
  constexpr std::string_view all[] = {"If-Modified-Since", "If-Unmodified-Since", "x-amz-copy-source-if-modified-since",
                                      "x-amz-copy-source-if-unmodified-since"};
  return std::ranges::find(all, header) != std::end(all);
}

class RestReader {
 public:
  RestReader(const Route& route, void* input, http::Request& request, std::string_view body,
             std::vector<std::string>* missing)
      : route_(route),
        shape_(*route.operation->input),
        input_(input),
        request_(request),
        body_(body),
        missing_(missing) {}

  Outcome<void> read() {
    CHECK(read_head());
    if (const Field* payload = payload_of(shape_)) return read_payload(*payload);
    return read_body_members();
  }

  Outcome<void> read_head() {
    auto query = codec::parse_query(request_.query);
    if (!query) return refuse(malformed(route_.protocol, query.error().message()));
    for (const Field& field : shape_.fields) {
      switch (field.location) {
        case Location::uri: CHECK(read_label(field)); break;
        case Location::query: CHECK(read_query(field, *query)); break;
        case Location::header: CHECK(read_header(field)); break;
        case Location::headers: read_prefixed_headers(field); break;
        default: break;
      }
    }
    return {};
  }

 private:
  void report_missing(const Field& field) {
    if (field.required) missing_->push_back(Path().member(field).text());
  }

  Outcome<void> read_value(const Field& field, const Shape& shape, void* value, std::string_view text) {
    auto read = read_text(shape, value, text);
    if (!read) return refuse(bad_argument(route_.protocol, field, text, read.error()));
    return {};
  }

  Outcome<void> read_label(const Field& field) {
    const auto found = std::ranges::find(route_.labels, field.wire_name, [](const auto& label) { return label.first; });
    if (found == route_.labels.end()) {
      report_missing(field);
      return {};
    }
    return read_value(field, *field.shape, make_member(field, input_), found->second);
  }

  Outcome<void> read_query(const Field& field, const std::vector<codec::NamedValue>& query) {
    const Shape& shape = *field.shape;
    if (shape.kind == Kind::map) return read_query_map(field, query);
    void* value = nullptr;
    for (const auto& pair : query) {
      if (pair.name != field.wire_name) continue;
      if (shape.kind == Kind::list) {
        if (value == nullptr) value = make_member(field, input_);
        CHECK(read_value(field, *shape.element, shape.list->append(value), pair.value));
      } else if (value == nullptr && !is_unsaid(field, pair.value)) {  // the first counts
        value = make_member(field, input_);
        if (route_.protocol == Protocol::rest_xml && shape.kind == Kind::boolean) {
          *static_cast<bool*>(value) = equal_ignoring_case(pair.value, "true");  // all else is false
        } else if (route_.protocol == Protocol::rest_xml && shape.kind == Kind::integer &&
                   trim(pair.value).size() != pair.value.size()) {
          return refuse(
              bad_argument(route_.protocol, field, pair.value, Error(Errc::invalid, "no spaces are expected")));
        } else {
          CHECK(read_value(field, shape, value, pair.value));
        }
      }
    }
    if (value == nullptr) report_missing(field);
    return {};
  }

  // All of the query that no other member takes.
  Outcome<void> read_query_map(const Field& field, const std::vector<codec::NamedValue>& query) {
    void* map = nullptr;
    for (const auto& pair : query) {
      const Field* own = shape_.find(pair.name);
      if (own && own->location == Location::query) continue;
      if (map == nullptr) map = make_member(field, input_);
      CHECK(read_value(field, *field.shape->element, field.shape->map->insert(map, pair.name), pair.value));
    }
    if (map == nullptr) report_missing(field);
    return {};
  }

  Outcome<void> read_header(const Field& field) {
    const auto text = request_.headers.get(field.wire_name);
    if (!text) {
      report_missing(field);
      return {};
    }
    if (is_condition_on_time(field.wire_name) && !codec::parse_http_date(*text)) return {};
    if (field.shape->kind != Kind::list) return read_value(field, *field.shape, make_member(field, input_), *text);
    void* value = nullptr;
    for (const auto& [name, line] : request_.headers) {
      if (!http::equals_ignore_case(name, field.wire_name)) continue;
      auto items = split(line, ',');
      // What is empty at the end is none, as S3 reads it; a line that is empty is one that is.
      while (items.size() > 1 && items.back().empty()) items.pop_back();
      if (items.size() == 1 && items.front().empty() && !line.empty()) continue;
      for (const std::string_view item : items) {
        if (value == nullptr) value = make_member(field, input_);
        CHECK(read_value(field, *field.shape->element, field.shape->list->append(value), trim(item)));
      }
    }
    if (value == nullptr) report_missing(field);
    return {};
  }

  // x-amz-meta-COLOUR: keys lose the prefix and are in small letters, as AWS keeps them; lines of one name are one
  // list.
  void read_prefixed_headers(const Field& field) {
    std::map<std::string, std::string> lines;
    for (const auto& [name, text] : request_.headers) {
      if (name.size() <= field.wire_name.size() ||
          !equal_ignoring_case(name.substr(0, field.wire_name.size()), field.wire_name))
        continue;
      const auto [line, is_first] = lines.emplace(to_lower(name.substr(field.wire_name.size())), text);
      if (!is_first) line->second.append(",").append(text);
    }
    if (lines.empty()) return;
    void* map = make_member(field, input_);
    for (auto& [key, text] : lines) *static_cast<std::string*>(field.shape->map->insert(map, key)) = std::move(text);
  }

  Outcome<void> read_payload(const Field& field) {
    if (field.shape->kind == Kind::stream) {
      *static_cast<std::unique_ptr<Source>*>(make_member(field, input_)) = std::move(request_.body);
      return {};
    }
    const bool is_needed = field.required && route_.protocol == Protocol::rest_xml;
    const bool is_text = field.shape->kind == Kind::string;
    // Text may be empty: it is the service that says what is wrong with it.
    if (body_.empty() && !(is_needed && is_text)) {
      if (is_needed) return refuse(ApiError("MissingRequestBodyError", 400, "Request Body is empty"));
      report_missing(field);
      return {};
    }
    void* value = make_member(field, input_);
    if (field.shape->kind == Kind::blob) {
      static_cast<codec::Blob*>(value)->bytes = body_;
    } else if (is_text) {
      *static_cast<std::string*>(value) = body_;
    } else if (route_.protocol == Protocol::rest_xml) {
      return read_xml(*field.shape, value, is_structure(*field.shape) ? field.wire_name : std::string_view());
    } else {
      return read_json(*field.shape, value);
    }
    return {};
  }

  Outcome<void> read_body_members() {
    if (!has_body_members(shape_)) return {};
    if (body_.empty()) {
      for (const Field& field : shape_.fields) {
        if (field.location == Location::body) report_missing(field);
      }
      return {};
    }
    return route_.protocol == Protocol::rest_xml ? read_xml(shape_, input_, {}) : read_json(shape_, input_);
  }

  // The root's name is held against the payload member's, which is the name that the API documents.
  Outcome<void> read_xml(const Shape& shape, void* value, std::string_view root_name) {
    auto document = xml::Document::parse(body_);
    if (!document) return refuse(malformed(route_.protocol, document.error().message()));
    const xml::Element root = document->root();
    if (!root_name.empty() && root.name() != root_name && root.name() != shape.name) {
      return refuse(malformed(route_.protocol, fmt::format("the root element is {}, not {}", root.name(), root_name)));
    }
    auto read = read_xml_members(shape, value, root, missing_);
    if (!read) return refuse(malformed(route_.protocol, read.error().message()));
    return {};
  }

  Outcome<void> read_json(const Shape& shape, void* value) {
    auto read = codec::read_json(shape, value, body_, codec::JsonStyle::protocol(), missing_);
    if (!read) return refuse(malformed(route_.protocol, read.error().message()));
    return {};
  }

  const Route& route_;
  const Shape& shape_;
  void* input_;
  http::Request& request_;
  std::string_view body_;
  std::vector<std::string>* missing_;
};

std::string header_text(const Field& field, const Shape& shape, const void* value) {
  if (shape.kind != Kind::list) return write_text(shape, value, field.timestamp_format, TimestampFormat::http_date);
  std::vector<std::string> items;
  for (size_t i = 0; i < codec::list_size(shape, value); ++i) {
    items.push_back(write_text(*shape.element, codec::list_at(shape, value, i), field.timestamp_format,
                               TimestampFormat::http_date));
  }
  return join(items, ",");
}

void write_header_members(const Shape& shape, const void* object, http::Response& response) {
  for (const Field& field : shape.fields) {
    const void* value = codec::member(field, object);
    if (value == nullptr) continue;
    if (field.location == Location::status_code) {
      response.status = static_cast<int>(codec::get_integer(*field.shape, value));
    } else if (field.location == Location::header) {
      std::string text = header_text(field, *field.shape, value);
      if (!text.empty()) response.headers.set(field.wire_name, std::move(text));
    } else if (field.location == Location::headers) {
      codec::each_entry(*field.shape, value, [&](const std::string& key, const void* entry) {
        response.headers.set(std::string(field.wire_name) + key, *static_cast<const std::string*>(entry));
      });
    }
  }
}

void write_xml_document(const ServiceModel& model, const Shape& shape, const void* object, std::string_view root,
                        std::string& out) {
  // The name of an object must come back as it is. In an error it is for people to read, and the error's code must be
  // found by strict readers too: there it is not so.
  xml::Writer xml(out, xml::Controls::numbered);
  xml.declaration();
  xml.begin(root);
  if (!model.xml_namespace.empty()) xml.attribute("xmlns", model.xml_namespace);
  write_xml_members(xml, shape, object);
  xml.end();
}

std::string_view root_name(const Shape& shape) { return shape.xml_name.empty() ? shape.name : shape.xml_name; }

void write_payload(const ServiceModel& model, const Field& field, void* object, Protocol protocol,
                   http::Response& response) {
  void* value = const_cast<void*>(codec::member(field, object));
  if (value == nullptr) return;
  const Shape& shape = *field.shape;
  if (shape.kind == Kind::stream) {
    response.stream = std::move(*static_cast<std::unique_ptr<Source>*>(value));
  } else if (shape.kind == Kind::blob) {
    response.body = static_cast<const codec::Blob*>(value)->bytes;
  } else if (shape.kind == Kind::string) {
    response.body = *static_cast<const std::string*>(value);
  } else if (protocol == Protocol::rest_xml) {
    write_xml_document(model, shape, value, field.wire_name, response.body);
    response.headers.set("Content-Type", "application/xml");
  } else {
    codec::write_json(shape, value, codec::JsonStyle::protocol(), response.body);
    response.headers.set("Content-Type", "application/json");
  }
}

}  // namespace

Outcome<void> read_rest(const Route& route, void* input, http::Request& request, std::string_view body,
                        std::vector<std::string>* missing) {
  return RestReader(route, input, request, body, missing).read();
}

Outcome<void> read_rest_head(const Route& route, void* input, http::Request& request,
                             std::vector<std::string>* missing) {
  return RestReader(route, input, request, {}, missing).read_head();
}

http::Response write_rest(const ServiceModel& model, const Route& route, const Value& output) {
  http::Response response;
  response.status = route.operation->success_status;
  const Shape* shape = route.operation->output;
  if (shape == nullptr) return response;
  if (const Field* payload = payload_of(*shape)) {
    write_payload(model, *payload, output.data(), route.protocol, response);
  } else if (route.protocol == Protocol::rest_json) {
    if (route.operation->method != "HEAD")
      codec::write_json(*shape, output.data(), codec::JsonStyle::protocol(), response.body);
    response.headers.set("Content-Type", "application/json");
  } else if (has_body_members(*shape)) {
    write_xml_document(model, *shape, output.data(), root_name(*shape), response.body);
    response.headers.set("Content-Type", "application/xml");
  }
  // After the body: a Content-Type that the operation answers with is an object's own.
  write_header_members(*shape, output.data(), response);
  return response;
}

}  // namespace boreal::aws::wire
