/**
 * The geometric types ⇄ plain objects of numbers, as `x` and `y`.
 *
 * Wire: every number is a `float8`; `path` has a byte that says whether it is
 * closed, and `path` and `polygon` count their points in 32 bits.
 * Text: the same numbers in the same order, between brackets and commas.
 * Source: point_send, line_send, lseg_send, box_send, path_send, poly_send and
 * circle_send, src/backend/utils/adt/geo_ops.c
 *
 * @module
 */

import { DataError } from "../errors.ts";
import type { TypeCodec } from "./codec.ts";
import { read_float } from "./floats.ts";
import { number_text } from "./kinds.ts";
import { malformed, malformed_text, wrong_size } from "./malformed.ts";

/** A `point`. */
export interface Point {
  /** From left to right. */
  readonly x: number;
  /** From bottom to top. */
  readonly y: number;
}

/** A `line`: `a`x + `b`y + `c` = 0. */
export interface Line {
  /** The factor of x. */
  readonly a: number;
  /** The factor of y. */
  readonly b: number;
  /** What is added. */
  readonly c: number;
}

/** An `lseg`: a piece of a line. */
export interface LineSegment {
  /** Where it begins. */
  readonly start: Point;
  /** Where it ends. */
  readonly end: Point;
}

/** A `box`, its corners as the server orders them. */
export interface Box {
  /** The upper right corner. */
  readonly high: Point;
  /** The lower left corner. */
  readonly low: Point;
}

/** A `path`. */
export interface Path {
  /** In order. */
  readonly points: readonly Point[];
  /** Whether the last point leads to the first. */
  readonly closed: boolean;
}

/** A `polygon`. */
export interface Polygon {
  /** Its corners, in order. */
  readonly points: readonly Point[];
}

/** A `circle`. */
export interface Circle {
  /** Its centre. */
  readonly center: Point;
  /** Its radius. */
  readonly radius: number;
}

const POINT_SIZE = 16; // bytes
const NUMBER_SIZE = 8; // bytes
const BRACKETS = /[()[\]{}<>]/g;

/** Every geometric type. */
export const geometric_types: readonly TypeCodec[] = [
  figure_codec({
    name: "point",
    oid: 600,
    array_oid: 1017,
    print: "(#,#)",
    shape: "{ x, y }",
    build: ([x, y]) => ({ x, y }),
    numbers_of: ({ x, y }: Partial<Point>) => [x, y],
  }),
  figure_codec({
    name: "line",
    oid: 628,
    array_oid: 629,
    print: "{#,#,#}",
    shape: "{ a, b, c }",
    build: ([a, b, c]) => ({ a, b, c }),
    numbers_of: ({ a, b, c }: Partial<Line>) => [a, b, c],
  }),
  figure_codec({
    name: "lseg",
    oid: 601,
    array_oid: 1018,
    print: "[(#,#),(#,#)]",
    shape: "{ start: { x, y }, end: { x, y } }",
    build: ([x, y, x2, y2]) => ({ start: { x, y }, end: { x: x2, y: y2 } }),
    numbers_of: ({ start, end }: Partial<LineSegment>) => [start?.x, start?.y, end?.x, end?.y],
  }),
  figure_codec({
    name: "box",
    oid: 603,
    array_oid: 1020,
    delimiter: ";", // the one builtin type that has another
    print: "(#,#),(#,#)",
    shape: "{ high: { x, y }, low: { x, y } }",
    build: ([x, y, x2, y2]) => ({ high: { x, y }, low: { x: x2, y: y2 } }),
    numbers_of: ({ high, low }: Partial<Box>) => [high?.x, high?.y, low?.x, low?.y],
  }),
  figure_codec({
    name: "circle",
    oid: 718,
    array_oid: 719,
    print: "<(#,#),#>",
    shape: "{ center: { x, y }, radius }",
    build: ([x, y, radius]) => ({ center: { x, y }, radius }),
    numbers_of: ({ center, radius }: Partial<Circle>) => [center?.x, center?.y, radius],
  }),
  points_codec("path", 602, 1019),
  points_codec("polygon", 604, 1027),
];

/** A type of a fixed count of numbers. */
interface Figure {
  readonly name: string;
  readonly oid: number;
  readonly array_oid: number;
  readonly delimiter?: string;
  /** The text form, `#` for each number. */
  readonly print: string;
  /** The JavaScript form, for errors. */
  readonly shape: string;
  readonly build: (numbers: readonly number[]) => unknown;
  /** The numbers, undefined for what is missing. */
  readonly numbers_of: (value: object) => readonly (number | undefined)[];
}

function figure_codec(figure: Figure): TypeCodec {
  const count = figure.print.split("#").length - 1;
  const rule = `must be ${figure.shape} of numbers, or a string`;
  return {
    name: figure.name,
    oid: figure.oid,
    array_oid: figure.array_oid,
    delimiter: figure.delimiter ?? ",",
    format: 1,
    has_floats: true,

    decode(_bytes, view, start, length) {
      const size = NUMBER_SIZE * count;
      if (length !== size) throw wrong_size(figure.name, size, length);
      return figure.build(read_numbers(view, start, count));
    },

    decode_text(text) {
      const numbers = parse_numbers(text, figure.name);
      if (numbers.length !== count) throw malformed_text(figure.name);
      return figure.build(numbers);
    },

    has_binary(value) {
      return is_object(value) && figure.numbers_of(value).every(is_number);
    },

    encode(writer, value) {
      for (const number of figure.numbers_of(value as object)) writer.f64(number!);
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      const numbers = is_object(value) ? figure.numbers_of(value) : [];
      if (numbers.length !== count || !numbers.every(is_number)) throw new DataError(rule);
      let i = 0;
      return figure.print.replace(/#/g, () => number_text(numbers[i++], rule));
    },
  };
}

/** `path` and `polygon`; a path says whether it is closed, in both of its forms. */
function points_codec(name: "path" | "polygon", oid: number, array_oid: number): TypeCodec {
  const is_path = name === "path";
  const header = is_path ? 5 : 4; // closed, count; or count
  const shape = is_path ? "{ points: [{ x, y }, ...], closed }" : "{ points: [{ x, y }, ...] }";
  const fits = (value: unknown): value is Path =>
    is_object(value) && has_points(value) &&
    (!is_path || typeof (value as Partial<Path>).closed === "boolean");
  return {
    name,
    oid,
    array_oid,
    delimiter: ",",
    format: 1,
    has_floats: true,

    decode(bytes, view, start, length) {
      const count = length < header ? -1 : view.getInt32(start + header - 4);
      if (count < 0 || header + POINT_SIZE * count !== length) {
        throw malformed(name, `${length} bytes are not what its header says`);
      }
      const points = as_points(read_numbers(view, start + header, 2 * count));
      return is_path ? { points, closed: bytes[start] !== 0 } : { points };
    },

    decode_text(text) {
      const numbers = parse_numbers(text, name);
      if (numbers.length % 2 !== 0) throw malformed_text(name);
      const points = as_points(numbers);
      return is_path ? { points, closed: text.startsWith("(") } : { points };
    },

    has_binary: fits,

    encode(writer, value) {
      const { points, closed } = value as Path;
      if (is_path) writer.u8(closed ? 1 : 0);
      writer.i32(points.length);
      for (const { x, y } of points) {
        writer.f64(x);
        writer.f64(y);
      }
    },

    encode_text(value) {
      if (typeof value === "string") return value;
      const rule = `must be ${shape} of numbers, or a string`;
      if (!fits(value)) throw new DataError(rule);
      const points = value.points.map(({ x, y }) =>
        `(${number_text(x, rule)},${number_text(y, rule)})`
      );
      return is_path && !value.closed ? `[${points.join(",")}]` : `(${points.join(",")})`;
    },
  };
}

function has_points(value: object): boolean {
  const { points } = value as Partial<Path>;
  return Array.isArray(points) &&
    points.every((point: unknown) => {
      if (!is_object(point)) return false;
      const { x, y } = point as Partial<Point>;
      return is_number(x) && is_number(y);
    });
}

function read_numbers(view: DataView, start: number, count: number): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(view.getFloat64(start + NUMBER_SIZE * i));
  return numbers;
}

function parse_numbers(text: string, name: string): number[] {
  return text.replace(BRACKETS, "").split(",").map((part) => read_float(part, name));
}

function as_points(numbers: readonly number[]): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < numbers.length; i += 2) points.push({ x: numbers[i]!, y: numbers[i + 1]! });
  return points;
}

function is_number(value: unknown): value is number {
  return typeof value === "number";
}

function is_object(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
