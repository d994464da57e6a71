// What the house tells a monitoring system of itself.
#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "io/space.h"
#include "s3/replication.h"
#include "server/metrics.h"
#include "server/rooms.h"
#include "server/version.h"

namespace boreal::server {

namespace {

using RemoteFigures = std::map<std::string, s3::Replication::Figures>;
using OperationsFigures = std::map<std::string, aws::OperationFigures, std::less<>>;  // by "service:Operation"

constexpr size_t buckets_told = 1000;  // one by one

void measure_operations(const OperationsFigures& operations, Metrics& metrics) {
  const auto each = [&](const auto& sample) {
    for (const auto& [name, figures] : operations) {
      const size_t colon = name.find(':');
      sample(std::string_view(name).substr(0, colon), std::string_view(name).substr(colon + 1), figures);
    }
  };
  metrics.family("boreal_requests_total", "counter", "Requests answered since the start, whose operation was found.");
  each([&](std::string_view service, std::string_view operation, const aws::OperationFigures& figures) {
    metrics.sample({{"service", service}, {"operation", operation}}, static_cast<double>(figures.calls));
  });
  metrics.family("boreal_request_errors_total", "counter",
                 "Those answered 4xx (fault: client) and 5xx (fault: server).");
  each([&](std::string_view service, std::string_view operation, const aws::OperationFigures& figures) {
    metrics.sample({{"service", service}, {"operation", operation}, {"fault", "client"}},
                   static_cast<double>(figures.client_errors));
    metrics.sample({{"service", service}, {"operation", operation}, {"fault", "server"}},
                   static_cast<double>(figures.server_errors));
  });
  std::array<double, aws::time_bounds_us.size()> bounds;
  std::ranges::transform(aws::time_bounds_us, bounds.begin(),
                         [](uint64_t us) { return static_cast<double>(us) / 1e6; });
  metrics.family("boreal_request_duration_seconds", "histogram", "Time until their answers were ready to be sent.");
  each([&](std::string_view service, std::string_view operation, const aws::OperationFigures& figures) {
    metrics.buckets({{"service", service}, {"operation", operation}}, bounds, figures.times,
                    static_cast<double>(figures.total_us) / 1e6);
  });
}

void measure_remotes(const RemoteFigures& remotes, Metrics& metrics) {
  metrics.family("boreal_remote_buckets", "gauge", "Buckets at other endpoints.");
  metrics.sample({}, static_cast<double>(remotes.size()));
  metrics.family("boreal_remote_buckets_in_trouble", "gauge", "Those that could not be reached at the last attempt.");
  metrics.sample({}, static_cast<double>(
                         std::ranges::count_if(remotes, [](const auto& one) { return !one.second.trouble.empty(); })));
  if (remotes.empty()) return;
  metrics.family("boreal_replicated_versions_total", "counter",
                 "Versions that were sent (COMPLETED) or refused (FAILED).");
  for (const auto& [name, figures] : remotes) {
    metrics.sample({{"remote_bucket", name}, {"status", "COMPLETED"}}, static_cast<double>(figures.completed));
    metrics.sample({{"remote_bucket", name}, {"status", "FAILED"}}, static_cast<double>(figures.failed));
  }
  metrics.family("boreal_replication_pending", "gauge",
                 "Versions that wait, no more than 1000 of each source bucket counted.");
  for (const auto& [name, figures] : remotes)
    metrics.sample({{"remote_bucket", name}}, static_cast<double>(figures.pending));
}

// Nothing counts them as they come and go: the scrubber does, which reads everything anyway.
void measure_buckets(const s3::Directory& directory, const objects::Scrubber& scrubber, Metrics& metrics) {
  metrics.family("boreal_buckets", "gauge", "Buckets there are.");
  metrics.sample({}, static_cast<double>(directory.all().size()));
  std::vector<std::pair<std::string_view, const objects::BucketCount*>> counted;
  for (const auto& [name, bucket] : directory.all() | std::views::take(buckets_told)) {
    const auto found = scrubber.counts().find(bucket->id);
    if (found != scrubber.counts().end()) counted.emplace_back(name, &found->second);
  }
  metrics.family("boreal_bucket_objects", "gauge",
                 "What the scrubber last found in the bucket: keys with an object, versions behind these, delete "
                 "markers, parts of uploads under way. Of the first 1000 buckets.");
  for (const auto& [name, count] : counted) {
    metrics.sample({{"bucket", name}, {"kind", "current"}}, static_cast<double>(count->objects));
    metrics.sample({{"bucket", name}, {"kind", "noncurrent"}}, static_cast<double>(count->noncurrent));
    metrics.sample({{"bucket", name}, {"kind", "delete_marker"}}, static_cast<double>(count->delete_markers));
    metrics.sample({{"bucket", name}, {"kind", "upload"}}, static_cast<double>(count->parts));
  }
  metrics.family("boreal_bucket_bytes", "gauge",
                 "Their sizes, as they were uploaded: on the disk it may be less, shared or compressed.");
  for (const auto& [name, count] : counted) {
    metrics.sample({{"bucket", name}, {"kind", "current"}}, static_cast<double>(count->bytes));
    metrics.sample({{"bucket", name}, {"kind", "noncurrent"}}, static_cast<double>(count->noncurrent_bytes));
    metrics.sample({{"bucket", name}, {"kind", "upload"}}, static_cast<double>(count->part_bytes));
  }
  metrics.family("boreal_bucket_counted_timestamp_seconds", "gauge", "When the scrubber had been through the bucket.");
  for (const auto& [name, count] : counted)
    metrics.sample({{"bucket", name}}, static_cast<double>(count->at.ms) / 1000);
}

void measure_scrubber(const objects::ScrubReport& report, Metrics& metrics) {
  metrics.family("boreal_scrub_rounds_total", "counter", "How often the scrubber has read everything since the start.");
  metrics.sample({}, static_cast<double>(report.rounds));
  metrics.family("boreal_scrub_read_bytes_total", "counter", "What it has read since the start.");
  metrics.sample({}, static_cast<double>(report.bytes));
  metrics.family("boreal_scrub_damages_total", "counter",
                 "Damage it has found since the start, each time it was met; the log says where.");
  metrics.sample({}, static_cast<double>(report.damaged));
}

struct FolderSpace {
  std::string folder;  // as the metrics name it
  io::Space space;
};

// On the pool. Folders that are not there (yet) are left out.
std::vector<FolderSpace> look_for_space(const Config& config) {
  std::vector<std::pair<std::string, io::Path>> folders = {{"data", config.data_folder},
                                                           {"keys", config.keys()},
                                                           {"store", config.data_folder + "/store"},
                                                           {"postgres", config.data_folder + "/postgres"}};
  for (const auto& tier : s3::storage_tiers()) {
    const std::string folder = "objects/" + tier.name;
    folders.emplace_back(folder, config.data_folder + "/" + folder);
  }
  std::vector<FolderSpace> spaces;
  for (const auto& [name, path] : folders) {
    const auto space = io::space_at(path);
    if (space) spaces.push_back({name, *space});
    if (!space && space.error().code() != Errc::not_found) {
      log::warn("server", "free space is not known", {{"why", space.error().message()}});
    }
  }
  return spaces;
}

void measure_space(const std::vector<FolderSpace>& spaces, Metrics& metrics) {
  metrics.family("boreal_disk_size_bytes", "gauge",
                 "Of the file system that holds the folder; folders on one file system say the same.");
  for (const auto& [folder, space] : spaces)
    metrics.sample({{"folder", folder}}, static_cast<double>(space.total_bytes));
  metrics.family("boreal_disk_available_bytes", "gauge", "What an ordinary user may still write there.");
  for (const auto& [folder, space] : spaces)
    metrics.sample({{"folder", folder}}, static_cast<double>(space.available_bytes));
}

}  // namespace

Task<void> House::measure(Metrics& metrics) const {
  const auto spaces = co_await rooms_->pool.run([this] { return look_for_space(rooms_->config); });
  metrics.family("boreal_info", "gauge", "Of this process.");
  metrics.sample({{"version", version}, {"mode", rooms_->config.dev ? "dev" : "serve"}}, 1);
  metrics.family("boreal_store_writes", "gauge", "1: they are taken; 0: not, as the disk is full or has failed.");
  metrics.sample({}, rooms_->store_state() == "running" ? 1 : 0);
  measure_space(spaces, metrics);
  measure_operations(rooms_->pipeline->figures(), metrics);
  measure_buckets(rooms_->s3->directory(), *rooms_->scrubber, metrics);
  measure_scrubber(rooms_->scrubber->report(), metrics);
  measure_remotes(rooms_->s3->replication().figures(), metrics);
}

}  // namespace boreal::server
