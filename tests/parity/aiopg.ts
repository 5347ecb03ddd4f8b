/**
 * Every test of aiopg's core suite, and the test here that has its place; or why there is none.
 *
 * Law: aiopg's users find here what they will find different. Where the public contract differs
 * from aiopg, the contract holds and the row says so.
 *
 * Source: https://github.com/aio-libs/aiopg, tests/, at eabd521 (after 1.5.0a1), but for those of
 * aiopg.sa, which is about SQLAlchemy.
 *
 * @module
 */

/** What has the place of one of aiopg's tests. */
export type Counterpart =
  | {
    /** `tests/parity/<file>_test.ts`. */
    readonly file: string;
    readonly suite: string;
    readonly test: string;
    /** What a user of aiopg will find different. */
    readonly differs?: string;
  }
  | {
    /** Why there is no such test. */
    readonly none: string;
  };

const HANDLES =
  "a lease is a handle of its own, which is dead after the release; the session behind it is the same";
const SCOPES = "`await using` takes the place of `with` and `async with`";
const ROLLED_BACK =
  "a connection released in a transaction is rolled back and kept, where aiopg closes it";
const CANCELLED =
  "a statement that passes its deadline is cancelled on the server and the connection stays usable, where aiopg closes it";
const REFUSED_THERE =
  "possible here; psycopg2's asynchronous mode, on which aiopg is built, refuses it";
const ONE_LOOP = "JavaScript has one event loop, which is never passed around";
const NO_DRIVER_BELOW =
  "about how aiopg drives psycopg2 inside an event loop; here nothing lies between the client and its socket";
const SQLALCHEMY = "of aiopg.sa, the layer for SQLAlchemy";
const FUNCTIONS =
  "a function takes the place of the `async with` block: what left it by a return commits, what left it by an error rolls back; `await using` cannot tell the two apart, and rolls back";
const QUEUE = "the queue is `Connection.notifies`, and no class of its own";
const SIGNALS =
  "the connection stays usable after it; a signal takes the place of a task's cancellation";
const NO_RAW = "there is no `raw`: no other driver lies below";
const SQLALCHEMY_TOO =
  "of aiopg.sa, the layer for SQLAlchemy; a connection begins transactions itself here";
const RANGE = "a RangeError, where aiopg raises ValueError";
const VERSION = "about parsing aiopg's own version number";
const AT_ONCE = "not awaited: a number, not a promise of it";
const GIVEN_ONCE = "given when the cursor is opened, and not changed later";

/** By aiopg's files and the names of their tests. */
export const AIOPG_TESTS: Readonly<Record<string, Readonly<Record<string, Counterpart>>>> = {
  "test_pool.py": {
    test_create_pool: {
      file: "pool",
      suite: "create_pool()",
      test: "opens one connection of ten at most, waits 60 seconds, and logs nothing",
    },
    test_create_pool2: {
      file: "pool",
      suite: "create_pool()",
      test: "opens minsize connections before it resolves",
    },
    test_acquire: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "lends an open connection that runs statements",
    },
    test_release: {
      file: "pool",
      suite: "Pool.release()",
      test: "moves the connection from used to free",
    },
    test_release_closed: {
      file: "pool",
      suite: "Pool.release()",
      test: "drops a connection that its borrower closed, and the next acquire opens another",
      differs:
        "a connection that its borrower closes leaves the pool at once, not with its release",
    },
    test_bad_context_manager_usage: {
      file: "pool",
      suite: "Pool",
      test: "is not disposed of without waiting for that",
      differs:
        "a pool is no Disposable, so `using` throws a TypeError, where aiopg raises RuntimeError",
    },
    test_context_manager: {
      file: "pool",
      suite: "Pool.release()",
      test: "is what leaving the scope of an acquire does",
      differs: SCOPES,
    },
    test_clear: {
      file: "pool",
      suite: "Pool.clear()",
      test: "closes what is free",
    },
    test_initial_empty: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "opens connections in an empty pool, and keeps them",
    },
    test_parallel_tasks: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "serves callers at once, and lends what was released first again first",
      differs: HANDLES,
    },
    test_parallel_tasks_more: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "serves callers at once, and lends what was released first again first",
      differs: HANDLES,
    },
    test_release_with_invalid_status: {
      file: "pool",
      suite: "Pool.release()",
      test: "rolls back what was left open, with a warning, and keeps the connection",
      differs: ROLLED_BACK,
    },
    test_default_event_loop: { none: ONE_LOOP },
    test_cursor: {
      file: "pool",
      suite: "Pool.cursor()",
      test: "borrows a connection until the cursor is closed",
      differs: SCOPES,
    },
    test_release_with_invalid_status_wait_release: {
      file: "pool",
      suite: "Pool.release()",
      test: "rolls back what was left open, with a warning, and keeps the connection",
      differs: ROLLED_BACK,
    },
    test_fill_free: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "opens another connection while all are lent",
    },
    test_connect_from_acquire: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "opens connections in an empty pool, and keeps them",
    },
    test_create_pool_with_timeout: {
      file: "pool",
      suite: "create_pool()",
      test: "gives its timeout to the pool and to each connection",
    },
    test_cursor_with_timeout: {
      file: "pool",
      suite: "Pool.cursor()",
      test: "gives its timeout to the cursor",
    },
    test_concurrency: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "lends all that minsize opened before it opens more",
    },
    test_invalid_minsize: {
      file: "pool",
      suite: "create_pool()",
      test: "refuses a minsize below 0",
      differs: RANGE,
    },
    test_invalid__maxsize: {
      file: "pool",
      suite: "create_pool()",
      test: "refuses a maxsize below minsize",
      differs: RANGE,
    },
    test_true_parallel_tasks: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "never opens more than maxsize",
    },
    test_wait_closed: {
      file: "pool",
      suite: "Pool.wait_closed()",
      test: "waits for all that is lent",
    },
    test_echo: {
      file: "pool",
      suite: "create_pool()",
      test: "gives echo to each connection",
      differs:
        "`echo` is also a function, which receives the event; values of parameters are never logged",
    },
    test_cannot_acquire_after_closing: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "rejects once the pool is closed",
      differs: "a PoolClosedError, where aiopg raises RuntimeError",
    },
    test_terminate_with_acquired_connections: {
      file: "pool",
      suite: "Pool.terminate()",
      test: "closes what is lent",
    },
    test_release_closed_connection: {
      file: "pool",
      suite: "Pool.release()",
      test: "takes a connection whose close() is still under way",
    },
    test_wait_closing_on_not_closed: {
      file: "pool",
      suite: "Pool.wait_closed()",
      test: "rejects unless the pool is closing",
      differs: "an InterfaceError, where aiopg raises RuntimeError",
    },
    test_release_terminated_pool: {
      file: "pool",
      suite: "Pool.release()",
      test: "is harmless after terminate()",
    },
    test_release_terminated_pool_with_wait_release: {
      file: "pool",
      suite: "Pool.release()",
      test: "is harmless after terminate()",
    },
    test_close_with_acquired_connections: {
      file: "pool",
      suite: "Pool.wait_closed()",
      test: "does not end while anything is lent",
    },
    test___del__: {
      none:
        "JavaScript has no destructors; free connections of a pool that nobody holds do not keep the process alive, and a lease that is garbage is noticed by `on_leak`",
    },
    test_unlimited_size: {
      file: "pool",
      suite: "create_pool()",
      test: "takes a maxsize of 0 for no limit",
      differs: "`maxsize` is 0, as it was given, where aiopg says None",
    },
    test_unlimited_size_minsize_0_acquire: {
      file: "pool",
      suite: "create_pool()",
      test: "opens on demand with a minsize and a maxsize of 0",
    },
    test_connection_closed_after_timeout: {
      file: "pool",
      suite: "Pool.release()",
      test: "keeps a connection whose statement had to be cancelled at its deadline",
      differs: CANCELLED,
    },
    test_pool_with_connection_recycling: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "replaces a connection that was unused for longer than pool_recycle",
    },
    test_connection_in_good_state_after_timeout_in_transaction: {
      file: "pool",
      suite: "Pool.release()",
      test: "drops a connection closed after a deadline in a transaction, and others are lent",
    },
    test_drop_connection_if_timedout: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "lends no connection that the server has ended",
      differs:
        "a connection that is lost while it is free leaves the counters at once, not with the next acquire",
    },
    test_close_running_cursor: {
      file: "pool",
      suite: "Pool.cursor()",
      test: "rejects at the cursor's deadline, and gives the connection back",
    },
    test_pool_on_connect: {
      file: "pool",
      suite: "create_pool()",
      test: "awaits on_connect once for each connection",
    },
    test_acquire_timeout_no_connections_available: {
      file: "pool",
      suite: "Pool.acquire()",
      test: "rejects once its deadline has passed, while all are lent",
      differs:
        "a PoolTimeout that says how many connections are in use and how many callers wait; `acquire()` takes a timeout of its own",
    },
  },
  "test_connection.py": {
    test_connect: {
      file: "connection",
      suite: "connect()",
      test: "opens a connection that logs nothing",
      differs: NO_RAW,
    },
    test_simple_select: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "runs a statement and fetches its row",
    },
    test_simple_select_with_hstore: {
      file: "connection",
      suite: "connect()",
      test: "reads hstore as an object on a connection that did not create the extension",
      differs: "rows are objects by default; `row_factory: tuple_row` gives aiopg's tuples",
    },
    test_default_event_loop: { none: ONE_LOOP },
    test_close: {
      file: "connection",
      suite: "Connection.close()",
      test: "closes it, also when called again",
    },
    test_close_twice: {
      file: "connection",
      suite: "Connection.close()",
      test: "closes it, also when called again",
    },
    test_with_cursor_factory: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "takes the shape of its rows",
      differs:
        "a cursor takes a `row_factory`, which shapes its rows; classes of cursors are an option of `connect()`",
    },
    test_closed: {
      file: "connection",
      suite: "Connection.close()",
      test: "closes it, also when called again",
    },
    test_tpc: {
      file: "connection",
      suite: "Connection",
      test: "commits in two phases",
      differs: REFUSED_THERE,
    },
    test_reset: {
      file: "connection",
      suite: "Connection",
      test: "is as good as new after reset()",
      differs: REFUSED_THERE,
    },
    test_lobject: {
      file: "connection",
      suite: "Connection",
      test: "opens large objects, in a transaction alone",
      differs: REFUSED_THERE,
    },
    test_set_session: {
      file: "connection",
      suite: "Connection",
      test: "sets what its transactions are like",
      differs: REFUSED_THERE,
    },
    test_dsn: {
      file: "connection",
      suite: "Connection",
      test: "shows its dsn without the password",
    },
    test_get_backend_pid: {
      file: "connection",
      suite: "Connection",
      test: "knows its server process",
      differs: AT_ONCE,
    },
    test_get_parameter_status: {
      file: "connection",
      suite: "Connection",
      test: "knows what the server reports of its settings",
      differs: "not awaited: a string, not a promise of it",
    },
    test_cursor_factory: {
      file: "connection",
      suite: "connect()",
      test: "takes a class of cursors",
    },
    test_notices: {
      file: "connection",
      suite: "Connection",
      test: "keeps the server's notices",
      differs:
        "a notice has the fields of its diagnostic, where aiopg has one line of text; the last 50 are kept",
    },
    test_autocommit: {
      file: "connection",
      suite: "Connection",
      test: "is always in autocommit",
      differs: "setting it is a TypeError, as of any property that is only read",
    },
    test_isolation_level: {
      file: "connection",
      suite: "Connection",
      test: "sets its isolation level",
      differs:
        "the value is one of `IsolationLevel`; setting it is possible here; psycopg2's asynchronous mode, on which aiopg is built, refuses it",
    },
    test_encoding: {
      file: "connection",
      suite: "Connection",
      test: "speaks UTF8, and refuses other encodings",
      differs: "a NotSupportedError, where aiopg raises ProgrammingError",
    },
    test_get_transaction_status: {
      file: "connection",
      suite: "Connection",
      test: "knows where its transaction stands, in libpq's and psycopg2's numbers",
      differs: AT_ONCE,
    },
    test_transaction: {
      none:
        "a connection has no `commit()` and `rollback()`, which aiopg has only to refuse them; `begin()` gives a transaction that has both",
    },
    test_status: {
      file: "connection",
      suite: "Connection",
      test: "knows where its transaction stands, in libpq's and psycopg2's numbers",
    },
    test_protocol_version: {
      file: "connection",
      suite: "Connection",
      test: "knows the versions of protocol and server",
    },
    test_server_version: {
      file: "connection",
      suite: "Connection",
      test: "knows the versions of protocol and server",
    },
    test_cancel_not_supported: {
      file: "connection",
      suite: "Connection",
      test: "cancels what runs, and stays usable",
      differs: REFUSED_THERE,
    },
    test_close2: {
      file: "connection",
      suite: "Connection.close()",
      test: "rejects what is being written",
    },
    test_psyco_exception: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "rejects with the server's error in its class",
    },
    test_ready_set_exception: { none: NO_DRIVER_BELOW },
    test_ready_OK_with_waiter: { none: NO_DRIVER_BELOW },
    test_ready_POLL_ERROR: { none: NO_DRIVER_BELOW },
    test_ready_unknown_answer: { none: NO_DRIVER_BELOW },
    test_execute_twice: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "runs two statements at once in their order, on one cursor or two",
      differs:
        "statements issued at once are pipelined in the order of the calls, where aiopg raises RuntimeError",
    },
    test_connect_to_unsupported_port: {
      file: "connection",
      suite: "connect()",
      test: "rejects where nobody listens",
    },
    test_binary_protocol_error: {
      file: "connection",
      suite: "A connection that is lost",
      test: "rejects what runs when bytes come between that are nobody's",
    },
    test_closing_in_separate_task: {
      file: "connection",
      suite: "Connection.close()",
      test: "rejects what still runs, without waiting for it",
      differs: "the statement is cancelled on the server too",
    },
    test_connection_timeout: {
      file: "connection",
      suite: "connect()",
      test: "gives its timeout to cursors, whose statements end by it",
      differs: CANCELLED,
    },
    test_override_cursor_timeout: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "takes a timeout of its own",
      differs: CANCELLED,
    },
    test_echo: {
      file: "connection",
      suite: "connect()",
      test: "takes echo",
    },
    test___del__: {
      none:
        "JavaScript has no destructors; an open connection keeps its process alive until it is closed",
    },
    test_notifies: {
      file: "connection",
      suite: "Connection.notifies",
      test: "gives what LISTEN brings, and rejects once the connection is closed",
      differs:
        "after the user's own `close()` it is an InterfaceError, as of every other call; OperationalError means that the connection was lost",
    },
    test_close_connection_on_timeout_error: {
      file: "connection",
      suite: "Connection",
      test: "stays usable after a statement's deadline",
      differs: CANCELLED,
    },
    test_issue_111_crash_on_connect_error: {
      file: "connection",
      suite: "connect()",
      test: "says what is wrong with a dsn that is none",
      differs: "an InterfaceError, where psycopg2 raises ProgrammingError: no server is concerned",
    },
    test_remove_reader_from_alive_fd: { none: NO_DRIVER_BELOW },
    test_remove_reader_from_dead_fd: { none: NO_DRIVER_BELOW },
    test_connection_on_server_restart: {
      file: "connection",
      suite: "A connection that is lost",
      test: "rejects what is executed when the server has stopped",
    },
    test_connection_notify_on_disconnect: {
      file: "connection",
      suite: "Connection.notifies",
      test: "rejects who waits when the connection is lost",
    },
  },
  "test_cursor.py": {
    test_description: {
      file: "cursor",
      suite: "Cursor",
      test: "describes its columns in seven items each, and nothing without a result",
    },
    test_raw: { none: NO_RAW },
    test_close: {
      file: "cursor",
      suite: "Cursor.close()",
      test: "closes it, also when called again, and leaves the connection open",
      differs: "`close()` is awaited: a named cursor, or a pool's, has something to end",
    },
    test_close_twice: {
      file: "cursor",
      suite: "Cursor.close()",
      test: "closes it, also when called again, and leaves the connection open",
    },
    test_connection: {
      file: "cursor",
      suite: "Cursor",
      test: "knows its connection",
    },
    test_name: {
      file: "cursor",
      suite: "Cursor",
      test: "has no name, neither scrolls on the server nor outlives a transaction",
      differs:
        "named cursors are possible here; psycopg2's asynchronous mode, on which aiopg is built, refuses it",
    },
    test_scrollable: {
      file: "cursor",
      suite: "Cursor",
      test: "has no name, neither scrolls on the server nor outlives a transaction",
      differs: GIVEN_ONCE,
    },
    test_withhold: {
      file: "cursor",
      suite: "Cursor",
      test: "has no name, neither scrolls on the server nor outlives a transaction",
      differs: GIVEN_ONCE,
    },
    test_execute: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "reads the result",
    },
    test_executemany: {
      file: "cursor",
      suite: "Cursor.executemany()",
      test: "runs a statement for each set of parameters",
      differs: REFUSED_THERE,
    },
    test_mogrify: {
      file: "cursor",
      suite: "Cursor.mogrify()",
      test: "quotes as the server does",
      differs: "awaited, as the server quotes; a string, where aiopg gives bytes",
    },
    test_setinputsizes: {
      file: "cursor",
      suite: "Cursor.setinputsizes() and setoutputsize()",
      test: "have no effect",
    },
    test_fetchmany: {
      file: "cursor",
      suite: "Cursor.fetchmany()",
      test: "takes arraysize rows, or as many as it is told",
    },
    test_fetchall: {
      file: "cursor",
      suite: "Cursor.fetchall()",
      test: "takes all rows",
    },
    test_scroll: {
      file: "cursor",
      suite: "Cursor.scroll()",
      test: "moves on",
    },
    test_arraysize: {
      file: "cursor",
      suite: "Cursor",
      test: "has an arraysize of 1 and an itersize of 2000, both of which can be set",
    },
    test_itersize: {
      file: "cursor",
      suite: "Cursor",
      test: "has an arraysize of 1 and an itersize of 2000, both of which can be set",
    },
    test_rows: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "counts what it read, from the first row",
    },
    test_query: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "keeps the query as it was given, without its values",
      differs:
        "a string without values, which never enter the query; psycopg2 has bytes with the values pasted in",
    },
    test_statusmessage: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "keeps the command's tag",
    },
    test_tzinfo_factory: {
      none: "a Date has no time zone; `temporal: true` gives Temporal objects",
    },
    test_nextset: {
      file: "cursor",
      suite: "Cursor.nextset()",
      test: "moves on to the next statement's result",
      differs: REFUSED_THERE,
    },
    test_setoutputsize: {
      file: "cursor",
      suite: "Cursor.setinputsizes() and setoutputsize()",
      test: "have no effect",
    },
    test_copy_family: {
      file: "cursor",
      suite: "Cursor.copy_from(), copy_to() and copy_expert()",
      test: "move rows between streams and tables",
      differs: REFUSED_THERE,
    },
    test_callproc: {
      file: "cursor",
      suite: "Cursor.callproc()",
      test: "calls a function, whose result is the cursor's",
    },
    test_execute_timeout: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "ends by the timeout of the cursor, or of the call",
    },
    test_execute_override_timeout: {
      file: "cursor",
      suite: "Cursor.execute()",
      test: "ends by the timeout of the cursor, or of the call",
    },
    test_callproc_timeout: {
      file: "cursor",
      suite: "Cursor.callproc()",
      test: "ends by the timeout of the cursor, or of the call",
    },
    test_callproc_override_timeout: {
      file: "cursor",
      suite: "Cursor.callproc()",
      test: "ends by the timeout of the cursor, or of the call",
    },
    test_echo: {
      file: "cursor",
      suite: "Cursor",
      test: "logs as its connection does",
    },
    test_echo_false: {
      file: "cursor",
      suite: "Cursor",
      test: "logs as its connection does",
    },
    test_isolation_level: {
      file: "cursor",
      suite: "Cursor",
      test: "takes the isolation level of its transactions",
    },
    test_iter: {
      file: "cursor",
      suite: "Cursor[Symbol.asyncIterator]()",
      test: "yields the rows",
    },
    test_echo_callproc: {
      file: "cursor",
      suite: "Cursor.callproc()",
      test: "logs the statement",
    },
  },
  "test_async_await.py": {
    test_cursor_await: {
      file: "connection",
      suite: "Connection.cursor()",
      test: "runs a statement and fetches its row",
    },
    test_connect_context_manager: {
      file: "connection",
      suite: "connect()",
      test: "is closed by leaving the scope of what it gives",
      differs: SCOPES,
    },
    test_connection_context_manager: {
      file: "connection",
      suite: "connect()",
      test: "is closed by leaving the scope of what it gives",
      differs: SCOPES,
    },
    test_cursor_create_with_context_manager: {
      file: "cursor",
      suite: "Cursor.close()",
      test: "is what leaving its scope does",
      differs: SCOPES,
    },
    test_pool_context_manager_timeout: {
      file: "pool",
      suite: "Pool.cursor()",
      test: "may be left while its statement runs, which is cancelled then",
      differs: "the connection is cancelled and kept, where aiopg warns and closes it",
    },
    test_cursor_with_context_manager: {
      file: "cursor",
      suite: "Cursor.close()",
      test: "is what leaving its scope does",
      differs: SCOPES,
    },
    test_cursor_lightweight: {
      file: "cursor",
      suite: "Cursor.close()",
      test: "drops the rows that nobody fetched",
      differs: SCOPES,
    },
    test_pool_context_manager: {
      file: "pool",
      suite: "Pool",
      test: "is closed when its scope is left",
      differs: SCOPES,
    },
    test_create_pool_context_manager: {
      file: "pool",
      suite: "Pool",
      test: "closes its connections when its scope is left after theirs",
      differs: SCOPES,
    },
    test_cursor_aiter: {
      file: "cursor",
      suite: "Cursor[Symbol.asyncIterator]()",
      test: "yields more rows than there are in a table",
    },
    test_engine_context_manager: { none: SQLALCHEMY },
    test_create_engine_context_manager: { none: SQLALCHEMY },
    test_result_proxy_aiter: { none: SQLALCHEMY },
    test_sa_connection_execute: { none: SQLALCHEMY },
    test_transaction_context_manager: {
      file: "transaction",
      suite: "Connection.transaction()",
      test: "commits, and hands on what its function gives",
      differs: SQLALCHEMY_TOO,
    },
    test_transaction_context_manager_error: {
      file: "transaction",
      suite: "Connection.transaction()",
      test: "rolls back where its function throws, and throws that",
      differs: SQLALCHEMY_TOO,
    },
    test_transaction_context_manager_commit_once: {
      file: "transaction",
      suite: "Connection.transaction()",
      test: "commits once where its function has committed",
      differs: SQLALCHEMY_TOO,
    },
    test_transaction_context_manager_nested_commit: {
      file: "transaction",
      suite: "Connection.transaction()",
      test: "nests, each ending by itself",
      differs: SQLALCHEMY_TOO,
    },
  },
  "test_async_transaction.py": {
    test_transaction: {
      file: "transaction",
      suite: "new Transaction()",
      test: "writes at every isolation level, deferrable or not",
    },
    test_transaction_readonly_insert: {
      file: "transaction",
      suite: "new Transaction()",
      test: "refuses to write where it is read-only, at every isolation level",
      differs:
        "committing such a transaction is a TransactionRollbackError, as the server rolls it back; aiopg keeps silent",
    },
    test_transaction_readonly: {
      file: "transaction",
      suite: "new Transaction()",
      test: "reads where it is read-only, at every isolation level",
    },
    test_transaction_rollback: {
      file: "transaction",
      suite: "Connection.transaction()",
      test: "rolls back where a statement fails",
      differs: FUNCTIONS,
    },
    test_transaction_point: {
      file: "transaction",
      suite: "Transaction.point()",
      test: "keeps what its function did, or undoes it where that throws",
      differs: FUNCTIONS,
    },
    test_begin: {
      file: "transaction",
      suite: "Cursor.begin()",
      test: "commits what its function did",
      differs: FUNCTIONS,
    },
    test_begin_nested: {
      file: "transaction",
      suite: "Cursor.begin_nested()",
      test: "begins a transaction, and inside of it savepoints",
      differs: FUNCTIONS,
    },
    test_begin_nested_fail: {
      file: "transaction",
      suite: "Cursor.begin_nested()",
      test: "rolls the transaction back where its function throws",
      differs: FUNCTIONS,
    },
  },
  "test_transaction.py": {
    test_transaction_oldstyle: {
      file: "transaction",
      suite: "new Transaction()",
      test: "writes at every isolation level, deferrable or not",
    },
    test_transaction_fail_oldstyle: {
      file: "transaction",
      suite: "new Transaction()",
      test: "refuses to be misused",
    },
    test_transaction_finalization_warning: {
      file: "transaction",
      suite: "new Transaction()",
      test: "warns when it is garbage while it is open, and when its connection is released",
      differs:
        "warnings go to `on_warning` or the console; one for the transaction, none for its savepoint",
    },
    test_transaction_readonly_insert_oldstyle: {
      file: "transaction",
      suite: "new Transaction()",
      test: "refuses to write where it is read-only, at every isolation level",
    },
    test_transaction_readonly_oldstyle: {
      file: "transaction",
      suite: "new Transaction()",
      test: "reads where it is read-only, at every isolation level",
    },
    test_transaction_point_oldstyle: {
      file: "transaction",
      suite: "new Transaction()",
      test: "keeps what was done in one savepoint, and not what was in another",
    },
    test_timeout_in_transaction_context_manager: {
      file: "transaction",
      suite: "A statement that is given up",
      test: "by its deadline rolls the transaction back, also from a savepoint",
      differs: CANCELLED,
    },
    test_timeout_in_savepoint_context_manager: {
      file: "transaction",
      suite: "A statement that is given up",
      test: "by its deadline rolls the transaction back, also from a savepoint",
      differs: CANCELLED,
    },
    test_cancel_in_transaction_context_manager: {
      file: "transaction",
      suite: "A statement that is given up",
      test: "by its signal rolls the transaction back, also from a savepoint",
      differs: SIGNALS,
    },
    test_cancel_in_savepoint_context_manager: {
      file: "transaction",
      suite: "A statement that is given up",
      test: "by its signal rolls the transaction back, also from a savepoint",
      differs: SIGNALS,
    },
  },
  "test_extended_types.py": {
    test_uuid: {
      file: "types",
      suite: "uuid",
      test: "is read as it was written, as text",
      differs:
        "a uuid is a string: JavaScript has no class for it, and `crypto.randomUUID()` gives strings",
    },
    test_json: {
      file: "types",
      suite: "json",
      test: "is read as it was written, wrapped in Json or not",
      differs: "objects need no `Json()` around them",
    },
  },
  "test_isolation_level.py": {
    test_isolation_level_name: {
      file: "transaction",
      suite: "IsolationLevel",
      test: "names the levels",
      differs:
        "the levels are strings, not classes that compile SQL; `read_uncommitted` is one too",
    },
    test_isolation_level_begin: {
      file: "transaction",
      suite: "IsolationLevel",
      test: "decides, with the other modes, how a transaction is begun",
    },
  },
  "test_utils.py": {
    test_closable_queue_noclose: {
      file: "notifies",
      suite: "NotificationQueue",
      test: "gives what was put into it, at once or when asked",
      differs: QUEUE,
    },
    test_closable_queue_close: {
      file: "notifies",
      suite: "NotificationQueue",
      test: "rejects who waits when it ends",
      differs: QUEUE,
    },
    test_closable_queue_close_get_nowait: {
      file: "notifies",
      suite: "NotificationQueue",
      test: "gives what is left in it after its end",
      differs: QUEUE,
    },
    test_closable_queue_get_nowait_noclose: {
      file: "notifies",
      suite: "NotificationQueue",
      test: "gives null where it is asked not to wait and nothing is there",
      differs: "null, where aiopg raises QueueEmpty",
    },
    test_closable_queue_get_cancellation: {
      file: "notifies",
      suite: "NotificationQueue",
      test: "lets who waits give up",
      differs: "a signal takes the place of a task's cancellation",
    },
  },
  "test_version.py": {
    test_alpha: { none: VERSION },
    test_beta: { none: VERSION },
    test_rc: { none: VERSION },
    test_final: { none: VERSION },
    test_invalid: { none: VERSION },
  },
};
