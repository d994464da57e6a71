#include "objects/listing.h"

#include <algorithm>
#include <bit>

#include "objects/impl.h"
#include "objects/index_keys.h"
#include "objects/key_change.h"
#include "objects/record.h"

namespace boreal::objects {
namespace {

constexpr size_t likely_page = 1000;  // what most clients ask for

std::string just_behind(std::string_view key) { return std::string(key) + '\0'; }

// Walks the entries of one range of the index in the order of their object keys. A range holds keys as they are
// ('k') or escaped with 16 bytes of id behind ('v', 'u').
class RangeItems {
 public:
  RangeItems(const store::Store& store, const store::Snapshot& at, const ListQuery& query, char tag, bool is_escaped)
      : tag_(tag),
        escaped_(is_escaped),
        cursor_(store.scan(index::partition_of(query.bucket), place(query.prefix), &at)) {
    read();
  }

  bool valid() const { return cursor_->valid(); }
  const std::string& key() const { return key_; }
  std::string_view value() const { return cursor_->value(); }
  std::string_view index_key() const { return cursor_->key(); }
  Result<void> status() const { return cursor_->status(); }

  void next() {
    cursor_->next();
    read();
  }
  // To the first entry whose key is >= `key`.
  void seek(std::string_view key) { seek_index(place(key)); }
  void seek_index(std::string_view index_key) {
    cursor_->seek(index_key);
    read();
  }
  // To the first entry whose key does not begin with `group`, which this one's does. Small groups are common: a step
  // is tried before a seek, but ever more rarely where it was of no use.
  void pass(const std::string& group) {
    const std::string begin = place(group);
    const bool tries_step = std::has_single_bit(++large_groups_);
    if (tries_step) cursor_->next();
    if (!tries_step || (cursor_->valid() && cursor_->key().starts_with(begin))) {
      cursor_->seek(index::behind_prefix(begin));
    } else {
      large_groups_ = 0;
    }
    read();
  }
  // To the first entry behind all keys that begin with `group`.
  void seek_behind(const std::string& group) { seek_index(index::behind_prefix(place(group))); }

 private:
  std::string place(std::string_view key) const {
    return escaped_ ? index::escaped(tag_, key, false) : index::tagged(tag_, key);
  }
  void read() {
    if (!cursor_->valid()) return;
    if (escaped_) {
      key_ = index::unescaped(cursor_->key());
    } else {
      key_.assign(cursor_->key().substr(1));
    }
  }

  const char tag_;
  const bool escaped_;
  std::unique_ptr<store::Cursor> cursor_;
  std::string key_;
  unsigned large_groups_ = 0;  // passed by a seek, in a row
};

// The group of a key: up to the first delimiter behind the prefix. Empty: it has none.
std::string_view group_of(std::string_view key, const ListQuery& query) {
  if (query.delimiter.empty()) return {};
  const size_t at = key.find(query.delimiter, query.prefix.size());
  return at == std::string_view::npos ? std::string_view() : key.substr(0, at + query.delimiter.size());
}

// The group that a page begins behind.
std::string_view group_after(const ListQuery& query) {
  return query.after.starts_with(query.prefix) ? group_of(query.after, query) : std::string_view();
}

// Puts the items at the first that a page may show.
template <class Items>
void begin_page(Items& items, const ListQuery& query) {
  if (query.after.empty() || query.after < query.prefix) return;  // they stand at the prefix
  const std::string_view group = group_after(query);
  if (group.empty()) {
    items.seek(just_behind(query.after));
  } else {
    items.seek_behind(std::string(group));
  }
}

struct PageEnd {
  bool truncated = false;
  bool at_group = false;
  std::string next;
};

// Fills a page from where the items stand; emit(items) takes one.
template <class Items, class Emit>
Result<PageEnd> fill_page(Items& items, const ListQuery& query, std::vector<std::string>& groups, Emit emit) {
  PageEnd end;
  if (query.max == 0) return end;
  for (size_t count = 0; items.valid() && items.key().starts_with(query.prefix); ++count) {
    if (count == query.max) {
      end.truncated = true;
      break;
    }
    const std::string group(group_of(items.key(), query));
    end.at_group = !group.empty();
    if (end.at_group) {
      end.next = group;
      groups.push_back(group);
      items.pass(group);
    } else {
      end.next = items.key();
      CHECK(emit(items));
      items.next();
    }
  }
  CHECK(items.status());
  return end;
}

Result<void> add_listed(std::string_view value, const std::string& key, bool full, bool is_latest,
                        std::vector<Version>& to) {
  Version& version = to.emplace_back();
  version.key = key;
  version.is_latest = is_latest;
  return decode_version(value, full, version);
}

// All versions: what is current and what lies behind it, merged. A key's current version comes first.
class VersionItems {
 public:
  VersionItems(const store::Store& store, const store::Snapshot& at, const ListQuery& query)
      : current_(store, at, query, 'k', false), behind_(store, at, query, 'v', true) {
    choose();
  }

  bool valid() const { return current_.valid() || behind_.valid(); }
  const std::string& key() const { return on_current_ ? current_.key() : behind_.key(); }
  std::string_view value() const { return on_current_ ? current_.value() : behind_.value(); }
  // The first of its key, in order, is the latest.
  bool is_latest() const { return on_current_ || !passed_key_ || *passed_key_ != behind_.key(); }
  Result<void> status() const {
    CHECK(current_.status());
    return behind_.status();
  }

  void next() {
    passed_key_ = key();
    on_current_ ? current_.next() : behind_.next();
    choose();
  }
  void seek(std::string_view key) {
    current_.seek(key);
    behind_.seek(key);
    choose();
  }
  void seek_behind(const std::string& group) {
    current_.seek_behind(group);
    behind_.seek_behind(group);
    choose();
  }
  void pass(const std::string& group) {
    if (current_.valid() && current_.key().starts_with(group)) current_.pass(group);
    if (behind_.valid() && behind_.key().starts_with(group)) behind_.pass(group);
    choose();
  }

  // To the versions of `key` that are older than `version`, which may have gone since it was listed.
  Result<void> seek_within(const std::string& key, VersionId version) {
    current_.seek(key);
    bool has_current = current_.valid() && current_.key() == key;
    if (has_current) {
      TRY(const auto current, decode_version(current_.value(), false));
      if (current.id >= version) current_.next();
    }
    behind_.seek(key);
    const std::string place = index::version(key, version);
    const bool first_is_older = !has_current && behind_.valid() && behind_.index_key() > place;
    if (!first_is_older) passed_key_ = key;
    behind_.seek_index(just_behind(place));
    choose();
    return {};
  }

 private:
  void choose() { on_current_ = current_.valid() && (!behind_.valid() || current_.key() <= behind_.key()); }

  RangeItems current_;
  RangeItems behind_;
  bool on_current_ = false;
  std::optional<std::string> passed_key_;
};

}  // namespace

Result<ListPage> list_current(const store::Store& store, const store::Snapshot& at, const ListQuery& query) {
  ListPage page;
  RangeItems items(store, at, query, 'k', false);
  begin_page(items, query);
  if (query.delimiter.empty()) page.objects.reserve(std::min(query.max, likely_page));
  TRY(auto end, fill_page(items, query, page.groups, [&](const RangeItems& item) -> Result<void> {
        return add_listed(item.value(), item.key(), query.full, true, page.objects);
      }));
  page.truncated = end.truncated;
  page.next = std::move(end.next);
  return page;
}

Result<ListVersionsPage> list_all_versions(const store::Store& store, const store::Snapshot& at,
                                           const ListVersionsQuery& query) {
  ListVersionsPage page;
  VersionItems items(store, at, query);
  std::optional<Version> within;
  if (query.after_version && query.after.starts_with(query.prefix) && group_after(query).empty()) {
    if (query.after_version->kind == Select::Kind::exact) {
      within.emplace().id = query.after_version->id;
    } else {
      TRY(within, read_version(store, query.bucket, query.after, *query.after_version, &at));
    }
  }
  if (within) {
    CHECK(items.seek_within(query.after, within->id));
  } else {
    begin_page(items, query);
  }
  TRY(auto end, fill_page(items, query, page.groups, [&](const VersionItems& item) -> Result<void> {
        return add_listed(item.value(), item.key(), query.full, item.is_latest(), page.objects);
      }));
  page.truncated = end.truncated;
  if (!end.next.empty() && !end.at_group) {
    page.next_version = page.objects.back().id;
    page.next_is_null = page.objects.back().is_null;
  }
  page.next = std::move(end.next);
  return page;
}

Result<ListUploadsPage> list_all_uploads(const store::Store& store, const store::Snapshot& at,
                                         const ListUploadsQuery& query) {
  ListUploadsPage page;
  RangeItems items(store, at, query, 'u', true);
  if (query.after_upload && query.after.starts_with(query.prefix) && group_after(query).empty()) {
    items.seek_index(just_behind(index::upload(query.after, *query.after_upload)));
  } else {
    begin_page(items, query);
  }
  TRY(auto end, fill_page(items, query, page.groups, [&](const RangeItems& item) -> Result<void> {
        TRY(auto upload, decode_upload(item.value(), query.full));
        upload.key = item.key();
        page.uploads.push_back(std::move(upload));
        return {};
      }));
  page.truncated = end.truncated;
  if (!end.next.empty() && !end.at_group) page.next_upload = page.uploads.back().id;
  page.next = std::move(end.next);
  return page;
}

Task<Result<ListPage>> Objects::list(ListQuery query) {
  CO_CHECK(impl_->buckets.check(query.bucket));
  const auto moment = impl_->store.snapshot();
  co_return co_await impl_->pool.run([&] { return list_current(impl_->store, *moment, query); });
}

Task<Result<ListVersionsPage>> Objects::list_versions(ListVersionsQuery query) {
  CO_CHECK(impl_->buckets.check(query.bucket));
  const auto moment = impl_->store.snapshot();
  co_return co_await impl_->pool.run([&] { return list_all_versions(impl_->store, *moment, query); });
}

Task<Result<ListUploadsPage>> Objects::list_uploads(ListUploadsQuery query) {
  CO_CHECK(impl_->buckets.check(query.bucket));
  const auto moment = impl_->store.snapshot();
  co_return co_await impl_->pool.run([&] { return list_all_uploads(impl_->store, *moment, query); });
}

}  // namespace boreal::objects
