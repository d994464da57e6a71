#include "dms/task_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "api/dms/errors.h"
#include "base/text.h"
#include "codec/json_value.h"

namespace boreal::dms {

namespace errors = boreal::api::dms::errors;
using aws::Outcome;
using aws::refuse;

namespace {

// Every member that there is, with its default, whose kind is the kind that is wanted; null: any.
constexpr std::string_view defaults = R"({
"TargetMetadata":{"TargetSchema":"","SupportLobs":true,"FullLobMode":false,"LobChunkSize":64,"LimitedSizeLobMode":true,
"LobMaxSize":32,"InlineLobMaxSize":0,"LoadMaxFileSize":0,"ParallelLoadThreads":0,"ParallelLoadBufferSize":0,
"ParallelLoadQueuesPerThread":0,"ParallelApplyThreads":0,"ParallelApplyBufferSize":0,"ParallelApplyQueuesPerThread":0,
"BatchApplyEnabled":false,"TaskRecoveryTableEnabled":false},
"FullLoadSettings":{"TargetTablePrepMode":"DROP_AND_CREATE","CreatePkAfterFullLoad":false,
"StopTaskCachedChangesApplied":false,"StopTaskCachedChangesNotApplied":false,"MaxFullLoadSubTasks":8,
"TransactionConsistencyTimeout":600,"CommitRate":10000},
"TTSettings":{"EnableTT":false,"TTS3Settings":null,"TTRecordSettings":null},
"Logging":{"EnableLogging":false,"EnableLogContext":false,"LogComponents":null,"CloudWatchLogGroup":null,
"CloudWatchLogStream":null},
"ControlTablesSettings":{"ControlSchema":"","HistoryTimeslotInMinutes":5,"historyTimeslotInMinutes":5,
"HistoryTableEnabled":false,"SuspendedTablesTableEnabled":false,"StatusTableEnabled":false,
"FullLoadExceptionTableEnabled":false,"CommitPositionTableEnabled":false},
"StreamBufferSettings":{"StreamBufferCount":3,"StreamBufferSizeInMB":8,"CtrlStreamBufferSizeInMB":5},
"ChangeProcessingTuning":{"BatchApplyPreserveTransaction":true,"BatchApplyTimeoutMin":1,"BatchApplyTimeoutMax":30,
"BatchApplyMemoryLimit":500,"BatchSplitSize":0,"MinTransactionSize":1000,"CommitTimeout":1,"MemoryLimitTotal":1024,
"MemoryKeepTime":60,"StatementCacheSize":50,"RecoveryTimeout":-1},
"ChangeProcessingDdlHandlingPolicy":{"HandleSourceTableDropped":true,"HandleSourceTableTruncated":true,
"HandleSourceTableAltered":true},
"ErrorBehavior":{"DataErrorPolicy":"LOG_ERROR","EventErrorPolicy":"IGNORE","DataTruncationErrorPolicy":"LOG_ERROR",
"DataMaskingErrorPolicy":"STOP_TASK","DataErrorEscalationPolicy":"SUSPEND_TABLE","DataErrorEscalationCount":0,
"TableErrorPolicy":"SUSPEND_TABLE","TableErrorEscalationPolicy":"STOP_TASK","TableErrorEscalationCount":0,
"RecoverableErrorCount":-1,"RecoverableErrorInterval":5,"RecoverableErrorThrottling":true,
"RecoverableErrorThrottlingMax":1800,"RecoverableErrorStopRetryAfterThrottlingMax":true,
"ApplyErrorDeletePolicy":"IGNORE_RECORD","ApplyErrorInsertPolicy":"LOG_ERROR","ApplyErrorUpdatePolicy":"LOG_ERROR",
"ApplyErrorEscalationPolicy":"LOG_ERROR","ApplyErrorEscalationCount":0,"ApplyErrorFailOnTruncationDdl":false,
"FullLoadIgnoreConflicts":true,"FailOnTransactionConsistencyBreached":false,"FailOnNoTablesCaptured":true},
"ValidationSettings":{"EnableValidation":false,"ValidationMode":"ROW_LEVEL","ThreadCount":5,"FailureMaxCount":10000,
"TableFailureMaxCount":1000,"HandleCollationDiff":false,"ValidationOnly":false,"RecordFailureDelayLimitInMinutes":0,
"RecordFailureDelayInMinutes":5,"RecordSuspendDelayInMinutes":30,"SkipLobColumns":false,"ValidationPartialLobSize":0,
"ValidationQueryCdcDelaySeconds":0,"PartitionSize":10000,"MaxKeyColumnSize":8096,"ValidationS3Mask":0,
"ValidationS3Time":0},
"PostProcessingRules":null,"CharacterSetSettings":null,"LoopbackPreventionSettings":null,"BeforeImageSettings":null,
"ResyncSettings":null,"FailTaskWhenCleanTaskResourceFailed":false})";

struct Words {
  std::string_view member;
  std::array<std::string_view, 5> allowed;
};
constexpr std::array<Words, 12> words = {{
    {"TargetTablePrepMode", {"DO_NOTHING", "DROP_AND_CREATE", "TRUNCATE_BEFORE_LOAD"}},
    {"ValidationMode", {"ROW_LEVEL", "GROUP_LEVEL"}},
    {"DataErrorPolicy", {"IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"}},
    {"DataTruncationErrorPolicy", {"IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"}},
    {"DataMaskingErrorPolicy", {"STOP_TASK", "IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE"}},
    {"DataErrorEscalationPolicy", {"SUSPEND_TABLE", "STOP_TASK"}},
    {"TableErrorPolicy", {"SUSPEND_TABLE", "STOP_TASK"}},
    {"TableErrorEscalationPolicy", {"STOP_TASK"}},
    {"ApplyErrorDeletePolicy", {"IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"}},
    {"ApplyErrorInsertPolicy", {"LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK", "INSERT_RECORD", "UPDATE_RECORD"}},
    {"ApplyErrorUpdatePolicy", {"LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK", "INSERT_RECORD", "UPDATE_RECORD"}},
    {"ApplyErrorEscalationPolicy", {"LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK"}},
}};

struct Range {
  std::string_view member;
  int64_t min;
  int64_t max;
};
constexpr std::array<Range, 6> ranges = {{{"MaxFullLoadSubTasks", 1, 49},
                                          {"CommitRate", 1, 50'000},
                                          {"LobChunkSize", 1, 2'097'152},
                                          {"LobMaxSize", 0, 2'097'152},
                                          {"RecoverableErrorCount", -1, INT32_MAX},
                                          {"RecoveryTimeout", -1, INT32_MAX}}};

aws::ApiError invalid(std::string message) { return errors::invalid_parameter_value_exception(std::move(message)); }

std::string_view kind_name(json::Kind kind) {
  switch (kind) {
    case json::Kind::null: return "null";
    case json::Kind::boolean: return "true or false";
    case json::Kind::number: return "a number";
    case json::Kind::string: return "a string";
    case json::Kind::array: return "an array";
    case json::Kind::object: return "an object";
  }
  return "?";
}

Outcome<void> check_number(const std::string& path, std::string_view name, const json::Value& given) {
  int64_t min = 0;
  int64_t max = INT32_MAX;
  if (const auto range = std::ranges::find(ranges, name, &Range::member); range != ranges.end()) {
    min = range->min;
    max = range->max;
  }
  const auto number = given.integer();
  if (number && *number >= min && *number <= max) return {};
  return refuse(invalid(fmt::format("Invalid task settings: {} is {}; it must be a whole number from {} to {}", path,
                                    *given.number_text(), min, max)));
}

Outcome<void> check_word(const std::string& path, std::string_view name, const std::string& given) {
  const auto row = std::ranges::find(words, name, &Words::member);
  if (row == words.end() || std::ranges::find(row->allowed, given) != row->allowed.end()) return {};
  std::vector<std::string_view> allowed(row->allowed.begin(), row->allowed.end());
  std::erase(allowed, "");
  return refuse(invalid(
      fmt::format("Invalid task settings: {} is '{}'; it must be one of {}", path, given, join(allowed, ", "))));
}

Outcome<void> check_against(const std::string& path, const json::Value& given, const json::Value& known) {
  for (const auto& [name, value] : *given.object()) {
    const std::string here = path.empty() ? name : path + "." + name;
    const json::Value* wanted = known.find(name);
    if (!wanted) return refuse(invalid(fmt::format("Invalid task settings: {} is not a task setting", here)));
    if (wanted->is_null() || value.is_null()) continue;
    if (wanted->kind() != value.kind()) {
      return refuse(invalid(fmt::format("Invalid task settings: {} is {}; it must be {}", here, kind_name(value.kind()),
                                        kind_name(wanted->kind()))));
    }
    if (value.object()) CHECK(check_against(here, value, *wanted));
    if (value.number_text()) CHECK(check_number(here, name, value));
    if (value.string()) CHECK(check_word(here, name, *value.string()));
  }
  return {};
}

const std::string* text_of(const json::Value& object, std::string_view name) {
  const json::Value* member = object.find(name);
  return member ? member->string() : nullptr;
}

// Table mappings name their parts with words of their own.
Outcome<void> check_one_of(std::string_view where, const json::Value& rule, std::string_view member,
                           std::span<const std::string_view> allowed) {
  const std::string* text = text_of(rule, member);
  if (text && std::ranges::find(allowed, *text) != allowed.end()) return {};
  return refuse(
      invalid(fmt::format("Invalid table mappings: {}: {} must be one of {}", where, member, join(allowed, ", "))));
}

Outcome<void> check_locator(std::string_view where, const json::Value& rule, bool with_table) {
  const json::Value* locator = rule.find("object-locator");
  if (!locator || !locator->object()) {
    return refuse(invalid(fmt::format("Invalid table mappings: {}: object-locator is missing", where)));
  }
  for (const std::string_view part : {"schema-name", "table-name"}) {
    const std::string* text = text_of(*locator, part);
    if ((text && !text->empty()) || (part == "table-name" && !with_table)) continue;
    return refuse(invalid(fmt::format("Invalid table mappings: {}: object-locator must have a {}", where, part)));
  }
  return {};
}

// True when the rule selects tables.
Outcome<bool> check_rule(std::string_view where, const json::Value& rule) {
  static constexpr std::array<std::string_view, 3> types = {"selection", "transformation", "table-settings"};
  static constexpr std::array<std::string_view, 3> selections = {"include", "exclude", "explicit"};
  static constexpr std::array<std::string_view, 7> targets = {
      "schema", "table", "column", "table-tablespace", "index-tablespace", "tablespace", "sequence"};
  static constexpr std::array<std::string_view, 17> transformations = {"rename",
                                                                       "remove-column",
                                                                       "convert-lowercase",
                                                                       "convert-uppercase",
                                                                       "add-prefix",
                                                                       "remove-prefix",
                                                                       "replace-prefix",
                                                                       "add-suffix",
                                                                       "remove-suffix",
                                                                       "replace-suffix",
                                                                       "add-column",
                                                                       "define-primary-key",
                                                                       "change-data-type",
                                                                       "add-before-image-columns",
                                                                       "include-column",
                                                                       "data-masking-digits-mask",
                                                                       "data-masking-hash-mask"};
  CHECK(check_one_of(where, rule, "rule-type", types));
  const std::string& type = *text_of(rule, "rule-type");
  if (type == "selection") {
    CHECK(check_one_of(where, rule, "rule-action", selections));
    CHECK(check_locator(where, rule, true));
    return *text_of(rule, "rule-action") != "exclude";
  }
  if (type == "transformation") {
    CHECK(check_one_of(where, rule, "rule-target", targets));
    CHECK(check_one_of(where, rule, "rule-action", transformations));
    CHECK(check_locator(where, rule, *text_of(rule, "rule-target") != "schema"));
    return false;
  }
  CHECK(check_locator(where, rule, true));
  return false;
}

// "1" and 1 are both in use.
std::string id_text(const json::Value* id) {
  if (!id) return "";
  if (const std::string* text = id->string()) return *text;
  return id->integer() ? std::to_string(*id->integer()) : "";
}

}  // namespace

std::string_view default_task_settings() {
  // Without the second spelling and without line ends, as one line of JSON.
  static const std::string text = [] {
    auto document = json::parse(defaults);
    auto* settings = document->object();
    for (auto& [name, section] : *settings) {
      if (auto* members = section.object()) {
        std::erase_if(*members, [](const json::Member& m) { return m.name == "historyTimeslotInMinutes"; });
      }
    }
    return json::write(*document);
  }();
  return text;
}

Outcome<void> check_task_settings(std::string_view text) {
  auto given = json::parse(text, json::Duplicates::refuse);
  if (!given || !given->object()) {
    return refuse(invalid(
        fmt::format("Invalid task settings JSON: {}", given ? "it must be an object" : given.error().message())));
  }
  static const auto known = json::parse(defaults);
  return check_against("", *given, *known);
}

Outcome<void> check_table_mappings(std::string_view text) {
  auto given = json::parse(text, json::Duplicates::refuse);
  if (!given) return refuse(invalid(fmt::format("Invalid table mappings JSON: {}", given.error().message())));
  const json::Value* rules = given->find("rules");
  if (!rules || !rules->array() || rules->array()->empty()) {
    return refuse(invalid("Invalid table mappings: the document must be an object with a non-empty array \"rules\""));
  }
  std::set<std::string> ids;
  std::set<std::string> names;
  bool selects = false;
  for (size_t i = 0; i < rules->array()->size(); ++i) {
    const json::Value& rule = (*rules->array())[i];
    const std::string where = fmt::format("rules[{}]", i);
    if (!rule.object()) return refuse(invalid(fmt::format("Invalid table mappings: {} must be an object", where)));
    const std::string id = id_text(rule.find("rule-id"));
    const std::string* name = text_of(rule, "rule-name");
    if (id.empty() || !name || name->empty()) {
      return refuse(invalid(fmt::format("Invalid table mappings: {} must have a rule-id and a rule-name", where)));
    }
    if (!ids.insert(id).second || !names.insert(*name).second) {
      return refuse(
          invalid(fmt::format("Invalid table mappings: {}: another rule has the rule-id '{}' or the rule-name "
                              "'{}' already",
                              where, id, *name)));
    }
    auto selecting = check_rule(where, rule);
    if (!selecting) return refuse(std::move(selecting).error());
    selects = selects || *selecting;
  }
  if (selects) return {};
  return refuse(invalid("Invalid table mappings: no selection rule includes any table"));
}

}  // namespace boreal::dms
