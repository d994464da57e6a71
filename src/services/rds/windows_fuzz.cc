// Any text as what clients name and when they want it done: identifiers, ARNs, users, databases, windows, networks.
// What was taken once is taken again as it came back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "rds/admission.h"
#include "rds/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto window = rds::checked_maintenance_window(text)) {
    const auto again = rds::checked_maintenance_window(*window);
    if (!again || *again != *window) std::abort();
  }
  if (const auto name = rds::checked_identifier(text, "DBClusterIdentifier")) {
    const auto again = rds::checked_identifier(*name, "DBClusterIdentifier");
    if (!again || *again != *name) std::abort();
  }
  if (const auto network = rds::Cidr::parse(text); network && !network->contains(text.substr(0, text.find('/'))))
    std::abort();
  (void)rds::check_backup_window(text);
  (void)rds::check_password(text);
  (void)rds::check_master_username(text);
  (void)rds::check_database_name(text);
  (void)rds::name_of(text);
  return 0;
}
