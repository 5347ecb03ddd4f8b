import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_registry } from "../../../src/codecs/builtin.ts";
import { TextForm } from "../../../src/connection/statement/text_form.ts";
import { DataError } from "../../../src/errors.ts";

const PLAIN = "select a from t";

function form(parameters: Record<string, string> = {}): TextForm {
  return new TextForm(
    new Map(Object.entries({ server_version: "18.4", DateStyle: "ISO, MDY", ...parameters })),
  );
}

describe("TextForm.is_lossy()", () => {
  it("says no of what text tells whole, and yes of records", () => {
    assertEquals(form().is_lossy(PLAIN), false);
    assertEquals(form().is_lossy("select (1, 2)"), true);
  });

  it("says yes where dates are not ISO, and where floats are rounded by default", () => {
    assertEquals(form({ DateStyle: "German, DMY" }).is_lossy(PLAIN), true);
    assertEquals(form({ DateStyle: "ISO, DMY" }).is_lossy(PLAIN), false);
    assertEquals(form({ server_version: "11.22" }).is_lossy(PLAIN), true);
    assertEquals(form({ server_version: "12.0" }).is_lossy(PLAIN), false);
    assertEquals(form({ server_version: "19devel" }).is_lossy(PLAIN), false);
    assertEquals(new TextForm(new Map()).is_lossy(PLAIN), false);
  });

  /** `[statement, whether text may say less after it]`. */
  const statements: readonly [sql: string, expected: boolean][] = [
    ["set extra_float_digits = 0", true],
    ["SET EXTRA_FLOAT_DIGITS TO -5", true],
    ["select set_config('extra_float_digits', '0', false)", true],
    ["select pg_catalog.set_config($1, $2, true)", true],
    ["select set_config ( x.name, x.value, true) from x", true],
    ["set extra_float_digits = 3", false],
    ["set local extra_float_digits to '1'", false],
    ["set extra_float_digits to 10", true],
    ["select set_config('extra_float_digits', '3', false)", false],
    ["extra_float_digits = 0", true], // as it is noted of a session's options
    ["options = -c extra_float_digits=-3", true],
    ["set DateStyle = 'SQL, DMY'", true],
    ["set local datestyle to german", true],
    ["select set_config('app.user', $1, true)", false],
    ["select set_config(E'app.user', $1, true)", false],
    ["set search_path = app", false],
    ["set IntervalStyle = sql_standard", false],
  ];
  for (const [sql, expected] of statements) {
    it(`says ${expected ? "yes" : "no"} after ${sql}`, () => {
      const text_form = form();
      text_form.is_lossy(sql);
      assertEquals(text_form.is_lossy(PLAIN), expected);
      const noted = form();
      noted.note(sql);
      assertEquals(noted.is_lossy(PLAIN), expected);
    });
  }
});

describe("TextForm.settle()", () => {
  it("leaves dates to what the server reports, and floats as they were noted", () => {
    const text_form = form();
    text_form.note("set datestyle = german");
    text_form.settle();
    assertEquals(text_form.is_lossy(PLAIN), false);
    text_form.note("set extra_float_digits = 0");
    text_form.settle();
    assertEquals(text_form.is_lossy(PLAIN), true);
  });
});

describe("TextForm.check()", () => {
  it("refuses floats, and what holds them, where they may be rounded", () => {
    const registry = builtin_registry();
    const text_form = form();
    const codecs = (name: string) => [registry.find("text")!, registry.find(name)!];
    for (const name of ["float4", "float8", "point", "polygon", "float8[]", "box[]"]) {
      text_form.check(codecs(name));
    }
    text_form.note("set extra_float_digits = 0");
    for (const name of ["float4", "float8", "point", "polygon", "float8[]", "box[]"]) {
      assertThrows(() => text_form.check(codecs(name)), DataError, "extra_float_digits", name);
    }
    for (const name of ["int4", "numeric", "numrange", "text[]"]) text_form.check(codecs(name));
  });
});

describe("TextForm.has_several()", () => {
  const queries: readonly [sql: string, expected: boolean][] = [
    ["select 1", false],
    ["select 1;", false],
    [" select 1 ; ; \n", false],
    ["select 1; -- and; that", false],
    ["select ';', $$;$$, \";\" /* ; */;", false],
    ["", false],
    [";", false],
    ["select 1; select 2", true],
    ["; select 2", true],
    ["create rule r as on insert to t do (select 1; select 2)", true],
  ];
  for (const [sql, expected] of queries) {
    it(`says ${expected ? "yes" : "no"} to ${JSON.stringify(sql)}`, () => {
      assertEquals(form().has_several(sql), expected);
    });
  }

  it("minds the server's setting for backslashes", () => {
    const sql = "select '\\'; select 2 '";
    assertEquals(form().has_several(sql), true);
    assertEquals(form({ standard_conforming_strings: "off" }).has_several(sql), false);
  });
});
