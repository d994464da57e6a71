// Compiled statements of IAM policies: what policy.cc makes of the JSON and evaluation runs over.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aws/arn.h"
#include "aws/caller.h"
#include "base/clock.h"
#include "base/result.h"

namespace boreal::aws {

// Condition keys compare without case.
struct LessIgnoringCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
// The facts of a request that conditions and variables ask for; a key with several values occurs several times.
using Context = std::multimap<std::string, std::string, LessIgnoringCase>;

namespace policy {

// A value of a policy: text with wildcards and, since version 2012-10-17, variables (${aws:username}, ${key,
// 'default'}).
class Text {
 public:
  // `wild`: whether '*' and '?' are wildcards; otherwise they stand for themselves.
  static Text parse(std::string_view text, bool variables, bool wild);

  bool has_variables() const { return !variables_.empty(); }
  // Whether each variable has a value.
  bool resolves(const Context& context) const { return variables_.empty() || expand(context); }
  // False also when a variable has no value (or several) and no default: such text matches nothing.
  bool matches(std::string_view subject, const Context& context) const;
  bool matches_ignoring_case(std::string_view subject, const Context& context) const;

 private:
  struct Variable {
    std::string key;
    std::optional<std::string> fallback;
    Glob after;  // what follows it, up to the next variable
  };
  std::optional<Glob> expand(const Context& context) const;
  Glob fixed_;  // all of it, or what comes before the first variable
  std::vector<Variable> variables_;
};

// The subject of ArnText, split once per request.
struct ArnSubject {
  std::string_view whole;
  std::optional<std::array<std::string_view, 6>> parts;
  explicit ArnSubject(std::string_view text) : whole(text), parts(split_arn(text)) {}
};

// An ARN with wildcards and variables, matched part by part.
class ArnText {
 public:
  // `spans`: whether a '*' that ends a part reaches beyond its colon, as in Resource; those of conditions do not.
  // Source: IAM User Guide, "IAM JSON policy elements: Resource"; "… Condition operators", ARN.
  static ArnText parse(std::string_view text, bool variables, bool spans);
  bool has_variables() const;
  bool resolves(const Context& context) const;
  bool matches(const ArnSubject& subject, const Context& context) const;

 private:
  void add_part(std::string_view text, bool variables, bool spans);
  bool matches_spanning(std::string_view subject, const Context& context) const;

  bool everything_ = false;
  std::vector<Text> parts_;  // six; fewer when the last takes the rest
  bool open_ended_ = false;  // fewer than six parts, the last ends in '*'
  std::vector<bool> spans_;  // of all parts but the last: it reaches beyond its colon
  bool any_spans_ = false;
  Text last_after_run_;  // the last part, behind any run and a colon
};

struct Cidr {
  std::array<uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
  int prefix = 128;
  static std::optional<Cidr> parse(std::string_view text);  // an address, or address/prefix
  bool contains(const Cidr& single) const;
};

enum class Operator {
  string_equals,
  string_equals_ignore_case,
  string_like,
  numeric_equals,
  numeric_less,
  numeric_less_equals,
  numeric_greater,
  numeric_greater_equals,
  date_equals,
  date_less,
  date_less_equals,
  date_greater,
  date_greater_equals,
  boolean,
  binary_equals,
  ip_address,
  arn_like,
  null,
};

// The values that one operator compares one key with.
struct Condition {
  enum class Set { none, for_all_values, for_any_value };
  Operator op = Operator::string_equals;
  bool negated = false;    // …Not…
  bool if_exists = false;  // …IfExists
  Set set = Set::none;
  std::string key;
  std::vector<std::variant<Text, ArnText, double, Time, bool, std::string, Cidr>> values;

  // `allow`: the statement's effect. A key that should have one value may have several, as tags that differ by case
  // alone; without a set operator an Allow then needs all of them to fit, and one is enough for a Deny.
  bool holds(const Context& context, bool allow) const;

 private:
  bool resolves(const Context& context) const;
  bool single_holds(std::string_view subject, const Context& context) const;
};

// Refuses what is no operator with nullopt: "ForAnyValue:StringLikeIfExists" sets op, negated, if_exists and set.
std::optional<Condition> parse_operator(std::string_view name);
// Adds a value to compare with. Errc::invalid when it is no number, date, address … as the operator needs.
Result<void> add_value(Condition& condition, std::string_view value, bool variables);

struct PrincipalEntry {
  enum class Kind { everyone, account, arn, unique_id, service, federated, canonical_user };
  Kind kind;
  std::string value;  // account id, ARN, AIDA… or AROA…, service name …
};

struct Statement {
  bool allow = false;
  std::string sid;
  bool not_actions = false;
  std::vector<Glob> actions;  // matched without case
  bool not_resources = false;
  std::vector<ArnText> resources;  // empty: the statement names none (trust policies), and applies
  bool has_principal = false;
  bool not_principals = false;
  std::vector<PrincipalEntry> principals;
  std::vector<Condition> conditions;  // all must hold
};

}  // namespace policy
}  // namespace boreal::aws
