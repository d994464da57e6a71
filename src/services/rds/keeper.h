// Keeps one cluster: brings PostgreSQL where the catalog's records say it should be, and writes into them what it sees.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/context.h"
#include "aws/managed_secrets.h"
#include "aws/peers.h"
#include "aws/timekeeper.h"
#include "base/sync.h"
#include "endpoints/endpoint.h"
#include "endpoints/plan.h"
#include "postgres/cluster.h"
#include "rds/admission.h"
#include "rds/engines.h"
#include "rds/options.h"
#include "rds/resources.h"
#include "rds/snapshot_file.h"

namespace boreal::rds {

// What the key of a cluster's files is bound to; as AWS has it.
aws::Keys::Context storage_key_context(const ClusterRecord& cluster);

// Whether it is the key that is lost, and not KMS that has a bad moment.
bool is_key_lost(const aws::ApiError& error);

// What keepers work with; outlives them.
struct Tools {
  aws::ServiceContext context;
  aws::Keys& keys;
  aws::Network& network;
  aws::ManagedSecrets& secrets;
  Engines& engines;
  const Options& options;
  aws::Timekeeper& timekeeper;  // wakes all keepers at the times that they note
};

// A server that the service runs for itself, on the data of a cluster without instances. No instance can have the name.
inline const std::string volume_name = "_volume";

// How long a reader may be behind before it is served all the same.
constexpr Duration reader_patience{60'000};

// Whether a server that ended with this while it was started lacks something of the machine: whatever its data is.
bool lacks_of_machine(const Error& why);

// Thread rule: the loop.
class Keeper {
 public:
  // `gone` is called once the cluster is deleted and nothing of it is left: the owner may stop() the keeper then.
  Keeper(const Tools& tools, Place place, std::string cluster_id, std::string resource_id, std::function<void()> gone);

  // Listens at the cluster's endpoints; nobody is served until servers run. Errc::conflict or Errc::io when an address
  // is taken.
  Result<void> listen(unsigned number, uint16_t port);
  void start();
  void wake() { wake_.set(); }
  // As the cluster is to go and nothing of it is kept: what is being copied for it, or waited for, is given up.
  void abandon();
  // Ends the work under way; with `stop_servers` PostgreSQL too, else it runs on.
  Task<void> stop(bool stop_servers);

  const Place& place() const { return place_; }
  const std::string& cluster_id() const { return cluster_id_; }
  unsigned number() const { return number_; }
  bool listens() const { return writer_ != nullptr; }
  // False while its cluster may not come to be: another may have the name.
  bool is_started() const { return started_; }
  // The rules of a security group changed.
  void recheck_admission();
  // The server of an instance that is up; null: it is not.
  postgres::Instance* server(const std::string& instance_id);
  // Whether clients of this one find what they may expect there.
  bool serves(const std::string& instance_id) const;
  // A copy of the data as it is when the copy ends. Servers are not taken away while it lives.
  Task<Result<std::unique_ptr<Source>>> open_backup();
  // Not there while the cluster's files are closed.
  io::Path log_folder(const std::string& instance_id) const {
    return engine_folder_ + "/servers/" + instance_id + "/log/error";
  }
  io::Path snapshots_folder() const { return tools_.options.folder + "/snapshots"; }

 private:
  struct View {
    ClusterRecord cluster;
    std::vector<InstanceRecord> instances;  // by age
  };
  class PinnedSource;

  io::Path folder() const;
  Task<void> drop(std::unique_ptr<endpoints::Endpoint> endpoint);
  Task<void> run();
  Task<void> try_again_later(Duration time);
  Task<void> tell_of_failure(Error why);
  Task<Result<void>> tell_what_is_down(View& view);
  // True when the cluster is gone.
  Task<Result<bool>> reconcile();
  Task<Result<std::optional<View>>> look();
  Task<Result<void>> open_engine(const View& view);
  Task<Result<void>> close_engine();
  Task<Result<void>> reopen_engine(const View& view);
  Task<void> end_servers();
  Task<Result<void>> attach_interfaces(const View& view);

  // Instances (keeper_instances.cc)
  Task<Result<void>> place_instances(View& view, Result<void>& readers);
  Task<Result<void>> place_instance(const View& view, InstanceRecord& instance);
  Task<Result<void>> keep_settings(const InstanceRecord& instance);
  Task<Result<void>> begin_reader(const View& view, InstanceRecord& instance);
  Task<Result<void>> remove_instances(View& view);
  Task<Result<void>> remove_instance(View& view, InstanceRecord instance);
  Task<Result<void>> forget_leaving(View& view);
  Task<Result<void>> forget_instance(std::string id);
  Task<Result<void>> run_servers(View& view);
  Task<Result<void>> stop_servers(const View& view);
  Task<Result<void>> configure_servers(View& view);
  Task<Result<void>> reboot_servers(View& view);
  Task<Result<void>> reboot_server(const View& view, InstanceRecord& instance);
  Task<Result<void>> prepare_master(View& view);
  Task<Result<void>> fail_over_if_asked(View& view);
  Task<Result<void>> settle(const View& view);
  void note_writer(ClusterRecord& record, store::Transaction& tx) const;
  Task<Result<postgres::ServerOptions>> options_of(const View& view, InstanceRecord& instance, bool restarting);
  Task<Result<postgres::Certificate>> certificate(std::string address);
  Result<std::vector<std::string>> admitted(const ClusterRecord& cluster) const;
  std::string best_standby(const View& view, const std::string& except) const;
  Task<Result<void>> replace_writer(const View& view);
  Task<void> on_lost(std::string name, bool was_primary);

  // Readers (keeper_readers.cc)
  Result<void> begin_making(const std::string& id, std::optional<postgres::ServerOptions> options);
  Task<void> make_reader(std::string id, std::optional<postgres::ServerOptions> options);
  Task<void> end_making(std::vector<std::string> ids);
  Task<void> make_anew_if_damaged(std::string id, Error why);

  // Logs (keeper_logs.cc)
  Task<void> remove_old_logs(const View& view);

  // Encrypted files (keeper_storage.cc)
  Task<Result<bool>> open_storage(const View& view);
  Task<Result<void>> close_storage();
  Task<Result<void>> lock_storage(const View& view, std::string why);
  Task<Result<bool>> remove_locked(View& view);
  Task<Result<void>> expire_lock(const View& view);
  Task<Result<void>> give_up_deletion();

  // Master passwords (keeper_secret.cc)
  Task<Result<void>> keep_secret(View& view);
  Task<Result<void>> remove_secrets(std::vector<std::string> names);

  // Volumes and snapshots (keeper_volume.cc)
  Task<Result<void>> take_snapshots(const View& view);
  Task<Result<void>> take_snapshot(const View& view, SnapshotRecord snapshot);
  Task<Result<void>> give_up_final_snapshot(const View& view, SnapshotRecord snapshot);
  Task<Result<void>> fail_snapshot(std::string id, std::string why);
  Task<Result<void>> fail_snapshots(std::string why);
  Task<Result<void>> restore(const View& view);
  Task<Result<void>> restore_data(const View& view);
  Task<Result<void>> fail_restore(std::string why);
  Task<Result<void>> fail_instances(const View& view);
  Task<Result<bool>> waits_for_snapshots();
  Task<Result<void>> destroy(const View& view);
  Task<Result<postgres::Instance*>> volume_server(const View& view);
  Task<Result<void>> end_volume_server();
  postgres::ServerOptions volume_options() const;

  void retarget();
  Task<Result<void>> update_cluster(std::function<void(ClusterRecord&, store::Transaction&)> change);
  Task<Result<void>> update_instance(std::string id, std::function<void(InstanceRecord&, store::Transaction&)> change);
  void tell_cluster(store::Transaction& tx, std::string message, std::vector<std::string> categories) const;
  void tell_instance(store::Transaction& tx, const std::string& id, std::string message,
                     std::vector<std::string> categories) const;

  const Tools& tools_;
  const Place place_;
  const std::string cluster_id_;
  const std::string resource_id_;
  const std::function<void()> gone_;

  unsigned number_ = 0;
  uint16_t port_ = 0;
  std::unique_ptr<endpoints::Endpoint> writer_;
  std::unique_ptr<endpoints::Endpoint> reader_;
  std::shared_ptr<net::TlsServerContext> endpoint_tls_;  // shared: see net/stream.h
  std::vector<Cidr> admitted_;

  io::Path engine_folder_;
  postgres::StorageEncryption* storage_ = nullptr;  // that of the files, while they are open
  std::unique_ptr<postgres::Cluster> engine_;
  std::map<std::string, std::string> configured_;  // instance -> its configuration as text, as last given to the engine
  // Readers whose servers are being made, beside everything else; and why the last try to make one failed.
  std::set<std::string> making_;
  std::map<std::string, Error> unmade_;
  // Readers that end while they are started.
  struct Unstartable {
    unsigned starts = 0;  // since it was made anew last
    int64_t since_ns = 0;
    unsigned made_anew = 0;
  };
  std::map<std::string, Unstartable> unstartable_;
  std::map<std::string, postgres::Certificate> certificates_;  // by address
  std::map<std::string, std::string> interfaces_;              // instance -> the groups that its interface has
  size_t pins_ = 0;
  unsigned failing_over_ = 0;  // under way: the new writer may be lost before all have heard of it
  bool ways_out_closed_ = false;
  bool started_ = false;
  bool abandoned_ = false;
  bool stopping_ = false;
  unsigned failures_ = 0;
  int64_t failing_since_ns_ = 0;
  unsigned retries_ = 0;  // counts those that were put off; only the last one happens
  Time logs_due_;         // when old ones are looked for next
  Event wake_;
  TaskGroup tasks_;
};

}  // namespace boreal::rds
