/**
 * edgepg on Bun, with no detection of the runtime.
 *
 * @module
 */

import { bun_adapter } from "../adapters/bun.ts";
import { type Api, bind_adapter } from "./core.ts";

export * from "./public.ts";

const api: Api = bind_adapter(bun_adapter);

/** Opens a connection. See `Api.connect`. */
export const connect: Api["connect"] = api.connect;

/** Opens a pool. See `Api.create_pool`. */
export const create_pool: Api["create_pool"] = api.create_pool;
