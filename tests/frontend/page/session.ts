/** Who is signed in, and the service's client, which sends that person's token along. */
import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";

import { connect } from "../client/client";

/** The service's address; server.ts fills it in. */
declare const API_URL: string;

/** Nobody is signed in, or no longer. */
export class SignedOut extends Error {}

export const auth = createAuthClient({ plugins: [jwtClient()] });

export const api = connect({ baseUrl: API_URL, fetch: authorized });

// Lives as long as the page: Better Auth's cookie is what survives a reload.
let token: string | undefined;

export function forgetToken(): void {
  token = undefined;
}

/** Send a request with the token; if that has expired, once more with a new one. */
async function authorized(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request, (token ??= await newToken()));
  if (response.status !== 401) return response;
  // The service looks at nothing before the token, so nothing has happened yet.
  return send(again, (token = await newToken()));
}

function send(request: Request, bearer: string): Promise<Response> {
  request.headers.set("Authorization", `Bearer ${bearer}`);
  return fetch(request);
}

async function newToken(): Promise<string> {
  const { data, error } = await auth.token();
  if (data) return data.token;
  throw error.status === 401 ? new SignedOut() : new Error("The sign-in server does not answer.");
}
