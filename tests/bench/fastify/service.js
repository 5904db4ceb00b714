/**
 * The same four operations on Fastify and pg, written as their documentation does.
 *
 * It runs the statements of handlers.statements and sends the headers that the service sends. What
 * stands in Python is given to it by __init__.py.
 */
import { randomUUID } from "node:crypto";

import cors from "@fastify/cors";
import { createVerifier } from "fast-jwt";
import Fastify from "fastify";
import pg from "pg";

const { DATABASE_URL, DATABASE_CONNECTIONS, BETTER_AUTH_SECRET, FRONTEND_URL } = process.env;
const { statements, session, tokens, seconds } = JSON.parse(process.env.BENCH_GIVEN);
const [, , port] = process.argv;

const ALL = 1000;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

// Identifiers and counts stay below 2^53. A Date would lose the microseconds.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, time);

const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  max: Number(DATABASE_CONNECTIONS),
  // None is closed while the others have their turns.
  idleTimeoutMillis: 0,
  query_timeout: 1000 * seconds.statement,
  options: Object.entries({ ...session, TimeZone: "UTC" })
    .map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" "),
});

const verify = createVerifier({
  key: BETTER_AUTH_SECRET,
  algorithms: ["HS256"],
  requiredClaims: ["exp"],
  clockTolerance: 1000 * seconds.leeway,
  cache: tokens,
  cacheTTL: Infinity,
  // Hashing each token, as it does by itself, costs more than a look into the cache.
  cacheKeyBuilder: (token) => token,
});

const task = {
  type: "object",
  properties: {
    id: { type: "integer" },
    user_id: { type: "string" },
    title: { type: "string" },
    description: { type: "string", nullable: true },
    completed: { type: "boolean" },
    position: { type: "integer" },
    created_at: { type: "string", format: "date-time" },
    updated_at: { type: "string", format: "date-time" },
  },
};
const page = {
  type: "object",
  properties: {
    data: { type: "array", items: task },
    pagination: {
      type: "object",
      properties: {
        total: { type: "integer" },
        limit: { type: "integer" },
        offset: { type: "integer" },
        has_more: { type: "boolean" },
      },
    },
  },
};
const taskCreate = {
  type: "object",
  required: ["title"],
  additionalProperties: false,
  properties: {
    title: { type: "string", minLength: 1, maxLength: 255 },
    description: { type: "string", nullable: true, maxLength: 1000, default: null },
    completed: { type: "boolean", default: false },
  },
};

const place = {
  type: "object",
  properties: { task_id: { type: "string", pattern: "^[1-9][0-9]{0,15}$" } },
};

const app = Fastify({
  genReqId: ({ headers: { "x-request-id": sent = "" } }) =>
    REQUEST_ID.test(sent) ? sent : randomUUID(),
  // What is not of the right type is refused, and what is unknown, too.
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
});

app.addHook("onRequest", (request, reply, done) => {
  reply.headers({
    "x-request-id": request.id,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  done();
});
await app.register(cors, {
  origin: [FRONTEND_URL],
  exposedHeaders: ["Location", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
});
app.addHook("onRequest", authenticate);
app.setErrorHandler((error, request, reply) =>
  refuse(reply, error.validation ? 422 : (error.statusCode ?? 500)),
);

app.get("/api/:user_id/tasks", { schema: { response: { 200: page } } }, async ({ params }) => {
  const data = await fetch(pool, statements.list, { ...params, limit: ALL });
  data.forEach((each, position) => {
    each.position = position;
  });
  return { data, pagination: { total: data.length, limit: ALL, offset: 0, has_more: false } };
});

app.post(
  "/api/:user_id/tasks",
  { schema: { body: taskCreate, response: { 201: task } } },
  async ({ params: { user_id }, body }, reply) => {
    const created = await append({ user_id, ...body });
    reply.code(201).header("location", `/api/${user_id}/tasks/${created.id}`);
    return created;
  },
);

const one = { schema: { params: place, response: { 200: task } } };
app.get("/api/:user_id/tasks/:task_id", one, async ({ params }, reply) => {
  const [found] = await fetch(pool, statements.get, params);
  return found ?? refuse(reply, 404);
});
app.patch("/api/:user_id/tasks/:task_id/complete", one, async ({ params }, reply) => {
  const [found] = await fetch(pool, statements.toggle, params);
  return found ?? refuse(reply, 404);
});

await app.listen({ host: "127.0.0.1", port: Number(port) });

function authenticate(request, reply, done) {
  const [kind, token] = (request.headers.authorization ?? "").split(" ");
  let user;
  try {
    user = verify(token).sub;
  } catch {
    refuse(reply, 401);
    return;
  }
  if (user !== request.params.user_id || kind.toLowerCase() !== "bearer") {
    refuse(reply, 403);
    return;
  }
  done();
}

function refuse(reply, status) {
  return reply.code(status).send({ code: "refused", message: "This is refused.", details: [] });
}

async function fetch(client, { name, text, order }, values) {
  // A named statement is prepared once by each connection.
  const { rows } = await client.query({ name, text, values: order.map((each) => values[each]) });
  return rows;
}

/** Create a task at the end; whoever finds no turn waits for one, as tasks.Tasks does. */
async function append(values) {
  const [created] = await fetch(pool, statements.append, values);
  if (created) return created;
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await fetch(client, statements.lock, values);
    const [row] = await fetch(client, statements.append, values);
    await client.query("COMMIT");
    return row;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** Write a time as the contract does; PostgreSQL leaves out zeros at the end. */
function time(text) {
  const day = text.slice(0, 10);
  // "2026-11-24 06:03:00.123456+00"
  if (text.length === 29) return `${day}T${text.slice(11, 26)}Z`;
  const [second, fraction = ""] = text.slice(11, -3).split(".");
  return `${day}T${second}.${fraction.padEnd(6, "0")}Z`;
}
