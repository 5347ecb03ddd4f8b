/**
 * Whether a statement might return an anonymous record.
 *
 * Law: a yes may be wrong, and costs a round trip; a no must be right. So it is said only of
 * statements whose parentheses are all known, and that take rows from tables alone. Two ways are not
 * seen, and their rows are refused until the statement is known: a user's operator that returns a record,
 * and a function written as a column of its argument, `city.summary`.
 *
 * A record is made by `row(...)` or a list in parentheses; by naming a subquery, a join or a function of
 * FROM as if it were a column; and by functions. A table's rows have a type.
 *
 * Source: https://www.postgresql.org/docs/current/rowtypes.html
 *
 * @module
 */

/** Words before a parenthesis in which a comma makes no record. */
const LISTS: ReadonlySet<string> = words(`
  all any array conflict cube except exclude exists filter group having in intersect key limit
  materialized not offset operator on over rollup set sets some union using values where within
  bit bpchar char character decimal float interval numeric time timestamp timestamptz varbit
  varchar varying
`);
/** Functions of the system that return no record, whatever they are given. */
const FUNCTIONS: ReadonlySet<string> = words(`
  abs age array_agg array_append array_cat array_dims array_fill array_length array_lower
  array_ndims array_position array_positions array_prepend array_remove array_replace
  array_to_json array_to_string array_upper ascii avg bit_and bit_length bit_or bool_and bool_or
  btrim cardinality cast ceil ceiling char_length chr clock_timestamp coalesce concat concat_ws
  convert_from convert_to count cume_dist current_setting currval date_bin date_part date_trunc
  decode dense_rank div encode every exp extract first_value floor format format_type
  gen_random_uuid generate_series generate_subscripts greatest initcap isfinite json_agg
  json_array_length json_build_array json_build_object json_object_agg json_typeof jsonb_agg
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
  jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object_agg
  jsonb_object_keys jsonb_path_exists jsonb_path_query jsonb_path_query_array jsonb_pretty
  jsonb_set jsonb_strip_nulls jsonb_typeof justify_interval lag last_value lastval lead least
  left length ln lo_close lo_creat lo_create lo_lseek64 lo_open lo_tell64 lo_truncate64
  lo_unlink log loread lower lowrite lpad ltrim make_date make_interval make_time make_timestamp
  make_timestamptz max md5 min mod mode nextval now nth_value ntile nullif num_nonnulls num_nulls
  octet_length overlay percent_rank percentile_cont percentile_disc pg_advisory_lock
  pg_advisory_unlock pg_advisory_xact_lock pg_backend_pid pg_cancel_backend pg_column_size
  pg_get_userbyid pg_is_in_recovery pg_notify pg_relation_size pg_size_pretty pg_sleep
  pg_table_size pg_terminate_backend pg_total_relation_size pg_try_advisory_lock
  pg_try_advisory_xact_lock pg_typeof phraseto_tsquery pi plainto_tsquery position power
  quote_ident quote_literal quote_nullable random range_agg rank regexp_count regexp_instr
  regexp_like regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table
  regexp_substr repeat replace reverse right round row_number row_to_json rpad rtrim
  session_user set_config setval sha256 sign split_part sqrt starts_with statement_timestamp
  stddev string_agg string_to_array string_to_table strpos substr substring sum to_char to_date
  to_hex to_json to_jsonb to_number to_regclass to_regtype to_timestamp to_tsquery to_tsvector
  transaction_timestamp translate trim trunc ts_headline ts_rank txid_current unnest upper
  uuidv4 uuidv7 variance version websearch_to_tsquery width_bucket
`);
/** Words before a parenthesis that begin an expression, so that what is in it may be a record. */
const EXPRESSIONS: ReadonlySet<string> = words(`
  and as between by case distinct else end from ilike is isnull join like notnull or returning
  select similar then to when
`);
/** Words before a parenthesis that makes rows of its own. */
const SOURCES: ReadonlySet<string> = words("from join");
/** How a statement that may return rows begins; if it is opaque, nothing of it is looked at. */
const QUERIES: ReadonlySet<string> = words("select table values");
const CHANGES: ReadonlySet<string> = words("insert update delete merge");
const OPAQUE: ReadonlySet<string> = words("with execute fetch call");
/** Words that make, or may make, a record. */
const RECORD_WORDS = /\b(?:row|record|with|lateral)\b/i;
const TOKEN = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|""|[^\s\w]|\d[\w.]*/g;

type Group = "list" | "row" | "unnest";

/** @param code A statement, without its comments and what it has in quotes. */
export function may_return_record(code: string): boolean {
  const verb = /^[\s(]*([a-z]+)/i.exec(code)?.[1]?.toLowerCase() ?? "";
  if (OPAQUE.has(verb)) return true;
  if (CHANGES.has(verb) ? !/\breturning\b/i.test(code) : !QUERIES.has(verb)) return false;
  if (RECORD_WORDS.test(code)) return true;
  return code.includes("(") && makes_record(code.match(TOKEN) ?? []);
}

function makes_record(tokens: readonly string[]): boolean {
  const open: Group[] = [];
  let columns_follow = false; // INTO was seen, and not yet the list of columns
  let values_depth = -1; // of the lists of VALUES
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!.toLowerCase();
    if (token === ")") open.pop();
    else if (token === ",") {
      if (open.at(-1) === "row" || open.at(-1) === "unnest") return true;
    } else if (token === "join") {
      if (open.at(-1) === "row") return true;
    } else if (token === "into" || token === "using") columns_follow = token === "into";
    else if (token === "values") {
      columns_follow = false;
      values_depth = open.length;
    } else if (token === "select" || token === "returning") {
      columns_follow = false;
      values_depth = -1;
    } else if (token === "(") {
      const before = tokens[i - 1]?.toLowerCase() ?? "";
      const is_more_values = before === "," && open.length === values_depth;
      const group = columns_follow || is_more_values ? "list" : group_after(before, tokens, i);
      if (group === null) return true;
      columns_follow = false;
      open.push(group);
    }
  }
  return false;
}

/** What a parenthesis opens; null if that may make a record. */
function group_after(before: string, tokens: readonly string[], at: number): Group | null {
  const next = tokens[at + 1]?.toLowerCase();
  const holds_query = next === "select" || next === "values" || next === "table" || next === "(";
  if (before === "unnest") return is_qualified(tokens, at) ? null : "unnest";
  if (SOURCES.has(before)) return null;
  if (holds_query && (before === "," || before === "using")) return null;
  if (LISTS.has(before)) return "list";
  if (FUNCTIONS.has(before)) return is_qualified(tokens, at) ? null : "list";
  const is_name = /^[a-z_"\u0080-\uffff]/.test(before);
  return is_name && !EXPRESSIONS.has(before) ? null : "row";
}

/** Whether the function before the parenthesis is of a schema other than the system's. */
function is_qualified(tokens: readonly string[], at: number): boolean {
  return tokens[at - 2] === "." && tokens[at - 3]?.toLowerCase() !== "pg_catalog";
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
