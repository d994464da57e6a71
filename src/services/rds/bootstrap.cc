#include "rds/bootstrap.h"

#include <fmt/format.h>

namespace boreal::rds {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

// Nothing of this belongs into the server's log: it would show what stands for the password.
constexpr std::string_view keep_quiet =
    "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic'; ";

std::string ensure_role(std::string_view name) {
  return fmt::format("IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN CREATE ROLE {} NOLOGIN; END IF;\n",
                     quote_literal(name), quote_identifier(name));
}

// pg_checkpoint came with version 15.
std::string roles_sql(const std::string& master, const std::string& verifier) {
  std::string sql(keep_quiet);
  sql += "DO $boreal$ BEGIN\n";
  for (const auto* role : {"rds_superuser", "rds_iam", "rds_password", "rds_replication", "rds_ad", "rds_extension"}) {
    sql += ensure_role(role);
  }
  sql += ensure_role(master);
  sql +=
      "IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint') THEN GRANT pg_checkpoint TO rds_superuser; "
      "END IF;\n";
  sql += "END $boreal$; ";
  sql += "ALTER ROLE rdsadmin SET log_statement = 'none'; ALTER ROLE rdsadmin SET log_min_duration_statement = -1; ";
  sql += "GRANT pg_monitor, pg_signal_backend, rds_password, rds_replication TO rds_superuser WITH ADMIN OPTION; ";
  sql += fmt::format("ALTER ROLE {} LOGIN CREATEDB CREATEROLE NOSUPERUSER PASSWORD {} VALID UNTIL 'infinity'; ",
                     quote_identifier(master), quote_literal(verifier));
  sql += fmt::format("GRANT rds_superuser TO {}; ", quote_identifier(master));
  sql += "GRANT ALL ON DATABASE postgres TO rds_superuser; GRANT ALL ON SCHEMA public TO rds_superuser";
  return sql;
}

// Up to version 15 whoever may create roles may make anybody a member of any role that is no superuser's: of these too,
// which lead to the programs and files of the machine, and so into every other cluster. Roles of superusers only a
// superuser may grant; whoever has become a member already loses it, or it would be a superuser now.
constexpr const char* close_ways_out_sql =
    "DO $boreal$ DECLARE role text; who text; BEGIN\n"
    "FOR role IN SELECT rolname FROM pg_authid WHERE NOT rolsuper AND rolname IN "
    "('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') LOOP\n"
    "FOR who IN SELECT member::regrole FROM pg_auth_members WHERE roleid = role::regrole LOOP\n"
    "EXECUTE format('REVOKE %I FROM %s', role, who);\n"
    "END LOOP;\n"
    "UPDATE pg_authid SET rolsuper = true WHERE rolname = role;\n"
    "END LOOP; END $boreal$";

}  // namespace

Task<Result<void>> close_ways_out(postgres::Instance& primary) {
  CO_CHECK(co_await primary.query(close_ways_out_sql));
  co_return Result<void>();
}

Task<Result<void>> prepare_database(postgres::Instance& primary, std::string master, std::string verifier,
                                    std::string database) {
  CO_CHECK(co_await close_ways_out(primary));
  CO_TRY(auto connection, co_await primary.connect());
  CO_CHECK(co_await connection->query(roles_sql(master, verifier)));
  if (database.empty()) co_return Result<void>();
  CO_TRY(const auto there, co_await connection->query("SELECT 1 FROM pg_database WHERE datname = $1", {database}));
  if (!there.rows.empty()) co_return Result<void>();
  CO_CHECK(co_await connection->query(
      fmt::format("CREATE DATABASE {} OWNER {}", quote_identifier(database), quote_identifier(master)), {},
      std::chrono::minutes(5)));
  co_return Result<void>();
}

}  // namespace boreal::rds
