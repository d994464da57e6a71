// Inventory, metrics, analytics and intelligent-tiering configurations: kept by id and read back; nothing acts on them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include "base/text.h"
#include "s3/names.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t page_size = 100;
constexpr size_t max_configurations = 1000;
constexpr size_t max_id_bytes = 64;
constexpr std::string_view bucket_arn = "arn:aws:s3:::";

template <class T>
using Configurations = std::map<std::string, T>;

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= max_id_bytes && std::ranges::all_of(id, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
  });
}

Outcome<void> malformed() { return refuse(malformed_xml()); }

// Two tags of one key, which no object has.
template <class Tags>
const std::string* key_given_twice(const Tags& tags) {
  std::set<std::string_view> keys;
  for (const auto& tag : tags) {
    if (!keys.insert(tag.key).second) return &tag.key;
  }
  return nullptr;
}

// A prefix or a tag or, within And, several of them. Metrics have but one word for any other; analyses have no word for
// a key given twice.
template <class Filter>
Outcome<void> check_filter(const std::optional<Filter>& filter) {
  if (!filter) return {};
  const auto& both = filter->and_;
  size_t kinds = filter->prefix.has_value() + filter->tag.has_value() + both.has_value();
  size_t within = both ? both->prefix.has_value() + (both->tags ? both->tags->size() : 0) : 0;
  if constexpr (requires { filter->access_point_arn; }) {
    kinds += filter->access_point_arn.has_value();
    within += both && both->access_point_arn.has_value();
  }
  if (kinds != 1) return malformed();
  const bool is_for_nothing = (both ? both->prefix : filter->prefix) == "";
  if constexpr (std::is_same_v<Filter, api::MetricsFilter>) {
    return is_for_nothing || (both && within < 2) ? malformed() : Outcome<void>();
  } else {
    if (both && within < 2) {
      return refuse({"InvalidAnd", 400,
                     "Number of Prefixes and Tags combined cannot be less than 2. And cannot contain less than 2 "
                     "elements."});
    }
    if (is_for_nothing) {
      return refuse(
          {"InvalidPrefix", 400, "Filter Prefix should be set to a valid non-empty value or not set at all."});
    }
    if constexpr (std::is_same_v<Filter, api::IntelligentTieringFilter>) {
      const auto* twice = both && both->tags ? key_given_twice(*both->tags) : nullptr;
      if (twice) {
        return refuse(
            aws::ApiError("InvalidAnd", 400,
                          fmt::format("All Tag Keys in an And must be unique. Found duplicate entry for {}.", *twice)));
      }
    }
    return {};
  }
}

bool names_bucket(std::string_view arn) { return arn.starts_with(bucket_arn) && arn.size() > bucket_arn.size(); }

Outcome<void> check_destination(const api::InventoryS3BucketDestination& to) {
  if (to.bucket.empty() || to.account_id == "") return malformed();
  if (to.encryption && to.encryption->sse_s3.has_value() == to.encryption->sse_kms.has_value()) return malformed();
  if (names_bucket(to.bucket) && !to.bucket.contains('/')) return {};
  const bool has_account = to.bucket.starts_with("arn:aws:s3::") && !to.bucket.starts_with(bucket_arn);
  return refuse(aws::ApiError("InvalidS3DestinationBucket", 400,
                              has_account ? "Bucket ARN should not specify a namespace." : "Invalid bucket ARN."));
}

Outcome<void> check_destination(const api::AnalyticsS3BucketDestination& to) {
  if (!names_bucket(to.bucket)) return refuse({"InvalidDestination", 400, "Invalid bucket ARN."});
  if (to.prefix == "") {
    return refuse({"InvalidDestination", 400,
                   "S3BucketDestination Prefix should be set with a valid non-empty value or not set at all."});
  }
  return {};
}

Outcome<void> invalid_tier(std::string why) { return refuse({"InvalidAccessTier", 400, std::move(why)}); }

// From when an object that nobody reads goes to an archive. Source: API_Tiering, "Days".
Outcome<void> check_tierings(const std::vector<api::Tiering>& tierings) {
  constexpr std::string_view archive = "ARCHIVE_ACCESS";
  constexpr std::string_view deep_archive = "DEEP_ARCHIVE_ACCESS";
  constexpr int32_t most = 730;
  if (tierings.empty()) return malformed();
  std::map<std::string_view, int32_t> tiers;
  for (const auto& tiering : tierings) {
    const std::string& tier = tiering.access_tier;
    const int32_t days = tiering.days;
    const int32_t least = tier == deep_archive ? 180 : 90;
    if (!tiers.emplace(tier, days).second) {
      return invalid_tier(
          fmt::format("All Access Tiers in a configuration must be unique. Found duplicate entry for {}.", tier));
    }
    if (days < least)
      return invalid_tier(fmt::format("Days specified in {} tier should not be less than {}.", tier, least));
    if (days > most)
      return invalid_tier(fmt::format("Days specified in {} tier should not be more than {}.", tier, most));
  }
  if (tiers.size() == 2 && tiers[deep_archive] <= tiers[archive]) {
    return invalid_tier(
        fmt::format("Days specified in {} should be greater than days specified in {}", deep_archive, archive));
  }
  return {};
}

Outcome<void> invalid_id(const std::string& id) {
  return refuse(
      aws::ApiError("InvalidConfigurationId", 400, "The specified configuration id is invalid.").with("Id", id));
}

// `id`: what the request says beside its document, which must say the same. Of metrics and inventories the document is
// judged first, but metrics by no id at all.
template <class T>
Outcome<void> check_id(const std::string& id, const T& configuration) {
  constexpr bool is_metrics = std::is_same_v<T, api::MetricsConfiguration>;
  constexpr bool is_inventory = std::is_same_v<T, api::InventoryConfiguration>;
  const bool judges_document = is_inventory || (is_metrics && !id.empty());
  if (judges_document && !is_id(configuration.id)) return malformed();
  if (!is_id(id)) return invalid_id(id);
  if (configuration.id == id) return {};
  if (!is_inventory) return malformed();
  return refuse({"IdMismatch", 400, "Document ID does not match the specified configuration ID."});
}

template <class T>
Task<Outcome<void>> put(Directory& buckets, std::string bucket, std::string id, T configuration,
                        Configurations<T> Bucket::* kept) {
  CO_CHECK(check_id(id, configuration));
  co_return co_await buckets.change(bucket, [&](Bucket& changed) -> Outcome<void> {
    auto& all = changed.*kept;
    if (!all.contains(id) && all.size() >= max_configurations) {
      return refuse(aws::ApiError(
          "TooManyConfigurations", 400,
          "You are attempting to create a new configuration but have already reached the 1,000-configuration limit."));
    }
    all.insert_or_assign(id, configuration);
    return {};
  });
}

template <class T>
Outcome<T> get(const Directory& buckets, const std::string& bucket, const std::string& id,
               Configurations<T> Bucket::* kept) {
  TRY(const BucketRef found, buckets.need(bucket));
  const auto& all = (*found).*kept;
  const auto configuration = all.find(id);
  if (configuration == all.end()) {
    return refuse(errors::no_such_configuration("The specified configuration does not exist."));
  }
  return configuration->second;
}

template <class T>
Task<Outcome<void>> remove(Directory& buckets, std::string bucket, std::string id, Configurations<T> Bucket::* kept) {
  co_return co_await buckets.change(bucket, [&](Bucket& changed) -> Outcome<void> {
    if ((changed.*kept).erase(id) == 0) {
      return refuse(errors::no_such_configuration("The specified configuration does not exist."));
    }
    return {};
  });
}

// Fills the page of a listing: list, is_truncated, next_continuation_token.
template <class T, class Output>
Outcome<void> page(const Directory& buckets, const std::string& bucket, const std::optional<std::string>& token,
                   Configurations<T> Bucket::* kept, std::optional<std::vector<T>>& list, Output& output) {
  TRY(const BucketRef found, buckets.need(bucket));
  std::string after;
  output.continuation_token = token;
  if (!token.value_or("").empty()) {
    auto begin = parse_continuation_token(*token);
    if (!begin)
      return refuse(aws::ApiError("MalformedContinuationToken", 400, "The continuation-token you provided invalid."));
    after = std::move(*begin);
  }
  const auto& all = (*found).*kept;
  output.is_truncated = false;
  for (auto at = all.upper_bound(after); at != all.end(); ++at) {
    if (!list) list.emplace();
    if (list->size() == page_size) {
      output.is_truncated = true;
      output.next_continuation_token = continuation_token(list->back().id);
      break;
    }
    list->push_back(at->second);
  }
  return {};
}

}  // namespace

// --- analytics

Task<Outcome<api::PutBucketAnalyticsConfigurationOutput>> Service::put_bucket_analytics_configuration(
    Call&, api::PutBucketAnalyticsConfigurationRequest input) {
  CO_CHECK(check_filter(input.analytics_configuration.filter));
  if (const auto& exported = input.analytics_configuration.storage_class_analysis.data_export)
    CO_CHECK(check_destination(exported->destination.s3_bucket_destination));
  CO_CHECK(
      co_await put(buckets_, input.bucket, input.id, std::move(input.analytics_configuration), &Bucket::analytics));
  co_return api::PutBucketAnalyticsConfigurationOutput{};
}
Task<Outcome<api::GetBucketAnalyticsConfigurationOutput>> Service::get_bucket_analytics_configuration(
    Call&, api::GetBucketAnalyticsConfigurationRequest input) {
  CO_TRY(auto configuration, get(buckets_, input.bucket, input.id, &Bucket::analytics));
  co_return api::GetBucketAnalyticsConfigurationOutput{.analytics_configuration = std::move(configuration)};
}
Task<Outcome<api::DeleteBucketAnalyticsConfigurationOutput>> Service::delete_bucket_analytics_configuration(
    Call&, api::DeleteBucketAnalyticsConfigurationRequest input) {
  CO_CHECK(co_await remove(buckets_, input.bucket, input.id, &Bucket::analytics));
  co_return api::DeleteBucketAnalyticsConfigurationOutput{};
}
Task<Outcome<api::ListBucketAnalyticsConfigurationsOutput>> Service::list_bucket_analytics_configurations(
    Call&, api::ListBucketAnalyticsConfigurationsRequest input) {
  api::ListBucketAnalyticsConfigurationsOutput output;
  CO_CHECK(page(buckets_, input.bucket, input.continuation_token, &Bucket::analytics,
                output.analytics_configuration_list, output));
  co_return output;
}

// --- tiering

Task<Outcome<api::PutBucketIntelligentTieringConfigurationOutput>>
Service::put_bucket_intelligent_tiering_configuration(Call&,
                                                      api::PutBucketIntelligentTieringConfigurationRequest input) {
  CO_CHECK(check_filter(input.intelligent_tiering_configuration.filter));
  CO_CHECK(check_tierings(input.intelligent_tiering_configuration.tierings));
  CO_CHECK(co_await put(buckets_, input.bucket, input.id, std::move(input.intelligent_tiering_configuration),
                        &Bucket::tiering));
  co_return api::PutBucketIntelligentTieringConfigurationOutput{};
}
Task<Outcome<api::GetBucketIntelligentTieringConfigurationOutput>>
Service::get_bucket_intelligent_tiering_configuration(Call&,
                                                      api::GetBucketIntelligentTieringConfigurationRequest input) {
  CO_TRY(auto configuration, get(buckets_, input.bucket, input.id, &Bucket::tiering));
  co_return api::GetBucketIntelligentTieringConfigurationOutput{.intelligent_tiering_configuration =
                                                                    std::move(configuration)};
}
Task<Outcome<api::DeleteBucketIntelligentTieringConfigurationOutput>>
Service::delete_bucket_intelligent_tiering_configuration(
    Call&, api::DeleteBucketIntelligentTieringConfigurationRequest input) {
  CO_CHECK(co_await remove(buckets_, input.bucket, input.id, &Bucket::tiering));
  co_return api::DeleteBucketIntelligentTieringConfigurationOutput{};
}
Task<Outcome<api::ListBucketIntelligentTieringConfigurationsOutput>>
Service::list_bucket_intelligent_tiering_configurations(Call&,
                                                        api::ListBucketIntelligentTieringConfigurationsRequest input) {
  api::ListBucketIntelligentTieringConfigurationsOutput output;
  CO_CHECK(page(buckets_, input.bucket, input.continuation_token, &Bucket::tiering,
                output.intelligent_tiering_configuration_list, output));
  co_return output;
}

// --- inventory

Task<Outcome<api::PutBucketInventoryConfigurationOutput>> Service::put_bucket_inventory_configuration(
    Call&, api::PutBucketInventoryConfigurationRequest input) {
  CO_CHECK(check_destination(input.inventory_configuration.destination.s3_bucket_destination));
  CO_CHECK(
      co_await put(buckets_, input.bucket, input.id, std::move(input.inventory_configuration), &Bucket::inventory));
  co_return api::PutBucketInventoryConfigurationOutput{};
}
Task<Outcome<api::GetBucketInventoryConfigurationOutput>> Service::get_bucket_inventory_configuration(
    Call&, api::GetBucketInventoryConfigurationRequest input) {
  CO_TRY(auto configuration, get(buckets_, input.bucket, input.id, &Bucket::inventory));
  co_return api::GetBucketInventoryConfigurationOutput{.inventory_configuration = std::move(configuration)};
}
Task<Outcome<api::DeleteBucketInventoryConfigurationOutput>> Service::delete_bucket_inventory_configuration(
    Call&, api::DeleteBucketInventoryConfigurationRequest input) {
  CO_CHECK(co_await remove(buckets_, input.bucket, input.id, &Bucket::inventory));
  co_return api::DeleteBucketInventoryConfigurationOutput{};
}
Task<Outcome<api::ListBucketInventoryConfigurationsOutput>> Service::list_bucket_inventory_configurations(
    Call&, api::ListBucketInventoryConfigurationsRequest input) {
  api::ListBucketInventoryConfigurationsOutput output;
  CO_CHECK(page(buckets_, input.bucket, input.continuation_token, &Bucket::inventory,
                output.inventory_configuration_list, output));
  co_return output;
}

// --- metrics

Task<Outcome<api::PutBucketMetricsConfigurationOutput>> Service::put_bucket_metrics_configuration(
    Call&, api::PutBucketMetricsConfigurationRequest input) {
  CO_CHECK(check_filter(input.metrics_configuration.filter));
  CO_CHECK(co_await put(buckets_, input.bucket, input.id, std::move(input.metrics_configuration), &Bucket::metrics));
  co_return api::PutBucketMetricsConfigurationOutput{};
}
Task<Outcome<api::GetBucketMetricsConfigurationOutput>> Service::get_bucket_metrics_configuration(
    Call&, api::GetBucketMetricsConfigurationRequest input) {
  CO_TRY(auto configuration, get(buckets_, input.bucket, input.id, &Bucket::metrics));
  co_return api::GetBucketMetricsConfigurationOutput{.metrics_configuration = std::move(configuration)};
}
Task<Outcome<api::DeleteBucketMetricsConfigurationOutput>> Service::delete_bucket_metrics_configuration(
    Call&, api::DeleteBucketMetricsConfigurationRequest input) {
  CO_CHECK(co_await remove(buckets_, input.bucket, input.id, &Bucket::metrics));
  co_return api::DeleteBucketMetricsConfigurationOutput{};
}
Task<Outcome<api::ListBucketMetricsConfigurationsOutput>> Service::list_bucket_metrics_configurations(
    Call&, api::ListBucketMetricsConfigurationsRequest input) {
  api::ListBucketMetricsConfigurationsOutput output;
  CO_CHECK(page(buckets_, input.bucket, input.continuation_token, &Bucket::metrics, output.metrics_configuration_list,
                output));
  co_return output;
}

}  // namespace boreal::s3
