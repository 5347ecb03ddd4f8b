import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { builtin_registry } from "../../src/codecs/builtin.ts";
import type { Codec } from "../../src/codecs/codec.ts";
import { enum_codec } from "../../src/codecs/composite.ts";
import { from_user_codec } from "../../src/codecs/user.ts";
import { DataError } from "../../src/errors.ts";
import { decode, encode, from_hex, to_hex } from "./wire.ts";

/** A whole number of cents in an int4. */
const cents: Codec<{ cents: number }> = {
  name: "int4",
  oid: 23,
  array_oid: 1007,
  decode(body) {
    return { cents: new DataView(body.buffer, body.byteOffset).getInt32(0) };
  },
  encode(value) {
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, value.cents);
    return body;
  },
};

/** Colours by their text. */
const colour: Codec<{ colour: string }> = {
  name: "app.colour",
  format: "text",
  decode: (body) => ({ colour: new TextDecoder().decode(body) }),
  encode: (value) => new TextEncoder().encode(value.colour),
};

describe("CodecRegistry", () => {
  it("leaves what it does not know as text, and says so", () => {
    const registry = builtin_registry();
    const unknown = registry.lookup(4_000_000);
    assertEquals([registry.has(4_000_000), registry.has(23)], [false, true]);
    assertEquals(unknown.format, 0);
    assertEquals(unknown.decode_text("(a,1)"), "(a,1)");
    assertEquals(unknown.encode_text(5), "5");
    assertThrows(() => unknown.encode_text({}), DataError, "must be a string");
    assertThrows(() => decode(unknown, from_hex("00")), DataError, "text");
  });

  it("makes another registry with more types, and leaves the first as it was", () => {
    const first = builtin_registry();
    const second = first.with([enum_codec("app.mood", 90_000, 90_001)]);
    assertEquals([first.has(90_000), first.has(90_001)], [false, false]);
    assertEquals(second.lookup(90_001).decode_text("{sad,NULL}"), ["sad", null]);
    assertStrictEquals(second.lookup(23), first.lookup(23));
    assertEquals(second.find("app.mood")?.oid, 90_000);
    assertEquals(first.find("app.mood"), undefined);
  });

  it("derives the arrays and ranges of a type that takes a builtin's place", () => {
    const registry = builtin_registry().with([from_user_codec(cents, 23, 1007)]);
    const five = { cents: 5 };
    assertEquals(decode(registry.lookup(23), from_hex("00000005")), five);
    const array = "000000010000000000000017000000010000000100000004" + "00000005";
    assertEquals(decode(registry.lookup(1007), from_hex(array)), [five]);
    const range = decode(registry.lookup(3904), from_hex("120000000400000005"));
    assertEquals(range, {
      lower: five,
      upper: null,
      lower_inc: true,
      upper_inc: false,
      empty: false,
    });
    const record = "0000000100000017" + "0000000400000005";
    assertEquals(decode(registry.lookup(2249), from_hex(record)), [five]);
  });
});

describe("from_user_codec", () => {
  it("hands over bytes of their own, and sends what it is given", () => {
    const codec = from_user_codec(cents, 23, 1007);
    assertEquals([codec.name, codec.oid, codec.array_oid, codec.format], ["int4", 23, 1007, 1]);
    assert(codec.has_binary({ cents: 1 }));
    assertEquals(to_hex(encode(codec, { cents: 1 })), "00000001");
    let seen: Uint8Array | undefined;
    const keeper = from_user_codec({ ...cents, decode: (body) => seen = body }, 23, 1007);
    const message = from_hex("ff00000005ff");
    keeper.decode(message, new DataView(message.buffer), 1, 4);
    message.fill(0);
    assertEquals(seen, from_hex("00000005"));
    assertEquals(seen?.buffer.byteLength, 4);
  });

  it("refuses a text where the codec reads bytes, and bytes where it reads text", () => {
    assertThrows(() => from_user_codec(cents, 23, 1007).decode_text("5"), DataError, "binary form");
    const codec = from_user_codec(colour, 1, 2);
    assertThrows(() => decode(codec, from_hex("00")), DataError, "as text");
  });

  it("reads and writes text for a codec of texts", () => {
    const codec = from_user_codec(colour, 1, 2);
    assertEquals(codec.format, 0);
    assertEquals(codec.decode_text("grün"), { colour: "grün" });
    assert(!codec.has_binary({ colour: "grün" }));
    assertEquals(codec.encode_text({ colour: "grün" }), "grün");
  });

  it("lets what a user's codec throws pass", () => {
    const failing = from_user_codec(
      { ...cents, decode: () => JSON.parse("{"), encode: () => JSON.parse("{") },
      23,
      1007,
    );
    assertThrows(() => decode(failing, from_hex("00000005")), SyntaxError);
    assertThrows(() => encode(failing, 1), SyntaxError);
    const as_text = { ...colour, oid: 1, array_oid: 2, encode: () => JSON.parse("{") };
    const array = builtin_registry().with([from_user_codec(as_text, 1, 2)]).lookup(2);
    assertThrows(() => array.encode_text(["x"]), SyntaxError);
  });
});
