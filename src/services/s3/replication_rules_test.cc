#include "s3/replication_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace boreal::s3 {
namespace {

using testing::ElementsAre;

api::ReplicationRule rule(std::string id, int32_t priority, std::string prefix, std::string to) {
  api::ReplicationRule made;
  made.id = std::move(id);
  made.priority = priority;
  made.filter.emplace().prefix = std::move(prefix);
  made.status = "Enabled";
  made.destination.bucket = "arn:aws:s3:::" + to;
  made.delete_marker_replication = api::DeleteMarkerReplication{.status = "Disabled"};
  return made;
}

class ReplicationRulesTest : public testing::Test {
 protected:
  ReplicationRulesTest() {
    bucket.name = "from";
    bucket.versioning = "Enabled";
    bucket.replication.emplace().role = "arn:aws:iam::000000000000:role/r";
  }
  void set(std::vector<api::ReplicationRule> rules) { bucket.replication->rules = std::move(rules); }
  std::vector<std::string> chosen(const std::string& key, const objects::Meta& meta = {}, bool is_marker = false) {
    objects::Version version;
    version.key = key;
    version.meta = meta;
    version.is_delete_marker = is_marker;
    std::vector<std::string> ids;
    for (const auto* one : rules_for(bucket, version)) ids.push_back(*one->id);
    return ids;
  }
  Bucket bucket;
};

std::string code(std::vector<api::ReplicationRule> rules) {
  const auto checked = check_replication({.role = "r", .rules = std::move(rules)});
  return checked ? "" : checked.error().code;
}

TEST_F(ReplicationRulesTest, EachDestinationHasTheRuleOfHighestPriority) {
  set({rule("all", 1, "", "a"), rule("docs", 5, "docs/", "a"), rule("b", 3, "docs/", "b")});
  EXPECT_THAT(chosen("x"), ElementsAre("all"));
  EXPECT_THAT(chosen("docs/x"), ElementsAre("docs", "b"));
  bucket.replication->rules[1].status = "Disabled";
  EXPECT_THAT(chosen("docs/x"), ElementsAre("all", "b"));
}

TEST_F(ReplicationRulesTest, TagsMustAllBeThere) {
  auto tagged = rule("tagged", 1, "", "a");
  tagged.filter = api::ReplicationRuleFilter{};
  tagged.filter->and_ =
      api::ReplicationRuleAndOperator{.prefix = "p/", .tags = std::vector<api::Tag>{{"a", "1"}, {"b", "2"}}};
  set({tagged});
  objects::Meta meta;
  meta.tags = {{"a", "1"}};
  EXPECT_THAT(chosen("p/x", meta), ElementsAre());
  meta.tags.emplace("b", "2");
  EXPECT_THAT(chosen("p/x", meta), ElementsAre("tagged"));
  EXPECT_THAT(chosen("q/x", meta), ElementsAre());
}

TEST_F(ReplicationRulesTest, MarkersKmsAndArchivesWantToBeNamed) {
  set({rule("plain", 1, "", "a")});
  EXPECT_FALSE(replicates_marker(bucket, "x"));
  objects::Meta meta;
  meta.attributes.emplace(attribute::encryption, "aws:kms");
  EXPECT_FALSE(replicates_object(bucket, "x", meta));
  auto& all = bucket.replication->rules[0];
  all.delete_marker_replication->status = "Enabled";
  all.source_selection_criteria.emplace().sse_kms_encrypted_objects = api::SseKmsEncryptedObjects{.status = "Enabled"};
  EXPECT_TRUE(replicates_marker(bucket, "x"));
  EXPECT_TRUE(replicates_object(bucket, "x", meta));
  meta.tier = "DEEP_ARCHIVE";
  EXPECT_FALSE(replicates_object(bucket, "x", meta));
  bucket.versioning = "Suspended";
  EXPECT_FALSE(replicates_object(bucket, "x", {}));
}

TEST_F(ReplicationRulesTest, TheFirstVersionReplicatesMarkers) {
  auto old = rule("old", 0, "", "a");
  old.filter.reset();
  old.priority.reset();
  old.delete_marker_replication.reset();
  old.prefix = "p/";
  EXPECT_EQ(code({old}), "");
  set({old});
  EXPECT_TRUE(replicates_marker(bucket, "p/x"));
  EXPECT_FALSE(replicates_marker(bucket, "q/x"));
  auto mixed = old;
  mixed.priority = 0;
  EXPECT_EQ(code({mixed}), "InvalidRequest");
  mixed = old;
  mixed.delete_marker_replication = api::DeleteMarkerReplication{.status = "Disabled"};
  EXPECT_EQ(code({mixed}), "InvalidRequest");
  mixed = old;
  mixed.prefix.reset();
  EXPECT_EQ(code({mixed}), "MalformedXML");
}

TEST_F(ReplicationRulesTest, StatusFollowsWrites) {
  set({rule("all", 1, "", "a")});
  objects::Version version;
  version.key = "k";
  EXPECT_FALSE(replicates_change(bucket, version));  // from before the rules
  EXPECT_TRUE(mark_for_replication(bucket, "k", version.meta));
  EXPECT_EQ(replication_status_of(version.meta), "PENDING");
  EXPECT_TRUE(replicates_change(bucket, version));
  version.meta.attributes[std::string(attribute::replication)] = "REPLICA";
  EXPECT_FALSE(replicates_change(bucket, version));
  mark_pending(version.meta);
  EXPECT_EQ(replication_status_of(version.meta), "REPLICA");
  bucket.replication->rules[0].source_selection_criteria.emplace().replica_modifications =
      api::ReplicaModifications{.status = "Enabled"};
  EXPECT_TRUE(replicates_change(bucket, version));
}

TEST_F(ReplicationRulesTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(code({rule("a", 1, "", "b")}), "");
  EXPECT_EQ(code({}), "MalformedXML");
  EXPECT_EQ(code({rule("a", 1, "", "b"), rule("a", 2, "", "b")}), "InvalidArgument");
  EXPECT_EQ(code({rule("a", 1, "", "b"), rule("c", 1, "", "b")}), "InvalidRequest");
  auto bad = rule("a", 1, "", "b");
  bad.destination.bucket = "b";
  EXPECT_EQ(code({bad}), "InvalidArgument");
  EXPECT_EQ(code({rule("a", 1, "", "b/object")}), "InvalidArgument");
  bad = rule("a", 1, "", "b");
  for (const std::string name : {"NO_SUCH_CLASS", "EXPRESS_ONEZONE"}) {
    bad.destination.storage_class = name;
    EXPECT_EQ(code({bad}), "MalformedXML") << name;
  }
  bad.destination.storage_class = "GLACIER";
  EXPECT_EQ(code({bad}), "");
  bad.destination.replication_time = api::ReplicationTime{.status = "Disabled", .time = {.minutes = 15}};
  EXPECT_EQ(code({bad}), "InvalidRequest");
  bad.destination.metrics = api::Metrics{.status = "Disabled", .event_threshold = {}};
  EXPECT_EQ(code({bad}), "");
  EXPECT_EQ(code({rule("a", 1, std::string(1024, 'p'), "b")}), "");
  EXPECT_EQ(code({rule("a", 1, std::string(1025, 'p'), "b")}), "InvalidArgument");
  EXPECT_EQ(code({rule("a", 0, "", "b")}), "");
  EXPECT_EQ(code({rule("a", -1, "", "b")}), "InvalidRequest");
  bad = rule("a", 1, "", "b");
  bad.delete_marker_replication->status.reset();
  EXPECT_EQ(code({bad}), "MalformedXML");
  bad = rule("a", 1, "", "b");
  bad.priority.reset();
  EXPECT_EQ(code({bad}), "InvalidRequest");
  bad = rule("a", 1, "", "b");
  bad.destination.encryption_configuration = api::EncryptionConfiguration{.replica_kms_key_id = "k"};
  EXPECT_EQ(code({bad}), "InvalidRequest");
  auto& kms = bad.source_selection_criteria.emplace().sse_kms_encrypted_objects.emplace();
  for (const std::string status : {"Enabled", "Disabled"}) {
    kms.status = status;
    bad.destination.encryption_configuration.reset();
    EXPECT_EQ(code({bad}), "InvalidRequest") << status;
    bad.destination.encryption_configuration = api::EncryptionConfiguration{.replica_kms_key_id = "k"};
    EXPECT_EQ(code({bad}), "InvalidArgument") << status;
    bad.destination.encryption_configuration->replica_kms_key_id = "arn:aws:kms:us-east-1:000000000000:key/k";
    EXPECT_EQ(code({bad}), "") << status;
  }
  bad = rule("a", 1, "", "b");
  bad.source_selection_criteria.emplace();
  EXPECT_EQ(code({bad}), "InvalidRequest");
  bad.source_selection_criteria.emplace().replica_modifications = api::ReplicaModifications{.status = "Disabled"};
  EXPECT_EQ(code({bad}), "");
  bad = rule("a", 1, "", "b");
  bad.destination.metrics = api::Metrics{.status = "Enabled", .event_threshold = {}};
  EXPECT_EQ(code({bad}), "NotImplemented");
}

TEST_F(ReplicationRulesTest, AndIsOfTwoThingsOrMore) {
  using Tags = std::vector<api::Tag>;
  const auto with = [](std::optional<std::string> prefix, Tags tags) {
    auto made = rule("a", 1, "", "b");
    made.filter = api::ReplicationRuleFilter{};
    made.filter->and_ = api::ReplicationRuleAndOperator{.prefix = std::move(prefix), .tags = std::move(tags)};
    return code({made});
  };
  EXPECT_EQ(with("p/", {{"a", "1"}}), "");
  EXPECT_EQ(with({}, {{"a", "1"}, {"b", "1"}}), "");
  EXPECT_EQ(with({}, {}), "MalformedXML");
  EXPECT_EQ(with("p/", {}), "MalformedXML");
  EXPECT_EQ(with({}, {{"a", "1"}}), "MalformedXML");
  EXPECT_EQ(with({}, {{"a", "1"}, {"a", "2"}}), "InvalidRequest");
}

}  // namespace
}  // namespace boreal::s3
