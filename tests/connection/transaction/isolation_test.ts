import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  begin_statement,
  IsolationLevel,
  mode_words,
  type TransactionMode,
} from "../../../src/connection/transaction/isolation.ts";
import { set_session_statement } from "../../../src/connection/transaction/session_mode.ts";
import { ProgrammingError } from "../../../src/errors.ts";

const LEVELS: [IsolationLevel, string][] = [
  [IsolationLevel.default, ""],
  [IsolationLevel.read_uncommitted, " ISOLATION LEVEL READ UNCOMMITTED"],
  [IsolationLevel.read_committed, " ISOLATION LEVEL READ COMMITTED"],
  [IsolationLevel.repeatable_read, " ISOLATION LEVEL REPEATABLE READ"],
  [IsolationLevel.serializable, " ISOLATION LEVEL SERIALIZABLE"],
];
const READONLY: [boolean | undefined, string][] = [
  [undefined, ""],
  [true, " READ ONLY"],
  [false, " READ WRITE"],
];
const DEFERRABLE: [boolean | undefined, string][] = [
  [undefined, ""],
  [true, " DEFERRABLE"],
  [false, " NOT DEFERRABLE"],
];

describe("begin_statement()", () => {
  for (const [isolation_level, level] of LEVELS) {
    it(`says ${isolation_level} with every other characteristic`, () => {
      for (const [readonly, access] of READONLY) {
        for (const [deferrable, wait] of DEFERRABLE) {
          const statement = begin_statement({ isolation_level, readonly, deferrable });
          assertEquals(statement, `BEGIN${level}${access}${wait}`);
        }
      }
    });
  }
});

describe("mode_words()", () => {
  it("says nothing where nothing is asked for", () => {
    assertEquals(mode_words({}), "");
  });

  for (const level of ["", "SERIALIZABLE", "toString", "read committed; drop table t", 3]) {
    it(`refuses the level ${JSON.stringify(level)}`, () => {
      const mode = { isolation_level: level } as TransactionMode;
      assertThrows(() => mode_words(mode), ProgrammingError, "it must be one of default, ");
    });
  }
});

describe("set_session_statement()", () => {
  const statements: [TransactionMode, string][] = [
    [{}, ""],
    [
      { isolation_level: "serializable" },
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ],
    [
      { readonly: true, deferrable: false },
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY NOT DEFERRABLE",
    ],
    [{ isolation_level: "default" }, "SET default_transaction_isolation TO DEFAULT"],
    [
      { isolation_level: "default", readonly: false },
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; " +
      "SET default_transaction_isolation TO DEFAULT",
    ],
  ];
  for (const [mode, statement] of statements) {
    it(`makes ${JSON.stringify(mode)} the default`, () => {
      assertEquals(set_session_statement(mode), statement);
    });
  }
});
