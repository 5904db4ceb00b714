/** Serves Better Auth and the page from one address, as a Next.js application does. */
import { createServer, type ServerResponse } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { toNodeHandler } from "better-auth/node";
import { build } from "esbuild";

import { address, auth } from "./auth.ts";

const { API_URL = "http://127.0.0.1:8000" } = process.env;
const PAGE = fileURLToPath(new URL("page/", import.meta.url));

/** The page's code, bundled anew for each request, so that a reload shows an edit. */
async function script(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${PAGE}main.ts`],
    bundle: true,
    write: false,
    format: "esm",
    sourcemap: "inline",
    define: { API_URL: JSON.stringify(API_URL) },
  });
  return outputFiles[0]?.text ?? "";
}

const files: Record<string, [type: string, content: () => Promise<string>]> = {
  "/": ["text/html; charset=utf-8", () => readFile(`${PAGE}index.html`, "utf8")],
  "/style.css": ["text/css; charset=utf-8", () => readFile(`${PAGE}style.css`, "utf8")],
  "/main.js": ["text/javascript; charset=utf-8", script],
};

async function answer(path: string, response: ServerResponse): Promise<void> {
  const [type, content] = files[path] ?? [];
  if (!type || !content) {
    response.writeHead(404).end();
    return;
  }
  const text = await content();
  response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(text);
}

const authenticate = toNodeHandler(auth);
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", address);
  console.log(request.method, pathname);
  const answered = pathname.startsWith("/api/auth/")
    ? authenticate(request, response)
    : answer(pathname, response);
  answered.catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

const { hostname, port } = new URL(address);
server.listen(Number(port), hostname, () => console.log(`The page is at ${address}`));
