// What a bucket's policy may say, beyond the grammar that all policies share.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; IAM User Guide, "AWS
// global condition context keys".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/call.h"
#include "aws/error.h"
#include "aws/policy.h"
#include "codec/json_value.h"
#include "s3/resources.h"

namespace boreal::s3 {

// The document, of whose members so far only those that must be there are known to be. MalformedPolicy.
aws::Outcome<json::Value> read_policy(std::string_view text);

// MalformedPolicy: a resource outside the bucket, an action or a condition key that S3 has not, or one that does not go
// with the statement's resources. `compiled` is what the document was parsed to.
aws::Outcome<void> check_bucket_policy(const json::Value& document, const aws::Policy& compiled,
                                       const std::string& bucket);
aws::ApiError invalid_principal(std::string who);

// Whether policies are told the tags of the object that is there when this is asked of it: of what would take their
// object away or put another in its place, or is about its lock, they never are.
// Source: S3 User Guide, "Tagging and access control policies".
bool knows_existing_tags(std::string_view action);

// Whether the bucket's policy may ask for a key with this in its name (in lower case), however it spells that. Only to
// spare a look at what nobody asks for.
bool may_ask_for(const Bucket& bucket, std::string_view word);

json::Value::Array statements_of(const json::Value& document);
// The policy, if there is one, with one more statement. One that cannot be read stays as it is: the gate refuses it.
std::string with_statement(const std::optional<std::string>& policy, json::Value statement);

// The access to the bucket, or to something in it, with what the bucket has to say: its owner, its policy, and its tags
// where these count.
aws::Access access_in(const Bucket& bucket, std::string action, std::string resource);

}  // namespace boreal::s3
