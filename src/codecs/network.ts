/**
 * `inet`, `cidr`, `macaddr`, `macaddr8` ⇄ string, as the server prints them.
 *
 * Wire: addresses have a family (2 or 3), the mask's bits, whether they are a
 * `cidr`, a size, then 4 or 16 bytes; `macaddr` is 6 bytes, `macaddr8` is 8.
 * Source: network_send and network_out, src/backend/utils/adt/network.c;
 * inet_net_ntop_ipv6, src/port/inet_net_ntop.c; macaddr_out, mac.c
 *
 * @module
 */

import type { TypeCodec } from "./codec.ts";
import { malformed, wrong_size } from "./malformed.ts";
import { printed_codec } from "./printed.ts";

const HEADER_SIZE = 4; // family, bits, is cidr, size
const IPV4 = 2; // PGSQL_AF_INET, src/include/utils/inet.h
const IPV6 = 3; // PGSQL_AF_INET6

/** The `inet` type. */
export const inet: TypeCodec<string> = address_codec("inet", 869, 1041, false);
/** The `cidr` type, printed with its mask always. */
export const cidr: TypeCodec<string> = address_codec("cidr", 650, 651, true);
/** The `macaddr` type. */
export const macaddr: TypeCodec<string> = mac_codec("macaddr", 829, 1040, 6);
/** The `macaddr8` type. */
export const macaddr8: TypeCodec<string> = mac_codec("macaddr8", 774, 775, 8);

function address_codec(
  name: string,
  oid: number,
  array_oid: number,
  always_mask: boolean,
): TypeCodec<string> {
  return printed_codec({
    name,
    oid,
    array_oid,
    decode(bytes, view, start, length) {
      const family = length < HEADER_SIZE ? 0 : bytes[start]!;
      const size = family === IPV4 ? 4 : 16; // bytes
      const bits = bytes[start + 1]!;
      if (
        (family !== IPV4 && family !== IPV6) || length !== HEADER_SIZE + size ||
        bytes[start + 3] !== size || bits > 8 * size
      ) throw malformed(name, "it is neither an IPv4 nor an IPv6 address");
      const at = start + HEADER_SIZE;
      const address = family === IPV4 ? ipv4_text(bytes, at) : ipv6_text(bytes, view, at);
      return bits === 8 * size && !always_mask ? address : `${address}/${bits}`;
    },
  });
}

function mac_codec(
  name: string,
  oid: number,
  array_oid: number,
  size: 6 | 8,
): TypeCodec<string> {
  return printed_codec({
    name,
    oid,
    array_oid,
    decode(bytes, _view, start, length) {
      if (length !== size) throw wrong_size(name, size, length);
      const pairs = Array.from(
        bytes.subarray(start, start + size),
        (byte) => byte.toString(16).padStart(2, "0"),
      );
      return pairs.join(":");
    },
  });
}

function ipv4_text(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** The first longest run of zero words becomes `::`; the end is an IPv4 address where the server deems it one. */
function ipv6_text(bytes: Uint8Array, view: DataView, at: number): string {
  const words = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i));
  const [base, size] = longest_zeros(words);
  const is_ipv4 = base === 0 && (size === 6 || (size === 5 && words[5] === 0xffff));
  const parts = words.map((word) => word.toString(16));
  if (is_ipv4) parts.splice(6, 2, ipv4_text(bytes, at + 12));
  if (size < 2) return parts.join(":");
  return `${parts.slice(0, base).join(":")}::${parts.slice(base + size).join(":")}`;
}

function longest_zeros(words: readonly number[]): [base: number, size: number] {
  let base = -1;
  let size = 0;
  for (let i = 0, run = 0; i < words.length; i++) {
    run = words[i] === 0 ? run + 1 : 0;
    if (run > size) {
      base = i + 1 - run;
      size = run;
    }
  }
  return [base, size];
}
