#include "aws/wire/form.h"

#include <algorithm>
#include <span>

#include "aws/wire/text.h"
#include "base/text.h"
#include "codec/form.h"
#include "codec/percent.h"
#include "codec/shape_path.h"
#include "codec/utf8.h"

namespace boreal::aws::wire {

using codec::Field;
using codec::Kind;
using codec::NamedValue;
using codec::Path;
using codec::Seen;
using codec::Shape;

namespace {

constexpr size_t max_name_bytes = 1024;
constexpr size_t max_pairs = 10'000;

// Orders names so that what lies under one prefix stands together: '.' before all else.
bool path_less(std::string_view a, std::string_view b) {
  const auto rank = [](char c) { return c == '.' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

// The pairs under one prefix; a view into the sorted form.
class Branch {
 public:
  explicit Branch(std::span<const NamedValue> pairs, size_t depth = 0) : pairs_(pairs), prefix_bytes_(depth) {}

  bool empty() const { return pairs_.empty(); }
  // What was given for the prefix itself.
  const std::string* own() const {
    if (pairs_.empty() || pairs_.front().name.size() + 1 > prefix_bytes_) return nullptr;
    return &pairs_.front().value;
  }

  Branch child(std::string_view segment) const {
    const auto begin =
        std::ranges::lower_bound(pairs_, segment, path_less, [&](const NamedValue& pair) { return rest(pair); });
    auto end = begin;
    while (end != pairs_.end() && first_segment(*end) == segment) ++end;
    return Branch({begin, end}, prefix_bytes_ + segment.size() + 1);
  }

  // Children that are numbers, in their order; others are ignored.
  std::vector<Branch> items() const {
    std::vector<std::pair<uint64_t, Branch>> found;
    for (auto at = pairs_.begin(); at != pairs_.end();) {
      const std::string_view segment = first_segment(*at);
      auto end = at;
      while (end != pairs_.end() && first_segment(*end) == segment) ++end;
      const auto number = parse_uint(segment);
      if (number && rest_is_there(*at))
        found.emplace_back(*number, Branch({at, end}, prefix_bytes_ + segment.size() + 1));
      at = end;
    }
    std::ranges::sort(found, {}, [](const auto& item) { return item.first; });
    std::vector<Branch> items;
    for (auto& [number, branch] : found) items.push_back(branch);
    return items;
  }

 private:
  bool rest_is_there(const NamedValue& pair) const { return pair.name.size() >= prefix_bytes_; }
  std::string_view rest(const NamedValue& pair) const {
    return rest_is_there(pair) ? std::string_view(pair.name).substr(prefix_bytes_) : std::string_view();
  }
  std::string_view first_segment(const NamedValue& pair) const {
    const std::string_view name = rest(pair);
    return name.substr(0, name.find('.'));
  }

  std::span<const NamedValue> pairs_;
  size_t prefix_bytes_;  // "Tags." has 5: the segment that follows begins here
};

class FormReader {
 public:
  FormReader(Protocol protocol, std::vector<std::string>* missing)
      : is_ec2_(protocol == Protocol::ec2), missing_(missing) {}

  Result<void> read_structure(const Shape& shape, void* object, const Branch& branch, const Path& path) {
    Seen seen(shape);
    for (const Field& field : shape.fields) {
      const Branch child = branch.child(is_ec2_ && !field.query_name.empty() ? field.query_name : field.wire_name);
      if (child.empty()) continue;
      seen.add(field);
      CHECK(read(*field.shape, make_member(field, object), child, path.member(field), field.flattened));
    }
    seen.report_missing(path, missing_);
    return {};
  }

 private:
  Result<void> read(const Shape& shape, void* value, const Branch& branch, const Path& path, bool flattened) {
    switch (shape.kind) {
      case Kind::structure:
      case Kind::union_: return read_structure(shape, value, branch, path);
      case Kind::list: return read_list(shape, value, branch, path, flattened);
      case Kind::map: return read_map(shape, value, branch, path, flattened);
      default: break;
    }
    const std::string* text = branch.own();
    if (text == nullptr) return fail(Errc::invalid, path.text() + ": a single value is expected");
    if (auto read = read_text(shape, value, *text); !read)
      return std::unexpected(std::move(read).error().within(path.text()));
    return {};
  }

  // Tags.Tag.1 where the model names the items, Tags.member.1 always, Tags.1 in EC2 and for flattened lists.
  Result<void> read_list(const Shape& shape, void* list, const Branch& branch, const Path& path, bool flattened) {
    Branch items = branch;
    if (!is_ec2_ && !flattened) {
      items = branch.child(shape.element_name);
      if (items.empty()) items = branch.child("member");
    }
    const auto all = items.items();
    for (size_t i = 0; i < all.size(); ++i) {
      CHECK(read(*shape.element, shape.list->append(list), all[i], path.element(i), false));
    }
    return {};
  }

  Result<void> read_map(const Shape& shape, void* map, const Branch& branch, const Path& path, bool flattened) {
    for (const Branch& entry : (flattened ? branch : branch.child("entry")).items()) {
      const std::string* key = entry.child(shape.key_name).own();
      if (key == nullptr) return fail(Errc::invalid, path.text() + ": an entry has no key");
      CHECK(
          read(*shape.element, shape.map->insert(map, *key), entry.child(shape.element_name), path.entry(*key), false));
    }
    return {};
  }

  bool is_ec2_;
  std::vector<std::string>* missing_;
};

}  // namespace

Result<std::vector<NamedValue>> read_form(const http::Request& request, std::string_view body) {
  TRY(auto pairs, codec::parse_form(request.query, max_pairs));
  TRY(auto more, codec::parse_form(body, max_pairs));
  std::ranges::move(more, std::back_inserter(pairs));
  return pairs;
}

Result<std::optional<std::string>> find_in_form(const http::Request& request, std::string_view body,
                                                std::string_view name) {
  size_t pairs = 0;
  for (std::string_view text : {std::string_view(request.query), body}) {
    for (; !text.empty() && pairs < max_pairs; ++pairs) {
      const std::string_view piece = text.substr(0, text.find('&'));
      text.remove_prefix(std::min(piece.size() + 1, text.size()));
      const size_t equals = std::min(piece.find('='), piece.size());
      if (codec::percent_decode_leniently(piece.substr(0, std::min(equals, 3 * name.size() + 1)), codec::Plus::space) !=
          name)
        continue;
      TRY(auto value, codec::percent_decode(piece.substr(std::min(equals + 1, piece.size())), codec::Plus::space));
      return value;
    }
  }
  return std::nullopt;
}

namespace {

// What every request may have. Source: EC2 API Reference, "Common query parameters"; the rest older signers send.
bool is_common(std::string_view name) {
  constexpr std::string_view names[] = {"Action",    "Version",         "AWSAccessKeyId",   "Expires",  "SecurityToken",
                                        "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"};
  return name.starts_with("X-Amz-") || std::ranges::find(names, name) != std::end(names);
}

const Field* find_parameter(const Shape& shape, std::string_view name) {
  const auto found = std::ranges::find_if(shape.fields, [&](const Field& field) {
    return name == (field.query_name.empty() ? field.wire_name : field.query_name);
  });
  return found == shape.fields.end() ? nullptr : &*found;
}

// The first part of the name that leads nowhere; empty: all do.
std::string_view unknown_part(const Shape& root, std::string_view name) {
  const Shape* shape = &root;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(part.size() + 1, name.size()));
    if (shape->kind == Kind::structure || shape->kind == Kind::union_) {
      const Field* field = find_parameter(*shape, part);
      if (field == nullptr) return part;
      shape = field->shape;
    } else if (shape->kind == Kind::list) {
      if (!parse_uint(part)) return part;
      shape = shape->element;
    } else {
      return {};  // the reader says what is wrong with a value that has parts
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> unknown_parameter(const Shape& shape, const std::vector<NamedValue>& pairs) {
  for (const NamedValue& pair : pairs) {
    if (is_common(pair.name)) continue;
    const std::string_view part = unknown_part(shape, pair.name);
    if (!part.empty()) return std::string(part);
  }
  return std::nullopt;
}

Result<void> read_form_shape(Protocol protocol, const Shape& shape, void* value, std::vector<NamedValue> pairs,
                             std::vector<std::string>* missing) {
  for (const auto& pair : pairs) {
    if (pair.name.size() > max_name_bytes) return fail(Errc::invalid, "a parameter's name is longer than 1024 bytes");
    // Records hold text: other bytes would be read back as something else.
    if (!codec::is_utf8(pair.value)) return fail(Errc::invalid, "the value of " + pair.name + " is not UTF-8");
  }
  std::ranges::sort(pairs, path_less, &NamedValue::name);
  const auto twice = std::ranges::adjacent_find(pairs, {}, &NamedValue::name);
  if (twice != pairs.end()) return fail(Errc::invalid, "the parameter " + twice->name + " is given twice");
  const Path root;
  return FormReader(protocol, missing).read_structure(shape, value, Branch(pairs), root);
}

}  // namespace boreal::aws::wire
