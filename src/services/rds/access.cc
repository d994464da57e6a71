// What policies are shown of a call: the things that it names, as handlers take them, and their tags.
#include "aws/arn.h"
#include "rds/service.h"
#include "rds/tagged.h"
#include "rds/validate.h"

namespace boreal::rds {

using aws::Access;
using aws::Outcome;

namespace {

// A name means the same in any case, and so does an ARN with that name: handlers look at the name alone (name_of()),
// among the caller's own things, of the one kind that the operation is about. So that is what policies are shown,
// however it was written: a Deny for a cluster holds for "PROD" too, and for an ARN that says another region or kind.
void show_what_is_meant(const aws::Operation& operation, const aws::Value& input, const Place& place,
                        std::vector<Access>& all) {
  for (size_t i = 0; i < operation.access.size(); ++i) {
    // "action|arn:{partition}:rds:{region}:{account}:KIND:{Member}", or with a "{Member}" that is an ARN.
    const std::string_view line = operation.access[i];
    const size_t open = line.rfind('{');
    if (open == std::string_view::npos || !line.ends_with('}')) continue;
    const auto before = line.substr(0, open);
    const std::string& resource = all[i].resource;
    const auto named = aws::string_member(input, line.substr(open + 1, line.size() - open - 2));
    if (!named) continue;
    const auto arn = aws::Arn::parse(resource);
    if (before.ends_with(':')) {
      const auto kind = before.substr(before.rfind(':', before.size() - 2) + 1);
      all[i].resource = place.arn(kind.substr(0, kind.size() - 1), name_of(*named));
    } else if (arn) {
      const std::string kind = arn->resource.substr(0, arn->resource.find(':'));
      all[i].resource = Place{arn->account, arn->region}.arn(kind, name_of(resource));
    }
  }
}

bool makes_something(const aws::Operation& operation) {
  return operation.name.starts_with("Create") || operation.name.starts_with("Copy") ||
         operation.name.starts_with("Restore");
}

}  // namespace

Task<Outcome<std::vector<Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  CO_TRY(auto all, co_await Api::access(call, operation, input));
  const Place place = place_of(call);
  show_what_is_meant(operation, input, place, all);
  if (makes_something(operation) && all.front().context.contains("aws:TagKeys")) {
    // Who gives tags at once must be allowed to give them. What is made is named last, but where it is restored.
    Access tagged = operation.name.starts_with("Restore") ? all.front() : all.back();
    tagged.action = "rds:AddTagsToResource";
    all.push_back(std::move(tagged));
  }
  for (Access& access : all) {
    CO_TRY(const auto tags, tags_of(context_.catalog, place, access.resource));
    const std::string own = tag_condition_key(access.resource);
    for (const auto& [key, value] : tags) {
      access.context.emplace("aws:ResourceTag/" + key, value);
      if (!own.empty()) access.context.emplace(own + key, value);
    }
  }
  co_return all;
}

}  // namespace boreal::rds
