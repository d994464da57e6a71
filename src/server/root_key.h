// The root key: 32 random bytes in a 0600 file, in a folder of its own outside the data, made at first start. All other
// keys are sealed under keys derived from it; whoever has the data folder alone has nothing.
#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace boreal::server {

// Blocks. Errc::denied when others than the owner may read the file. `data_exists`: the data was made with a key, so a
// missing one is an error that says so, and not the time to make another.
Result<crypto::SecretKey> load_root_key(const std::string& key_folder, bool data_exists, Random& random);

// The data folder tells in KEY-ID which key it is sealed with; nothing there leads to the key. Both block.
// Errc::conflict: another one. Fine where nothing is told, as in folders from before there was such a file.
Result<void> check_root_key(const std::string& data_folder, const crypto::SecretKey& root);
// Writes the file if there is none.
Result<void> note_root_key(const std::string& data_folder, const crypto::SecretKey& root);

}  // namespace boreal::server
