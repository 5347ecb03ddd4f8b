/** Which lines of a service file belong to a service. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { find_service } from "../../../src/connection/options/service_file.ts";
import { InterfaceError } from "../../../src/errors.ts";

const FILE = `
host=ignored
# comment
[first]
host=h1
port=5433
host=h2

[second]
  dbname=d
password = with spaces
[empty]
`;

describe("find_service()", () => {
  const services: [string, Record<string, string> | null][] = [
    ["first", { host: "h1", port: "5433" }],
    ["empty", {}],
    ["none", null],
    ["fir", null],
    ["", null],
  ];
  for (const [name, expected] of services) {
    it(`finds ${JSON.stringify(name)}`, () => {
      const values = find_service(FILE, name);
      assertEquals(values && Object.fromEntries(values), expected);
    });
  }

  it("names an unknown parameter, a name with a space after it included", () => {
    assertThrows(() => find_service(FILE, "second"), InterfaceError, "one is none");
    assertThrows(() => find_service("[a]\nhsot=x", "a"), InterfaceError, '"hsot" is none');
  });

  it("refuses lines that are no parameters", () => {
    assertThrows(() => find_service("[a]\nhunter2", "a"), InterfaceError, "must have name=value");
    assertThrows(() => find_service("[a]\nservice=b", "a"), InterfaceError, "another service");
  });

  it("does not read what belongs to others", () => {
    assertEquals(find_service("[b]\nhunter2\n[a]\nhost=h\n[c]\nhunter2", "a")?.get("host"), "h");
  });
});
