/** Better Auth, with its JWT plugin as it comes: what a Next.js application keeps in `lib/auth.ts`. */
import { randomBytes } from "node:crypto";

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { bearer, jwt } from "better-auth/plugins";

const { env } = process;

export const address = env.BETTER_AUTH_URL ?? "http://localhost:3000";

// People live as long as this process; a real application gives Better Auth its database here.
const memory = { user: [], session: [], account: [], verification: [], jwks: [] };

export const auth = betterAuth({
  baseURL: address,
  // Signs the session's cookie. A real application keeps its own, or a restart signs everybody out.
  secret: env.BETTER_AUTH_SECRET ?? randomBytes(32).toString("base64"),
  database: memoryAdapter(memory),
  emailAndPassword: { enabled: true },
  // All of what follows is for the tests, which cannot wait for a week; the defaults are right.
  ...(env.SESSION_SECONDS && { session: { expiresIn: Number(env.SESSION_SECONDS) } }),
  plugins: [
    bearer(),
    jwt({
      jwks: {
        ...(env.KEY_ALGORITHM && { keyPairConfig: { alg: env.KEY_ALGORITHM as "ES256" | "RS256" } }),
        ...(env.KEY_SECONDS && { rotationInterval: Number(env.KEY_SECONDS) }),
      },
      ...(env.TOKEN_LIFETIME && { jwt: { expirationTime: env.TOKEN_LIFETIME } }),
    }),
  ],
});
