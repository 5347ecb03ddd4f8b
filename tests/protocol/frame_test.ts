import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OperationalError } from "../../src/errors.ts";
import { FrameDecoder } from "../../src/protocol/frame.ts";
import {
  bind_complete,
  command_complete,
  concat,
  copy_data,
  i32,
  parse_complete,
  ready,
} from "../support/messages.ts";

/** Tag and body, as text. */
type Frame = [tag: string, body: string];

const messages = [
  parse_complete(),
  ready(),
  command_complete("SELECT 1"),
  bind_complete(),
  copy_data("x".repeat(300)),
  ready("T"),
];
const frames: Frame[] = [
  ["1", ""],
  ["Z", "I"],
  ["C", "SELECT 1\0"],
  ["2", ""],
  ["d", "x".repeat(300)],
  ["Z", "T"],
];

function drain(decoder: FrameDecoder): Frame[] {
  const drained: Frame[] = [];
  while (decoder.next()) {
    assertEquals(decoder.body(), decoder.bytes.subarray(decoder.start, decoder.end));
    assertEquals(decoder.view.byteOffset, decoder.bytes.byteOffset);
    drained.push([String.fromCharCode(decoder.tag), new TextDecoder().decode(decoder.body())]);
  }
  return drained;
}

describe("FrameDecoder", () => {
  it("gives the same frames wherever the stream is cut", () => {
    const wire = concat(...messages);
    for (let size = 1; size <= wire.length; size++) {
      const decoder = new FrameDecoder();
      const found: Frame[] = [];
      for (let at = 0; at < wire.length; at += size) {
        decoder.push(wire.slice(at, at + size));
        found.push(...drain(decoder));
      }
      assertEquals(found, frames, `in chunks of ${size} bytes`);
    }
  });

  it("gives the same frames for every single cut", () => {
    const wire = concat(...messages);
    for (let at = 0; at <= wire.length; at++) {
      const decoder = new FrameDecoder();
      decoder.push(wire.slice(0, at));
      const found = drain(decoder);
      decoder.push(wire.slice(at));
      assertEquals([...found, ...drain(decoder)], frames, `cut at ${at}`);
    }
  });

  it("reads chunks that are views on a larger buffer", () => {
    const wire = concat("junk", ready(), "junk");
    const decoder = new FrameDecoder();
    decoder.push(wire.subarray(4, 6));
    decoder.push(wire.subarray(6, -4));
    assertEquals(drain(decoder), [["Z", "I"]]);
    assertEquals(new TextDecoder().decode(wire.subarray(-4)), "junk");
  });

  it("passes over empty chunks", () => {
    const decoder = new FrameDecoder();
    for (const byte of ready()) {
      decoder.push(new Uint8Array(0));
      decoder.push(Uint8Array.of(byte));
    }
    assertEquals(drain(decoder), [["Z", "I"]]);
  });

  it("reads a large chunk where it lies, and puts together only the frame that is cut", () => {
    const decoder = new FrameDecoder();
    const large = copy_data("x".repeat(3000));
    const first = concat(large, ready().subarray(0, 3));
    const second = concat(ready().subarray(3), large);
    decoder.push(first);
    decoder.next();
    assertEquals(decoder.bytes.buffer, first.buffer);
    assertEquals(decoder.next(), false);
    decoder.push(second);
    decoder.next();
    assertEquals(decoder.bytes, ready());
    decoder.next();
    assertEquals(decoder.bytes.buffer, second.buffer);
  });

  it("puts small chunks together while a frame is cut into many", () => {
    const frame = copy_data("x".repeat(200_000));
    const wire = concat(frame, ready("T"), frame);
    for (const size of [1, 1000, 2048]) {
      const decoder = new FrameDecoder();
      decoder.authenticated = true;
      const found: string[] = [];
      for (let at = 0; at < wire.length; at += size) {
        decoder.push(wire.slice(at, at + size));
        for (const [tag, body] of drain(decoder)) found.push(tag + body.length);
      }
      assertEquals(found, ["d200000", "Z1", "d200000"], `in chunks of ${size} bytes`);
    }
  });

  it("keeps nothing of a small chunk", () => {
    const decoder = new FrameDecoder();
    const chunk = concat(ready(), ready("T"));
    decoder.push(chunk);
    decoder.next();
    chunk.fill(0);
    assertEquals(drain(decoder), [["Z", "T"]]);
  });

  it("gives the same frames where many chunks come at once", () => {
    const wire = concat(...messages);
    for (const size of [1, 2, 7, 100]) {
      const decoder = new FrameDecoder();
      for (let at = 0; at < wire.length; at += size) decoder.push(wire.slice(at, at + size));
      assertEquals(drain(decoder), frames);
    }
  });

  it(".next() refuses impossible lengths at once, and ever after", () => {
    for (const length of [0, 1, 3, -1, -(2 ** 31), 0x3fffffff, 0x7fffffff]) {
      for (const tag of ["Z", "D", "d", "E", "R", "\0"]) {
        const decoder = new FrameDecoder();
        decoder.authenticated = true;
        decoder.push(concat(ready(), tag, i32(length)));
        assertEquals(decoder.next(), true);
        for (let i = 0; i < 2; i++) {
          const error = assertThrows(() => decoder.next(), OperationalError, `is ${length}`);
          assertEquals(error.sqlstate, "08P01");
        }
      }
    }
  });

  it(".next() takes long messages only where data may be long", () => {
    const cases: [tag: string, authenticated: boolean, length: number, allowed: boolean][] = [
      ["R", false, 30_000, true],
      ["R", false, 30_001, false],
      ["E", false, 30_001, false],
      ["D", false, 30_001, false],
      ...Array.from(
        "TDdVENASt",
        (tag): [string, boolean, number, boolean] => [tag, true, 0x3ffffffe, true],
      ),
      ...Array.from(
        "RZKC123nsIGHWv",
        (tag): [string, boolean, number, boolean] => [tag, true, 30_001, false],
      ),
    ];
    for (const [tag, authenticated, length, allowed] of cases) {
      const decoder = new FrameDecoder();
      decoder.authenticated = authenticated;
      decoder.push(concat(tag, i32(length)));
      if (allowed) assertEquals(decoder.next(), false, tag);
      else assertThrows(() => decoder.next(), OperationalError, "must be 4 to 30000");
    }
  });

  it("takes memory for the bytes that came, not for the length they claim", () => {
    const decoder = new FrameDecoder();
    decoder.authenticated = true;
    decoder.push(concat("D", i32(0x3ffffffe)));
    assertEquals(decoder.next(), false);
    decoder.push(new Uint8Array(1000));
    assertEquals(decoder.next(), false);
    assertEquals(decoder.bytes.length <= 2048, true);
  });

  it("copies a message of many chunks once", () => {
    const decoder = new FrameDecoder();
    decoder.authenticated = true;
    decoder.push(concat("D", i32(4 + 1000 * 100)));
    const buffers = new Set<ArrayBufferLike>();
    for (let i = 0; i < 1000; i++) {
      assertEquals(decoder.next(), false);
      decoder.push(new Uint8Array(100));
      buffers.add(decoder.bytes.buffer);
    }
    assertEquals(decoder.next(), true);
    assertEquals(decoder.end - decoder.start, 100_000);
    assertEquals(buffers.size, 1);
  });

  it("refuses an impossible length that is cut", () => {
    for (let at = 1; at < 5; at++) {
      const decoder = new FrameDecoder();
      decoder.push(concat("Z", i32(3)).subarray(0, at));
      assertEquals(decoder.next(), false);
      decoder.push(concat("Z", i32(3)).subarray(at));
      for (let i = 0; i < 2; i++) assertThrows(() => decoder.next(), OperationalError, "is 3");
    }
  });
});
