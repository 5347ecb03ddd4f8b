/**
 * One row per form of a message: its bytes, and what it decodes to.
 *
 * @module
 */

import type { BackendMessage } from "../../src/protocol/backend.ts";
import * as m from "../support/messages.ts";

/** `diag` of nothing. */
export const no_diagnostic = {
  severity: null,
  sqlstate: null,
  message_primary: null,
  message_detail: null,
  message_hint: null,
  statement_position: null,
  internal_position: null,
  internal_query: null,
  context: null,
  schema_name: null,
  table_name: null,
  column_name: null,
  datatype_name: null,
  constraint_name: null,
  source_file: null,
  source_line: null,
  source_function: null,
};

const bytes = Uint8Array.of(1, 2, 3, 4);

/** All messages of the server. */
export const backend_samples: readonly [wire: Uint8Array, message: BackendMessage][] = [
  [m.auth_ok(), { name: "AuthenticationOk" }],
  [m.auth(2), { name: "AuthenticationUnsupported", method: "Kerberos V5" }],
  [m.auth_cleartext(), { name: "AuthenticationCleartextPassword" }],
  [m.auth_md5(bytes), { name: "AuthenticationMD5Password", salt: bytes }],
  [m.auth(7), { name: "AuthenticationUnsupported", method: "GSSAPI" }],
  [m.auth(8, "token"), { name: "AuthenticationUnsupported", method: "GSSAPI" }],
  [m.auth(9), { name: "AuthenticationUnsupported", method: "SSPI" }],
  [m.auth(99, "what"), { name: "AuthenticationUnsupported", method: "method 99" }],
  [m.auth_sasl("A", "B"), { name: "AuthenticationSASL", mechanisms: ["A", "B"] }],
  [m.auth_sasl(), { name: "AuthenticationSASL", mechanisms: [] }],
  [m.auth_sasl_continue(bytes), { name: "AuthenticationSASLContinue", data: bytes }],
  [m.auth_sasl_final(bytes), { name: "AuthenticationSASLFinal", data: bytes }],
  [m.backend_key(-7, bytes), { name: "BackendKeyData", pid: -7, secret_key: bytes }],
  [m.bind_complete(), { name: "BindComplete" }],
  [m.close_complete(), { name: "CloseComplete" }],
  [m.command_complete("INSERT 0 1"), { name: "CommandComplete", command_tag: "INSERT 0 1" }],
  [m.copy_both(0), { name: "CopyBothResponse", format: 0, column_formats: [] }],
  [m.copy_data(bytes), { name: "CopyData", data: bytes }],
  [m.copy_done(), { name: "CopyDone" }],
  [m.copy_in(1, [1, 1]), { name: "CopyInResponse", format: 1, column_formats: [1, 1] }],
  [m.copy_out(0, [0]), { name: "CopyOutResponse", format: 0, column_formats: [0] }],
  [m.data_row(), { name: "DataRow", values: [] }],
  [m.data_row(bytes, null, ""), { name: "DataRow", values: [bytes, null, new Uint8Array(0)] }],
  [m.empty_query(), { name: "EmptyQueryResponse" }],
  [
    m.error_response("22012", "division by zero", { P: "8" }),
    {
      name: "ErrorResponse",
      diag: {
        ...no_diagnostic,
        severity: "ERROR",
        sqlstate: "22012",
        message_primary: "division by zero",
        statement_position: 8,
      },
    },
  ],
  [m.function_call(bytes), { name: "FunctionCallResponse", value: bytes }],
  [m.function_call(null), { name: "FunctionCallResponse", value: null }],
  [
    m.negotiate(0x30002),
    { name: "NegotiateProtocolVersion", version: 0x30002, unsupported_options: [] },
  ],
  [
    m.negotiate(2, "_pq_.a", "_pq_.b"), // as documented until 17: the minor version alone
    {
      name: "NegotiateProtocolVersion",
      version: 0x30002,
      unsupported_options: ["_pq_.a", "_pq_.b"],
    },
  ],
  [
    m.negotiate(0),
    { name: "NegotiateProtocolVersion", version: 0x30000, unsupported_options: [] },
  ],
  [m.no_data(), { name: "NoData" }],
  [
    m.notice("hm"),
    {
      name: "NoticeResponse",
      diag: { ...no_diagnostic, severity: "NOTICE", sqlstate: "00000", message_primary: "hm" },
    },
  ],
  [
    m.notification(9, "jobs", "é"),
    { name: "NotificationResponse", pid: 9, channel: "jobs", payload: "é" },
  ],
  [
    m.parameter_description(23, 0xffffffff),
    { name: "ParameterDescription", oids: [23, 0xffffffff] },
  ],
  [m.parameter_description(), { name: "ParameterDescription", oids: [] }],
  [
    m.parameter_status("TimeZone", "UTC"),
    { name: "ParameterStatus", parameter: "TimeZone", value: "UTC" },
  ],
  [m.parse_complete(), { name: "ParseComplete" }],
  [m.portal_suspended(), { name: "PortalSuspended" }],
  [m.ready("I"), { name: "ReadyForQuery", state: "I" }],
  [m.ready("T"), { name: "ReadyForQuery", state: "T" }],
  [m.ready("E"), { name: "ReadyForQuery", state: "E" }],
  [m.row_description(), { name: "RowDescription", columns: [] }],
  [
    m.row_description("é", {
      name: "",
      table_oid: 0xfffffffe,
      column_number: -1,
      type_oid: 0x80000000,
      type_size: 8,
      type_modifier: 20,
      format: 1,
    }),
    {
      name: "RowDescription",
      columns: [
        {
          name: "é",
          table_oid: 0,
          column_number: 0,
          type_oid: 25,
          type_size: -1,
          type_modifier: -1,
          format: 0,
        },
        {
          name: "",
          table_oid: 0xfffffffe,
          column_number: -1,
          type_oid: 0x80000000,
          type_size: 8,
          type_modifier: 20,
          format: 1,
        },
      ],
    },
  ],
];
