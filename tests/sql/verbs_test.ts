/** What is told of a statement by its text. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  commits,
  has_literal,
  is_command,
  is_copy,
  is_fleeting,
  is_plain,
  may_copy,
  only_reads,
} from "../../src/sql/verbs.ts";

type Question = (sql: string) => boolean;

const TABLE:
  readonly (readonly [question: Question, yes: readonly string[], no: readonly string[]])[] = [
    [
      is_command,
      [
        "begin",
        "/* app */ COMMIT",
        "-- x\n;rollback to a",
        "prepare transaction 'x'",
        "unlisten *",
      ],
      ["select 'begin'", "beginning", "prepare s as select 1", "notify c"],
    ],
    [commits, ["commit", "; END", "prepare  transaction 'x'"], ["rollback", "committed", "begin"]],
    [is_copy, ["copy t from stdin", "/* a */ COPY t to stdout"], ["select copy", "copyright"]],
    [may_copy, ["select 'copy'", "begin; copy t to stdout"], ["select copyright"]],
    [is_plain, ["select 1", "WITH a as (select 1) table a", "table t"], [
      "begin",
      "explain select 1",
      "fetch c",
    ]],
    [
      only_reads,
      ["select * from t", "with a as (select 1) table a", "-- x\nvalues (1)"],
      ["select 1 for update", "with a as (delete from t) select 1", "select pg_sleep(1)"],
    ],
    [
      is_fleeting,
      [
        "fetch 1 from c",
        "/* x */ execute s",
        "select 'today'::date",
        "select daterange '[2024-02-29,TODAY)'",
        "select /* don't */ 'tomorrow'::date",
        "select $$now$$::timestamptz",
        "select e'yesterday'::date",
      ],
      ["select 'x', now()", "select 'it was today'", "select today", "/* 'now' */ select ''"],
    ],
    [has_literal, ["select 'a'", "select $a$b$a$"], ["select $1", "select a$b"]],
  ];

for (const [question, yes, no] of TABLE) {
  describe(question.name, () => {
    for (const sql of yes) it(`is true of ${sql}`, () => assertEquals(question(sql), true));
    for (const sql of no) it(`is false of ${sql}`, () => assertEquals(question(sql), false));
  });
}
