#include <fmt/format.h>

#include "dms/convert.h"
#include "dms/service.h"
#include "dms/tagged.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

aws::ApiError no_resource(const std::string& arn) {
  return errors::resource_not_found_fault(fmt::format("There is no resource with the ARN '{}'.", arn));
}

}  // namespace

Task<Outcome<api::AddTagsToResourceResponse>> Service::add_tags_to_resource(aws::Call& call,
                                                                            api::AddTagsToResourceMessage input) {
  CO_TRY(const auto more, checked_tags(input.tags));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto tags, tags_of(tx, place_of(call), input.resource_arn));
  if (!tags) co_return refuse(no_resource(input.resource_arn));
  CO_CHECK(merge_tags(*tags, more));
  CO_CHECK(set_tags(tx, place_of(call), input.resource_arn, *tags));
  CO_CHECK(co_await tx.commit());
  co_return api::AddTagsToResourceResponse();
}

Task<Outcome<api::RemoveTagsFromResourceResponse>> Service::remove_tags_from_resource(
    aws::Call& call, api::RemoveTagsFromResourceMessage input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto tags, tags_of(tx, place_of(call), input.resource_arn));
  if (!tags) co_return refuse(no_resource(input.resource_arn));
  for (const auto& key : input.tag_keys) tags->erase(key);
  CO_CHECK(set_tags(tx, place_of(call), input.resource_arn, *tags));
  CO_CHECK(co_await tx.commit());
  co_return api::RemoveTagsFromResourceResponse();
}

Task<Outcome<api::ListTagsForResourceResponse>> Service::list_tags_for_resource(aws::Call& call,
                                                                                api::ListTagsForResourceMessage input) {
  const bool many = input.resource_arn_list && !input.resource_arn_list->empty();
  if (many == input.resource_arn.has_value()) {
    co_return refuse(errors::invalid_parameter_combination_exception(
        "Either ResourceArn or ResourceArnList must be given, and not both."));
  }
  const auto arns = many ? *input.resource_arn_list : std::vector{*input.resource_arn};
  CO_TRY(auto tx, co_await begin(call));
  api::ListTagsForResourceResponse output;
  output.tag_list.emplace();
  for (const auto& arn : arns) {
    CO_TRY(const auto tags, tags_of(tx, place_of(call), arn));
    if (!tags) co_return refuse(no_resource(arn));
    for (auto& tag : tag_list(*tags)) {
      if (many) tag.resource_arn = arn;
      output.tag_list->push_back(std::move(tag));
    }
  }
  co_return output;
}

}  // namespace boreal::dms
