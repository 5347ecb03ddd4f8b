/**
 * What has gone wrong in clients of PostgreSQL, and the test that it does not here.
 *
 * To add a row: say what happened, what must hold, and which test shows it. A test is named by its
 * file and a part of its name, or of the table row that it is made from, as it stands in the file.
 *
 * @module
 */

/** A vulnerability, or a kind of it. */
export interface SecurityRow {
  /** Where it happened: CVE numbers, or what it is called. */
  readonly known_as: string;
  /** What must hold here. */
  readonly rule: string;
  /** Files in tests/, and what stands in them. */
  readonly shown_by: readonly (readonly [file: string, name: string])[];
}

const ESTABLISH = "connection/login/establish_test.ts";
const OPTIONS = "connection/options/options_test.ts";
const WIRE = "connection/wire/wire_test.ts";
const HANDSHAKE = "protocol/handshake_test.ts";
const SCRAM = "protocol/scram_test.ts";
const BACKEND = "protocol/backend_test.ts";
const FRONTEND = "protocol/frontend_test.ts";
const AUTH = "integration/auth_test.ts";
const TLS = "integration/tls_test.ts";

/** All of them. */
export const SECURITY_ROWS: readonly SecurityRow[] = [
  {
    known_as: "CVE-2021-23222, CVE-2021-43767",
    rule: "plain bytes behind the server's S are an attack, and nothing is written after them",
    shown_by: [
      [ESTABLISH, "takes bytes behind the S for an attack, and writes no more"],
      ["security/tls_request_test.ts", "S and a login"],
      ["adapters/tls_test.ts", "the server spoke before"],
    ],
  },
  {
    known_as: "CVE-2024-10977",
    rule: "what the server says before TLS is not shown",
    shown_by: [
      [ESTABLISH, "shows nothing that was said before TLS"],
      ["security/tls_request_test.ts", "an error"],
    ],
  },
  {
    known_as: "stripping of TLS",
    rule:
      "from sslmode=require on there is no connection without TLS, nor after a failed handshake",
    shown_by: [
      ["security/tls_request_test.ts", "N is refused by require and more, and no secret is sent"],
      [ESTABLISH, "never falls back to plaintext after a failed handshake"],
      [TLS, "from require on is refused by a server without TLS, and below goes on without"],
    ],
  },
  {
    known_as: "ALPACA",
    rule: "TLS that begins at once is only with a server that picks the protocol of PostgreSQL",
    shown_by: [[
      "adapters/tls_test.ts",
      "takes a server that picks no protocol only if it need not",
    ]],
  },
  {
    known_as: "CVE-2018-10936",
    rule: "verify-full takes the certificate of that host alone, from an authority that is trusted",
    shown_by: [
      [TLS, 'is ${refused_by ? "not " : ""}that of ${host}'],
      [TLS, "another authority"],
      ["adapters/tls_test.ts", "judges a certificate"],
    ],
  },
  {
    known_as: "CVE-2025-49146",
    rule: "channel_binding=require takes no other login, and sends no secret to who asks for one",
    shown_by: [
      [HANDSHAKE, "refuses everything but a bound SCRAM under channel_binding=require"],
      [AUTH, "require refuses every other way in, and a connection without TLS"],
      [AUTH, "is found out by channel_binding=${channel_binding}"],
    ],
  },
  {
    known_as: "CVE-2026-54291, CVE-2026-53712",
    rule: "a certificate whose signature has no hash cannot be bound to, and that is said",
    shown_by: [
      [AUTH, "does without where an ${key} certificate's signature has no hash, or refuses to"],
      [HANDSHAKE, "does not bind without the certificate's hash"],
    ],
  },
  {
    known_as: "RFC 5802, section 6",
    rule: "who could bind, but is not offered to, says so",
    shown_by: [[HANDSHAKE, "says that it could have, where the server does not offer to"]],
  },
  {
    known_as: "CVE-2026-42198, RUSTSEC-2026-0179",
    rule: "iterations are bounded before the password is hashed, and their number is read strictly",
    shown_by: [[SCRAM, "2^31 iterations"], [SCRAM, "+1 iterations"], [
      HANDSHAKE,
      "bounds the iterations",
    ]],
  },
  {
    known_as: "RFC 5802, section 5.1",
    rule: "the server's nonce begins with the client's, and is longer",
    shown_by: [[SCRAM, "a nonce that is not ours"], [SCRAM, "our nonce alone"]],
  },
  {
    known_as: "login without proof of the server",
    rule: "after SCRAM the server is believed only with its signature, shown once and in its place",
    shown_by: [
      [HANDSHAKE, "says OK instead of proving itself"],
      [HANDSHAKE, "says OK instead of beginning"],
      [HANDSHAKE, "proves itself twice"],
      [SCRAM, "a wrong signature"],
    ],
  },
  {
    known_as: "GHSA-3wfh-36rx-9537",
    rule: "all bytes of the server's signature count",
    shown_by: [["security/signature_test.ts", "is refused whichever of its bytes is wrong"]],
  },
  {
    known_as: "passwords in the clear",
    rule: "a password, or its MD5, crosses no network unencrypted, whatever the server asks for",
    shown_by: [
      [ESTABLISH, "sends no password in the clear to a remote host"],
      [HANDSHAKE, "refuses to send a password, or its MD5, where the caller forbids it"],
      [HANDSHAKE, "obeys require_auth where the server asks for ${method}"],
    ],
  },
  {
    known_as: "CVE-2026-6665, CVE-2019-10164",
    rule: "messages of a login are bounded",
    shown_by: [[SCRAM, "a nonce of a megabyte"], [SCRAM, "a salt of a megabyte"]],
  },
  {
    known_as: "CVE-2024-27304, CVE-2024-32655, RUSTSEC-2024-0363",
    rule: "no message is so long that its length wraps",
    shown_by: [[FRONTEND, "a message of 4 GiB"], [FRONTEND, "a parameter of 4 GiB"]],
  },
  {
    known_as: "parameter counts that wrap",
    rule: "65,535 parameters are bound, and more are refused on either side",
    shown_by: [
      [FRONTEND, "take 65,535 parameters"],
      [FRONTEND, "refuse 65,536 parameters before they write a byte"],
      ["security/counts_test.ts", "a description of 65,536 parameters, whose count wraps to 0"],
    ],
  },
  {
    known_as: "CVE-2026-32286, RUSTSEC-2026-0178",
    rule: "rows whose lengths and counts do not fit end the connection",
    shown_by: [
      [BACKEND, "a value that is longer than the row"],
      [BACKEND, "a row with fewer values than it counts"],
      [WIRE, "a row with fewer columns"],
      ["security/counts_test.ts", "a value of -2 bytes"],
    ],
  },
  {
    known_as: "CVE-2026-6666",
    rule: "an error without SQLSTATE, with strange fields or without end is still an error",
    shown_by: [
      ["protocol/diagnostic_test.ts", "it(`refuses ${name}`"],
      ["server_error_test.ts", "makes an error without a SQLSTATE a DatabaseError"],
    ],
  },
  {
    known_as: "CVE-2026-6664, CVE-2025-12818",
    rule: "lengths of messages are checked at once, and memory is taken for bytes that came",
    shown_by: [
      ["protocol/frame_test.ts", ".next() refuses impossible lengths at once, and ever after"],
      ["protocol/frame_test.ts", "takes memory for the bytes that came, not for the length they"],
      ["protocol/frame_test.ts", ".next() takes long messages only where data may be long"],
    ],
  },
  {
    known_as: "CVE-2024-1597, CVE-2024-27289, CVE-2025-29744",
    rule: "values are bound on the server, and a minus before one begins no comment",
    shown_by: [
      ["security/injection_test.ts", "with a minus before it begins no comment"],
      ["security/injection_test.ts", "is never code, whatever the way it goes"],
    ],
  },
  {
    known_as: "GHSA-j88v-2chj-qfwx",
    rule: "placeholders are found only where the server's grammar has them",
    shown_by: [
      ["sql/pyformat_test.ts", "finds exactly the placeholders among pieces in any order"],
      ["sql/template_test.ts", "binds what merely looks like a part"],
      ["sql/scan_test.ts", "minds the server's setting for backslashes"],
    ],
  },
  {
    known_as: "CVE-2025-1094",
    rule: "text that is no valid Unicode is never quoted, nor sent",
    shown_by: [
      ["sql/quote_test.ts", "it(`refuses ${JSON.stringify(text)}`"],
      [
        "security/injection_test.ts",
        "with NUL or half a character is refused, and nothing is sent",
      ],
    ],
  },
  {
    known_as: "CVE-2022-31197",
    rule: "every name that the library writes is quoted",
    shown_by: [
      ["security/injection_test.ts", "is one name wherever the library writes it"],
      ["sql/quote_test.ts", "puts dots between quoted parts only"],
    ],
  },
  {
    known_as: "CVE-2017-16082",
    rule: "no text becomes code",
    shown_by: [["security/columns_test.ts", "makes no code out of text"]],
  },
  {
    known_as: "prototype pollution by names of columns",
    rule: "every column is an own property of its row",
    shown_by: [
      ["security/columns_test.ts", "is an own property of the row, whatever it is"],
      ["codecs/composite_test.ts", "keeps an attribute that is called __proto__"],
    ],
  },
  {
    known_as: "NUL in startup parameters",
    rule: "no text with NUL is sent, in a startup message or anywhere",
    shown_by: [
      ["protocol/frontend_test.ts", "before it writes a byte"],
      [OPTIONS, "refuses NUL and lone surrogates in every text"],
    ],
  },
  {
    known_as: "CVE-2022-21724, CVE-2020-13692",
    rule: "an unknown parameter is refused, and none loads code",
    shown_by: [
      [ESTABLISH, "is named, and nothing is dialed"],
      ["security/columns_test.ts", "makes no code out of text"],
    ],
  },
  {
    known_as: "CVE-2018-10915, CVE-2020-25694",
    rule:
      "what belongs to one host never reaches another, and what was demanded is demanded of all",
    shown_by: [
      ["security/hosts_test.ts", "gives each host its own password, name to verify and TLS"],
      ["security/hosts_test.ts", "demands of each host what was demanded of the first"],
      [SCRAM, "uses remembered keys for no other password, salt or iteration count"],
    ],
  },
  {
    known_as: "keys to cancel in the clear",
    rule: "a CancelRequest goes to the session's address, as encrypted as the session",
    shown_by: [
      [ESTABLISH, "goes the same way for a cancel"],
      [ESTABLISH, "gives no key away in the clear to cancel what"],
      [TLS, "cancels over TLS"],
    ],
  },
  {
    known_as: "CVE-2022-41862",
    rule: "a text without end is an error, and nothing behind the message is read",
    shown_by: [
      [BACKEND, "cut at any byte, or with one too many"],
      [BACKEND, "a setting without value"],
    ],
  },
  {
    known_as: "CVE-2026-6477",
    rule: "a server that returns more of a large object than was asked for is refused",
    shown_by: [[
      "connection/transaction/large_object_test.ts",
      "rejects when the server returns more than was asked for",
    ]],
  },
  {
    known_as: "CVE-2025-12819, CVE-2018-1058",
    rule: "what the library asks by itself means the same under any search_path",
    shown_by: [["security/search_path_test.ts", "users' types are looked up in the catalogue"], [
      "security/search_path_test.ts",
      "a lease is reset by the server's own functions",
    ]],
  },
  {
    known_as: "passwords in logs",
    rule: "no error, inspection or JSON shows a password, a key or a value",
    shown_by: [
      [OPTIONS, "is in no error about ${JSON.stringify(given)"],
      [OPTIONS, "is in no inspection and no JSON of what was resolved"],
      ["security/secrets_test.ts", "is in no inspection of a connection, a cursor or a pool"],
      ["security/secrets_test.ts", "among the values of a statement is in no error and no echo"],
    ],
  },
  {
    known_as: "answers that nobody asked for",
    rule: "what comes for no request ends the connection, and answers none that follows",
    shown_by: [
      [WIRE, "gives up a server that answers what was not asked"],
      [WIRE, "gives the connection up when the server is ready but has not answered"],
    ],
  },
  {
    known_as: "requests cut short by an error",
    rule: "a statement that cannot be encoded leaves no byte behind",
    shown_by: [
      [WIRE, "sends nothing of a statement that cannot be encoded"],
      [FRONTEND, "leave the messages before them whole"],
    ],
  },
  {
    known_as: "abuse of NegotiateProtocolVersion",
    rule: "a server may only take away what was asked for, once, before the login",
    shown_by: [
      [HANDSHAKE, "refuses a version that is too old for the caller"],
      [HANDSHAKE, "options that we did not ask for"],
      [HANDSHAKE, "two negotiations"],
      [HANDSHAKE, "a negotiation after AuthenticationOk"],
    ],
  },
  {
    known_as: "tenants that meet in a pool",
    rule: "a lease leaves no role, setting, table, lock, LISTEN or cursor to the next",
    shown_by: [["integration/pool_test.ts", "leaves nothing of ${name}"], [
      "integration/pool_test.ts",
      "keeps prepared statements",
    ]],
  },
  {
    known_as: "names verified by their address",
    rule: "the name to verify is host, whatever hostaddr is dialled",
    shown_by: [
      [OPTIONS, "verifies the name that was given, not the address that is dialled"],
      ["security/hosts_test.ts", "gives each host its own password, name to verify and TLS"],
    ],
  },
  {
    known_as: "answers to SSLRequest other than S and N",
    rule: "any other byte ends the connection",
    shown_by: [["security/tls_request_test.ts", "G, as for GSSAPI"]],
  },
  {
    known_as: "hijacked dependencies",
    rule: "src/ imports nothing but itself and what the runtime brings",
    shown_by: [["rules/imports_test.ts", "import nothing from outside"]],
  },
];
