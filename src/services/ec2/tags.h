// Tags: of every kind of resource, at its creation and after.
// Source: EC2 API Reference, CreateTags, DeleteTags, TagSpecification.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/ec2/types.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

// Keys of 1 to 128 characters and not "aws:…", values of at most 256, 50 of a resource.
aws::Outcome<void> put_tags(Tags& tags, const std::vector<api::Tag>& more);

// The tags of TagSpecifications for a resource of the type; InvalidParameterValue for specifications of other types.
aws::Outcome<Tags> tags_of(const std::optional<std::vector<api::TagSpecification>>& specifications,
                           std::string_view type);

std::vector<api::Tag> to_tags(const Tags& tags);

// "vpc-1" -> "vpc"; empty when no resource's id looks so.
std::string_view type_of_id(std::string_view id);

// Changes the tags of the resource that the id names; `change` answers an Outcome<void>. The resource's own error when
// it is not there, InvalidID when nothing is called so.
using ChangeTags = std::function<aws::Outcome<void>(Tags&)>;
aws::Outcome<void> change_tags(store::Transaction& tx, const View& view, std::string_view id, const ChangeTags& change);

struct TaggedResource {
  std::string_view type;
  std::string id;
  Tags tags;
  std::string vpc_id = {};  // that it lies in, if it lies in one
};
// Everything of the place that may have tags, in the order of ids.
aws::Outcome<std::vector<TaggedResource>> all_tagged(const View& view);

}  // namespace boreal::ec2
