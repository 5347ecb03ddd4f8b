import { assert, assertEquals, assertRejects } from "@std/assert";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Inflow } from "../../src/adapters/inflow.ts";

const CHUNK = 64 * 1024; // bytes; two of them fill an Inflow

describe("Inflow", () => {
  let calls: string[];
  let inflow: Inflow;

  beforeEach(() => {
    calls = [];
    inflow = new Inflow({
      pause: () => calls.push("pause"),
      resume: () => calls.push("resume"),
      close: () => calls.push("close"),
    });
  });

  it("pauses its source when full, and resumes it when read", async () => {
    inflow.push(new Uint8Array(CHUNK));
    assertEquals(calls, []);
    inflow.push(new Uint8Array(CHUNK));
    inflow.push(new Uint8Array(CHUNK)); // some sources have one more under way
    assertEquals(calls, ["pause"]);
    const reader = inflow.readable.getReader();
    await reader.read();
    assertEquals(calls, ["pause"]);
    await reader.read();
    assertEquals(calls, ["pause", "resume"]);
  });

  it("unread counts the bytes that wait", async () => {
    assertEquals(inflow.unread, 0);
    inflow.push(new Uint8Array(CHUNK));
    inflow.push(new Uint8Array(2 * CHUNK));
    assertEquals(inflow.unread, 3 * CHUNK);
    const reader = inflow.readable.getReader();
    await reader.read();
    assertEquals(inflow.unread, 2 * CHUNK);
    await reader.read();
    assertEquals(inflow.unread, 0);
    inflow.fail(new Error("lost"));
    assertEquals(inflow.unread, 0);
  });

  it("end() ends the stream when all is read", async () => {
    inflow.push(Uint8Array.of(1));
    inflow.end();
    const reader = inflow.readable.getReader();
    assertEquals((await reader.read()).value, Uint8Array.of(1));
    assert((await reader.read()).done);
  });

  it("fail() errors the stream when all is read", async () => {
    inflow.push(Uint8Array.of(1));
    inflow.push(Uint8Array.of(2));
    inflow.fail(new Error("lost"));
    const reader = inflow.readable.getReader();
    assertEquals((await reader.read()).value, Uint8Array.of(1));
    assertEquals((await reader.read()).value, Uint8Array.of(2));
    await assertRejects(() => reader.read(), Error, "lost");
  });

  it("fail() errors a read that waits", async () => {
    const read = inflow.readable.getReader().read();
    inflow.fail(new Error("lost"));
    await assertRejects(() => read, Error, "lost");
  });

  it("fail() does not resume a source that was paused", async () => {
    inflow.push(new Uint8Array(2 * CHUNK));
    inflow.fail(new Error("lost"));
    await inflow.readable.getReader().read();
    assertEquals(calls, ["pause"]);
  });

  it("counts only the first ending, and takes nothing after it", async () => {
    inflow.end();
    inflow.fail(new Error("lost"));
    inflow.push(Uint8Array.of(1));
    inflow.end();
    assert((await inflow.readable.getReader().read()).done);
  });

  it("closes its source when cancelled, and takes nothing after it", async () => {
    await inflow.readable.cancel();
    inflow.push(Uint8Array.of(1));
    inflow.fail(new Error("lost"));
    assertEquals(calls, ["close"]);
  });
});
