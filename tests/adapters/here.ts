/**
 * The adapter of the runtime at hand. Apart from the rest, for programs that
 * run without the suite's own modules.
 *
 * @module
 */

import { detect_adapter } from "../../src/adapters/detect.ts";
import type { Adapter } from "../../src/adapters/socket.ts";

/** The adapter of the runtime at hand. */
export const adapter: Adapter = detect_adapter();
