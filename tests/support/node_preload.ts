/**
 * Lets Node resolve what deno.json names: `node --import ./tests/support/node_preload.ts --test ...`.
 *
 * @module
 */

import { registerHooks } from "node:module";
import { specifiers } from "./specifiers.ts";

registerHooks({
  resolve(specifier, context, next) {
    const url = specifiers[specifier];
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
});
