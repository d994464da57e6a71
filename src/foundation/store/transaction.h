// Read, check, write: what a handler does to a partition. Transactions on one partition run one at a
// time (each holds the partition's mutex from begin() to its end), so a handler reads plain code and no
// two of them can both find a name free. Different partitions go in parallel and share fsyncs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/sync.h"
#include "store/store.h"

namespace boreal::store {

class Transaction {
 public:
  Transaction(Transaction&&) = default;
  Transaction& operator=(Transaction&&) = default;

  // All reads see this transaction's own writes.
  Result<std::optional<std::string>> get(std::string_view key) const;
  void put(std::string_view key, std::string_view value);
  void remove(std::string_view key);
  // Keys with the prefix, in order, with their values; at most `limit`, from `from` on (a full key, inclusive).
  Result<std::vector<std::pair<std::string, std::string>>> scan(std::string_view prefix, size_t limit = SIZE_MAX,
                                                                std::string_view from = {}) const;

  // Durable when it returns. A transaction that is dropped without it has done nothing. It ends the transaction,
  // also when it fails: reads and commits after it are Errc::internal.
  Task<Result<void>> commit();

 private:
  friend class Catalog;
  Transaction(Store& store, std::string partition, Mutex::Permit permit);
  Store* store_;  // nullptr once it has ended
  std::string partition_;
  Mutex::Permit permit_;
  std::map<std::string, std::optional<std::string>, std::less<>> writes_;
};

// Hands out transactions over a store. Belongs to one executor; outlives its transactions.
class Catalog {
 public:
  explicit Catalog(Store& store);
  // Waits its turn.
  Task<Transaction> begin(std::string partition);
  // Reads without a transaction: the latest committed state.
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key) const;
  Result<std::vector<std::pair<std::string, std::string>>> scan(std::string_view partition, std::string_view prefix,
                                                                size_t limit = SIZE_MAX,
                                                                std::string_view from = {}) const;
  Store& store() { return store_; }
  // How many partitions it keeps a mutex for; those at rest go by and by.
  size_t known_partitions() const { return mutexes_.size(); }

 private:
  Store& store_;
  std::map<std::string, std::unique_ptr<Mutex>, std::less<>> mutexes_;
  size_t sweep_at_;  // entries; unused mutexes go when there are this many
};

}  // namespace boreal::store
