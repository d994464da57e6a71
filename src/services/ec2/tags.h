// Tags: of every kind of resource, at its creation and after.
// Source: EC2 API Reference, CreateTags, DeleteTags, TagSpecification.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/ec2/types.h"
#include "base/task.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

inline constexpr size_t max_tags = 50;  // of a resource

// Keys of 1 to 128 characters and not "aws:…", values of at most 256, max_tags of a resource.
aws::Outcome<void> put_tags(Tags& tags, const std::vector<api::Tag>& more);

// The tags of TagSpecifications for a resource of the type; InvalidParameterValue for specifications of other types.
aws::Outcome<Tags> tags_of(const std::optional<std::vector<api::TagSpecification>>& specifications,
                           std::string_view type);

std::vector<api::Tag> to_tags(const Tags& tags);

// "vpc-1" -> "vpc"; empty when no resource's id looks so.
std::string_view type_of_id(std::string_view id);

// Changes the tags of the resources that the ids name. A resource's own error when one is not there, InvalidID when
// nothing is called so.
using ChangeTags = std::function<aws::Outcome<void>(Tags&)>;
aws::Outcome<void> change_tags(store::Transaction& tx, const View& view, const std::vector<std::string>& ids,
                               const ChangeTags& change);

struct TaggedResource {
  std::string_view type;
  std::string id;
  Tags tags;
};
// Everything of the place that may have tags, in the order of ids.
Task<aws::Outcome<std::vector<TaggedResource>>> all_tagged(const View& view);

}  // namespace boreal::ec2
