// The request log: a line for each request that came to the pipeline. What signs a request (its query, its headers) is
// never in it.
#pragma once

#include <cstdint>
#include <string>

#include "base/log.h"
#include "http/message.h"

namespace boreal::aws {

struct RequestLine {
  std::string from;       // the other end of the connection
  std::string caller;     // ARN, "anonymous"; empty: not known, as no signature was right
  std::string operation;  // "s3:GetObject", or the method where none was found
  std::string resource;   // ARN; empty: not known
  std::string code;       // of the error; empty: it went well
  std::string request_id;
  int status = 0;
  uint64_t bytes_in = 0;  // as announced
  int64_t started_ns = 0;
};

// Writes the line; of an answer that is a stream once it has been read, or let go of before. Bytes out are those of the
// body that were handed to the connection.
void log_request(log::Level level, RequestLine line, const http::Request& request, http::Response& response);

}  // namespace boreal::aws
