/**
 * What no client of PostgreSQL for JavaScript did well, and the tests that this one does.
 *
 * To add a row: say what must hold, and which tests show it. A test is named by its file and a part
 * of its name as it stands there.
 *
 * @module
 */

/** One thing to do well. */
export interface Opening {
  /** What must hold. */
  readonly rule: string;
  /** Files in tests/, and what stands in them. */
  readonly shown_by: readonly (readonly [file: string, name: string])[];
}

const ABORT = "adversity/abort_test.ts";
const ATTRIBUTION = "adversity/attribution_test.ts";
const BLACKHOLE = "adversity/blackhole_test.ts";
const MEMORY = "adversity/memory_test.ts";
const TORTURE = "adversity/torture_test.ts";
const WIRE = "connection/wire/wire_test.ts";
const COPY = "integration/copy_test.ts";
const POOL = "integration/pool_test.ts";
const POOLER = "integration/pooler_test.ts";
const STREAM = "integration/stream_test.ts";
const TLS = "integration/tls_test.ts";
const FRAME = "protocol/frame_test.ts";
const RELEASE = "pool/release_test.ts";

/** All of them, in the order in which they were found. Telemetry is none: what there is are `echo` and `stats()`. */
export const OPENINGS: readonly Opening[] = [
  {
    rule: "a lease is one backend session, and nothing on it ever runs on a replacement",
    shown_by: [
      [TORTURE, "keeps every transaction on one backend, and every promise"],
      [POOL, "lets transactions commit or fail whole, while backends are killed"],
      [RELEASE, "leaves the borrower a dead handle, whoever has the session then"],
      ["integration/transaction_test.ts", "never runs on another session than its own"],
    ],
  },
  {
    rule: "a release looks at what the server says of the transaction",
    shown_by: [
      [RELEASE, "rolls ${name} back, with a warning"],
      [RELEASE, "cancels what still runs, and keeps the session"],
      [COPY, "stops a COPY whose borrower gives the connection back"],
      [POOL, "leaves nothing of ${name}"],
    ],
  },
  {
    rule: "each statement gets its own answer, whatever comes between",
    shown_by: [
      [ATTRIBUTION, "gives each its own answer"],
      [WIRE, "takes notices, notifications and settings between any two messages"],
      [WIRE, "gives up a server that answers what was not asked"],
      [WIRE, "gives the same rows wherever the stream is cut"],
    ],
  },
  {
    rule: "every wait ends in time, and can be given up",
    shown_by: [
      [ABORT, "ends ${name} on a connection, and nothing else"],
      [ABORT, "ends ${name} on a pool, and nothing else"],
      [BLACKHOLE, "ends ${name} at the deadline"],
      [BLACKHOLE, "keeps acquire() no longer than its timeout"],
      ["pool/acquire_test.ts", "rejects callers beyond it at once"],
    ],
  },
  {
    rule: "no error ever escapes to the process",
    shown_by: [
      ["adapters/peer.ts", "assertEquals(escaped, [])"],
      [BLACKHOLE, "no_escapes();"],
      [TORTURE, "no_escapes();"],
      [ABORT, "no_escapes();"],
      [TLS, "all that is pending rejects, and the backend is gone"],
    ],
  },
  {
    rule: "cursors and streams run beside other statements, and leaving one early costs nothing",
    shown_by: [
      [STREAM, "lets other statements run between rows"],
      [STREAM, "finishes more streams than there are connections"],
      [STREAM, "throws OperationalError when its server process dies in the middle"],
      [MEMORY, "is left in less than 50 ms, and the connection is usable"],
    ],
  },
  {
    rule: "transaction poolers get what they understand, in one round trip a statement",
    shown_by: [
      [POOLER, "takes no more round trips than it must"],
      [POOLER, "statements run, one by one and at once, with parameters of every kind"],
      [WIRE, "get one Sync at a time and unnamed statements, in one flight each"],
    ],
  },
  {
    rule: "workerd is a runtime like the others, whose sockets belong to a request",
    shown_by: [
      ["runtimes/workerd/workerd_test.ts", "frees the connection on close()"],
      ["runtimes/workerd/workerd_test.ts", "starts TLS as it can"],
    ],
  },
  {
    rule: "back-pressure goes to the socket, so that memory is bounded",
    shown_by: [
      [MEMORY, "grows by less than ${MOST_GROWTH} MiB"],
      [COPY, "holds the server back where nobody reads"],
      [COPY, "waits for a server that does not read"],
      [TLS, "holds the server back while nobody reads"],
    ],
  },
  {
    rule: "COPY keeps all or nothing, takes records of any type, and leaves the connection usable",
    shown_by: [
      [COPY, "rejects with the server's error for a bad row ${where}, and keeps nothing"],
      [COPY, "ends in CopyFail when it is aborted, and keeps nothing"],
      [COPY, "copies values of every kind, in binary and in text"],
      ["integration/random_types_test.ts", "are read as they were written"],
    ],
  },
  {
    rule: "a cancel goes where its session is, as it went there, and hits nothing later",
    shown_by: [
      ["connection/login/establish_test.ts", "goes to the address that the session reached"],
      ["connection/login/establish_test.ts", "goes the same way for a cancel"],
      [TLS, "cancels over TLS"],
      [WIRE, "lets a signal that comes late hit an empty query"],
      [ATTRIBUTION, "never has a statement cancelled by a signal that was for another"],
    ],
  },
  {
    rule: "the login is as careful as libpq's",
    shown_by: [
      ["protocol/handshake_test.ts", "refuses everything but a bound SCRAM"],
      ["protocol/scram_test.ts", "2^31 iterations"],
      ["integration/auth_test.ts", "is found out by channel_binding=${channel_binding}"],
      ["security/rows_test.ts", "SECURITY_ROWS"],
    ],
  },
  {
    rule: "several hosts fail over",
    shown_by: [
      ["integration/failover_test.ts", "writes to the promoted standby within 5 seconds"],
      ["integration/failover_test.ts", "never answers: after connect_timeout the next one"],
      ["pool/target_test.ts", "after a write was refused"],
    ],
  },
  {
    rule: "prepared statements are bounded, and parsed anew where they have to be",
    shown_by: [
      [ATTRIBUTION, "keeps no more statements on the server than it may"],
      [STREAM, "runs a prepared statement anew whose table has changed"],
      ["integration/altered_types_test.ts", "is noticed when made by ${actor}"],
      ["integration/transaction_test.ts", "where the statement cache was emptied behind its back"],
    ],
  },
  {
    rule: "a pool punishes neither errors nor idleness, and is fair",
    shown_by: [
      [POOL, "keeps its connections through a thousand errors"],
      [POOL, "never lends a session that ended while it was free"],
      ["pool/waiters_test.ts", "serves in the order of arrival"],
      ["pool/hooks_test.ts", "is asked before a connection that was idle for check_idle is lent"],
      ["pool/ages_test.ts", "end a session after ${seconds} s"],
    ],
  },
  {
    rule: "a listener goes on after a loss, and says where something may be missing",
    shown_by: [
      [POOL, "goes on after its backend was killed, and yields a gap first"],
      ["pool/listener_test.ts", "drops the oldest of what nobody reads, and says so by a gap"],
    ],
  },
  {
    rule: "the binary form of a value is read as its text is, whatever the session's settings are",
    shown_by: [
      ["integration/values_test.ts", "reads every sample in every place, cold and warm alike"],
      ["integration/settings_test.ts", "change nothing in what is read"],
      ["integration/system_types_test.ts", "reads every type of the system as the table says"],
      ["integration/codecs_test.ts", "convert in it alone, beside others of the same text"],
    ],
  },
  {
    rule: "scopes give back what they took, however they are left",
    shown_by: [
      [RELEASE, "happens by itself when the scope is left"],
      [POOL, "leaves no session behind when its scope is left"],
      ["integration/transaction_test.ts", "rolls back when its scope is left by throwing"],
      ["pool/listener_test.ts", "ends with its pool"],
    ],
  },
  {
    rule: "closing leaves nothing open, at any time",
    shown_by: [
      ["../deno.json", '"sanitizeResources": true'],
      ["connection/login/establish_test.ts", "rejects wherever the server closes during the login"],
      [BLACKHOLE, "ends wait_closed(), for what is free, being reset or being opened"],
      [POOL, "ends by itself"],
    ],
  },
  {
    rule: "large messages take time in proportion, and lengths are not believed",
    shown_by: [
      [FRAME, "copies a message of many chunks once"],
      [FRAME, "takes memory for the bytes that came, not for the length they claim"],
      [TLS, "carries values of 64 MB both ways"],
      ["security/columns_test.ts", "__proto__"],
    ],
  },
];
