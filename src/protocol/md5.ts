/**
 * MD5, which WebCrypto leaves out, for servers that still store passwords so.
 *
 * Law: for nothing but `md5` authentication; it proves nothing about anybody.
 *
 * Sources: RFC 1321; pg_md5_encrypt, src/common/md5_common.c
 *
 * @module
 */

const utf8 = new TextEncoder();

/** Bits to rotate by: four values a round, each used four times. */
const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]] as const;
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32);

/**
 * What answers AuthenticationMD5Password: a hash of the stored hash and the salt.
 *
 * @param salt The four bytes that the server sent.
 */
export function md5_response(user: string, password: string, salt: Uint8Array): string {
  const stored = md5(utf8.encode(password + user));
  return `md5${md5(Uint8Array.of(...utf8.encode(stored), ...salt))}`;
}

/** The MD5 of `bytes`, in hexadecimal. */
export function md5(bytes: Uint8Array): string {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const padded = pad(bytes);
  for (let at = 0; at < padded.byteLength; at += 64) add_block(state, padded, at);
  const digest = new DataView(new ArrayBuffer(16));
  state.forEach((word, i) => digest.setInt32(4 * i, word, true));
  return Array.from(
    new Uint8Array(digest.buffer),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** A one bit, zeros, and the length in bits fill up the last block. */
function pad(bytes: Uint8Array): DataView {
  const size = 64 * Math.ceil((bytes.length + 9) / 64); // 9: the one bit's byte + the length
  const padded = new Uint8Array(size);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(size - 8, 8n * BigInt(bytes.length), true);
  return view;
}

function add_block(state: Int32Array, block: DataView, at: number): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const { mix, word } = step(round, i, b, c, d);
    const sum = a + mix + SINES[i]! + block.getInt32(at + 4 * word, true);
    const shift = SHIFTS[round as 0 | 1 | 2 | 3][(i & 3) as 0 | 1 | 2 | 3];
    [a, b, c, d] = [d, b + (sum << shift | (sum | 0) >>> (32 - shift)) | 0, b, c];
  }
  [a, b, c, d].forEach((value, i) => state[i]! += value);
}

/** The round's mix of three words of the state, and which word of the block goes with it. */
function step(
  round: number,
  i: number,
  b: number,
  c: number,
  d: number,
): { mix: number; word: number } {
  if (round === 0) return { mix: b & c | ~b & d, word: i };
  if (round === 1) return { mix: d & b | ~d & c, word: (5 * i + 1) % 16 };
  if (round === 2) return { mix: b ^ c ^ d, word: (3 * i + 5) % 16 };
  return { mix: c ^ (b | ~d), word: (7 * i) % 16 };
}
