/**
 * The two streams of a socket: bytes out in one write a flight, frames in.
 *
 * Law: neither direction waits for the other. Reading stops only when its
 * consumer says so, and the socket then stops the server.
 *
 * @module
 */

import type { Socket } from "../../adapters/socket.ts";
import { ByteWriter } from "../../bytes/writer.ts";
import { FrameDecoder } from "../../protocol/frame.ts";

/** Moves bytes between a socket and a ByteWriter and a FrameDecoder. */
export class Line {
  /** Where the bytes go. */
  readonly socket: Socket;
  /** What came in. */
  readonly frames: FrameDecoder = new FrameDecoder();
  /** What is to go out with the next flight. */
  readonly out: ByteWriter = new ByteWriter();
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #flushing = false; // a microtask will
  #failed: (cause: unknown) => void = () => {};
  #paused: Promise<void> | null = null;
  #resume: (() => void) | null = null;

  /** @param socket Both of its streams are locked from now on. */
  constructor(socket: Socket) {
    this.socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
    this.#writer.closed.catch(() => {}); // the reader reports the loss
  }

  /** Whom to tell that a write failed. */
  set on_write_error(failed: (cause: unknown) => void) {
    this.#failed = failed;
  }

  /** Whether what is written in this turn has not left yet. */
  get is_about_to_write(): boolean {
    return this.#flushing;
  }

  /** Adds to the next flight what `encode` writes; where it throws, nothing. */
  write(encode: (writer: ByteWriter) => void): void {
    const mark = this.out.length;
    try {
      encode(this.out);
    } catch (error) {
      this.out.truncate(mark);
      throw error;
    }
    this.flush_soon();
  }

  /** Sends `out` in one write, when all that is written in this turn is in it. */
  flush_soon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.flush());
  }

  /** Sends `out` now. */
  flush(): void {
    this.#flushing = false;
    if (this.out.length === 0) return;
    this.#writer.write(this.out.take()).catch((cause) => this.#failed(cause));
  }

  /** Resolves when the socket takes more, or never will. */
  async drained(): Promise<void> {
    this.flush();
    await this.#writer.ready.catch(() => {});
  }

  /** Takes the next chunk into `frames`; false at the end. Rejects when the socket is lost. */
  async read(): Promise<boolean> {
    if (this.#paused !== null) await this.#paused;
    const { value, done } = await this.#reader.read();
    if (done) return false;
    this.frames.push(value);
    return true;
  }

  /** Reads no more until `resume()`. */
  pause(): void {
    this.#paused ??= new Promise((resolve) => this.#resume = resolve);
  }

  /** Reads on. */
  resume(): void {
    this.#resume?.();
    this.#paused = this.#resume = null;
  }

  /** Drops the socket. */
  close(): void {
    this.out.truncate(0);
    this.socket.close();
    this.resume();
  }
}
