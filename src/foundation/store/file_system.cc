#include "store/file_system.h"

#include <rocksdb/file_system.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "io/fault.h"

namespace boreal::store {

namespace {

using io::Operation;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus to_status(int error_number, const std::string& path) {
  if (error_number == 0) return IOStatus::OK();
  if (error_number == ENOSPC) {
    auto status = IOStatus::NoSpace(path, std::strerror(error_number));
    status.SetRetryable(true);
    return status;
  }
  return IOStatus::IOError(path, std::strerror(error_number));
}

IOStatus ask(Operation operation, const std::string& path) {
  return to_status(io::detail::check_fault(operation, path).error_number, path);
}

class WritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WritableFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::string path)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    auto verdict = io::detail::check_fault(Operation::write, path_);
    if (verdict.error_number != 0) return to_status(verdict.error_number, path_);
    if (verdict.max_bytes >= data.size()) return target()->Append(data, options, context);
    // RocksDB does not go on after a short write, so it comes as what usually cuts one: a full disk.
    auto part = target()->Append(rocksdb::Slice(data.data(), verdict.max_bytes), options, context);
    return part.ok() ? to_status(ENOSPC, path_) : part;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    if (auto fault = ask(Operation::sync, path_); !fault.ok()) return fault;
    return target()->Sync(options, context);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    if (auto fault = ask(Operation::sync, path_); !fault.ok()) return fault;
    return target()->Fsync(options, context);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* context) override {
    if (auto fault = ask(Operation::truncate, path_); !fault.ok()) return fault;
    return target()->Truncate(size, options, context);
  }

 protected:
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A log that was just made. Each record is synced before the next one comes; what a full disk did not sync is answered
// as not written, and is cut off. Going on means that tables are made of what is in memory, of each column family by
// itself, and a start between two of them would take the record for the one that has no table yet: half of a batch.
class NewLog final : public WritableFile {
 public:
  using WritableFile::WritableFile;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    auto status = WritableFile::Append(data, options, context);
    if (status.ok()) bytes_ += data.size();
    return status;
  }
  using WritableFile::Append;
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    return synced(WritableFile::Sync(options, context));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return synced(WritableFile::Fsync(options, context));
  }

 private:
  IOStatus synced(IOStatus status) {
    if (status.ok()) synced_bytes_ = bytes_;
    if (!status.IsNoSpace()) return status;
    // If it cannot be cut off for good, nothing goes on until the next start, which finds all of the record or nothing.
    if (!Truncate(synced_bytes_, IOOptions(), nullptr).ok() || !WritableFile::Sync(IOOptions(), nullptr).ok()) {
      return to_status(EIO, path());
    }
    bytes_ = synced_bytes_;
    return status;
  }

  uint64_t bytes_ = 0;
  uint64_t synced_bytes_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, std::string path)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t bytes, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* context) const override {
    if (auto fault = ask(Operation::read, path_); !fault.ok()) return fault;
    return target()->Read(offset, bytes, options, result, scratch, context);
  }

 private:
  std::string path_;
};

// The first record of a log is synced before the folder is, so a full disk that shows only here comes when that record
// is in the log for good. As it is answered as not written, this is no full disk that may be got over.
class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<rocksdb::FSDirectory>&& directory, std::string path)
      : FSDirectoryWrapper(std::move(directory)), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    if (auto fault = ask(Operation::sync, path_); !fault.ok()) return final_of(fault);
    return final_of(FSDirectoryWrapper::Fsync(options, context));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* context,
                               const rocksdb::DirFsyncOptions& what) override {
    if (auto fault = ask(Operation::sync, path_); !fault.ok()) return final_of(fault);
    return final_of(FSDirectoryWrapper::FsyncWithDirOptions(options, context, what));
  }

 private:
  IOStatus final_of(const IOStatus& status) const { return status.IsNoSpace() ? to_status(EIO, path_) : status; }

  std::string path_;
};

class FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "boreal"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    if (auto fault = ask(Operation::create, path); !fault.ok()) return fault;
    auto status = target()->NewWritableFile(path, options, file, context);
    return path.ends_with(".log") ? wrap<NewLog>(std::move(status), path, file)
                                  : wrap<WritableFile>(std::move(status), path, file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    if (auto fault = ask(Operation::create, path); !fault.ok()) return fault;
    return wrap<WritableFile>(target()->ReopenWritableFile(path, options, file, context), path, file);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file, IODebugContext* context) override {
    if (auto fault = ask(Operation::open, path); !fault.ok()) return fault;
    return wrap<RandomAccessFile>(target()->NewRandomAccessFile(path, options, file, context), path, file);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<rocksdb::FSDirectory>* file,
                        IODebugContext* context) override {
    return wrap<Directory>(target()->NewDirectory(path, options, file, context), path, file);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* context) override {
    if (auto fault = ask(Operation::rename, from); !fault.ok()) return fault;
    return target()->RenameFile(from, to, options, context);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    if (auto fault = ask(Operation::remove, path); !fault.ok()) return fault;
    return target()->DeleteFile(path, options, context);
  }

 private:
  template <class Wrapper, class File>
  static IOStatus wrap(IOStatus status, const std::string& path, std::unique_ptr<File>* file) {
    if (status.ok()) *file = std::make_unique<Wrapper>(std::move(*file), path);
    return status;
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_env() {
  return rocksdb::NewCompositeEnv(std::make_shared<FileSystem>(rocksdb::FileSystem::Default()));
}

}  // namespace boreal::store
