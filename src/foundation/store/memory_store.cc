// The in-memory twin: the same behaviour as the one on disk, for tests. It keeps nothing.
#include <map>
#include <mutex>
#include <set>

#include "store/keys.h"
#include "store/store.h"

namespace boreal::store {

namespace {

using Map = std::map<std::string, std::string, std::less<>>;
struct Keys {
  Map ordered, bulk;
};

// The keys as they were when the view was taken. A commit that finds its map viewed by somebody works on a
// copy, so views share the map (hence shared_ptr) and never change. Views come and go under the store's
// mutex: only so is "nobody views this" a safe observation.
class View : public Snapshot {
 public:
  View(std::mutex& mutex, std::shared_ptr<const Keys> keys) : mutex_(mutex), keys_(std::move(keys)) {}
  ~View() override {
    std::lock_guard lock(mutex_);
    keys_.reset();
  }
  const std::shared_ptr<const Keys>& keys() const { return keys_; }

 private:
  std::mutex& mutex_;
  std::shared_ptr<const Keys> keys_;
};

class MemoryCursor final : public Cursor {
 public:
  MemoryCursor(std::unique_ptr<View> view, std::string_view partition, std::string_view prefix)
      : view_(std::move(view)), key_offset_(partition.size() + 1), partition_(partition) {
    std::string first = join_key(partition, prefix);
    begin_ = keys().lower_bound(first);
    end_ = keys().lower_bound(end_of_prefix(std::move(first)));
    at_ = begin_;
  }

  void seek(std::string_view key) override { at_ = clamp(key); }
  void seek_before(std::string_view key) override {
    at_ = clamp(key);
    at_ = at_ == begin_ ? end_ : std::prev(at_);
  }
  bool valid() const override { return at_ != end_; }
  std::string_view key() const override { return std::string_view(at_->first).substr(key_offset_); }
  std::string_view value() const override { return at_->second; }
  void next() override {
    if (valid()) ++at_;
  }
  void previous() override {
    if (valid()) at_ = at_ == begin_ ? end_ : std::prev(at_);
  }
  Result<void> status() const override { return {}; }

 private:
  const Map& keys() const { return view_->keys()->ordered; }
  // The first key of the range that is >= key, or its end.
  Map::const_iterator clamp(std::string_view key) const {
    if (begin_ == end_) return end_;
    auto joined = join_key(partition_, key);
    if (joined <= begin_->first) return begin_;
    if (end_ != keys().end() && joined >= end_->first) return end_;
    return keys().lower_bound(joined);
  }

  std::unique_ptr<View> view_;
  size_t key_offset_;
  std::string partition_;
  Map::const_iterator begin_, end_, at_;
};

class MemoryStore final : public Store {
 public:
  Result<std::optional<std::string>> get(std::string_view partition, std::string_view key,
                                         const Snapshot* at) const override {
    return get_from(&Keys::ordered, partition, key, at);
  }
  Result<std::optional<std::string>> get_bulk(std::string_view partition, std::string_view key,
                                              const Snapshot* at) const override {
    return get_from(&Keys::bulk, partition, key, at);
  }

  std::unique_ptr<Cursor> scan(std::string_view partition, std::string_view prefix, const Snapshot* at) const override {
    if (auto good = check_partition(partition); !good) return invalid_cursor(std::move(good).error());
    return std::make_unique<MemoryCursor>(at ? copy_view(*static_cast<const View*>(at)) : take_view(), partition,
                                          prefix);
  }

  std::unique_ptr<Snapshot> snapshot() const override { return take_view(); }

  Task<Result<void>> commit(Batch batch) override {
    CO_CHECK(check_batch(batch));
    std::lock_guard lock(mutex_);
    Keys& keys = writable();
    for (const auto& [key, value, is_bulk] : batch.writes()) {
      auto joined = join_key(batch.partition(), key);
      Map& map = is_bulk ? keys.bulk : keys.ordered;
      if (value) {
        map.insert_or_assign(std::move(joined), *value);
      } else {
        map.erase(joined);
      }
    }
    co_return {};
  }

  Result<std::vector<std::string>> partitions() const override {
    std::set<std::string> names;
    auto view = take_view();
    for (const Map* keys : {&view->keys()->ordered, &view->keys()->bulk}) {
      for (auto at = keys->begin(); at != keys->end();) {
        std::string name = at->first.substr(0, at->first.find('\0'));
        at = keys->lower_bound(name + '\x01');
        names.insert(std::move(name));
      }
    }
    return std::vector(names.begin(), names.end());
  }

  Task<Result<void>> drop_partition(std::string_view partition) override { return drop(std::string(partition)); }
  Task<Result<void>> check(CheckStep) const override { co_return {}; }

 private:
  Task<Result<void>> drop(std::string partition) {
    CO_CHECK(check_partition(partition));
    std::lock_guard lock(mutex_);
    for (Map* map : {&writable().ordered, &writable().bulk}) {
      map->erase(map->lower_bound(partition + '\0'), map->lower_bound(partition + '\x01'));
    }
    co_return {};
  }

  Result<std::optional<std::string>> get_from(Map Keys::*map, std::string_view partition, std::string_view key,
                                              const Snapshot* at) const {
    CHECK(check_partition(partition));
    std::unique_ptr<View> latest;
    auto* view = static_cast<const View*>(at);
    if (!view) {
      latest = take_view();
      view = latest.get();
    }
    const Map& keys = (*view->keys()).*map;
    auto found = keys.find(join_key(partition, key));
    if (found == keys.end()) return std::nullopt;
    return found->second;
  }

  std::unique_ptr<View> take_view() const {
    std::lock_guard lock(mutex_);
    return std::make_unique<View>(mutex_, keys_);
  }
  std::unique_ptr<View> copy_view(const View& view) const {
    std::lock_guard lock(mutex_);
    return std::make_unique<View>(mutex_, view.keys());
  }
  // With the mutex held.
  Keys& writable() {
    if (keys_.use_count() > 1) keys_ = std::make_shared<Keys>(*keys_);
    return *keys_;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<Keys> keys_ = std::make_shared<Keys>();
};

}  // namespace

std::unique_ptr<Store> memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace boreal::store
