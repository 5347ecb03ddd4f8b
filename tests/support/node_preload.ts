/**
 * Lets Node resolve `@std/*`: `node --import ./tests/support/node_preload.ts --test ...`.
 *
 * @module
 */

import { registerHooks } from "node:module";
import { std_paths } from "./std_paths.ts";

registerHooks({
  resolve(specifier, context, next) {
    const url = std_paths[specifier];
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
});
