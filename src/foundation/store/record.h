// How a C++ struct becomes a stored value and back: JSON with the member names, so that records can be
// read by people, and members may be added (missing ones keep their default) or dropped (unknown ones
// are ignored). A record says what it holds in one line:
//
//   struct Alias {
//     std::string name;
//     std::string key_id;
//     Time created;
//     BOREAL_RECORD(Alias, name, key_id, created)
//   };
//
//   std::string value = store::encode(alias);
//   TRY(auto alias, store::decode<Alias>(value));
//
// Members may be bool, integers, double, std::string (any bytes that are valid UTF-8), Blob (any bytes),
// Time, Duration, other records, and std::optional, std::vector, std::map<std::string, T> of these.
// Generated API types (api/…) may be members too.
#pragma once
