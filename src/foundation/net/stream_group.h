// Streams that may have to end all at once: what a worker has under way when it is told to stop.
#pragma once

#include <set>

#include "net/stream.h"

namespace boreal::net {

// Thread rule: the loop of its streams. Outlives its members.
class StreamGroup {
 public:
  // A stream is in the group as long as this lives, and may be gone before it.
  class Member {
   public:
    // group null: in none. In a closed group the stream is closed at once.
    Member(StreamGroup* group, Stream& stream) : group_(group), stream_(&stream) {
      if (group_ == nullptr) return;
      group_->streams_.insert(stream_);
      if (group_->closed_) stream.close();
    }
    ~Member() {
      if (group_ != nullptr) group_->streams_.erase(stream_);
    }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   private:
    StreamGroup* group_;
    Stream* stream_;
  };

  // Ends the reads and writes of all its streams with Errc::cancelled, and of those that come later.
  void close() {
    closed_ = true;
    for (Stream* stream : streams_) stream->close();
  }
  bool is_closed() const { return closed_; }

 private:
  std::set<Stream*> streams_;
  bool closed_ = false;
};

// As connect() without a group; a closed group ends it.
Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, ConnectOptions options, StreamGroup* group);

}  // namespace boreal::net
