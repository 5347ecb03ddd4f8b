/**
 * edgepg on workerd (Cloudflare Workers), with no detection of the runtime.
 *
 * A connection belongs to the request that opened it and ends with it; used in another, it is an
 * `InterfaceError`. A pool may be shared by all requests: made with `minsize: 0` outside of them, or
 * by the first. All requests to one Durable Object count as one.
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
