/**
 * Every public name that does not depend on the runtime, re-exported by all entry modules.
 *
 * @module
 */

export * from "../errors.ts";
export { type Condition, CONDITIONS } from "../sqlstate.ts";

export { Connection } from "../connection/handle/connection.ts";
export type { ConnectionSettings, Lease, Notice } from "../connection/handle/connection.ts";
export type { EchoEvent } from "../connection/base/warnings.ts";
export { ConnectionStatus, TransactionStatus } from "../connection/handle/server_facts.ts";
export type { SessionControl } from "../connection/handle/session_control.ts";
export { Transaction } from "../connection/transaction/transaction.ts";
export type { TransactionHost, TransactionOptions } from "../connection/transaction/transaction.ts";
export type { RunTransactionOptions } from "../connection/transaction/run_transaction.ts";
export { IsolationLevel } from "../connection/transaction/isolation.ts";
export type { TransactionMode } from "../connection/transaction/isolation.ts";
export { LargeObject } from "../connection/transaction/large_object.ts";
export { Xid } from "../connection/transaction/xid.ts";
export type { XidFacts } from "../connection/transaction/xid.ts";
export { Cursor } from "../connection/handle/cursor.ts";
export type { CursorFactory, CursorOptions } from "../connection/handle/cursor.ts";
export { NamedCursor } from "../connection/handle/named_cursor.ts";
export type { RowIterator } from "../connection/base/row_iterator.ts";
export type { CopyReadable } from "../connection/copy/copy_to.ts";
export type { CopyWritable } from "../connection/copy/copy_from.ts";
export type { CopyRecord } from "../connection/copy/copy_encoder.ts";
export type { CopyRecordsOptions } from "../connection/copy/copy_records_in.ts";
export type { CopyRowsOptions } from "../connection/copy/copy_records_out.ts";
export type { CopyTextOptions } from "../connection/copy/copy_table.ts";
export type { ManyOptions } from "../connection/calls/executemany.ts";
export type { Items } from "../connection/base/item_source.ts";
export type { StreamOptions } from "../connection/calls/stream.ts";
export type { CursorControl } from "../connection/handle/cursor_control.ts";
export type { CursorBulk } from "../connection/handle/cursor_bulk.ts";
export { Queryable } from "../connection/calls/queryable.ts";
export type {
  CallOptions,
  Params,
  QueryOptions,
  ShapedOptions,
  StatementOptions,
} from "../connection/base/call_options.ts";
export { Result } from "../connection/statement/result.ts";
export { NotificationQueue } from "../connection/handle/notifies.ts";
export type { Notification } from "../connection/session/session_owner.ts";
export type * from "../connection/options/connect_options.ts";

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
