/**
 * Every public name that does not depend on the runtime, re-exported by all entry modules.
 *
 * @module
 */

export * from "../errors.ts";
export { type Condition, CONDITIONS } from "../sqlstate.ts";

export { Connection } from "../connection/connection.ts";
export type { ConnectionSettings, EchoEvent, Lease, Notice } from "../connection/connection.ts";
export { ConnectionStatus, TransactionStatus } from "../connection/server_facts.ts";
export { SessionControl } from "../connection/session_control.ts";
export { Transaction } from "../connection/transaction.ts";
export type { TransactionHost, TransactionOptions } from "../connection/transaction.ts";
export type { RunTransactionOptions } from "../connection/run_transaction.ts";
export { IsolationLevel } from "../connection/isolation.ts";
export type { TransactionMode } from "../connection/isolation.ts";
export { LargeObject } from "../connection/large_object.ts";
export { Xid } from "../connection/xid.ts";
export type { XidFacts } from "../connection/xid.ts";
export { Cursor } from "../connection/cursor.ts";
export type { CursorOptions } from "../connection/cursor.ts";
export { NamedCursor } from "../connection/named_cursor.ts";
export type { RowIterator } from "../connection/row_iterator.ts";
export type { CopyReadable } from "../connection/copy_to.ts";
export type { CopyWritable } from "../connection/copy_from.ts";
export type { CopyRecord } from "../connection/copy_encoder.ts";
export type { CopyRecordsOptions } from "../connection/copy_records_in.ts";
export type { CopyRowsOptions } from "../connection/copy_records_out.ts";
export type { CopyTextOptions } from "../connection/copy_table.ts";
export type { ManyOptions } from "../connection/executemany.ts";
export type { Items } from "../connection/item_source.ts";
export type { StreamOptions } from "../connection/stream.ts";
export { CursorControl } from "../connection/cursor_control.ts";
export { CursorBulk } from "../connection/cursor_bulk.ts";
export { Queryable } from "../connection/queryable.ts";
export type {
  CallOptions,
  Params,
  QueryOptions,
  ShapedOptions,
  StatementOptions,
} from "../connection/queryable.ts";
export { Result } from "../connection/result.ts";
export { NotificationQueue } from "../connection/notifies.ts";
export type { Notification } from "../connection/session_owner.ts";
export type * from "../connection/connect_options.ts";

export { Pool } from "../pool/pool.ts";
export type { AcquireOptions } from "../pool/pool.ts";
export type { LeakEvent, PoolOptions, PoolSettings } from "../pool/options.ts";
export { Listener } from "../pool/listener.ts";
export type { Gap, ListenerEvent, ListenerHost } from "../pool/listener.ts";
export type { PoolStats } from "../pool/stats.ts";

export { Column } from "../rows/column.ts";
export { class_row, object_row, scalar_row, tuple_row } from "../rows/factories.ts";
export type { ObjectRow, RowFactory } from "../rows/factories.ts";

export { sql } from "../sql/template.ts";
export type { CompiledSql, Sql, SqlTag } from "../sql/template.ts";

export { Interval } from "../codecs/interval.ts";
export type { IntervalParts } from "../codecs/interval.ts";
export { Json } from "../codecs/json.ts";
export type { JsonConstructor } from "../codecs/json.ts";
export { Range } from "../codecs/range.ts";
export type { Codec } from "../codecs/codec.ts";
export type { Box, Circle, Line, LineSegment, Path, Point, Polygon } from "../codecs/geometric.ts";
