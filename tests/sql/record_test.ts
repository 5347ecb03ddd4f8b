import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { may_return_record } from "../../src/sql/record.ts";
import { code_of } from "../../src/sql/scan.ts";

/** Statements that return a record, and those that look as if they might. */
const records: readonly string[] = [
  "select row(1, 'a')",
  "select row()",
  "select (1, 2)",
  "select distinct (1, 2)",
  "select 1, (2, 3)",
  "select array[(1, 2)]",
  "select array_agg((a, b)) from t",
  "select coalesce((a, b), (c, d)) from t",
  "select case when a then (1, 2) end from t",
  "values (1), ((2, 3))",
  "values ((1, 2))",
  "select s from (select 1, 2) s",
  "select s from (values (1, 2)) s",
  "select s from t, (select 1, 2) s",
  "select s from t join (select 1, 2) s on true",
  "select s from t, lateral (select 1, 2) s",
  "select j from (a join b on true) as j",
  "select j from t, (a join b on true) as j",
  "with c as (select 1, 2) select c from c",
  "select f(1)",
  'select "F"(1)',
  "select s.f(1)",
  "select s.count(1)",
  "select f from f(1) f",
  "select g from generate_series(1, 2) with ordinality g",
  "select u from unnest(array[1], array[2]) u",
  "select r from rows from (generate_series(1, 2), generate_series(1, 2)) r",
  "select (select s from (select 1, 2) s)",
  "select x::record from t",
  "insert into t (a, b) values (1, 2), (3, 4) returning (a, b)",
  "insert into t values (1, 2) returning a, (a, b)",
  "update t set a = 1 from (select 1, 2) s returning s",
  "delete from t using (select 1, 2) s returning s",
  "merge into t using (select 1, 2) s on true when matched then delete returning s",
  "execute p",
  "fetch 1 from c",
  "call p(1)",
  "(select (1, 2))",
  "table t union select (1, 2)",
  "-- (1)\nselect /* ' */ (1, '2')",
];

/** Statements that surely return none, of the kinds that are common. */
const others: readonly string[] = [
  "",
  "select 1",
  "select $1",
  "select t from t",
  "select * from t where id = $1",
  "select a, b from s.t where (a, b) is null",
  "select (a + b) * 2, -(c) from t",
  "select count(*), max(a) filter (where b), sum(c) over (partition by d, e order by f) from t",
  "select pg_catalog.count(*) from t",
  "select a from t where a in (1, 2) and b = any($1) and exists (select 1 from u)",
  "select a from t join u using (x, y) where a = (select max(b) from v)",
  "select cast(a as numeric(10, 2)), b::varchar(5) from t",
  "select coalesce(a, b, 'x'), substring(a from 2 for 3), extract(year from b) from t",
  "select g from generate_series(1, $1::int) g",
  "select * from unnest($1::int[])",
  "select jsonb_build_object('a', a, 'b', b) from t",
  "select a, b from t group by a, b having (count(*)) > 1 order by 1 limit (2)",
  "select 'row(1, 2)', '(1, 2)', $$ (1, 2) $$ -- row(1, 2)",
  'select "row" from t',
  "select a from t union all select b from u",
  "insert into t (a, b) values (1, 2), (3, 4)",
  "insert into s.t (a, b) values (1, 2), (3, 4) returning id",
  "insert into t as x (a, b) values ($1, $2) on conflict (a, b) do update set b = excluded.b returning x.id",
  "insert into t select f(1), (1, 2)",
  "update t set (a, b) = (1, 2) where id = 1",
  "update t set a = upper(a) where id = $1 returning *",
  "delete from t where id = any($1) returning id",
  "create table t (a numeric(1, 2), b row_type)",
  "create function f(a int, b int) returns record language sql as 'select (1, 2)'",
  "set x = y",
  "show all",
  "explain (costs off, analyze) select row(1, 2)",
];

describe("may_return_record()", () => {
  for (const query of records) {
    it(`says yes to ${query}`, () => assertEquals(may_return_record(code_of(query)), true));
  }
  for (const query of others) {
    it(`says no to ${query}`, () => assertEquals(may_return_record(code_of(query)), false));
  }
});
