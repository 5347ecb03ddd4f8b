/**
 * edgepg on workerd (Cloudflare Workers), with no detection of the runtime.
 *
 * @module
 */

import { workerd_adapter } from "../adapters/workerd.ts";
import { type Api, bind_adapter } from "./core.ts";

export * from "./public.ts";

const api: Api = bind_adapter(workerd_adapter);

/** Opens a connection. See `Api.connect`. */
export const connect: Api["connect"] = api.connect;

/** Opens a pool. See `Api.create_pool`. */
export const create_pool: Api["create_pool"] = api.create_pool;
